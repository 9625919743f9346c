"""Whether a message is to outlive a restart of the broker."""

from __future__ import annotations

from enum import Enum


class DeliveryMode(Enum):
    """Carried, and otherwise without effect: queues live in memory until the host restarts."""

    Transient = 1
    Persistent = 2
