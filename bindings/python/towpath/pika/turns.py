"""Whose turn it is. A broker serves the consumers that wait for a queue one after the other; here
they all see a message at once, and the fastest would have every one.

    pika/turns/NAME     of a queue: places for 64 consumers. Byte N is 1 while consumer N waits, and
                        locked (OFD) by it as long as it lives; number N behind them is the sequence
                        of the message that it had last, or that was the last when it came

A consumer that comes upon a message leaves it to one of another connection that waits and had none
for longer. Whoever dies while it waits, or is stopped, holds up the others for GIVE_WAY_S.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import time

GIVE_WAY_S = 0.02
_LOOK_S = 0.00005
_PLACES = 64
_BYTES = _PLACES + _PLACES * 8
_NOBODY = bytes(_PLACES)

# The places of each connection: it serves its own consumers by turns itself.
_ours: dict[str, set[int]] = {}


class Turns:
    """The place of one consumer, taken with the registry's lock held; used by its connection's
    thread. Without a place, when there are too many consumers, it leaves nothing to anybody.
    """

    def __init__(self, path: str, owner: str, last_sequence: int) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        self._file.truncate(_BYTES)
        self._map = mmap.mmap(descriptor, _BYTES)
        self._last = memoryview(self._map)[_PLACES:].cast("Q")
        self._key = f"{owner} {path}"
        self._gives_way_since: float | None = None
        self._place = next((place for place in range(_PLACES) if self._claim(place)), -1)
        if self._place >= 0:
            self._map[self._place] = 0
            self._last[self._place] = last_sequence
            _ours.setdefault(self._key, set()).add(self._place)

    def _ask(self, command: int, place: int) -> int:
        asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0)
        return struct.unpack("hhqqi4x", fcntl.fcntl(self._file, command, asked))[0]

    def _claim(self, place: int) -> bool:
        try:
            self._ask(fcntl.F_OFD_SETLK, place)
        except OSError:
            return False
        return True

    def waits(self, does: bool) -> None:
        """The consumer has nothing to do; or waits no more."""
        if self._place >= 0:
            self._map[self._place] = does

    def served(self, sequence: int) -> None:
        """It has got a message."""
        if self._place >= 0:
            self._map[self._place] = 0
            self._last[self._place] = sequence

    def others_wait(self) -> bool:
        """Whether any consumer of another connection does. Cheap where none does."""
        waiting = self._map[:_PLACES]
        if waiting == _NOBODY or self._place < 0:
            return False
        ours = _ours[self._key]
        return any(waits and place not in ours for place, waits in enumerate(waiting))

    def gives_way(self) -> bool:
        """Whether the message that is there is another one's. Then some time has gone by."""
        first = self._first()
        now = time.monotonic()
        if first and self._gives_way_since is None:
            self._gives_way_since = now
        if not first or now - self._gives_way_since > GIVE_WAY_S:
            self._gives_way_since = None
            for place in first:
                if self._ask(fcntl.F_OFD_GETLK, place) == fcntl.F_UNLCK:
                    self._map[place] = 0  # it died
            return False
        time.sleep(_LOOK_S)
        return True

    def _first(self) -> list[int]:
        """Places of other connections whose consumers wait and had nothing for longer."""
        last, ours = self._last, _ours[self._key]
        mine = last[self._place], self._place
        return [place for place, waits in enumerate(self._map[:_PLACES])
                if waits and place not in ours and (last[place], place) < mine]  # fmt: skip

    def close(self) -> None:
        """Gives the place back."""
        if self._place >= 0:
            self._map[self._place] = 0
            _ours[self._key].discard(self._place)
        self._last.release()
        self._map.close()
        self._file.close()
