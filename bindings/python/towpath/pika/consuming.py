"""The calls of a channel that receive: consumers, the generator, and getting."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from towpath.pika import frame, spec
from towpath.pika.arguments import Refusal, delivery_limit, precondition
from towpath.pika.channel_state import ChannelState, call, require_callback, require_text
from towpath.pika.consumers import Consumer, count_deliveries
from towpath.pika.exceptions import DuplicateConsumerTag, ReentrancyError
from towpath.pika.messages import read
from towpath.pika.names import GONE, REPLY_TO
from towpath.pika.registry import new_name


class Generator:
    """What consume() was called with, and its consumer."""

    def __init__(self, parameters: tuple[str, bool, bool], consumer: Consumer) -> None:
        self.parameters = parameters
        self.consumer = consumer


class ConsumingCalls(ChannelState):
    """Receiving messages."""

    @property
    def consumer_tags(self) -> list[str]:
        """Of the channel's consumers."""
        return list(self.consumers)

    @call
    def basic_qos(self, prefetch_size: int = 0, prefetch_count: int = 0,
                  global_qos: bool = False) -> None:  # fmt: skip
        """How many messages a consumer that comes later (global_qos: the channel) may have
        unacknowledged; 0: any number.
        """
        for name, value in (("prefetch_size", prefetch_size), ("prefetch_count", prefetch_count)):
            if value < 0:
                raise ValueError(f"{name} must be >= 0, but got {value}")
        if prefetch_size:
            raise Refusal(540, f"NOT_IMPLEMENTED - prefetch_size!=0 ({prefetch_size})", True)
        if global_qos:
            self.channel_prefetch = prefetch_count
        else:
            self.prefetch = prefetch_count

    def basic_consume(self, queue: str, on_message_callback: Callable, auto_ack: bool = False,
                      exclusive: bool = False, consumer_tag: str | None = None,
                      arguments: Mapping[str, Any] | None = None) -> str:  # fmt: skip
        """Makes a consumer, whose messages go to `on_message_callback(channel, method, properties,
        body)` while events are processed; returns its tag. `arguments`: x-priority, among the
        consumers of this connection. Errors: ChannelClosedByBroker 404, 405, 403 (exclusive use).
        """
        require_text(queue, "queue")
        require_callback(on_message_callback, "on_message_callback")
        return self._consume(queue, on_message_callback, auto_ack, exclusive, consumer_tag,
                             arguments)  # fmt: skip

    @call
    def _consume(self, queue: str, callback: Callable | None, auto_ack: bool, exclusive: bool,
                 consumer_tag: str | None, arguments: Mapping[str, Any] | None) -> str:  # fmt: skip
        tag = consumer_tag or f"ctag{self.channel_number}.{uuid.uuid4().hex}"
        if tag in self.consumers:
            raise DuplicateConsumerTag(tag)
        host, owner = self.connection.host, self.connection.owner
        name = self._reply_queue(auto_ack) if queue == REPLY_TO else self._named(queue)
        opened = host.queue(name, owner)
        turns = host.add_consumer(opened, owner, self._registered(tag), exclusive)
        consumer = Consumer(self, opened, tag, turns, auto_ack=auto_ack, limit=self.prefetch,
                            priority=int((arguments or {}).get("x-priority", 0)),
                            callback=callback)  # fmt: skip
        self.consumers[tag] = consumer
        self.connection.add_consumer(consumer)
        return tag

    def _registered(self, tag: str) -> str:
        return f"{self.channel_number}.{tag}"

    def _reply_queue(self, auto_ack: bool) -> str:
        """Direct reply-to: an exclusive queue, which servers see the name of."""
        if not auto_ack:
            raise precondition("reply consumer cannot acknowledge")
        if self.reply_to is not None:
            raise precondition("reply consumer already set")
        name = new_name(f"{REPLY_TO}.", 22)
        self.connection.host.declare_queue(name, self.connection.owner, exclusive=True,
                                           server_named=True)  # fmt: skip
        self.reply_to = name
        return name

    def basic_cancel(self, consumer_tag: str) -> list:
        """Ends a consumer. What it received and did not dispatch goes back; with auto_ack it is
        returned, as it is acknowledged already.
        """
        consumer = self.consumers.get(consumer_tag)
        if not self.is_open or consumer is None:
            return []
        self.raise_if_refused()
        undispatched = list(consumer.pending) if consumer.auto_ack else []
        self.end_consumer(consumer)
        return undispatched if consumer.callback else []

    def end_consumer(self, consumer: Consumer) -> None:
        """Of which nothing is heard any more."""
        del self.consumers[consumer.tag]
        self.connection.remove_consumer(consumer)
        consumer.close()
        if self.generator is not None and self.generator.consumer is consumer:
            self.generator = None
        host, owner = self.connection.host, self.connection.owner
        if consumer.queue.name == self.reply_to:
            host.delete_queue(self.reply_to, owner, False, False)
            self.reply_to = None
        else:
            host.remove_consumer(consumer.queue.name, owner, self._registered(consumer.tag))

    def cancelled(self, consumer: Consumer) -> None:
        """The consumer's queue is gone."""
        self.end_consumer(consumer)
        if consumer.callback is not None:
            cancel = spec.Basic.Cancel(consumer_tag=consumer.tag, nowait=True)
            for callback in list(self.on_cancel):
                callback(frame.Method(self.channel_number, cancel))

    def add_on_cancel_callback(self, callback: Callable) -> None:
        """`callback(frame)` when a consumer's queue was deleted; `frame.method` has its tag."""
        self.on_cancel.append(callback)

    def start_consuming(self) -> None:
        """Dispatches messages to callbacks until the channel has no consumer any more."""
        self.raise_if_closed()
        if self.connection.dispatching:
            raise ReentrancyError("start_consuming may not be called from the scope of another "
                                  "BlockingConnection or BlockingChannel callback")  # fmt: skip
        while self.consumers:
            self.raise_if_refused()
            self.connection.process(None)
        self.raise_if_refused()

    def stop_consuming(self, consumer_tag: str | None = None) -> None:
        """Cancels that consumer, or all; start_consuming() returns."""
        if consumer_tag:
            self.basic_cancel(consumer_tag)
        else:
            self._cancel_all()

    def _cancel_all(self) -> None:
        self.cancel()
        for tag in list(self.consumers):
            self.basic_cancel(tag)

    def consume(self, queue: str, auto_ack: bool = False, exclusive: bool = False,
                arguments: Mapping[str, Any] | None = None,
                inactivity_timeout: float | None = None) -> Iterator[tuple]:  # fmt: skip
        """Yields (method, properties, body), until cancel() or the end of the queue; three times
        None when nothing came within `inactivity_timeout` seconds. Called again with the same
        parameters it goes on. Errors: those of basic_consume, ValueError for other parameters.
        """
        self.raise_if_closed()
        parameters = (queue, auto_ack, exclusive)
        if self.generator is None:
            tag = self._consume(queue, None, auto_ack, exclusive, None, arguments)
            self.generator = Generator(parameters, self.consumers[tag])
        elif parameters != self.generator.parameters:
            raise ValueError("Consume with different params not allowed on existing queue consumer "
                             f"generator; previous params: {self.generator.parameters}; new "
                             f"params: {parameters}")  # fmt: skip
        while self.generator is not None:
            pending = self.generator.consumer.pending
            if pending:
                yield pending.popleft()
            elif inactivity_timeout is None:
                self._await_next(None)
            elif not self._await_next(inactivity_timeout):
                yield None, None, None

    def _await_next(self, within: float | None) -> bool:
        """Processes events until the generator has a message, has ended, or time is over."""
        ends_at = None if within is None else time.monotonic() + within
        while self.generator is not None and not self.generator.consumer.pending:
            self.raise_if_refused()
            left = None if ends_at is None else ends_at - time.monotonic()
            if left is not None and left <= 0:
                return False
            self.connection.process(left)
        return True

    def cancel(self) -> int:
        """Ends the generator consume(); what it received and did not yield goes back."""
        if self.generator is not None:
            self.end_consumer(self.generator.consumer)
        return 0

    def get_waiting_message_count(self) -> int:
        """How many messages the generator would yield without waiting."""
        return len(self.generator.consumer.pending) if self.generator is not None else 0

    @call
    def basic_get(self, queue: str, auto_ack: bool = False) -> tuple:
        """The next message, (method, properties, body); three times None when there is none."""
        name = self._named(queue)
        getter = self.connection.getter(name)
        try:
            taken = getter.take(auto_ack)
        except GONE:  # perhaps declared anew
            self.connection.forget_getter(name)
            getter = self.connection.getter(name)
            taken = getter.take(auto_ack)
        if taken is None:
            return None, None, None
        delivery, held = taken
        self.last_tag += 1
        if held is not None:
            self.held[self.last_tag] = held
        exchange, routing_key, properties = read(delivery, name)
        if delivery_limit(getter.queue.record["arguments"]) is not None:
            count_deliveries(properties, delivery)
        method = spec.Basic.GetOk(self.last_tag, delivery.redelivered, exchange, routing_key,
                                  getter.queue.ready_behind(delivery))  # fmt: skip
        return method, properties, bytes(delivery)

    @call
    def flow(self, active: bool) -> bool:
        """Only True, as in RabbitMQ."""
        if not active:
            raise Refusal(540, "NOT_IMPLEMENTED - active=false", True)
        return True
