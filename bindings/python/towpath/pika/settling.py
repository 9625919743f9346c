"""The end of a message in a program's hands: acknowledged, given back, or dead."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import towpath
from towpath.pika.arguments import Refusal, delivery_limit, precondition
from towpath.pika.channel_state import ChannelState, asynchronous, call
from towpath.pika.consumers import Held
from towpath.pika.dead_letters import bury
from towpath.pika.messages import read
from towpath.pika.names import GONE

_LOST = (*GONE, towpath.LeaseLost)


def give_back(channel: ChannelState, held: Held) -> None:
    """Ready for another consumer, or for this one, as redelivered; dead behind a delivery limit."""
    limit = delivery_limit(held.queue.record["arguments"])
    with suppress(*_LOST):
        if limit is None:
            held.delivery.release()
        elif held.delivery.attempts >= limit:
            _die(channel, held, "delivery_limit")
        else:
            held.delivery.retry(0)


def _die(channel: ChannelState, held: Held, reason: str) -> None:
    if "x-dead-letter-exchange" in held.queue.record["arguments"]:
        exchange, routing_key, properties = read(held.delivery, held.queue.name)
        bury(channel.connection.publishers, held.queue.record, reason, exchange, routing_key,
             properties, bytes(held.delivery))  # fmt: skip
        held.delivery.ack()
    else:
        held.delivery.reject(reason)


class SettlingCalls(ChannelState):
    """The calls of a channel that settle what it was given."""

    @asynchronous
    def basic_ack(self, delivery_tag: int = 0, multiple: bool = False) -> None:
        """Done: the message comes never again. `multiple`: with all before it; 0: all."""
        if self.operations is None and not multiple:
            held = self.held.pop(delivery_tag, None)
            if held is not None:  # the usual case, without the detours of the others
                try:
                    held.delivery.ack()
                except _LOST:
                    pass  # as suppress(), which takes longer
                held.taker.settled(held)
                return
        self._end(delivery_tag, multiple, lambda held: held.delivery.ack())

    @asynchronous
    def basic_nack(self, delivery_tag: int = 0, multiple: bool = False,
                   requeue: bool = True) -> None:  # fmt: skip
        """Not done: given back to its place in the queue, or dead."""
        if requeue:
            self._end(delivery_tag, multiple, lambda held: give_back(self, held))
        else:
            self._end(delivery_tag, multiple, lambda held: _die(self, held, "rejected"))

    @asynchronous
    def basic_reject(self, delivery_tag: int = 0, requeue: bool = True) -> None:
        """As basic_nack, of one message."""
        self.basic_nack(delivery_tag, False, requeue)

    @call
    def basic_recover(self, requeue: bool = False) -> None:
        """Gives back all that the channel holds. Only with `requeue`, as in RabbitMQ."""
        if not requeue:
            raise Refusal(540, "NOT_IMPLEMENTED - requeue=false", connection=True)
        self.give_back_all()

    def give_back_all(self) -> None:
        """What the channel holds is ready again."""
        for tag in sorted(self.held, reverse=True):
            held = self.held.pop(tag)
            give_back(self, held)
            held.taker.settled(held)

    def _end(self, delivery_tag: int, multiple: bool, settle) -> None:
        tags = self._tags(delivery_tag, multiple)
        if self.operations is not None:
            self.settled_later.update(tags)
            self.operations.append((True, lambda: self._settle(tags, settle)))
        else:
            self._settle(tags, settle)

    def _tags(self, delivery_tag: int, multiple: bool) -> list[int]:
        if multiple and (delivery_tag == 0 or delivery_tag in self.held):
            tags = [tag for tag in self.held if tag <= delivery_tag or delivery_tag == 0]
        else:
            tags = [delivery_tag] if delivery_tag in self.held else []
        tags = [tag for tag in tags if tag not in self.settled_later]
        if not tags and (delivery_tag != 0 or not multiple):
            raise precondition(f"unknown delivery tag {delivery_tag}")
        return sorted(tags)

    def _settle(self, tags: Iterable[int], settle) -> None:
        for tag in tags:
            held = self.held.pop(tag)
            with suppress(*_LOST):
                settle(held)
            held.taker.settled(held)
