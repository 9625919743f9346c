"""Channels. `Channel` is pika's name of what callbacks are given, for annotations."""

from __future__ import annotations

from typing import Any

from towpath.pika.consuming import ConsumingCalls
from towpath.pika.exchanges import ExchangeCalls
from towpath.pika.publishing import PublishingCalls
from towpath.pika.queues import QueueCalls
from towpath.pika.settling import SettlingCalls

MAX_CHANNELS = 65535


class BlockingChannel(QueueCalls, ExchangeCalls, PublishingCalls, ConsumingCalls, SettlingCalls):
    """A channel of a connection, made by BlockingConnection.channel(): delivery tags, consumers and
    a transaction of its own. Used by one thread at a time. A refusal closes it, as a broker's does.
    """

    def __enter__(self) -> BlockingChannel:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.is_open:
            self.close()

    def __int__(self) -> int:
        return self.channel_number

    def __repr__(self) -> str:
        state = "OPEN" if self.is_open else "CLOSED"
        return f"<BlockingChannel number={self.channel_number} {state} conn={self.connection!r}>"

    def close(self, reply_code: int = 0, reply_text: str = "Normal shutdown") -> None:
        """Ends its consumers and gives back what it holds."""
        self.raise_if_closed()
        self.raise_if_refused()
        self.end()

    def end(self) -> None:
        """As close(), whatever state it is in."""
        for consumer in list(self.consumers.values()):
            self.end_consumer(consumer)
        self.give_back_all()
        self.operations = None
        self.is_open = False
        self.connection.forget_channel(self)


Channel = BlockingChannel
