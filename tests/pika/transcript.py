"""What a case observed, as plain values that can be compared, written down and read back."""

from __future__ import annotations

import enum
import hashlib
import json
import re
from collections.abc import Mapping
from typing import BinaryIO

MANY_BYTES = 200

# What is random by nature: each name of such a shape becomes the shape and a number, the same
# number for the same name.
RANDOM_NAMES = (
    re.compile(r"(?P<kept>amq\.gen-)[A-Za-z0-9_-]{22}"),
    re.compile(r"(?P<kept>amq\.rabbitmq\.reply-to\.)[^\s'\",]+"),
    re.compile(r"(?P<kept>ctag\d+\.)[0-9a-f]{32}"),
    re.compile(r"(?P<kept>0x)[0-9a-f]{6,}"),
)


def plain(value: object) -> object:
    """`value` as JSON has it: methods, properties and errors with their names and fields."""
    if value is None or isinstance(value, (bool, int, float)) and not isinstance(value, enum.Enum):
        return value
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _plain_bytes(bytes(value))
    if isinstance(value, Mapping):
        return {str(key): plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, BaseException):
        return _plain_error(value)
    if isinstance(value, type):
        return value.__name__
    if hasattr(value, "properties") and hasattr(value, "body"):
        return {"returned": [plain(value.method), plain(value.properties), plain(value.body)]}
    if hasattr(value, "method") and hasattr(value, "channel_number"):
        return {"channel": value.channel_number, **plain(value.method)}
    if hasattr(value, "NAME"):
        return {"is": value.NAME, **_fields(value)}
    return repr(value)


def _plain_bytes(value: bytes) -> str:
    if len(value) <= MANY_BYTES:
        return repr(value)
    digest = hashlib.sha256(value).hexdigest()[:16]
    return f"{value[:20]!r} and so on, {len(value)} bytes, {digest}"


def _plain_error(error: BaseException) -> dict:
    noted = {"error": type(error).__name__}
    if hasattr(error, "reply_code"):
        noted["code"] = error.reply_code
        noted["text"] = error.reply_text
    else:
        noted["text"] = str(error)
    if hasattr(error, "messages"):
        noted["messages"] = plain(error.messages)
    return noted


def _fields(value: object) -> dict:
    """The public fields that are set; None is what an absent property is."""
    names = vars(value) if hasattr(value, "__dict__") else value.__slots__
    fields = {name: getattr(value, name) for name in sorted(names) if not name.startswith("_")}
    return {name: plain(field) for name, field in fields.items() if field is not None}


class Transcript:
    """Writes the notes of one case, each as it is made, so that the last one before a crash is
    there. `token` ends the names that this run made up.
    """

    def __init__(self, token: str, file: BinaryIO) -> None:
        self._token = token
        self._file = file
        self._numbers: dict[str, int] = {}

    def note(self, label: str, value: object) -> None:
        note = [label, self._without_random_names(plain(value))]
        self._file.write(line(note).encode() + b"\n")
        self._file.flush()

    def _without_random_names(self, value: object) -> object:
        if isinstance(value, str):
            value = value.replace(self._token, "")
            for pattern in RANDOM_NAMES:
                value = pattern.sub(self._numbered, value)
            return value
        if isinstance(value, list):
            return [self._without_random_names(item) for item in value]
        if isinstance(value, dict):
            return {key: self._without_random_names(item) for key, item in value.items()}
        return value

    def _numbered(self, match: re.Match) -> str:
        kept = match.group("kept")
        known = sum(name.startswith(kept) for name in self._numbers)
        return f"{kept}#{self._numbers.setdefault(match.group(), known + 1)}"


def line(note: list) -> str:
    """One line a note: what a diff shows and a recording holds."""
    return json.dumps(note, ensure_ascii=False, sort_keys=True)
