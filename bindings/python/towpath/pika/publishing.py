"""The calls of a channel that publish: messages, confirms, transactions."""

from __future__ import annotations

import copy
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import towpath
from towpath.pika import frame, spec
from towpath.pika.arguments import Refusal, precondition
from towpath.pika.channel_state import ChannelState, ReturnedMessage, call
from towpath.pika.dead_letters import bury
from towpath.pika.exceptions import NackError, UnroutableError
from towpath.pika.names import REPLY_TO
from towpath.pika.properties import BasicProperties, InvalidExpiration, attributes_of
from towpath.pika.values import short


class PublishingCalls(ChannelState):
    """Publishing, confirmed or in transactions."""

    def basic_publish(self, exchange: str, routing_key: str, body: bytes | str,
                      properties: BasicProperties | None = None,
                      mandatory: bool = False) -> None:  # fmt: skip
        """Publishes; on return the queues have the message, with confirms or without. While a
        queue is full it waits, `blocked_connection_timeout` at most. Errors with confirms:
        UnroutableError (mandatory, and no queue), NackError (a queue with x-overflow
        reject-publish is full). A text is sent as UTF-8.
        """
        if not self.is_open:
            self.raise_if_closed()
        if type(exchange) is not str or len(exchange) > 63:
            exchange = short(exchange, "exchange")
        if type(routing_key) is not str or len(routing_key) > 63:
            routing_key = short(routing_key, "routing_key")
        if type(body) is not bytes:
            body = body.encode() if isinstance(body, str) else bytes(memoryview(body))
        if self.refused is not None:
            if self.confirms:
                self.raise_if_refused()
            return
        try:
            attributes = None if properties is None else self._attributes(properties)
            if self.operations is None:
                self._publish(exchange, routing_key, body, properties, attributes, mandatory)
            else:
                self.connection.publishers.check_exchange(exchange)
                kept = copy.deepcopy(properties)
                self.operations.append((False, lambda: self._publish(
                    exchange, routing_key, body, kept, attributes, mandatory)))  # fmt: skip
        except Refusal as refused:
            if self.confirms:
                self.raise_refusal(refused)
            self.refused = refused

    def _attributes(self, properties: BasicProperties) -> dict[str, Any]:
        try:
            attributes = attributes_of(properties)
        except InvalidExpiration as error:
            raise precondition(f"invalid expiration '{properties.expiration}': {error}") from None
        if properties.user_id is not None and properties.user_id != self.connection.user:
            raise precondition(f"user_id property set to '{properties.user_id}' but authenticated "
                               f"user was '{self.connection.user}'")  # fmt: skip
        if properties.reply_to == REPLY_TO:
            if self.reply_to is None:
                raise precondition("fast reply consumer does not exist")
            attributes["reply_topic"] = self.reply_to
        return attributes

    def _publish(self, exchange: str, routing_key: str, body: bytes,
                 properties: BasicProperties | None, attributes: dict[str, Any] | None,
                 mandatory: bool) -> None:  # fmt: skip
        try:
            reached = self.connection.publishers.publish(exchange, routing_key, body, attributes)
        except towpath.Full:
            self._overflow(exchange, routing_key, body, properties)
            return
        if reached == 0 and mandatory:
            method = spec.Basic.Return(reply_code=spec.NO_ROUTE, reply_text="NO_ROUTE",
                                       exchange=exchange, routing_key=routing_key)  # fmt: skip
            message = ReturnedMessage(method, copy.deepcopy(properties) or BasicProperties(), body)
            if self.on_return:
                self.connection.post(lambda: self._call_back(message))
            if self.confirms:
                raise UnroutableError([message])

    def _overflow(self, exchange: str, routing_key: str, body: bytes,
                  properties: BasicProperties | None) -> None:  # fmt: skip
        """A queue rejected the message. Behind the default exchange it is known which."""
        record = None if exchange else self.connection.host.find_queue(routing_key)
        arguments = record["arguments"] if record else {}
        if (arguments.get("x-overflow") == "reject-publish-dlx"
                and "x-dead-letter-exchange" in arguments):  # fmt: skip
            bury(self.connection.publishers, record, "maxlen", exchange, routing_key,
                 copy.copy(properties) or BasicProperties(), body)  # fmt: skip
        if self.confirms:
            raise NackError([])

    def _call_back(self, message: ReturnedMessage) -> None:
        for callback in list(self.on_return):
            callback(self, message.method, message.properties, message.body)

    def add_on_return_callback(self, callback: Callable) -> None:
        """`callback(channel, method, properties, body)` for each mandatory message that reached no
        queue, called while events are processed.
        """
        self.on_return.append(callback)

    @call
    def confirm_delivery(self) -> None:
        """From now on basic_publish raises what would be lost; see there."""
        if self.operations is not None:
            raise precondition("cannot switch from tx to confirm mode")
        self.confirms = True

    @call
    def tx_select(self) -> frame.Method:
        """What is published and settled from now on takes effect with tx_commit."""
        if self.confirms:
            raise precondition("cannot switch from confirm to tx mode")
        if self.operations is None:
            self.operations = []
        return self.answer(spec.Tx.SelectOk())

    @call
    def tx_commit(self) -> frame.Method:
        """Publishes what was asked for since the last commit or rollback, then settles: who dies in
        between has lost nothing.
        """
        operations = self._transaction()
        self.operations = None
        try:
            for _, operation in sorted(operations, key=itemgetter(0)):
                operation()
        finally:
            self.operations = []
            self.settled_later.clear()
        return self.answer(spec.Tx.CommitOk())

    @call
    def tx_rollback(self) -> frame.Method:
        """Forgets it; what was delivered stays the channel's."""
        self._transaction().clear()
        self.settled_later.clear()
        return self.answer(spec.Tx.RollbackOk())

    def _transaction(self) -> list[tuple[bool, Callable[[], None]]]:
        if self.operations is None:
            raise precondition("channel is not transactional")
        return self.operations
