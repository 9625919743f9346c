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
_DELIVERY_MODE = PREFIX + "delivery_mode"
EXPIRATION = PREFIX + "expiration"
PRIORITY = PREFIX + "priority"
MOST_URGENT = 7
_EMPTY_HEADERS = PREFIX + "headers"
_PREFIX_LENGTH = len(PREFIX)
# As attributes, unless they are empty, which as an attribute is the same as absent.
_TEXT_ATTRIBUTES = {"content_type": "content_type", "correlation_id": "correlation_id",
                    "reply_to": "reply_topic"}  # fmt: skip
_TEXT_HEADERS = ("content_encoding", "message_id", "type", "user_id", "app_id", "cluster_id")
# A queue that keeps no message longer than 0 ms still gives one to a consumer that waits.
SHORTEST_LIFE_S = 0.005


class BasicProperties:
    """What is said about a message besides its body. None: not said."""

    NAME = "BasicProperties"
    content_type = content_encoding = headers = delivery_mode = priority = correlation_id = None
    reply_to = expiration = message_id = timestamp = type = user_id = app_id = cluster_id = None

    def __init__(self, content_type: str | None = None, content_encoding: str | None = None,
                 headers: Mapping[str, Any] | None = None,
                 delivery_mode: int | DeliveryMode | None = None, priority: int | None = None,
                 correlation_id: str | None = None, reply_to: str | None = None,
                 expiration: str | None = None, message_id: str | None = None,
                 timestamp: int | None = None, type: str | None = None,
                 user_id: str | None = None, app_id: str | None = None,
                 cluster_id: str | None = None) -> None:  # fmt: skip
        # Only what is said is kept: most messages say little, and each costs its time.
        if content_type is not None:
            self.content_type = content_type
        if content_encoding is not None:
            self.content_encoding = content_encoding
        if headers is not None:
            self.headers = headers
        if delivery_mode is not None:
            mode = delivery_mode.value if isinstance(delivery_mode, DeliveryMode) else delivery_mode
            self.delivery_mode = mode
        if priority is not None:
            self.priority = priority
        if correlation_id is not None:
            self.correlation_id = correlation_id
        if reply_to is not None:
            self.reply_to = reply_to
        if expiration is not None:
            self.expiration = expiration
        if message_id is not None:
            self.message_id = message_id
        if timestamp is not None:
            self.timestamp = timestamp
        if type is not None:
            self.type = type
        if user_id is not None:
            self.user_id = user_id
        if app_id is not None:
            self.app_id = app_id
        if cluster_id is not None:
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
    for name, value in properties.__dict__.items():
        if value is None:
            continue
        attribute = _TEXT_ATTRIBUTES.get(name)
        if attribute is not None and value:
            plain = type(value) is str and len(value) < 64
            attributes[attribute] = value if plain else short(value, name)
        elif attribute is not None or name in _TEXT_HEADERS:
            headers.append((PREFIX + name, short(value, name)))
        else:
            _ENCODERS[name](value, attributes, headers)
    if headers:
        attributes["headers"] = headers
    return attributes


def _add_table(value: Mapping, _: dict[str, Any], headers: list[tuple[str, object]]) -> None:
    headers.extend(to_headers(value) or [(_EMPTY_HEADERS, True)])


def _add_mode(value: int, _: dict[str, Any], headers: list[tuple[str, object]]) -> None:
    struct.pack("B", value)
    headers.append((_DELIVERY_MODE, value))


def _add_priority(value: int, attributes: dict[str, Any],
                  headers: list[tuple[str, object]]) -> None:  # fmt: skip
    struct.pack("B", value)
    attributes["priority"] = urgency(value)
    if not 0 < value <= 5:
        headers.append((PRIORITY, value))


def _add_timestamp(value: int, _: dict[str, Any], headers: list[tuple[str, object]]) -> None:
    struct.pack(">Q", value)
    headers.append((PREFIX + "timestamp", value))


def _add_expiration(value: str, attributes: dict[str, Any],
                    headers: list[tuple[str, object]]) -> None:  # fmt: skip
    text = short(value, "expiration")
    attributes["time_to_live"] = max(milliseconds(text) / 1000, SHORTEST_LIFE_S)
    headers.append((EXPIRATION, text))


_ENCODERS = {"headers": _add_table, "delivery_mode": _add_mode, "priority": _add_priority,
             "timestamp": _add_timestamp, "expiration": _add_expiration}  # fmt: skip


def properties_of(message: Any, headers: list[tuple[str, object]]) -> BasicProperties:
    """The properties of a message that was taken, whose headers have been decoded."""
    properties = BasicProperties.__new__(BasicProperties)
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
