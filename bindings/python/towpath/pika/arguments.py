"""What a queue is declared with: checked as by RabbitMQ, and what it means for topic and group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from towpath.pika.properties import SHORTEST_LIFE_S
from towpath.pika.registry import Record
from towpath.pika.values import from_json, to_json, type_name

# The topic that the groups of all queues with a dead-letter exchange give their dead messages to.
DEAD_LETTERS = "amq.dead-letters"
# A queue keeps so many messages, or so many bytes of larger ones for each publisher; then who
# publishes waits. By arguments of a declaration: x-towpath-depth and the like.
DEPTH = 16384
POOL_BYTES = 8 << 20
MAX_MESSAGE_BYTES = 2 << 20
SLOT_BYTES = 128
_MOST_ATTEMPTS = 30
_LONGEST_GROUP_LIFE_S = 8 * 3600
_LIFE_WITHOUT_LENGTH_S = 0.0005
_LARGEST_DEPTH = 4194304
_TTL_MOST = (1 << 32) - 1

# Those that a declaration must agree in, in the order in which RabbitMQ looks.
_COMPARED = ("x-expires", "x-message-ttl", "x-dead-letter-exchange", "x-dead-letter-routing-key",
             "x-max-length", "x-max-length-bytes", "x-max-priority", "x-overflow",
             "x-single-active-consumer", "x-queue-type")  # fmt: skip


class Refusal(Exception):
    """What a broker would refuse with: a code and a text of AMQP. `connection`: it closes that."""

    def __init__(self, code: int, text: str, connection: bool = False) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.connection = connection


def precondition(text: str) -> Refusal:
    return Refusal(406, f"PRECONDITION_FAILED - {text}")


def _integer(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return f'"expected integer, got {type_name(value)}"'
    return f"{{value_negative,{value}}}" if value < 0 else None


def _time(value: object) -> str | None:
    refused = _integer(value)
    if refused is None and value > _TTL_MOST:
        return f"{{value_too_big,{value}}}"
    return refused


def _expiry(value: object) -> str | None:
    return _time(value) or ("{value_zero,0}" if value == 0 else None)


def _priority(value: object) -> str | None:
    refused = _integer(value)
    return refused or (f"{{max_value_exceeded,{value}}}" if value > 255 else None)


def _overflow(value: object) -> str | None:
    if not isinstance(value, str):
        return f"{{unacceptable_type,{type_name(value)}}}"
    known = ("drop-head", "reject-publish", "reject-publish-dlx")
    return None if value in known else "invalid_overflow"


def _boolean(value: object) -> str | None:
    return None if isinstance(value, bool) else f"{{unacceptable_type,{type_name(value)}}}"


def _queue_type(value: object) -> str | None:
    known = ("classic", "quorum")
    return None if value in known else f"\"unsupported queue type '{value}'\""


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "x-message-ttl": _time, "x-expires": _expiry, "x-max-length": _integer,
    "x-max-length-bytes": _integer, "x-max-priority": _priority, "x-overflow": _overflow,
    "x-single-active-consumer": _boolean, "x-queue-type": _queue_type,
}  # fmt: skip


def checked(name: str, vhost: str, arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    """The arguments of a queue as a record keeps them. Errors: Refusal, 406 or 540."""
    kept = {key: to_json(value) for key, value in (arguments or {}).items()}
    where = f"for queue '{name}' in vhost '{vhost}'"
    for key in ("x-dead-letter-exchange", "x-dead-letter-routing-key"):
        if key in kept and not isinstance(kept[key], str):
            kind = type_name(arguments[key])
            raise precondition(f"invalid type '{kind}' for arg '{key}' in queue '{name}' "
                               f"in vhost '{vhost}'")  # fmt: skip
    if "x-dead-letter-routing-key" in kept and "x-dead-letter-exchange" not in kept:
        raise precondition(f"invalid arg 'x-dead-letter-routing-key' {where}: "
                           "routing_key_but_no_dlx_defined")  # fmt: skip
    for key, refused in _CHECKS.items():
        reason = refused(arguments[key]) if key in kept else None
        if reason:
            raise precondition(f"invalid arg '{key}' {where}: {reason}")
    if "x-max-length-bytes" in kept:
        raise Refusal(540, f"NOT_IMPLEMENTED - towpath.pika has no 'x-max-length-bytes' ({where})",
                      True)  # fmt: skip
    return kept


def compare(what: str, received: Mapping[str, Any], current: Mapping[str, Any], keys: Any) -> None:
    """Refuses what was declared otherwise; `what` names the queue or exchange."""
    for key in keys:
        new, old = from_json(received.get(key)), from_json(current.get(key))
        if new == old:
            continue
        if new is not None and old is not None:
            said = f"received '{_shown(new)}' but current is '{_shown(old)}'"
        else:
            said = f"received {_described(new)} but current is {_described(old)}"
        raise precondition(f"inequivalent arg '{key}' for {what}: {said}")


def compare_queues(name: str, vhost: str, received: Record, current: Record) -> None:
    what = f"queue '{name}' in vhost '{vhost}'"
    compare(what, received, current, ("durable", "auto_delete"))
    compare(what, received["arguments"], current["arguments"], _COMPARED)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _described(value: object) -> str:
    return "none" if value is None else f"the value '{_shown(value)}' of type '{type_name(value)}'"


def topic_options(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """How the topic of a queue is made."""
    depth = max(arguments.get("x-towpath-depth", DEPTH), 2 * arguments.get("x-max-length", 0))
    most = arguments.get("x-towpath-max-message-bytes", MAX_MESSAGE_BYTES)
    pool = arguments.get("x-towpath-pool-bytes", max(POOL_BYTES, 4 * most))
    options = {"depth": min(depth, _LARGEST_DEPTH), "slot_bytes": SLOT_BYTES,
               "max_message_bytes": most, "pool_bytes": pool}  # fmt: skip
    if life_of(arguments):
        options["stamps"] = "all"  # by which the group knows a message's age
    return options


def life_of(arguments: Mapping[str, Any]) -> float:
    """How long a queue keeps a message, in seconds; 0: as long as need be."""
    if arguments.get("x-max-length") == 0:
        return _LIFE_WITHOUT_LENGTH_S  # it keeps nothing, but for a consumer that waits
    life = arguments.get("x-message-ttl")
    if life is None:
        return 0
    return min(max(life / 1000, SHORTEST_LIFE_S), _LONGEST_GROUP_LIFE_S)


def delivery_limit(arguments: Mapping[str, Any]) -> int | None:
    """How often a message may be given back; None: any number of times."""
    limit = arguments.get("x-delivery-limit")
    if arguments.get("x-queue-type") != "quorum" or not isinstance(limit, int) or limit < 0:
        return None
    return limit


def group_options(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """How the group of a queue is made."""
    limit = delivery_limit(arguments)
    options: dict[str, Any] = {
        "start": "oldest",
        "max_attempts": _MOST_ATTEMPTS if limit is None else min(limit + 1, _MOST_ATTEMPTS),
        "time_to_live": life_of(arguments),
        "by_priority": arguments.get("x-max-priority", 0) > 0,
    }
    if arguments.get("x-single-active-consumer"):
        options["mode"] = "single_active"
    if arguments.get("x-max-length"):
        rejects = arguments.get("x-overflow", "drop-head") != "drop-head"
        options["max_length"] = arguments["x-max-length"]
        options["overflow"] = "reject" if rejects else "drop_oldest"
    if "x-dead-letter-exchange" in arguments:
        options["dead_letter"] = DEAD_LETTERS
    return options
