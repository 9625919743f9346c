"""Credentials: accepted, and looked at by nobody. Rights are those of the bus's files."""

from __future__ import annotations


class PlainCredentials:
    """A user's name and password. The name is what a message's `user_id` must be, if it has one."""

    TYPE = "PLAIN"

    def __init__(self, username: str, password: str, erase_on_connect: bool = False) -> None:
        self.username = username
        self.password = password
        self.erase_on_connect = erase_on_connect

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PlainCredentials):
            return NotImplemented
        return vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class ExternalCredentials:
    """Accepted; there is nothing that they would prove."""

    TYPE = "EXTERNAL"

    def __init__(self) -> None:
        self.username = ""
        self.password = ""
        self.erase_on_connect = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExternalCredentials)

    __hash__ = None  # type: ignore[assignment]


VALID_TYPES = (PlainCredentials, ExternalCredentials)
