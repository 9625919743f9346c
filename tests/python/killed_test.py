"""Python processes killed at any instruction leave nothing behind, and lose nobody's messages."""

from __future__ import annotations

import collections
import os
import pathlib
import random
import subprocess
import sys
import time
from typing import List

import pytest
import towpath
from victim import FRAME_BYTES, KINDS

VICTIM = pathlib.Path(__file__).with_name("victim.py")
#: Kills of a run. `./dev soak` raises it.
KILLS = int(os.environ.get("TOWPATH_PYTHON_KILLS", "30"))
JOBS_OF_A_KILL = 50


class Victim:
    """A process of one kind, killed at the end of the block."""

    def __init__(self, kind: str, bus: towpath.Bus) -> None:
        self.process = subprocess.Popen([sys.executable, str(VICTIM), kind, bus.path],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None and self.process.stderr is not None
        if self.process.stdout.readline() != "ready\n":
            raise AssertionError(self.process.stderr.read())

    def kill(self) -> None:
        """Fails if it had ended before: what it does, it does until it is killed."""
        self.process.kill()
        _, errors = self.process.communicate()
        assert self.process.returncode == -9, errors


class Results:
    """What workers say that they did, and that messages come without gaps whoever died."""

    def __init__(self, bus: towpath.Bus) -> None:
        self.counts: collections.Counter[bytes] = collections.Counter()
        self._subscriber = bus.topic("results").subscriber()
        self._frames = bus.topic("frames", max_message_bytes=FRAME_BYTES,
                                 pool_bytes=FRAME_BYTES * 40).subscriber()
        self._next = 0

    def read(self) -> None:
        for message in iter(self._subscriber.try_take, None):
            self.counts[bytes(message)] += 1
        for message in iter(self._frames.try_take, None):
            assert self._next in (0, message.sequence), "a gap in a topic"
            self._next = message.sequence + 1
            if len(message) == FRAME_BYTES:
                array = message.array()
                assert (array == array[0]).all(), "a frame that two wrote"


@pytest.fixture(name="chance")
def make_chance() -> random.Random:
    seed = int(os.environ.get("TOWPATH_SEED", str(random.randrange(1 << 32))))
    print(f"TOWPATH_SEED={seed}")
    return random.Random(seed)


def kill_some_time(victims: List[Victim], results: Results, chance: random.Random) -> None:
    """At any time from the first instruction of the interpreter to the middle of the work."""
    try:
        let_work(victims, results, chance)
    finally:
        for victim in victims:
            victim.process.kill()
    for victim in victims:
        victim.kill()


def let_work(victims: List[Victim], results: Results, chance: random.Random) -> None:
    if chance.random() < 0.6:
        for victim in victims:
            victim.wait_until_ready()
    until = time.monotonic() + chance.random() * 0.2
    while time.monotonic() < until:
        results.read()


def test_processes_killed_anywhere_leave_nothing_behind(bus: towpath.Bus,
                                                        chance: random.Random) -> None:
    results = Results(bus)
    queue = bus.queue("jobs", max_attempts=30, backoff=0.001)
    jobs = queue.publisher()
    sent = 0
    for _ in range((KILLS + 2) // 3):
        jobs.publish_batch([f"{sent + i:08}".encode() for i in range(JOBS_OF_A_KILL)])
        sent += JOBS_OF_A_KILL
        kinds = chance.sample(sorted(KINDS), 3)
        kill_some_time([Victim(kind, bus) for kind in kinds], results, chance)
        bus.heal()
        results.read()
        assert [process.pid for process in bus.processes()] == [os.getpid()]
        assert_only_ours_are_left(bus)
    finish_jobs(bus, queue, results, sent)
    assert max(results.counts.values()) == 1, "a job was done twice"
    assert len(results.counts) == sent, "a job was lost"


def assert_only_ours_are_left(bus: towpath.Bus) -> None:
    for name in bus.topics():
        info = bus.topic_as_bytes(name).info()
        others = [each.process.pid for each in [*info.publishers, *info.subscribers]
                  if each.process.pid != os.getpid()]
        assert not others, f"{name} keeps something for dead processes: {info}"
        for group in info.groups:
            assert not group.consumers and group.leased == 0 and group.settling == 0, group


def finish_jobs(bus: towpath.Bus, queue: towpath.Queue, results: Results, sent: int) -> None:
    """One more worker, which lives, does what is left."""
    worker = Victim("work", bus)
    try:
        worker.wait_until_ready()
        deadline = time.monotonic() + 60
        while len(results.counts) < sent:
            assert time.monotonic() < deadline, (len(results.counts), sent, queue.info())
            results.read()
            time.sleep(0.001)
    finally:
        worker.kill()
