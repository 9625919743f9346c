"""A queue as it is used: its record, its topic, its group, and how many messages wait there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import towpath
from towpath.pika.arguments import life_of
from towpath.pika.names import GONE
from towpath.pika.registry import Record


class OpenQueue:
    """A queue that exists: its record, its topic, its group. Any thread may use it."""

    __slots__ = ("name", "record", "topic", "group", "life", "_in_order")

    def __init__(self, record: Record, topic: Any, group: Any) -> None:
        self.name: str = record["name"]
        self.record = record
        self.topic = topic
        self.group = group
        self.life = life_of(record["arguments"])
        self._in_order = not record["arguments"].get("x-max-priority")

    def ready_behind(self, delivery: Any) -> int | Callable[[], int]:
        """How many messages wait behind one that was just taken. What is taken for the first time
        and in order has all that was published later behind it; otherwise somebody has to count,
        which takes longer than taking, and is left to who looks.
        """
        if self._in_order and not delivery.redelivered:
            return self.topic.last_sequence - delivery.sequence
        return self.ready

    def ready(self) -> int:
        """How many messages wait for a consumer, expired ones at the head left out; 0 once the
        queue is gone.
        """
        try:
            info = self.group.info()
            if not info.ready:
                return info.leased + info.delayed
            if self.life and info.oldest_age >= self.life:
                self.give_up_the_dead()
                info = self.group.info()
            held = info.started + info.leased
            expired = max(0, self._expired_from(info.low) - held)
            return max(0, info.ready - expired) + info.leased + info.delayed
        except GONE:
            return 0

    def _expired_from(self, sequence: int) -> int:
        """How many messages one after the other have expired."""
        count = 0
        with self.topic.observer(towpath.Start.sequence(sequence)) as observer:
            while (head := observer.try_take()) is not None and head.expired:
                count += 1
        return count

    def expiry_of(self, sequence: int) -> float | None:
        """When that message expires, by its own word; None: never, or it is not there."""
        with self.topic.observer(towpath.Start.sequence(sequence)) as observer:
            head = observer.try_take()
            return None if head is None else head.expires_at

    def give_up_the_dead(self) -> None:
        """A consumer that comes past dead messages gives them up; this is one. What lives behind
        them goes back at once, and is flagged as redelivered.
        """
        with suppress(*GONE), self.group.consumer(prefetch=1) as consumer:
            delivery = consumer.try_take()
            if delivery is not None:
                delivery.release()
