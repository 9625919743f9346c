"""The connection: to a bus, under the names of a connection to a broker."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import towpath
from towpath.pika.arguments import Refusal
from towpath.pika.channel import BlockingChannel
from towpath.pika.channel_state import ReturnedMessage, require_callback
from towpath.pika.connection import ConnectionParameters, Parameters
from towpath.pika.consumers import Getter
from towpath.pika.events import Events, Timer
from towpath.pika.exceptions import (
    AMQPConnectionError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ConnectionWrongStateError,
    NoFreeChannels,
    ProbableAccessDeniedError,
)
from towpath.pika.host import Host
from towpath.pika.publishers import Publishers

__all__ = ["BlockingChannel", "BlockingConnection", "ReturnedMessage"]


class BlockingConnection(Events):
    """Opens the bus that the parameters' virtual host names. Used by one thread at a time, but for
    add_callback_threadsafe(). Consumers are called back within process_data_events() and what
    waits by it. `with` closes it; when its process dies, exclusive queues go and unacknowledged
    messages come again to others.
    """

    basic_nack_supported = consumer_cancel_notify_supported = True
    exchange_exchange_bindings_supported = publisher_confirms_supported = True
    basic_nack = consumer_cancel_notify = exchange_exchange_bindings = publisher_confirms = True

    def __init__(self, parameters: Parameters | Sequence[Parameters] | None = None,
                 _impl_class: Any = None) -> None:  # fmt: skip
        super().__init__()
        if parameters is None:
            parameters = ConnectionParameters()
        if not isinstance(parameters, Parameters):
            if not parameters:
                raise ValueError("Expected a non-empty sequence of connection parameters, but got "
                                 f"{parameters!r}.")  # fmt: skip
            parameters = next(iter(parameters))
        self._parameters = parameters
        self.user = parameters.credentials.username
        try:
            self.host = Host.of(parameters.virtual_host)
        except towpath.NoPermission as error:
            raise ProbableAccessDeniedError(str(error)) from error
        except towpath.Error as error:
            raise AMQPConnectionError(str(error)) from error
        self.owner = self.host.begin_owner()
        # A connection that is forgotten owns nothing, as one whose process has died.
        weakref.finalize(self, self.host.registry.forget_owner, self.owner, os.getpid())
        self.publishers = Publishers(self.host, parameters.blocked_connection_timeout)
        self._channels: dict[int, BlockingChannel] = {}
        self._getters: dict[str, Getter] = {}
        self.is_open = True

    def __enter__(self) -> BlockingConnection:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.is_open:
            self.close()

    def __repr__(self) -> str:
        state = "OPEN" if self.is_open else "CLOSED"
        return f"<BlockingConnection {state} {self._parameters!r}>"

    @property
    def is_closed(self) -> bool:
        return not self.is_open

    def close(self, reply_code: int = 200, reply_text: str = "Normal shutdown") -> None:
        """Closes all channels; exclusive queues go. Errors: ConnectionWrongStateError."""
        if not self.is_open:
            raise ConnectionWrongStateError(
                f"BlockingConnection.close({reply_code}, {reply_text!r}) called on closed "
                "connection.")  # fmt: skip
        self._end()

    def _end(self) -> None:
        for channel in list(self._channels.values()):
            channel.end()
        self.is_open = False
        for getter in self._getters.values():
            getter.close()
        self._getters.clear()
        self.publishers.close()
        self.host.end_owner(self.owner)

    def refuse(self, refused: Refusal) -> None:
        """Closes, and raises the error of it."""
        self._end()
        raise ConnectionClosedByBroker(refused.code, refused.text)

    # ---- channels

    def channel(self, channel_number: int | None = None) -> BlockingChannel:
        """A new channel, of the lowest number that is free unless one is given."""
        if not self.is_open:
            raise ConnectionWrongStateError("Channel allocation requires an open connection: "
                                            f"{self}")  # fmt: skip
        limit = self._parameters.channel_max
        number = channel_number
        if number is None:
            number = next((n for n in range(1, limit + 1) if n not in self._channels), None)
            if number is None:
                raise NoFreeChannels()
        self._channels[number] = channel = BlockingChannel(self, number)
        return channel

    def forget_channel(self, channel: BlockingChannel) -> None:
        """Its number is free again."""
        if self._channels.get(channel.channel_number) is channel:
            del self._channels[channel.channel_number]

    def getter(self, queue: str) -> Getter:
        """What this connection gets with from a queue. Errors: Refusal, 404 or 405."""
        getter = self._getters.get(queue)
        if getter is None:
            getter = self._getters[queue] = Getter(self.host.queue(queue, self.owner))
        return getter

    def forget_getter(self, queue: str) -> None:
        """As its queue is gone."""
        self._getters.pop(queue).close()

    # ---- events

    def process_data_events(self, time_limit: float | None = 0) -> None:
        """Dispatches what has come; if that is nothing, waits for it, `time_limit` seconds at most
        (None: for ever). Within a callback it only waits.
        """
        if not self.is_open:
            raise ValueError("Timeout closed before call")
        for channel in tuple(self._channels.values()):
            if channel.refused is not None:
                with suppress(ChannelClosedByBroker):  # its next call tells that it is closed
                    channel.raise_if_refused()
        self.process(time_limit)

    def process(self, time_limit: float | None) -> None:
        """As process_data_events(), but what a channel was refused is left for its next call."""
        if self.dispatching:
            self.receive()
            self._wake.wait(time_limit or 0)
            return
        self.dispatching = True
        try:
            self.run(time_limit, self._goes_on)
        finally:
            self.dispatching = False

    def _goes_on(self) -> bool:
        return self.is_open and all(
            channel.refused is None for channel in self._channels.values())  # fmt: skip

    def sleep(self, duration: float) -> None:
        """Processes events for `duration` seconds."""
        ends_at = time.monotonic() + duration
        while (left := ends_at - time.monotonic()) > 0:
            self.process_data_events(time_limit=left)

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        """Calls `callback` once, in `delay` seconds, while events are processed."""
        require_callback(callback)
        if not self.is_open:
            raise ValueError("Timeout closed before call")
        return self.add_timer(delay, callback)

    def remove_timeout(self, timeout_id: Timer) -> None:
        """The callback will not be called."""
        timeout_id.callback = None

    def add_callback_threadsafe(self, callback: Callable[[], object]) -> None:
        """From any thread: `callback` is called in the connection's, while it processes events,
        within 10 ms.
        """
        require_callback(callback)
        if not self.is_open:
            raise ConnectionWrongStateError("BlockingConnection.add_callback_threadsafe() called "
                                            "on closed or closing connection.")  # fmt: skip
        self.post(callback)

    def add_on_connection_blocked_callback(self, callback: Callable) -> None:
        """Accepted; a full queue makes basic_publish wait, and calls nobody back."""
        require_callback(callback)

    def add_on_connection_unblocked_callback(self, callback: Callable) -> None:
        """Accepted, as add_on_connection_blocked_callback()."""
        require_callback(callback)

    def update_secret(self, new_secret: str, reason: str) -> None:
        """Accepted; credentials are not looked at."""
