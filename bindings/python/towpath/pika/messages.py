"""A message that was taken, as AMQP has it."""

from __future__ import annotations

from typing import Any

from towpath.pika.properties import EXCHANGE, BasicProperties, properties_of


def read(delivery: Any, queue: str, headers: list | None = None,
         ) -> tuple[str, str, BasicProperties]:  # fmt: skip
    """Exchange, routing key and properties of a message of the queue. One that was published to
    the default exchange, or by a program of the bus to the topic, says neither of the first two.
    `headers`: instead of its own.
    """
    if headers is None:
        headers = delivery.header_items
    key = delivery.key
    routing_key = key.decode("utf-8", "surrogateescape") if key else queue
    if not headers:
        return "", routing_key, properties_of(delivery, headers)
    exchange = ""
    for name, value in headers:
        if name == EXCHANGE:
            exchange = value
            if not key:
                routing_key = ""
    return exchange, routing_key, properties_of(delivery, headers)
