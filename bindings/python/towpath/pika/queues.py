"""The calls of a channel about queues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import towpath
from towpath.pika import frame, spec
from towpath.pika.arguments import Refusal, precondition
from towpath.pika.channel_state import ChannelState, call, require_text
from towpath.pika.open_queue import OpenQueue
from towpath.pika.values import to_headers

_DEFAULT_EXCHANGE = "ACCESS_REFUSED - operation not permitted on the default exchange"
_MATCHES = ("all", "any", "all-with-x", "any-with-x")


def refuse_default(exchange: str) -> None:
    if not exchange:
        raise Refusal(403, _DEFAULT_EXCHANGE)


def binding_arguments(exchange: Any, arguments: Mapping[str, Any] | None) -> dict | None:
    """The arguments of a binding as the bus takes them: of exchanges of type headers only."""
    if exchange.kind != "headers":
        return None
    match = (arguments or {}).get("x-match", "all")
    if match not in _MATCHES:
        raise precondition(f'Invalid x-match field value <<"{match}">>; expected all, any, '
                           "all-with-x, or any-with-x")  # fmt: skip
    return dict(to_headers(arguments or {}))


class QueueCalls(ChannelState):
    """Declaring, binding, purging and deleting queues."""

    @call
    def queue_declare(self, queue: str, passive: bool = False, durable: bool = False,
                      exclusive: bool = False, auto_delete: bool = False,
                      arguments: Mapping[str, Any] | None = None) -> frame.Method:  # fmt: skip
        """Makes a queue, or says that it is there: the answer has its name and counts. "": of a
        name that is made up. `passive`: only looks. Errors: ChannelClosedByBroker 404 (passive),
        405 (another connection's), 406 (declared otherwise), 403 (a reserved name).
        """
        name = require_text(queue, "queue")
        if arguments:
            arguments.items()
        host, made_up = self.connection.host, not name and not passive
        if made_up:
            name = host.server_name()
        opened = host.declare_queue(
            name, self.connection.owner, passive=passive, durable=durable, exclusive=exclusive,
            auto_delete=auto_delete, arguments=arguments, server_named=made_up,
        )  # fmt: skip
        self.last_queue = name
        record = host.registry.read("queues", name) or opened.record
        return self.answer(spec.Queue.DeclareOk(
            queue=name, message_count=opened.ready(),
            consumer_count=len(host.consumers_of(record))))  # fmt: skip

    @call
    def queue_delete(self, queue: str, if_unused: bool = False,
                     if_empty: bool = False) -> frame.Method:  # fmt: skip
        """Deletes a queue with its messages and bindings; its consumers are cancelled. One that is
        missing is deleted.
        """
        name = self._named(queue)
        count = self.connection.host.delete_queue(name, self.connection.owner, if_unused, if_empty)
        return self.answer(spec.Queue.DeleteOk(message_count=count))

    @call
    def queue_purge(self, queue: str) -> frame.Method:
        """Drops the messages that wait; what consumers hold stays theirs."""
        opened = self.connection.host.queue(self._named(queue), self.connection.owner)
        return self.answer(spec.Queue.PurgeOk(message_count=_purge(opened)))

    @call
    def queue_bind(self, queue: str, exchange: str, routing_key: str | None = None,
                   arguments: Mapping[str, Any] | None = None) -> frame.Method:  # fmt: skip
        """Lets messages of an exchange that match go to the queue. No routing key: its name."""
        require_text(queue, "queue")
        require_text(exchange, "exchange")
        host, name = self.connection.host, self._named(queue)
        refuse_default(exchange)
        opened = host.queue(name, self.connection.owner)
        key = name if routing_key is None else require_text(routing_key, "routing_key")
        with host.binding(exchange, made=True) as source:
            source.bind(opened.topic.name, key, binding_arguments(source, arguments))
        return self.answer(spec.Queue.BindOk())

    @call
    def queue_unbind(self, queue: str, exchange: str | None = None,
                     routing_key: str | None = None,
                     arguments: Mapping[str, Any] | None = None) -> frame.Method:  # fmt: skip
        """Takes a binding away, if it is there."""
        name = self._named(queue)
        key = name if routing_key is None else require_text(routing_key, "routing_key")
        refuse_default(exchange or "")
        host = self.connection.host
        record = host.find_queue(name)
        if record is not None:
            opened = host.queue(name, self.connection.owner)
            try:
                with host.binding(exchange, made=False) as source:
                    source.unbind(opened.topic.name, key, binding_arguments(source, arguments))
            except Refusal as refused:
                if refused.code != 404:
                    raise
        return self.answer(spec.Queue.UnbindOk())

    def _named(self, queue: object) -> str:
        """The name of a queue; "" stands for the one declared last. Errors: Refusal, 404."""
        name = require_text(queue, "queue") or self.last_queue
        if not name:
            raise Refusal(404, "NOT_FOUND - no previously declared queue")
        return name


def _purge(queue: OpenQueue) -> int:
    """Takes and drops all that waits. Where another consumer is the only active one, moves the
    group behind it all instead, what that consumer holds included.
    """
    info = queue.group.info()
    count = info.ready + info.leased + info.delayed
    if info.options.mode == "single_active" and info.consumers:
        queue.group.seek(towpath.SeekTo.newest())
        return count
    purged = 0
    with queue.group.consumer(prefetch=256) as consumer:
        while purged < count:
            taken = consumer.take_batch(256, 0)
            if not taken:
                break
            purged += consumer.ack_all(taken)
    return purged
