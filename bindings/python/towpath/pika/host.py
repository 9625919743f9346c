"""A virtual host: a bus, and the registry of what was declared there. One for each process."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import towpath
from towpath.pika.arguments import (
    DEAD_LETTERS,
    Refusal,
    checked,
    compare,
    compare_queues,
    group_options,
    precondition,
    topic_options,
)
from towpath.pika.keeper import Keeper
from towpath.pika.names import (
    GONE,
    GROUP,
    KINDS,
    PREDECLARED,
    REPLY_TO,
    bus_name,
    topic_name,
)
from towpath.pika.open_queue import OpenQueue
from towpath.pika.registry import Record, Registry, new_name
from towpath.pika.turns import Turns


class Host:
    """One virtual host. Any thread may use it."""

    _open: dict[tuple[int, str, str], Host] = {}
    _opening = threading.Lock()

    def __init__(self, name: str) -> None:
        self.name = name
        self.bus = towpath.Bus(bus_name(name))
        self.registry = Registry(self.bus.path)
        self._keeping = threading.Lock()
        self._keeper: Any = None
        self._connections = 0

    @classmethod
    def of(cls, name: str) -> Host:
        """The virtual host of that name; opens its bus, which is made if it does not exist."""
        key = (os.getpid(), towpath.Bus.path_of(bus_name(name)), name)
        with cls._opening:
            if key not in cls._open or not os.path.isdir(cls._open[key].registry.path):
                cls._open[key] = cls(name)
            return cls._open[key]

    # ---- queues

    def missing_queue(self, name: str) -> Refusal:
        return Refusal(404, f"NOT_FOUND - no queue '{name}' in vhost '{self.name}'")

    def locked_queue(self, name: str) -> Refusal:
        return Refusal(405, "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue "
                       f"'{name}' in vhost '{self.name}'. It could be originally declared on "
                       "another connection or the exclusive property value does not match that "
                       "of the original declaration.")  # fmt: skip

    def find_queue(self, name: str) -> Record | None:
        """The record of a queue. A queue that a program of the bus made without this facade is as
        one that was declared without arguments.
        """
        record = self.registry.read("queues", name)
        if record and self._is_of_the_dead(record):
            self.sweep()
            record = self.registry.read("queues", name)
        if record is None:
            with suppress(*GONE, towpath.InvalidName):
                topic = self.bus.topic(topic_name(name), create=False)
                if GROUP in topic.groups():
                    return self._record(name, {})
        return None if record and record.get("deleting") else record

    def queue(self, name: str, owner: str) -> OpenQueue:
        """Opens a queue for the connection `owner`. Errors: Refusal, 404 or 405."""
        record = self.find_queue(name)
        if record is None:
            raise self.missing_queue(name)
        if record["exclusive"] and record["owner"] != owner:
            raise self.locked_queue(name)
        return self.open_queue(record)

    def open_queue(self, record: Record) -> OpenQueue:
        """Opens topic and group of a queue, whoever owns it. Errors: Refusal, 404."""
        try:
            topic = self.bus.topic(topic_name(record["name"]), create=False)
            return OpenQueue(record, topic, topic.group(GROUP, create=False))
        except GONE:
            raise self.missing_queue(record["name"]) from None

    def declare_queue(self, name: str, owner: str, *, passive: bool = False,
                      arguments: Mapping[str, Any] | None = None, **flags: bool,
                      ) -> OpenQueue:  # fmt: skip
        """`flags`: durable, exclusive, auto_delete. Errors: Refusal."""
        if passive:
            if name.startswith(REPLY_TO + "."):
                owner = (self.find_queue(name) or {}).get("owner") or owner
            return self.queue(name, owner)
        wanted = self._record(name, checked(name, self.name, arguments), **flags)
        wanted["owner"] = owner if wanted["exclusive"] else None
        with self.registry.locked():
            current = self.find_queue_locked(name)
            if current is None:
                if name.startswith("amq.") and not flags.get("server_named"):
                    raise Refusal(403, f"ACCESS_REFUSED - queue name '{name}' contains reserved "
                                  "prefix 'amq.*'")  # fmt: skip
                return self._make_queue(wanted)
        if current["exclusive"] != wanted["exclusive"] or current["owner"] != wanted["owner"]:
            raise self.locked_queue(name)
        compare_queues(name, self.name, wanted, current)
        if "x-expires" in current["arguments"]:
            self._touch(name)
        return self.open_queue(current)

    def _touch(self, name: str) -> None:
        """Its file is newer: it is in use."""
        with suppress(FileNotFoundError):
            os.utime(self.registry.path_of("queues", name))

    def find_queue_locked(self, name: str) -> Record | None:
        """As find_queue(), with the lock held."""
        record = self.registry.read("queues", name)
        if record and (record.get("deleting") or self._is_of_the_dead(record)):
            self._delete_queue(record)
            record = None
        if record is None:
            return self.find_queue(name)
        try:  # of one whose topic another program removed only the record is left
            self.bus.topic(topic_name(name), create=False)
        except GONE:
            self.registry.remove("queues", name)
            return None
        return record

    @staticmethod
    def _record(name: str, arguments: dict[str, Any], durable: bool = False,
                exclusive: bool = False, auto_delete: bool = False,
                server_named: bool = False) -> Record:  # fmt: skip
        return {"name": name, "durable": bool(durable), "exclusive": bool(exclusive),
                "auto_delete": bool(auto_delete), "arguments": arguments, "owner": None,
                "consumers": [], "consumed": False, "id": new_name("", 8)}  # fmt: skip

    def _make_queue(self, record: Record) -> OpenQueue:
        # Marked as one to delete until it is whole: who dies in between leaves what the next who
        # looks deletes.
        self.registry.write("queues", {**record, "deleting": True})
        arguments = record["arguments"]
        if "x-dead-letter-exchange" in arguments:
            self.bus.queue(DEAD_LETTERS, topic=topic_options({}))
        topic = self.bus.topic(topic_name(record["name"]), **topic_options(arguments))
        group = topic.group(GROUP, **group_options(arguments))
        self.registry.write("queues", record)
        return OpenQueue(record, topic, group)

    def expire_queue(self, name: str) -> None:
        """Deletes a queue, unless somebody consumes it by now."""
        with self.registry.locked():
            record = self.registry.read("queues", name)
            if record and not self.consumers_of(record):
                self._delete_queue(record)

    def delete_queue(self, name: str, owner: str, if_unused: bool, if_empty: bool) -> int:
        """How many messages went with it. Errors: Refusal, 405 or 406."""
        with self.registry.locked():
            record = self.find_queue_locked(name)
            if record is None:
                return 0
            if record["exclusive"] and record["owner"] != owner:
                raise self.locked_queue(name)
            if if_unused and self.consumers_of(record):
                raise precondition(f"queue '{name}' in vhost '{self.name}' in use")
            count = self.open_queue(record).ready()
            if if_empty and count:
                raise precondition(f"queue '{name}' in vhost '{self.name}' not empty")
            self._delete_queue(record)
        return count

    def _delete_queue(self, record: Record) -> None:
        # Marked first: who dies behind it leaves what the next who looks deletes.
        self.registry.write("queues", {**record, "deleting": True})
        name = topic_name(record["name"])
        try:
            self.bus.remove_topic(name)
        except towpath.NotFound:
            # Removed already; or who made it died half way, and nobody sees its parts: make it
            # whole, to remove it.
            self.bus.topic(name, **topic_options(record["arguments"])).close()
            self.bus.remove_topic(name)
        except towpath.Removed:
            pass  # by another at this moment
        self.registry.remove("turns", record["name"])
        self.registry.remove("queues", record["name"])
        for exchange in self.registry.records("exchanges"):
            if exchange["auto_delete"]:
                self.delete_if_unbound(exchange["name"])

    # ---- consumers of queues

    def consumers_of(self, record: Record) -> list[Record]:
        """Those of living connections."""
        return [consumer for consumer in record["consumers"]
                if self.registry.lives(consumer["owner"])]  # fmt: skip

    def add_consumer(self, queue: OpenQueue, owner: str, tag: str, exclusive: bool) -> Turns | None:
        """Returns its place among others, if there may be any. Errors: Refusal, 403 where one of
        two would be exclusive.
        """
        with self.registry.locked():
            record = self.registry.read("queues", queue.name) or queue.record
            consumers = self.consumers_of(record)
            single = record["arguments"].get("x-single-active-consumer")
            if any(other["exclusive"] for other in consumers) or (
                exclusive and (consumers or single)
            ):
                raise Refusal(403, f"ACCESS_REFUSED - queue '{queue.name}' in vhost "
                              f"'{self.name}' in exclusive use")  # fmt: skip
            consumers.append({"owner": owner, "tag": tag, "exclusive": exclusive})
            self.registry.write("queues", {**record, "consumers": consumers, "consumed": True})
            if exclusive or single or record["exclusive"]:
                return None
            path = self.registry.path_of("turns", queue.name)
            return Turns(path, owner, queue.topic.last_sequence)

    def remove_consumer(self, name: str, owner: str, tag: str) -> None:
        """An auto-delete queue goes with its last one."""
        with self.registry.locked():
            record = self.registry.read("queues", name)
            if record is None:
                return
            record["consumers"] = [
                consumer for consumer in self.consumers_of(record)
                if (consumer["owner"], consumer["tag"]) != (owner, tag)
            ]  # fmt: skip
            if record["auto_delete"] and not record["consumers"]:
                self._delete_queue(record)
            else:
                self.registry.write("queues", record)

    # ---- owners

    def begin_owner(self) -> str:
        """A connection begins; returns what it owns by."""
        self.sweep()
        with self._keeping:
            self._connections += 1
            if self._keeper is None:
                self._keeper = Keeper(self)
        return self.registry.new_owner()

    def _is_of_the_dead(self, record: Record) -> bool:
        if record["owner"] is not None:
            return not self.registry.lives(record["owner"])
        return record["auto_delete"] and record["consumed"] and not self.consumers_of(record)

    def end_owner(self, owner: str) -> None:
        """A connection has ended: its exclusive queues go with it."""
        with self._keeping:
            self._connections -= 1
            if self._connections == 0:
                self._keeper.stop()
                self._keeper = None
        self.registry.end_owner(owner)
        with self.registry.locked():
            for record in self.registry.records("queues"):
                if record["owner"] == owner:
                    self._delete_queue(record)

    def sweep(self) -> None:
        """Takes away what dead processes owned, and what somebody died over while deleting it."""
        dead = [owner for owner in self.registry.owners() if not self.registry.lives(owner)]
        with self.registry.locked():
            for record in self.registry.records("queues"):
                if record.get("deleting") or self._is_of_the_dead(record):
                    self._delete_queue(record)
        for owner in dead:
            self.registry.end_owner(owner)

    # ---- exchanges

    def missing_exchange(self, name: str) -> Refusal:
        return Refusal(404, f"NOT_FOUND - no exchange '{name}' in vhost '{self.name}'")

    def exchange(self, name: str) -> Any:
        """Opens an exchange. Errors: Refusal, 404."""
        try:
            if name in PREDECLARED:
                return self.bus.exchange(name, PREDECLARED[name])
            return self.bus.exchange(name, create=False)
        except GONE:
            raise self.missing_exchange(name) from None

    def exchange_record(self, name: str) -> Record:
        """What an exchange was declared with. Errors: Refusal, 404."""
        exchange = self.exchange(name)
        record = self.registry.read("exchanges", name)
        return record or self._exchange_record(name, exchange.kind, durable=name in PREDECLARED)

    @staticmethod
    def _exchange_record(name: str, kind: str, durable: bool = False, auto_delete: bool = False,
                         internal: bool = False, arguments: Mapping[str, Any] | None = None,
                         ) -> Record:  # fmt: skip
        return {"name": name, "type": kind, "durable": bool(durable),
                "auto_delete": bool(auto_delete), "internal": bool(internal),
                "arguments": dict(arguments or {})}  # fmt: skip

    def declare_exchange(self, name: str, kind: str, **declared: Any) -> None:
        """`declared`: durable, auto_delete, internal, arguments. Errors: Refusal."""
        if kind not in KINDS:
            raise Refusal(503, f"COMMAND_INVALID - invalid exchange type '{kind}'", True)
        wanted = self._exchange_record(name, kind, **declared)
        with self.registry.locked():
            try:
                current = self.exchange_record(name)
            except Refusal:
                self._make_exchange(wanted)
                return
        what = f"exchange '{name}' in vhost '{self.name}'"
        compare(what, wanted, current, ("type", "durable", "auto_delete", "internal"))
        compare(what, wanted["arguments"], current["arguments"], ("alternate-exchange",))

    def _make_exchange(self, record: Record) -> None:
        name = record["name"]
        if name.startswith("amq."):
            raise Refusal(403, f"ACCESS_REFUSED - exchange name '{name}' contains reserved "
                          "prefix 'amq.*'")  # fmt: skip
        alternate = record["arguments"].get("alternate-exchange")
        if alternate in PREDECLARED:
            self.exchange(alternate)
        self.bus.exchange(name, record["type"], alternate=alternate)
        self.registry.write("exchanges", record)

    def delete_exchange(self, name: str, if_unused: bool) -> None:
        """Errors: Refusal, 403 or 406. One that is missing is deleted."""
        if name in PREDECLARED:
            raise Refusal(403, f"ACCESS_REFUSED - deletion of system exchange '{name}' in vhost "
                          f"'{self.name}' not allowed")  # fmt: skip
        with self.registry.locked():
            if if_unused and name in self.bus.exchanges() and self.exchange(name).bindings():
                raise precondition(f"exchange '{name}' in vhost '{self.name}' in use")
            self._delete_exchange(name)

    def _delete_exchange(self, name: str) -> None:
        with suppress(*GONE):
            self.bus.remove_exchange(name)
        self.registry.remove("exchanges", name)

    def delete_if_unbound(self, name: str) -> None:
        """With the lock held: an auto-delete exchange goes with its last binding."""
        with suppress(Refusal):
            record, exchange = self.exchange_record(name), self.exchange(name)
            if record["auto_delete"] and record.get("bound") and not exchange.bindings():
                self._delete_exchange(name)

    @contextmanager
    def binding(self, name: str, made: bool) -> Iterator[Any]:
        """Changes bindings of the exchange that it gives. Errors: Refusal, 404."""
        with self.registry.locked():
            exchange = self.exchange(name)
            yield exchange
            record = self.exchange_record(name)
            if made and record["auto_delete"] and not record.get("bound"):
                self.registry.write("exchanges", {**record, "bound": True})
        if not made:
            with self.registry.locked():
                self.delete_if_unbound(name)

    def server_name(self) -> str:
        """A queue's name, as a broker makes one up."""
        return new_name("amq.gen-", 22)
