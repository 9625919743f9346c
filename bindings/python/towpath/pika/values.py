"""The values of AMQP's tables: what may be in one, and how it travels in a header of the bus.

A header holds null, booleans, integers, texts and bytes. Lists, tables, decimals and times travel
as a JSON text under another name, which begins with NESTED.
"""

from __future__ import annotations

import json
from calendar import timegm
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from decimal import Decimal

from towpath.pika.compat import long
from towpath.pika.exceptions import ShortStringTooLong, UnsupportedAMQPFieldException

PREFIX = "amqp."
NESTED = "amqp.table."
_INT_BITS = 31
_EPOCH = datetime(1970, 1, 1)


def short(value: object, field: str) -> str:
    """The text of a field that AMQP holds in 255 bytes, as text."""
    if not isinstance(value, (str, bytes)):
        raise AssertionError(f"A non-string value was supplied for self.{field}")
    encoded = value.encode() if isinstance(value, str) else value
    if len(encoded) > 255:
        raise ShortStringTooLong(encoded)
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


def received(value: object) -> object:
    """A value as pika reads it: bytes that are a text are one, large integers are `long`."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    if type(value) is int and (value >> _INT_BITS) not in (0, -1):
        return long(value)
    return value


def type_name(value: object) -> str:
    """What RabbitMQ calls the type of a value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "signedint" if (value >> _INT_BITS) in (0, -1) else "long"
    if isinstance(value, (str, bytes)):
        return "longstr"
    return {list: "array", dict: "table", datetime: "timestamp"}.get(type(value), "void")


def to_json(value: object) -> object:
    """A value of a table for JSON; what JSON does not know is an object that says what it is."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {"table": {key: to_json(item) for key, item in value.items()}}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, datetime):
        return {"time": timegm(value.utctimetuple())}
    raise UnsupportedAMQPFieldException([], value)


def from_json(value: object) -> object:
    """The other way round."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return received(value)
    ((kind, content),) = value.items()
    if kind == "bytes":
        return received(bytes.fromhex(content))
    if kind == "table":
        return {key: from_json(item) for key, item in content.items()}
    if kind == "decimal":
        return Decimal(content)
    return datetime.fromtimestamp(content, timezone.utc).replace(tzinfo=None)


def to_headers(table: Mapping[str, object]) -> list[tuple[str, object]]:
    """A table as headers of the bus. Errors: UnsupportedAMQPFieldException, ShortStringTooLong."""
    headers: list[tuple[str, object]] = []
    for key, value in table.items():
        name = short(key, "headers") if type(key) is not str or len(key) > 63 else key
        if isinstance(value, bytes):
            value = received(value)
        if not name or name.startswith(PREFIX) or not (
            value is None or isinstance(value, (bool, int, str, bytes))
        ):
            headers.append((NESTED + name, json.dumps(to_json(value), separators=(",", ":"))))
        else:
            headers.append((name, value))
    return headers


def table_of(headers: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Headers of the bus as a table, those that begin with PREFIX and not with NESTED left out."""
    table: dict[str, object] = {}
    for name, value in headers:
        if not name.startswith(PREFIX):
            table[name] = received(value)
        elif name.startswith(NESTED):
            table[name[len(NESTED):]] = from_json(json.loads(value))
    return table
