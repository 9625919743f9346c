"""A process that uses everything that leaves traces in shared memory until it is killed.

    victim.py KIND BUS      says "ready" once it has begun
"""

from __future__ import annotations

import itertools
import sys
from typing import Callable, Dict

import towpath

FRAME_BYTES = 40_000
#: A request whose server is killed goes to the next one.
ATTEMPTS = 30


def say_ready() -> None:
    print("ready", flush=True)


def publish(bus: towpath.Bus) -> None:
    """Copies, batches and loans, small ones and such as lie in the pool."""
    topic = bus.topic("frames", max_message_bytes=FRAME_BYTES, pool_bytes=FRAME_BYTES * 40)
    publisher = topic.publisher()
    for number in itertools.count():
        publisher.publish(b"small", key="k", headers={"number": number})
        publisher.publish_batch([b"one", b"two", bytes(1000)])
        loan = publisher.loan(FRAME_BYTES)
        loan.array()[:] = number % 256
        if number % 3 == 0:
            loan.close()
        else:
            loan.publish()
        if number == 0:
            say_ready()


def subscribe(bus: towpath.Bus) -> None:
    """Holds some in place, through arrays and views."""
    subscriber = bus.topic("frames").subscriber()
    held = []
    say_ready()
    for message in subscriber:
        held.append(memoryview(message))
        if len(held) == 8:
            held.clear()


def work(bus: towpath.Bus) -> None:
    """Does jobs: the result and the end of the job are one."""
    results = bus.topic("results").publisher()
    consumer = bus.queue("jobs").consumer(prefetch=8)
    say_ready()
    for delivery in consumer:
        with consumer.settle(delivery) as settlement:
            settlement.publish(results, bytes(delivery))


def serve(bus: towpath.Bus) -> None:
    server = bus.server("double", max_attempts=ATTEMPTS)
    say_ready()
    server.run(lambda request: bytes(request) * 2)


def call(bus: towpath.Bus) -> None:
    client = bus.client("double", max_attempts=ATTEMPTS)
    say_ready()
    while True:
        if bytes(client.call(b"ab", 60)) != b"abab":
            raise AssertionError("another's reply")


KINDS: Dict[str, Callable[[towpath.Bus], None]] = {
    "publish": publish, "subscribe": subscribe, "work": work, "serve": serve, "call": call}

if __name__ == "__main__":
    KINDS[sys.argv[1]](towpath.Bus(sys.argv[2]))
