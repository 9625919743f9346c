"""Names: what RabbitMQ's are on the bus."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

import towpath

# The bus of the virtual host "/".
DEFAULT_BUS = "rabbitmq"
GROUP = "queue"
REPLY_TO = "amq.rabbitmq.reply-to"
KINDS = ("direct", "fanout", "headers", "topic")
PREDECLARED = {"amq.direct": "direct", "amq.fanout": "fanout", "amq.topic": "topic",
               "amq.headers": "headers", "amq.match": "headers"}  # fmt: skip
GONE = (towpath.Removed, towpath.NotFound)
_LONGEST_TOPIC = 240


def bus_name(virtual_host: str) -> str:
    """The name of the bus that a virtual host is."""
    return DEFAULT_BUS if virtual_host == "/" else quote(virtual_host, safe=" ")


def topic_name(queue: str) -> str:
    """The topic of a queue: of that name, unless it is too long for one."""
    if len(quote(queue, safe=" ")) <= _LONGEST_TOPIC:
        return queue
    return "long-" + hashlib.sha256(queue.encode("utf-8", "surrogateescape")).hexdigest()
