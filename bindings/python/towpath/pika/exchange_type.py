"""The types of exchanges."""

from __future__ import annotations

from enum import Enum


class ExchangeType(str, Enum):
    """What an exchange's bindings match by; a text like any other."""

    direct = "direct"
    fanout = "fanout"
    headers = "headers"
    topic = "topic"

    def __str__(self) -> str:
        return str(self.value)
