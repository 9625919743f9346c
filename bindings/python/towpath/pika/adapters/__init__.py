"""Kinds of connections; there is one."""

from __future__ import annotations

from towpath.pika.adapters.blocking_connection import BlockingConnection

__all__ = ["BlockingConnection"]
