"""What queues and exchanges were declared with, who owns them and who consumes: small JSON files in
the directory `pika` of the bus, beside the topics and exchanges that they are about.

    pika/lock                 held (flock) by who changes something
    pika/queues/NAME          durable, exclusive, auto_delete, arguments, owner, consumers, ...
    pika/exchanges/NAME       type, durable, auto_delete, internal, arguments
    pika/turns/NAME           whose turn it is to get a message of a queue: see turns.py
    pika/connections/ID       held (lockf) by the process of a connection, as long as it lives

A file is replaced as a whole, by rename: whoever dies leaves the old or the new one, and the kernel
drops the lock. What the dead owned, the next who looks takes away (`Host.sweep`).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

Record = dict[str, Any]
_LONGEST_FILE_NAME = 200


def new_name(prefix: str, count: int) -> str:
    """A name that nobody has: `count` random characters behind the prefix."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return prefix + "".join(letters[byte & 63] for byte in os.urandom(count))


def file_name(name: str) -> str:
    """The file name of a queue or exchange, one to one."""
    quoted = "-" + quote(name, safe=" ")
    if len(quoted) <= _LONGEST_FILE_NAME:
        return quoted
    return "=" + hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()


class Registry:
    """The files of one bus. Any thread may use it; changes are made within `locked()`."""

    # Owners that this process holds, by process, as a fork's child holds none: the kernel would
    # say "free" to the holder, and to close a second descriptor would let go of the lock.
    _mine: dict[tuple[int, str], int] = {}

    def __init__(self, bus_path: str) -> None:
        self.path = os.path.join(bus_path, "pika")
        mode = os.stat(bus_path).st_mode & 0o777
        for folder in ("", "queues", "exchanges", "turns", "connections"):
            with suppress(FileExistsError):
                os.mkdir(os.path.join(self.path, folder), mode)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes anything meanwhile. Dies within: the kernel lets go of the lock."""
        descriptor = os.open(os.path.join(self.path, "lock"), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def read(self, kind: str, name: str) -> Record | None:
        """The record of a queue ("queues") or exchange ("exchanges"); None: there is none."""
        try:
            with open(self.path_of(kind, name), encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    def write(self, kind: str, record: Record) -> None:
        """Replaces the record of `record["name"]`. Dies before the rename: the old one stays."""
        path = self.path_of(kind, record["name"])
        draft = f"{self.path}/draft"  # one is enough: it is written with the lock held
        with open(draft, "w", encoding="utf-8") as file:
            json.dump(record, file)
        os.rename(draft, path)

    def remove(self, kind: str, name: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self.path_of(kind, name))

    def records(self, kind: str) -> Iterator[Record]:
        """All of a kind."""
        folder = os.path.join(self.path, kind)
        for entry in os.listdir(folder):
            with suppress(FileNotFoundError), open(f"{folder}/{entry}", encoding="utf-8") as file:
                yield json.load(file)

    def path_of(self, kind: str, name: str) -> str:
        """Of the record's file."""
        return f"{self.path}/{kind}/{file_name(name)}"

    def new_owner(self) -> str:
        """Makes this process the owner `ID`, until end_owner() or its death."""
        owner = new_name("", 16)
        path = f"{self.path}/connections/{owner}"
        descriptor = os.open(path + ".draft", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        fcntl.lockf(descriptor, fcntl.LOCK_EX)
        self._mine[os.getpid(), path] = descriptor
        os.rename(path + ".draft", path)  # named last: nobody finds it dead while it lives
        return owner

    def end_owner(self, owner: str) -> None:
        path = f"{self.path}/connections/{owner}"
        descriptor = self._mine.pop((os.getpid(), path), None)
        with suppress(FileNotFoundError):
            os.unlink(path)
        if descriptor is not None:
            os.close(descriptor)

    def forget_owner(self, owner: str, process: int) -> None:
        """Ends it, unless this is a forked child of its process. Takes no lock, and may be called
        by the garbage collection.
        """
        if os.getpid() == process:
            self.end_owner(owner)

    def lives(self, owner: str) -> bool:
        """False once that owner has ended, or its process has died."""
        path = f"{self.path}/connections/{owner}"
        if (os.getpid(), path) in self._mine:
            return True
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            answer = fcntl.fcntl(descriptor, fcntl.F_GETLK, asked)
            return struct.unpack("hhqqi4x", answer)[0] != fcntl.F_UNLCK
        finally:
            os.close(descriptor)

    def owners(self) -> list[str]:
        """All owners whose files are there, living or dead."""
        return [entry for entry in os.listdir(f"{self.path}/connections")
                if not entry.endswith(".draft")]  # fmt: skip
