"""A message that was taken, as AMQP has it: exchange, routing key, properties, body."""

from __future__ import annotations

from typing import Any, NamedTuple

from towpath.pika.properties import EXCHANGE, BasicProperties, properties_of


class Received(NamedTuple):
    """What `read` finds."""

    exchange: str
    routing_key: str
    properties: BasicProperties


def read(delivery: Any, queue: str, headers: list | None = None) -> Received:
    """Of a message of the queue. One that was published to the default exchange, or by a program
    of the bus to the topic, says neither exchange nor routing key. `headers`: instead of its own.
    """
    if headers is None:
        headers = delivery.header_items
    exchange, key = "", delivery.key
    routing_key = key.decode("utf-8", "surrogateescape") if key else queue
    for name, value in headers:
        if name == EXCHANGE:
            exchange = value
            if not key:
                routing_key = ""
    return Received(exchange, routing_key, properties_of(delivery, headers))
