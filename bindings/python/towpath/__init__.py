"""Towpath: a shared-memory message bus for the processes of one Linux host.

>>> import towpath
>>> bus = towpath.Bus("robot")
>>> state = bus.topic("state")
>>> subscriber = state.subscriber()
>>> state.publisher().publish("moving")
>>> subscriber.take(timeout=1).text
'moving'

Durations are seconds; None is for ever, and 0 does not wait. Errors are classes below Error.
"""

from __future__ import annotations

from towpath import _calls, _waiting, errors
from towpath._towpath import (
    Bus,
    Client,
    Consumer,
    Delivery,
    Exchange,
    ExchangePublisher,
    Group,
    Loan,
    Message,
    PendingCall,
    Publisher,
    Request,
    SeekTo,
    Server,
    Settlement,
    Start,
    Subscriber,
    Topic,
    Waitable,
    __version__,
    wait_any,
)
from towpath.errors import *  # noqa: F403
from towpath.info import (
    Binding,
    ConsumerInfo,
    GroupInfo,
    GroupOptions,
    HealReport,
    ProcessInfo,
    PublisherInfo,
    SubscriberInfo,
    TopicInfo,
)
from towpath.queues import Queue

__all__ = [
    "Binding",
    "Bus",
    "Client",
    "Consumer",
    "ConsumerInfo",
    "Delivery",
    "Exchange",
    "ExchangePublisher",
    "Group",
    "GroupInfo",
    "GroupOptions",
    "HealReport",
    "Loan",
    "Message",
    "PendingCall",
    "ProcessInfo",
    "Publisher",
    "PublisherInfo",
    "Queue",
    "Request",
    "SeekTo",
    "Server",
    "Settlement",
    "Start",
    "Subscriber",
    "SubscriberInfo",
    "Topic",
    "TopicInfo",
    "Waitable",
    "__version__",
    "wait_any",
]
__all__ += errors.__all__

_waiting.make_awaitable(Subscriber)
_waiting.make_awaitable(Consumer)
_waiting.make_awaitable(Server)
