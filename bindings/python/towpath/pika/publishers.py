"""Publishing: to the queue that the default exchange leads to, or by an exchange of the bus."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import towpath
from towpath.pika.arguments import Refusal, precondition
from towpath.pika.exceptions import ConnectionBlockedTimeout
from towpath.pika.names import GONE, topic_name
from towpath.pika.properties import EXCHANGE, MOST_URGENT, PRIORITY, urgency

if TYPE_CHECKING:
    from towpath.pika.host import Host

_LOGGER = logging.getLogger(__name__)
_PATIENCE_S = 1.0
# A name of so few characters has room as a topic's, whatever they are.
_SHORT = 20


class Publishers:
    """What one connection, or the keeper, publishes with. One thread at a time."""

    def __init__(self, host: Host, wait_at_most: float | None = None) -> None:
        self._host = host
        self._wait_at_most = wait_at_most
        self._patience = min(_PATIENCE_S, _PATIENCE_S if wait_at_most is None else wait_at_most)
        self._default: Any = None
        self._most_urgent: dict[str, int] = {}
        self._exchanges: dict[str, tuple[Any, bool]] = {}

    def close(self) -> None:
        if self._default is not None:
            self._default.close()
            self._default = None
        for publisher, _ in self._exchanges.values():
            publisher.close()
        self._exchanges.clear()

    def publish(self, exchange: str, routing_key: str, body: Any,
                attributes: dict[str, Any] | None) -> int:  # fmt: skip
        """How many queues it reached. Errors: towpath.Full when a queue rejects it, Refusal (404,
        403, 406), ConnectionBlockedTimeout.
        """
        try:
            if exchange:
                return self._to_exchange(exchange, routing_key, body, attributes or {})
            return self._to_queue(routing_key, body, attributes)
        except towpath.TooLarge as error:
            size = len(body if isinstance(body, bytes) else body.encode())
            raise precondition(f"message size {size} is larger than the queue takes: "
                               f"{error}") from None  # fmt: skip

    def check_exchange(self, exchange: str) -> None:
        """Errors: Refusal, 404 or 403, as publish()."""
        if exchange:
            self._exchange(exchange)

    def _to_queue(self, name: str, body: Any, attributes: dict[str, Any] | None) -> int:
        publisher = self._default
        if publisher is None:
            publisher = self._default = self._host.bus.exchange("").publisher(
                when_full="wait", wait_at_most=self._patience, carry_routing_key=False)  # fmt: skip
        if not name:
            return 0
        topic = name if len(name) < _SHORT else topic_name(name)
        try:
            if attributes is None:
                return publisher.publish(topic, body)
            if "priority" in attributes:
                self._bound_priority(name, attributes)
            return publisher.publish(topic, body, **attributes)
        except towpath.TimedOut:
            return self._wait(name, lambda: publisher.publish(topic, body, **(attributes or {})))
        except towpath.InvalidName:
            return 0

    def _bound_priority(self, name: str, attributes: dict[str, Any]) -> None:
        """A queue's x-max-priority makes those above it equal."""
        most = self._most_urgent.get(name)
        if most is None:
            record = self._host.registry.read("queues", name)
            bound = record["arguments"].get("x-max-priority", 0) if record else 0
            most = self._most_urgent[name] = urgency(bound) if bound else MOST_URGENT
        priority = attributes["priority"]
        if priority <= most:
            return
        attributes["priority"] = most
        headers = attributes.setdefault("headers", [])
        if all(header != PRIORITY for header, _ in headers):
            headers.append((PRIORITY, priority))  # what the program said

    def _wait(self, name: str, publish: Callable[[], int]) -> int:
        """Goes on waiting for a full queue, and says so."""
        _LOGGER.warning("queue '%s' is full; basic_publish waits until somebody consumes", name)
        begun = time.monotonic() - self._patience
        while True:
            waited = time.monotonic() - begun
            if self._wait_at_most is not None and waited >= self._wait_at_most:
                raise ConnectionBlockedTimeout(f"queue '{name}' is full for {waited:.1f} s")
            try:
                return publish()
            except towpath.TimedOut:
                continue

    def _to_exchange(self, name: str, routing_key: str, body: Any,
                     attributes: dict[str, Any]) -> int:  # fmt: skip
        attributes["headers"] = [*attributes.get("headers", ()), (EXCHANGE, name)]
        for _ in range(2):
            publisher = self._exchange(name)
            try:
                return publisher.publish(routing_key, body, **attributes)
            except towpath.TimedOut as error:
                raise ConnectionBlockedTimeout(str(error)) from None
            except GONE:  # the exchange, perhaps declared anew
                del self._exchanges[name]
        return 0

    def _exchange(self, name: str) -> Any:
        known = self._exchanges.get(name)
        if known is None:
            record = self._host.exchange_record(name)
            exchange = self._host.exchange(name)
            publisher = exchange.publisher(when_full="wait", wait_at_most=self._wait_at_most)
            known = self._exchanges[name] = publisher, record["internal"]
        if known[1]:
            raise Refusal(403, f"ACCESS_REFUSED - cannot publish to internal exchange '{name}' in "
                          f"vhost '{self._host.name}'")  # fmt: skip
        return known[0]
