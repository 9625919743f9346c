"""Dead messages: where they go, and what their headers say of their death."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

import towpath
from towpath.pika.arguments import Refusal
from towpath.pika.properties import BasicProperties, attributes_of
from towpath.pika.publishers import Publishers
from towpath.pika.registry import Record


def bury(publishers: Publishers, queue: Record, reason: str, exchange: str, routing_key: str,
         properties: BasicProperties, body: Any) -> None:  # fmt: skip
    """Publishes a dead message to the dead-letter exchange of its queue, which may be missing: then
    it is gone, and so it is when it has gone in a circle without anybody rejecting it.
    """
    arguments = queue["arguments"]
    target = arguments["x-dead-letter-exchange"]
    if reason != "rejected" and _went_in_a_circle(queue["name"], properties):
        return
    _note_death(queue["name"], reason, exchange, routing_key, properties)
    with suppress(Refusal, towpath.Full):
        publishers.publish(target, arguments.get("x-dead-letter-routing-key", routing_key), body,
                           attributes_of(properties))  # fmt: skip


def _went_in_a_circle(queue: str, properties: BasicProperties) -> bool:
    deaths = (properties.headers or {}).get("x-death") or []
    rejected = any(death.get("reason") == "rejected" for death in deaths)
    return not rejected and any(death.get("queue") == queue for death in deaths)


def _note_death(queue: str, reason: str, exchange: str, routing_key: str,
                properties: BasicProperties) -> None:  # fmt: skip
    headers = dict(properties.headers or {})
    deaths = list(headers.get("x-death") or [])
    death: dict[str, Any] = {"count": 1, "reason": reason, "queue": queue}
    for old in deaths:
        if (old.get("queue"), old.get("reason")) == (queue, reason):
            deaths.remove(old)
            death = {**old, "count": old["count"] + 1}
            break
    else:
        death["time"] = datetime.fromtimestamp(int(time.time()), timezone.utc).replace(tzinfo=None)
        death["exchange"] = exchange
        death["routing-keys"] = [routing_key]
    if properties.expiration is not None:
        if reason == "expired":
            death.setdefault("original-expiration", properties.expiration)
        properties.expiration = None
    headers["x-death"] = [death, *deaths]
    for field, value in (("reason", reason), ("queue", queue), ("exchange", exchange)):
        headers.setdefault(f"x-first-death-{field}", value)
    properties.headers = headers
