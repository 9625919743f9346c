"""Queues that expire: x-expires, milliseconds without a consumer, a declaration or a basic_get."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from towpath.pika.names import GONE

if TYPE_CHECKING:
    from towpath.pika.host import Host
    from towpath.pika.open_queue import OpenQueue


class Expiring:
    """One such queue, as the keeper watches it. What was before its first look does not count."""

    def __init__(self, host: Host, queue: OpenQueue, now: float) -> None:
        self._host = host
        self._queue = queue
        self._life = queue.record["arguments"]["x-expires"] / 1000
        self._seen: object = None
        self._used_at = now

    def look(self, now: float) -> None:
        """Deletes the queue if nobody has used it for so long."""
        try:
            seen = self._signs_of_use()
        except (*GONE, FileNotFoundError):
            return
        if seen is None or seen != self._seen:
            self._seen, self._used_at = seen, now
        elif now - self._used_at >= self._life:
            self._host.expire_queue(self._queue.name)

    def _signs_of_use(self) -> object:
        """None: it is consumed now; else what changes with each use."""
        registry, name = self._host.registry, self._queue.name
        record = registry.read("queues", name)
        if record is None or self._host.consumers_of(record):
            return None
        taken = sum(consumer.taken for consumer in self._queue.group.info().consumers)
        return os.stat(registry.path_of("queues", name)).st_mtime_ns, taken
