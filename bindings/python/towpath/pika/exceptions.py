"""The errors of pika, with its classes, codes and texts."""

from __future__ import annotations

from collections.abc import Sequence


class AMQPError(Exception):
    """The base of almost all errors here."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}: An unspecified AMQP error has occurred; {self.args}"


class AMQPConnectionError(AMQPError):
    """Something is wrong with the connection, or there is none."""

    def __repr__(self) -> str:
        if len(self.args) == 2:
            return f"{type(self).__name__}: ({self.args[0]}) {self.args[1]}"
        return f"{type(self).__name__}: {self.args}"


class ConnectionOpenAborted(AMQPConnectionError):
    """The connection was closed while it was being opened."""


class StreamLostError(AMQPConnectionError):
    """The bus cannot be used any more."""


class IncompatibleProtocolError(AMQPConnectionError):
    """Never raised here."""


class AuthenticationError(AMQPConnectionError):
    """Never raised here: credentials are not looked at, the rights of files are."""


class ProbableAuthenticationError(AMQPConnectionError):
    """Never raised here."""


class ProbableAccessDeniedError(AMQPConnectionError):
    """The bus's files may not be used by this user."""


class NoFreeChannels(AMQPConnectionError):
    """As many channels are open as `channel_max` allows."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}: The connection has run out of free channels"


class ConnectionWrongStateError(AMQPConnectionError):
    """The connection is closed."""

    def __repr__(self) -> str:
        if self.args:
            return super().__repr__()
        return (f"{type(self).__name__}: The connection is in wrong state for the requested "
                "operation.")  # fmt: skip


def _closed_repr(self: AMQPError) -> str:
    return f"{type(self).__name__}: ({self.args[0]}) {self.args[1]!r}"


def _reply_code(self: AMQPError) -> int:
    """AMQP's number of the error."""
    return self.args[0]


def _reply_text(self: AMQPError) -> str:
    """What RabbitMQ says of it."""
    return self.args[1]


# The accessors are shared without a common base, so that each class has the bases it has in pika.
class ConnectionClosed(AMQPConnectionError):
    """The connection is closed, with a code and a text."""

    def __init__(self, reply_code: int, reply_text: str) -> None:
        super().__init__(int(reply_code), str(reply_text))

    __repr__ = _closed_repr
    reply_code = property(_reply_code)
    reply_text = property(_reply_text)


class ConnectionClosedByBroker(ConnectionClosed):
    """A refusal that closes the connection and all its channels."""


class ConnectionClosedByClient(ConnectionClosed):
    """The program closed the connection."""


class ConnectionBlockedTimeout(AMQPConnectionError):
    """A queue was full for as long as `blocked_connection_timeout`."""


class AMQPHeartbeatTimeout(AMQPConnectionError):
    """Never raised here: there are no heartbeats."""


class AMQPChannelError(AMQPError):
    """Something is wrong with the channel."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.args!r}"


class ChannelWrongStateError(AMQPChannelError):
    """The channel is closed."""


class ChannelClosed(AMQPChannelError):
    """The channel is closed, with a code and a text."""

    def __init__(self, reply_code: int, reply_text: str) -> None:
        super().__init__(int(reply_code), str(reply_text))

    __repr__ = _closed_repr
    reply_code = property(_reply_code)
    reply_text = property(_reply_text)


class ChannelClosedByBroker(ChannelClosed):
    """A refusal that closes the channel."""


class ChannelClosedByClient(ChannelClosed):
    """The program closed the channel."""


class DuplicateConsumerTag(AMQPChannelError):
    """The channel has a consumer of that tag."""

    def __repr__(self) -> str:
        return (f"{type(self).__name__}: The consumer tag specified already exists for this "
                f"channel: {self.args[0]}")  # fmt: skip


class ConsumerCancelled(AMQPChannelError):
    """Never raised here; a cancelled consumer calls back."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}: Server cancelled consumer"


def _returned_repr(self: UnroutableError | NackError) -> str:
    count = len(self.messages)
    return f"{type(self).__name__}: {count} unroutable messages returned by broker"


class UnroutableError(AMQPChannelError):
    """With confirms: a mandatory message reached no queue. `messages` has what came back."""

    def __init__(self, messages: Sequence) -> None:
        super().__init__(f"{len(messages)} unroutable message(s) returned")
        self.messages = messages

    __repr__ = _returned_repr


class NackError(AMQPChannelError):
    """With confirms: a full queue refused the message. `messages` is empty, as pika's is then."""

    def __init__(self, messages: Sequence) -> None:
        super().__init__(f"{len(messages)} message(s) NACKed")
        self.messages = messages

    __repr__ = _returned_repr


class InvalidChannelNumber(AMQPError):
    """A channel's number is out of range."""

    def __repr__(self) -> str:
        return (f"{type(self).__name__}: An invalid channel number has been specified: "
                f"{self.args[0]}")  # fmt: skip


class ProtocolSyntaxError(AMQPError):
    """AMQP cannot express something."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}: An unspecified protocol syntax error occurred"


class UnexpectedFrameError(ProtocolSyntaxError):
    """Never raised here: there are no frames."""


class ProtocolVersionMismatch(ProtocolSyntaxError):
    """Never raised here."""


class BodyTooLongError(ProtocolSyntaxError):
    """Never raised here."""


class InvalidFrameError(ProtocolSyntaxError):
    """Never raised here."""


class InvalidFieldTypeException(ProtocolSyntaxError):
    """A table holds a value of a kind that is not known."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}: Unsupported field kind {self.args[0]}"


class UnsupportedAMQPFieldException(ProtocolSyntaxError):
    """A table holds a value of a kind that pika does not send, such as a float."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}: Unsupported field kind {type(self.args[-1])}"


class MethodNotImplemented(AMQPError):
    """Never raised here."""


class ChannelError(Exception):
    """Something is wrong with a channel; pika's old base of DuplicateGetOkCallback."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}: An unspecified error occurred with the Channel"


class ReentrancyError(Exception):
    """A call that dispatches events was made within a callback."""


class ShortStringTooLong(AMQPError):
    """A text of AMQP's short kind, such as a name, has more than 255 bytes."""

    def __repr__(self) -> str:
        return (f"{type(self).__name__}: AMQP Short String can contain up to 255 bytes: "
                f"{self.args[0]:.300}")  # fmt: skip


class DuplicateGetOkCallback(ChannelError):
    """Never raised here."""
