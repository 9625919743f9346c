"""What a broker does while nobody asks it to: one thread of one process on the host, for each bus
that is used by this facade, as long as any connection to it is open.

- It moves dead messages from the topic DEAD_LETTERS, where the groups put them, to the dead-letter
  exchanges of their queues.
- It has messages expire at the head of a queue with such an exchange, though nobody consumes.
- It deletes queues that expire unused.
- It takes away what dead processes owned.

The process that holds the lock of `pika/keeper` does it, the others stand by. Dies anywhere: a
standby goes on, and a message that was published but not acknowledged is published once more.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import towpath
from towpath.pika.arguments import DEAD_LETTERS, Refusal
from towpath.pika.dead_letters import bury
from towpath.pika.exceptions import ConnectionBlockedTimeout
from towpath.pika.expiring import Expiring
from towpath.pika.messages import read
from towpath.pika.names import GONE, GROUP
from towpath.pika.publishers import Publishers

if TYPE_CHECKING:
    from towpath.pika.host import Host
    from towpath.pika.open_queue import OpenQueue

_LOGGER = logging.getLogger(__name__)
_TICK_S = 0.02
_STANDBY_S = 0.05
_SWEEP_S = 0.5
_PATIENCE_S = 1.0
_CLOCK_NS = 20_000_000
_REASONS = {"expired": "expired", "dropped": "maxlen", "attempts": "delivery_limit"}


class Keeper:
    """The thread, of one virtual host of this process."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._stop = threading.Event()
        self._publishers = Publishers(host, _PATIENCE_S)
        self._letters: Any = None
        self._watched: dict[tuple[str, str], _Watched] = {}
        self._by_topic: dict[str, _Watched] = {}
        self._expiring: dict[tuple[str, str], Expiring] = {}
        self._registry_changed = 0
        self._swept = 0.0
        self._thread = threading.Thread(target=self._run, name="towpath.pika keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """It ends within a tick."""
        self._stop.set()

    def _run(self) -> None:
        path = os.path.join(self._host.registry.path, "keeper")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            return  # the bus was removed
        try:
            while not self._stop.is_set():
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self._stop.wait(_STANDBY_S)
                    continue
                self._keep()
        finally:
            self._publishers.close()
            os.close(descriptor)

    def _keep(self) -> None:
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                self._round(begun)
            except (towpath.Error, OSError) as error:
                if not os.path.isdir(self._host.registry.path):
                    self._stop.set()  # the bus was removed
                _LOGGER.debug("a round of the keeper failed: %s", error)
                self._letters = None
                self._stop.wait(_STANDBY_S)
            # Never more than a tenth of a core, however many queues there are.
            self._await_letter(max(_TICK_S, 9 * (time.monotonic() - begun)))

    def _round(self, now: float) -> None:
        if now - self._swept >= _SWEEP_S:
            self._swept = now
            registry = self._host.registry
            if not all(registry.lives(owner) for owner in registry.owners()):
                self._host.sweep()
        self._read_registry()
        for watched in list(self._watched.values()):
            if watched.has_work():
                watched.queue.give_up_the_dead()
        for expiring in list(self._expiring.values()):
            expiring.look(now)
        while self._letters is not None and self._move_letter(0):
            pass

    def _read_registry(self) -> None:
        """Looks which queues there is something to do for, if anything was declared or deleted."""
        changed = os.stat(f"{self._host.registry.path}/queues").st_mtime_ns
        if changed == self._registry_changed:
            return
        watched, self._watched = self._watched, {}
        expiring, self._expiring = self._expiring, {}
        for record in self._host.registry.records("queues"):
            if record.get("deleting"):
                continue
            has_dead, expires = (
                argument in record["arguments"]
                for argument in ("x-dead-letter-exchange", "x-expires"))  # fmt: skip
            if has_dead or expires:
                with suppress(Refusal):
                    queue = self._host.open_queue(record)
                    # By its id, too: one of the same name may have been deleted.
                    key, now = (queue.topic.name, record["id"]), time.monotonic()
                    if has_dead:
                        self._watched[key] = watched.get(key) or _Watched(queue)
                    if expires:
                        old = expiring.get(key)
                        self._expiring[key] = old or Expiring(self._host, queue, now)
        self._by_topic = {name: its for (name, _), its in self._watched.items()}
        # What changes within the same tick of the kernel's clock would look the same.
        settled = time.time_ns() - changed > _CLOCK_NS
        self._registry_changed = changed if settled else 0
        if self._watched and self._letters is None:
            topic = self._host.bus.topic(DEAD_LETTERS, create=False)
            self._letters = topic.group(GROUP, create=False).consumer(prefetch=8)

    def _await_letter(self, left: float) -> None:
        ends_at = time.monotonic() + left
        with suppress(towpath.Error):
            while self._letters is not None and (left := ends_at - time.monotonic()) > 0:
                self._move_letter(min(left, _TICK_S))
        if self._letters is None:
            self._stop.wait(left)

    def _move_letter(self, timeout: float) -> bool:
        letter = self._letters.take(timeout)
        if letter is None:
            return False
        named = dict(letter.header_items)
        watched = self._by_topic.get(str(named.get("dead.topic")))
        if watched is None:
            letter.ack()  # its queue is gone
            return True
        headers = [(name, value) for name, value in letter.header_items
                   if not name.startswith("dead.")]  # fmt: skip
        record = watched.queue.record
        exchange, routing_key, properties = read(letter, record["name"], headers)
        reason = _REASONS.get(str(named.get("dead.reason")), "rejected")
        try:
            bury(self._publishers, record, reason, exchange, routing_key, properties,
                 bytes(letter))  # fmt: skip
        except ConnectionBlockedTimeout:
            letter.release()  # where it goes is full: later
            return False
        letter.ack()
        return True


class _Watched:
    """A queue whose dead messages go somewhere."""

    def __init__(self, queue: OpenQueue) -> None:
        self.queue = queue
        self._length = queue.record["arguments"].get("x-max-length", 0)
        self._last = -1
        self._low = -1
        self._head_expires_at: float | None = None
        self._empty = True

    def has_work(self) -> bool:
        """Whether its head is dead, as far as that can be seen without taking it."""
        try:
            last = self.queue.topic.last_sequence
            if self._empty and last == self._last:
                return False
            info = self.queue.group.info()
        except GONE:
            return False
        self._last = last
        self._empty = info.lag == 0
        if info.dead or 0 < self._length < info.lag:
            return True
        if self._empty or not info.ready:
            return False
        if self.queue.life and info.oldest_age >= self.queue.life:
            return True
        if info.low != self._low:
            self._low = info.low
            self._head_expires_at = self.queue.expiry_of(info.low)
        return self._head_expires_at is not None and time.monotonic() >= self._head_expires_at
