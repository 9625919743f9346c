"""AMQP's methods, as far as programs meet them, its constants, and BasicProperties."""

from __future__ import annotations

from collections.abc import Callable

from towpath.pika.properties import BasicProperties

PROTOCOL_VERSION = (0, 9, 1)
PORT = 5672

ACCESS_REFUSED = 403
CHANNEL_ERROR = 504
COMMAND_INVALID = 503
CONNECTION_FORCED = 320
CONTENT_TOO_LARGE = 311
FRAME_ERROR = 501
FRAME_MAX_SIZE = 131072
FRAME_MIN_SIZE = 4096
INTERNAL_ERROR = 541
INVALID_PATH = 402
NOT_ALLOWED = 530
NOT_FOUND = 404
NOT_IMPLEMENTED = 540
NO_CONSUMERS = 313
NO_ROUTE = 312
PERSISTENT_DELIVERY_MODE = 2
PRECONDITION_FAILED = 406
REPLY_SUCCESS = 200
RESOURCE_ERROR = 506
RESOURCE_LOCKED = 405
SYNTAX_ERROR = 502
TRANSIENT_DELIVERY_MODE = 1
UNEXPECTED_FRAME = 505


class _Method:
    """A method: its fields are its slots, in alphabetical order in texts."""

    __slots__ = ()
    NAME = ""

    def __init__(self, **fields: object) -> None:
        for name in self.__slots__:
            setattr(self, name, fields.pop(name, None))
        if fields:
            raise TypeError(f"{self.NAME} has no {', '.join(fields)}")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        fields = [f"{name}={getattr(self, name)}" for name in sorted(self.__slots__)
                  if getattr(self, name) is not None]  # fmt: skip
        return f"<{self.NAME}({fields})>"


class Basic:
    """Methods about messages."""

    class Deliver(_Method):
        """Comes with a message that is handed to a consumer."""

        __slots__ = ("consumer_tag", "delivery_tag", "redelivered", "exchange", "routing_key")
        NAME = "Basic.Deliver"

        def __init__(self, consumer_tag: str | None = None, delivery_tag: int | None = None,
                     redelivered: bool = False, exchange: str | None = None,
                     routing_key: str | None = None) -> None:  # fmt: skip
            self.consumer_tag = consumer_tag
            self.delivery_tag = delivery_tag
            self.redelivered = redelivered
            self.exchange = exchange
            self.routing_key = routing_key

    class GetOk(_Method):
        """Comes with a message that `basic_get` took. `message_count`, of those that are ready
        behind it, may be counted when it is first looked at.
        """

        __slots__ = ("delivery_tag", "redelivered", "exchange", "routing_key", "_count")
        NAME = "Basic.GetOk"

        def __init__(self, delivery_tag: int | None = None, redelivered: bool = False,
                     exchange: str | None = None, routing_key: str | None = None,
                     message_count: int | Callable[[], int] | None = None) -> None:  # fmt: skip
            self.delivery_tag = delivery_tag
            self.redelivered = redelivered
            self.exchange = exchange
            self.routing_key = routing_key
            self._count = message_count

        @property
        def message_count(self) -> int | None:
            if callable(self._count):
                self._count = self._count()
            return self._count

    # Its fields, for what shows or compares them; the one that is counted late among them.
    GetOk.__slots__ = ("delivery_tag", "redelivered", "exchange", "routing_key", "message_count")

    class GetEmpty(_Method):
        __slots__ = ("cluster_id",)
        NAME = "Basic.GetEmpty"

    class Return(_Method):
        """Comes with a message that reached no queue, though it was mandatory."""

        __slots__ = ("reply_code", "reply_text", "exchange", "routing_key")
        NAME = "Basic.Return"

    class Cancel(_Method):
        """Says that a consumer's queue is gone."""

        __slots__ = ("consumer_tag", "nowait")
        NAME = "Basic.Cancel"

    class Ack(_Method):
        __slots__ = ("delivery_tag", "multiple")
        NAME = "Basic.Ack"

    class Nack(_Method):
        __slots__ = ("delivery_tag", "multiple", "requeue")
        NAME = "Basic.Nack"

    class Reject(_Method):
        __slots__ = ("delivery_tag", "requeue")
        NAME = "Basic.Reject"

    class CancelOk(_Method):
        __slots__ = ("consumer_tag",)
        NAME = "Basic.CancelOk"

    class ConsumeOk(_Method):
        __slots__ = ("consumer_tag",)
        NAME = "Basic.ConsumeOk"

    class QosOk(_Method):
        NAME = "Basic.QosOk"
        __slots__ = ()

    class RecoverOk(_Method):
        NAME = "Basic.RecoverOk"
        __slots__ = ()


class Queue:
    """Answers about queues."""

    class DeclareOk(_Method):
        __slots__ = ("queue", "message_count", "consumer_count")
        NAME = "Queue.DeclareOk"

    class BindOk(_Method):
        __slots__ = ()
        NAME = "Queue.BindOk"

    class UnbindOk(_Method):
        __slots__ = ()
        NAME = "Queue.UnbindOk"

    class PurgeOk(_Method):
        __slots__ = ("message_count",)
        NAME = "Queue.PurgeOk"

    class DeleteOk(_Method):
        __slots__ = ("message_count",)
        NAME = "Queue.DeleteOk"


class Exchange:
    """Answers about exchanges."""

    class DeclareOk(_Method):
        __slots__ = ()
        NAME = "Exchange.DeclareOk"

    class DeleteOk(_Method):
        __slots__ = ()
        NAME = "Exchange.DeleteOk"

    class BindOk(_Method):
        __slots__ = ()
        NAME = "Exchange.BindOk"

    class UnbindOk(_Method):
        __slots__ = ()
        NAME = "Exchange.UnbindOk"


class Tx:
    """Answers about transactions."""

    class SelectOk(_Method):
        __slots__ = ()
        NAME = "Tx.SelectOk"

    class CommitOk(_Method):
        __slots__ = ()
        NAME = "Tx.CommitOk"

    class RollbackOk(_Method):
        __slots__ = ()
        NAME = "Tx.RollbackOk"


class Confirm:
    """The answer to `confirm_delivery`."""

    class SelectOk(_Method):
        __slots__ = ()
        NAME = "Confirm.SelectOk"


class Connection:
    """What a connection tells its callbacks."""

    class Blocked(_Method):
        __slots__ = ("reason",)
        NAME = "Connection.Blocked"

    class Unblocked(_Method):
        __slots__ = ()
        NAME = "Connection.Unblocked"


__all__ = ["Basic", "BasicProperties", "Confirm", "Connection", "Exchange", "Queue", "Tx"]
