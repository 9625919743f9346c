"""Taking messages: a consumer that `basic_consume` made, and what `basic_get` takes with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import towpath
from towpath.pika import spec
from towpath.pika.arguments import delivery_limit
from towpath.pika.messages import read
from towpath.pika.names import GONE
from towpath.pika.open_queue import OpenQueue
from towpath.pika.turns import Turns

if TYPE_CHECKING:
    from towpath.pika.channel import BlockingChannel

# A consumer of the bus has at most so many messages in hand; who may have more has several.
MOST_IN_HAND = 256
_SINGLY = 16
# How long a wait looks before it sleeps: a peer on another core answers within so long, even if it
# has to wake first.
SPIN_S = 60e-6

Arrival = tuple[spec.Basic.Deliver, Any, bytes]


class Held:
    """A message in the program's hands: what settles it, and whom to tell."""

    __slots__ = ("delivery", "queue", "taker", "source")

    def __init__(self, delivery: Any, queue: OpenQueue, taker: Any, source: Any) -> None:
        self.delivery = delivery
        self.queue = queue
        self.taker = taker
        self.source = source


class Consumer:
    """One of `basic_consume` or of the generator `consume`; used by its connection's thread."""

    def __init__(self, channel: BlockingChannel, queue: OpenQueue, tag: str,
                 turns: Turns | None, *, auto_ack: bool, limit: int, priority: int,
                 callback: Callable | None) -> None:  # fmt: skip
        self.channel = channel
        self.queue = queue
        self.tag = tag
        self.turns = turns  # None: nobody else can have its messages
        self.auto_ack = auto_ack
        self.limit = 0 if auto_ack else limit
        self.priority = priority
        self.callback = callback  # None: of the generator
        self.in_hand = 0
        self.pending: deque[Arrival] = deque()
        self.gone = False  # with its queue
        self._noticed = 0
        self._arrived = 0
        self._single = bool(queue.record["arguments"].get("x-single-active-consumer"))
        self._counts = delivery_limit(queue.record["arguments"]) is not None
        # Who acknowledges at once leases nothing ahead, so that consumers take turns.
        self._never_full = auto_ack or 0 < self.limit <= MOST_IN_HAND  # so one source is enough
        self._prefetch = 1 if auto_ack else min(self.limit or MOST_IN_HAND, MOST_IN_HAND)
        self.sources = [queue.group.consumer(prefetch=self._prefetch, spin=SPIN_S)]

    def has_room(self) -> bool:
        """Whether its prefetch count, and the channel's, allow one more message."""
        if self.auto_ack:
            return len(self.pending) < MOST_IN_HAND
        if len(self.pending) >= MOST_IN_HAND:
            return False
        return (not self.limit or self.in_hand < self.limit) and self.channel.has_room()

    def waits(self, does: bool) -> None:
        """Tells those of other connections that it has nothing to do; or that it has."""
        if self.turns:
            self.turns.waits(does)

    def others_wait(self) -> bool:
        """Whether a consumer of another connection waits for the same messages."""
        return bool(self.turns) and self.turns.others_wait()

    def take(self, timeout: float) -> bool:
        """Takes a message to `pending`, if there is one and room for it. Sets `gone`."""
        arrival = self.arrival(timeout)
        if arrival is None:
            return False
        self._arrived += 1
        self.pending.append(arrival)
        return True

    def arrival(self, timeout: float) -> Arrival | None:
        """The next message, if there is one and room for it. Sets `gone`."""
        if self.limit and self.in_hand >= self.limit or not self.has_room():
            return None
        if self.turns and self.turns.others_wait() and self._leaves_it():
            return None
        try:
            if self._never_full:
                source = self.sources[0]
                delivery = source.try_take() if timeout == 0 else source.take(timeout)
                return None if delivery is None else self._receive(delivery, source)
            for source in self.sources:
                delivery = self._take_from(source, timeout)
                if delivery is not None:
                    return self._receive(delivery, source)
        except GONE:
            self.gone = True
        return None

    def _leaves_it(self) -> bool:
        """Whether the next message is there, and another consumer's."""
        try:
            return any(source.ready() for source in self.sources) and self.turns.gives_way()
        except GONE:
            return False  # which the take tells

    def _take_from(self, source: Any, timeout: float) -> Any:
        try:
            return source.try_take() if timeout == 0 else source.take(timeout)
        except towpath.TooMany:
            if source is self.sources[-1] and not self._single:
                # Looked at next, by the loop that called.
                self.sources.append(self.queue.group.consumer(prefetch=self._prefetch, spin=SPIN_S))
            return None

    def _receive(self, delivery: Any, source: Any) -> Arrival:
        if self.turns:
            self.turns.served(delivery.sequence)
        channel = self.channel
        channel.last_tag = tag = channel.last_tag + 1
        exchange, routing_key, properties = read(delivery, self.queue.name)
        if self._counts:
            count_deliveries(properties, delivery)
        method = spec.Basic.Deliver(self.tag, tag, delivery.redelivered, exchange, routing_key)
        body = bytes(delivery)
        if self.auto_ack:
            delivery.ack()
        else:
            channel.held[tag] = Held(delivery, self.queue, self, source)
            self.in_hand += 1
            channel.in_hand += 1
        return method, properties, body

    def notice(self) -> bool:
        """Whether anything arrived since this was asked last."""
        news = self._arrived != self._noticed
        self._noticed = self._arrived
        return news

    def settled(self, _: Held) -> None:
        self.in_hand -= 1
        self.channel.in_hand -= 1

    def close(self) -> None:
        """What it has taken and not dispatched goes back, unless it is acknowledged already."""
        while self.pending and not self.auto_ack:
            method, _, _ = self.pending.pop()
            held = self.channel.held.pop(method.delivery_tag)
            self.settled(held)
            with suppress(*GONE, towpath.LeaseLost):
                held.delivery.release()
        self.pending.clear()
        for source in self.sources:
            self._close_source(source)
        if self.turns:
            self.turns.close()
            self.turns = None

    def _close_source(self, source: Any) -> None:
        # The bus gives back what is leased ahead when nothing of the consumer is in hand. What the
        # program still holds would keep it, so it is given back here.
        ahead = source.outstanding - sum(
            held.source is source for held in self.channel.held.values())  # fmt: skip
        with suppress(*GONE, towpath.TooMany):
            taken = [delivery for _ in range(ahead) if (delivery := source.try_take())]
            for delivery in reversed(taken):
                delivery.release()
        source.close()


