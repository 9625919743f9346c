"""What goes wrong: one class for each code of the C library, all of them below Error."""

from __future__ import annotations

import enum

__all__ = [
    "AlreadyExists",
    "Cancelled",
    "Corrupt",
    "Error",
    "ErrorCode",
    "Evicted",
    "Full",
    "HalfMade",
    "InvalidArgument",
    "InvalidName",
    "LeaseLost",
    "NoPermission",
    "NoReply",
    "NoServer",
    "NoSpace",
    "NotFound",
    "NotSupported",
    "OptionsMismatch",
    "PublisherExists",
    "Removed",
    "RequestFailed",
    "ServerDied",
    "Stale",
    "SystemFailure",
    "TimedOut",
    "TooLarge",
    "TooMany",
    "TypeMismatch",
    "Unroutable",
    "VersionMismatch",
]


class ErrorCode(enum.IntEnum):
    """What went wrong, as C and C++ number it."""

    NOT_FOUND = 1
    ALREADY_EXISTS = 2
    INVALID_NAME = 3
    INVALID_ARGUMENT = 4
    TYPE_MISMATCH = 5
    OPTIONS_MISMATCH = 6
    VERSION_MISMATCH = 7
    CORRUPT = 8
    HALF_MADE = 9
    TOO_LARGE = 10
    FULL = 11
    TIMED_OUT = 12
    NO_SPACE = 13
    NO_PERMISSION = 14
    TOO_MANY = 15
    PUBLISHER_EXISTS = 16
    NOT_SUPPORTED = 17
    REMOVED = 18
    EVICTED = 19
    LEASE_LOST = 20
    STALE = 21
    SYSTEM = 22
    UNROUTABLE = 23
    NO_SERVER = 24
    SERVER_DIED = 25
    NO_REPLY = 26
    REQUEST_FAILED = 27
    CANCELLED = 28


class Error(Exception):
    """What all errors of Towpath are. str() says what failed, on which file or topic, and what to
    do about it."""

    code: ErrorCode
    errno: int
    """Of the system call that failed, or the server's number of RequestFailed; else 0."""

    def __init__(self, text: str = "", errno: int = 0) -> None:
        super().__init__(text)
        self.errno = errno

    def __reduce__(self) -> tuple[type, tuple[str, int]]:
        return type(self), (str(self), self.errno)


class NotFound(Error, LookupError):
    """There is no such bus, topic, group or exchange."""

    code = ErrorCode.NOT_FOUND


class AlreadyExists(Error):
    """The name is taken."""

    code = ErrorCode.ALREADY_EXISTS


class InvalidName(Error, ValueError):
    """A name that is empty, too long, or no name."""

    code = ErrorCode.INVALID_NAME


class InvalidArgument(Error, ValueError):
    """An option or attribute out of its range."""

    code = ErrorCode.INVALID_ARGUMENT


class TypeMismatch(Error, TypeError):
    """The topic carries another type, or a message has another size."""

    code = ErrorCode.TYPE_MISMATCH


class OptionsMismatch(Error, ValueError):
    """It exists with other options."""

    code = ErrorCode.OPTIONS_MISMATCH


class VersionMismatch(Error):
    """It was made by another version of Towpath's layout."""

    code = ErrorCode.VERSION_MISMATCH


class Corrupt(Error):
    """A foreign, truncated or damaged file."""

    code = ErrorCode.CORRUPT


class HalfMade(Error):
    """A file without its final mark: who made it is at it still, or died."""

    code = ErrorCode.HALF_MADE


class TooLarge(Error, ValueError):
    """A message above the topic's limit."""

    code = ErrorCode.TOO_LARGE


class Full(Error):
    """There is no room: a required subscriber or a group has not read yet."""

    code = ErrorCode.FULL


class TimedOut(Error, TimeoutError):
    """The time for it is over."""

    code = ErrorCode.TIMED_OUT


class NoSpace(Error):
    """The filesystem is full."""

    code = ErrorCode.NO_SPACE


class NoPermission(Error, PermissionError):
    """The kernel refused."""

    code = ErrorCode.NO_PERMISSION


class TooMany(Error):
    """A limit of participants, publishers, subscribers or deliveries is reached."""

    code = ErrorCode.TOO_MANY


class PublisherExists(Error):
    """A topic of one publisher has one that lives."""

    code = ErrorCode.PUBLISHER_EXISTS


class NotSupported(Error):
    """The kernel or the filesystem lacks something, or an observer was asked to sleep."""

    code = ErrorCode.NOT_SUPPORTED


class Removed(Error):
    """The topic, group or exchange was removed."""

    code = ErrorCode.REMOVED


class Evicted(Error):
    """This subscriber fell behind its max_lag."""

    code = ErrorCode.EVICTED


class LeaseLost(Error):
    """A delivery is its consumer's no more."""

    code = ErrorCode.LEASE_LOST


class Stale(Error):
    """This process owns its entry in the bus no more."""

    code = ErrorCode.STALE


class SystemFailure(Error):
    """Any other system call that failed; errno says which error."""

    code = ErrorCode.SYSTEM


class Unroutable(Error):
    """No binding leads to a queue, and the message was mandatory."""

    code = ErrorCode.UNROUTABLE


class NoServer(Error):
    """Nobody serves the service."""

    code = ErrorCode.NO_SERVER


class ServerDied(Error):
    """The server that handled the request is dead."""

    code = ErrorCode.SERVER_DIED


class NoReply(Error):
    """The request was settled without a reply."""

    code = ErrorCode.NO_REPLY


class RequestFailed(Error):
    """The server says that it failed; errno is its number."""

    code = ErrorCode.REQUEST_FAILED


class Cancelled(Error):
    """The caller wants no more of the reply."""

    code = ErrorCode.CANCELLED


def _classes_below(base: type[Error]) -> dict[int, type[Error]]:
    return {int(kind.code): kind for kind in base.__subclasses__()}


CLASSES = _classes_below(Error)
