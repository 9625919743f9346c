"""What a channel consists of, and how its calls begin and end; the calls are in other files."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from towpath.pika import frame
from towpath.pika.arguments import Refusal
from towpath.pika.exceptions import ChannelClosedByBroker, ChannelWrongStateError
from towpath.pika.values import short

if TYPE_CHECKING:
    from towpath.pika.adapters.blocking_connection import BlockingConnection
    from towpath.pika.consumers import Consumer, Held

_Call = TypeVar("_Call", bound=Callable[..., Any])


class ReturnedMessage:
    """A mandatory message that reached no queue."""

    def __init__(self, method: Any, properties: Any, body: bytes) -> None:
        self.method = method
        self.properties = properties
        self.body = body


class ChannelState:
    """Of one channel. One thread at a time, as its connection."""

    def __init__(self, connection: BlockingConnection, channel_number: int) -> None:
        self.connection = connection
        self.channel_number = channel_number
        self.is_open = True
        self.refused: Refusal | None = None  # the broker would say so by now
        self.last_queue = ""  # declared last
        self.last_tag = 0
        self.held: dict[int, Held] = {}
        self.in_hand = 0  # of consumers, not of basic_get
        self.prefetch = 0
        self.channel_prefetch = 0
        self.consumers: dict[str, Consumer] = {}
        self.generator: Any = None
        self.reply_to: str | None = None  # the queue behind direct reply-to
        self.confirms = False
        # Of a transaction; those that settle are true, and come last.
        self.operations: list[tuple[bool, Callable[[], None]]] | None = None
        self.settled_later: set[int] = set()
        self.on_return: list[Callable] = []
        self.on_cancel: list[Callable] = []

    @property
    def is_closed(self) -> bool:
        return not self.is_open

    def has_room(self) -> bool:
        """Whether the prefetch count of the channel (global_qos) allows one more message."""
        return not self.channel_prefetch or self.in_hand < self.channel_prefetch

    def answer(self, method: object) -> frame.Method:
        """What a call returns."""
        return frame.Method(self.channel_number, method)

    def raise_if_closed(self) -> None:
        """Errors: ChannelWrongStateError."""
        if not self.is_open:
            raise ChannelWrongStateError("Channel is closed.")

    def raise_refusal(self, refused: Refusal) -> None:
        """Closes the channel, or the connection, and raises the error of it."""
        self.refused = None
        if refused.connection:
            self.connection.refuse(refused)
        self.end()
        raise ChannelClosedByBroker(refused.code, refused.text)

    def raise_if_refused(self) -> None:
        """Says now what the broker refused before."""
        if self.refused is not None:
            self.raise_refusal(self.refused)

    def end(self) -> None:
        """Closes, as a broker does: consumers end, what is held is given back."""
        raise NotImplementedError


def call(method: _Call) -> _Call:
    """A call that waits for the broker's answer: what was refused before is said now."""

    @functools.wraps(method)
    def answered(self: ChannelState, *arguments: Any, **named: Any) -> Any:
        self.raise_if_closed()
        self.raise_if_refused()
        self.connection.receive()
        try:
            return method(self, *arguments, **named)
        except Refusal as refused:
            self.raise_refusal(refused)

    return answered  # type: ignore[return-value]


def asynchronous(method: _Call) -> _Call:
    """A call that waits for no answer: its refusal is said later; nothing is done until then."""

    @functools.wraps(method)
    def unanswered(self: ChannelState, *arguments: Any, **named: Any) -> Any:
        if not self.is_open:
            self.raise_if_closed()
        if self.refused is not None:
            return None
        try:
            return method(self, *arguments, **named)
        except Refusal as refused:
            self.refused = refused
            return None

    return unanswered  # type: ignore[return-value]


def require_text(value: object, name: str) -> str:
    """A name that a call was given. Errors: TypeError, ShortStringTooLong."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str or unicode str, but got {value!r}")
    return short(value, name)


def require_callback(value: object, name: str = "callback") -> None:
    if not callable(value):
        raise TypeError(f"callback {name} must be callable, but got {value!r}")
