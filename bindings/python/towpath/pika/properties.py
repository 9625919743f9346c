"""BasicProperties, and how they travel: as attributes of a message where the bus has one of that
meaning, the others as headers whose names begin with `amqp.`. What is not set costs nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from towpath.pika.delivery_mode import DeliveryMode
from towpath.pika.exceptions import AMQPError
from towpath.pika.values import PREFIX, short, table_of, to_headers

FIELDS = ("content_type", "content_encoding", "headers", "delivery_mode", "priority",
          "correlation_id", "reply_to", "expiration", "message_id", "timestamp", "type", "user_id",
          "app_id", "cluster_id")  # fmt: skip
EXCHANGE = PREFIX + "exchange"
EXPIRATION = PREFIX + "expiration"
PRIORITY = PREFIX + "priority"
MOST_URGENT = 7
_EMPTY_HEADERS = PREFIX + "headers"
_PREFIX_LENGTH = len(PREFIX)
# As attributes, unless they are empty, which as an attribute is the same as absent.
_TEXT_ATTRIBUTES = (("content_type", "content_type"), ("correlation_id", "correlation_id"),
                    ("reply_to", "reply_topic"))  # fmt: skip
_TEXT_HEADERS = ("content_encoding", "message_id", "type", "user_id", "app_id", "cluster_id")
# A queue that keeps no message longer than 0 ms still gives one to a consumer that waits.
SHORTEST_LIFE_S = 0.005


class BasicProperties:
    """What is said about a message besides its body. None: not said."""

    NAME = "BasicProperties"

    def __init__(self, content_type: str | None = None, content_encoding: str | None = None,
                 headers: Mapping[str, Any] | None = None,
                 delivery_mode: int | DeliveryMode | None = None, priority: int | None = None,
                 correlation_id: str | None = None, reply_to: str | None = None,
                 expiration: str | None = None, message_id: str | None = None,
                 timestamp: int | None = None, type: str | None = None,
                 user_id: str | None = None, app_id: str | None = None,
                 cluster_id: str | None = None) -> None:  # fmt: skip
        self.content_type = content_type
        self.content_encoding = content_encoding
        self.headers = headers
        if isinstance(delivery_mode, DeliveryMode):
            delivery_mode = delivery_mode.value
        self.delivery_mode = delivery_mode
        self.priority = priority
        self.correlation_id = correlation_id
        self.reply_to = reply_to
        self.expiration = expiration
        self.message_id = message_id
        self.timestamp = timestamp
        self.type = type
        self.user_id = user_id
        self.app_id = app_id
        self.cluster_id = cluster_id

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BasicProperties):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in FIELDS)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        fields = [f"{name}={getattr(self, name)}" for name in sorted(FIELDS)
                  if getattr(self, name) is not None]  # fmt: skip
        return f"<{self.NAME}({fields})>"


class InvalidExpiration(AMQPError):
    """An expiration that is no number of milliseconds; its text is RabbitMQ's reason."""


def milliseconds(expiration: str) -> int:
    """The number that an expiration's text is. Errors: InvalidExpiration."""
    if expiration.isascii() and expiration.isdigit():
        return int(expiration)
    end = 1 if expiration[:1] in ("-", "+") else 0
    while end < len(expiration) and expiration[end] in "0123456789":
        end += 1
    if not expiration[:end].lstrip("+-"):
        raise InvalidExpiration("no_integer")
    if end < len(expiration):
        raise InvalidExpiration(f'{{leftover_string,"{expiration[end:]}"}}')
    if int(expiration) < 0:
        raise InvalidExpiration(f"{{value_negative,{int(expiration)}}}")
    return int(expiration)


def urgency(priority: int) -> int:
    """The bus's priority, 0 to 7, of one of AMQP's, 0 to 255: 0 to 5 are as they are."""
    if priority <= 5:
        return priority
    return 6 if priority < 10 else MOST_URGENT


def attributes_of(properties: BasicProperties) -> dict[str, Any]:
    """The attributes, headers among them as a list, with which a message is published. Errors:
    those of pika for values of a wrong type, InvalidExpiration.
    """
    attributes: dict[str, Any] = {}
    headers: list[tuple[str, object]] = []
    if properties.headers is not None:
        headers = to_headers(properties.headers)
        if not headers:
            headers.append((_EMPTY_HEADERS, True))
    for name, attribute in _TEXT_ATTRIBUTES:
        value = getattr(properties, name)
        if value:
            attributes[attribute] = short(value, name)
        elif value is not None:
            headers.append((PREFIX + name, short(value, name)))
    for name in _TEXT_HEADERS:
        value = getattr(properties, name)
        if value is not None:
            headers.append((PREFIX + name, short(value, name)))
    _add_numbers(properties, attributes, headers)
    if properties.expiration is not None:
        text = short(properties.expiration, "expiration")
        attributes["time_to_live"] = max(milliseconds(text) / 1000, SHORTEST_LIFE_S)
        headers.append((EXPIRATION, text))
    if headers:
        attributes["headers"] = headers
    return attributes


def _add_numbers(properties: BasicProperties, attributes: dict[str, Any],
                 headers: list[tuple[str, object]]) -> None:  # fmt: skip
    mode, priority, timestamp = properties.delivery_mode, properties.priority, properties.timestamp
    if mode is not None:
        struct.pack("B", mode)
        headers.append((PREFIX + "delivery_mode", mode))
    if priority is not None:
        struct.pack("B", priority)
        attributes["priority"] = urgency(priority)
        if not 0 < priority <= 5:
            headers.append((PRIORITY, priority))
    if timestamp is not None:
        struct.pack(">Q", timestamp)
        headers.append((PREFIX + "timestamp", timestamp))


def properties_of(message: Any, headers: list[tuple[str, object]]) -> BasicProperties:
    """The properties of a message that was taken, whose headers have been decoded."""
    properties = BasicProperties()
    content_type, correlation_id = message.content_type, message.correlation_id
    reply_to, priority = message.reply_topic, message.priority
    if content_type:
        properties.content_type = content_type
    if correlation_id:
        properties.correlation_id = correlation_id.decode("utf-8", "surrogateescape")
    if reply_to:
        properties.reply_to = reply_to
    if priority:
        properties.priority = priority
    if headers:
        _set_from_headers(properties, headers)
    return properties


def _set_from_headers(properties: BasicProperties, headers: list[tuple[str, object]]) -> None:
    has_table = False
    for name, value in headers:
        if not name.startswith(PREFIX):
            has_table = True
            continue
        field = name[_PREFIX_LENGTH:]
        if field in FIELDS:
            if field == "headers":
                has_table = True
            else:
                setattr(properties, field, value)
        elif field.startswith("table."):
            has_table = True
    if has_table:
        properties.headers = table_of(headers)
