"""Many threads on the same few handles: nobody crashes, and nothing is left behind."""

from __future__ import annotations

import random
import sys
import threading
import time

import pytest
import towpath

SECONDS = 2.0


class Stage:
    """One topic whose subscriber and publisher belong to everybody."""

    def __init__(self, bus: towpath.Bus) -> None:
        self.topic = bus.topic("topic", max_message_bytes=50_000, pool_bytes=500_000, depth=64)
        self.subscriber = self.topic.subscriber()
        self.publisher = self.topic.publisher(wait_at_most=0.05)
        self.ends_at = time.monotonic() + SECONDS
        self.held: list[towpath.Message] = []
        self.faults: list[Exception] = []

    def run(self, step, seed: int) -> None:
        chance = random.Random(seed)
        while time.monotonic() < self.ends_at:
            try:
                step(self, chance)
            except towpath.TimedOut:
                pass
            except Exception as fault:
                self.faults.append(fault)


def read(stage: Stage, chance: random.Random) -> None:
    subscriber = stage.subscriber
    taken = chance.choice([
        lambda: [subscriber.take(0.01)], lambda: [subscriber.try_take()],
        lambda: subscriber.take_batch(5, 0.01), lambda: [subscriber.latest()],
        lambda: [towpath.wait_any([subscriber], 0.01)] and [], lambda: [subscriber.lag] and [],
    ])()
    stage.held += [message for message in taken if message is not None]
    if len(stage.held) > 20:
        for message in [stage.held.pop() for _ in range(min(10, len(stage.held)))]:
            assert len(bytes(memoryview(message)[:1])) == 1


def write(stage: Stage, chance: random.Random) -> None:
    publisher = stage.publisher
    kind = chance.random()
    if kind < 0.4:
        publisher.publish(b"x" * chance.choice([1, 40, 1000, 50_000]), key="key")
    elif kind < 0.6:
        publisher.publish_batch([b"y"] * 10)
    elif kind < 0.8:
        with publisher.loan(chance.choice([10, 1000, 50_000])) as loan:
            loan.array()[0] = 1
            if kind < 0.75:
                loan.publish()
    else:
        loan = publisher.loan(2000)
        other = threading.Thread(target=loan.close)
        other.start()
        try:
            loan.publish()
        except ValueError as ended:
            assert "given back" in str(ended) or "another thread" in str(ended)
        other.join()


@pytest.fixture
def hasty_switching():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def test_threads_share_handles_and_nothing_is_left(bus, hasty_switching):
    stage = Stage(bus)
    threads = [threading.Thread(target=stage.run, args=(step, seed))
               for seed, step in enumerate([read] * 3 + [write] * 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stage.faults == []
    stage.held.clear()
    [reader] = stage.topic.info().subscribers
    assert reader.held == 0
    stage.subscriber.close()
    stage.publisher.close()
    info = stage.topic.info()
    assert (info.subscribers, info.publishers) == ((), ())