class Getter:
    """What `basic_get` takes with, of one queue and connection: consumers that lease one message
    at a time, so that nobody waits for what is not asked for; used by the connection's thread.
    """

    def __init__(self, queue: OpenQueue) -> None:
        self.queue = queue
        self._free: list[Any] = []
        self._in_hand = 0
        self._bulk: list[Any] = []  # [consumer, deliveries in hand], when many are held
        # One that waits for its turn would be the queue's active consumer.
        self._single = bool(queue.record["arguments"].get("x-single-active-consumer"))

    def take(self, auto_ack: bool) -> tuple[Any, Held | None] | None:
        """The next message, acknowledged or held; None when there is none. Errors: GONE."""
        if self._in_hand >= _SINGLY and not self._single:
            return self._take_of_many(auto_ack)
        source = self._free.pop() if self._free else self.queue.group.consumer(prefetch=1)
        delivery = source.try_take()
        if delivery is None or auto_ack:
            if delivery is not None:
                delivery.ack()
            self._give_back(source)
            return None if delivery is None else (delivery, None)
        self._in_hand += 1
        return delivery, Held(delivery, self.queue, self, source)

    def _take_of_many(self, auto_ack: bool) -> tuple[Any, Held | None] | None:
        if not self._bulk or self._bulk[1] == MOST_IN_HAND:
            self._bulk = [self.queue.group.consumer(prefetch=MOST_IN_HAND), 0]
        bulk = self._bulk
        delivery = bulk[0].try_take()
        if delivery is None:
            return None
        if auto_ack:
            delivery.ack()
            return delivery, None
        bulk[1] += 1
        self._in_hand += 1
        return delivery, Held(delivery, self.queue, self, bulk)

    def settled(self, held: Held) -> None:
        self._in_hand -= 1
        if not isinstance(held.source, list):
            self._give_back(held.source)
            return
        held.source[1] -= 1
        if held.source[1] == 0:  # what it leases ahead goes back
            held.source[0].close()
            if self._bulk is held.source:
                self._bulk = []

    def _give_back(self, source: Any) -> None:
        if self._single:
            source.close()
        else:
            self._free.append(source)

    def close(self) -> None:
        for source in self._free:
            source.close()
        if self._bulk:
            self._bulk[0].close()


def count_deliveries(properties: Any, delivery: Any) -> None:
    """A queue with a delivery limit says how often it has given out a message in vain."""
    properties.headers = {**(properties.headers or {}), "x-delivery-count": delivery.attempts}
