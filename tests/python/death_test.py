"""What becomes of deliveries and requests when the process that has them is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
import towpath
from support import WATCHDOG


@contextmanager
def process(program, *arguments):
    """A Python of its own that has said "ready"; killed at the end, if it was not before."""
    with subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE,
                          text=True) as child:
        try:
            assert child.stdout.readline() == "ready\n"
            yield child
        finally:
            child.kill()


CONSUMER = """
import sys, time, towpath
consumer = towpath.Bus("test").queue("jobs").consumer(prefetch=2)
delivery = consumer.take()
print("ready", flush=True)
time.sleep(1000)
"""


def test_what_a_killed_consumer_had_comes_to_another(bus):
    queue = bus.queue("jobs")
    queue.publisher().publish_batch(["begun", "ahead", "rest"])
    consumer = queue.consumer()
    with process(CONSUMER) as child:
        rest = consumer.take(WATCHDOG)
        assert rest.text == "rest"
        assert consumer.take(0.1) is None, "its process lives"
        child.kill()
        got = {it.text: (it.redelivered, it.attempts)
               for it in (consumer.take(WATCHDOG) for _ in range(2))}
    assert got == {"begun": (True, 1), "ahead": (False, 0)}


SETTLING = """
import os, sys, towpath
bus = towpath.Bus("test")
consumer, results = bus.queue("jobs").consumer(prefetch=1), bus.topic("results").publisher()
settlement = consumer.settle(consumer.take())
settlement.publish(results, "result")
if sys.argv[1] == "committed":
    settlement.commit()
print("ready", flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("when", ["committed", "before"])
def test_settlement_of_a_killed_process_is_all_or_none(bus, when):
    queue = bus.queue("jobs")
    queue.publisher().publish("job")
    results = bus.topic("results").subscriber()
    consumer = queue.consumer()
    with process(SETTLING, when) as child:
        child.wait(WATCHDOG)
    again, result = consumer.take(0.5), results.take(0)
    assert (again is None) == (result is not None) == (when == "committed")
    assert again is None or again.redelivered


SERVER = """
import sys, time, towpath
server = towpath.Bus("test").server("s", max_attempts=int(sys.argv[1]))
print("ready", flush=True)
request = server.take()
request.reply_part("part")
time.sleep(1000)
"""


def test_call_to_a_killed_server_ends(bus):
    client = bus.client("s", max_attempts=1)
    with process(SERVER, "1") as child:
        call = client.send("q")
        assert call.next().text == "part"
        child.kill()
        with pytest.raises(towpath.ServerDied, match=str(child.pid)):
            call.get()


def test_awaited_call_to_a_killed_server_ends(bus):
    client = bus.client("s", max_attempts=1)

    async def main(child):
        with client.send("q") as call:
            assert (await call.__anext__()).text == "part"
            child.kill()
            with pytest.raises(towpath.ServerDied):
                await asyncio.wait_for(call.__anext__(), WATCHDOG)

    with process(SERVER, "1") as child:
        asyncio.run(main(child))


def test_another_server_does_what_a_killed_one_had_begun(bus):
    client = bus.client("s", max_attempts=2)
    with process(SERVER, "2") as child:
        call = client.send("q")
        assert call.next().text == "part"
        server = bus.server("s", max_attempts=2)
        child.kill()
        request = server.take(WATCHDOG)
        assert request.redelivered and request.attempts == 1
        request.reply("whole")
        assert call.get().text == "whole"


CLIENT = """
import sys, time, towpath
client = towpath.Bus("test").client("s", reply_depth=16)
call = client.send("q")
print("ready", flush=True)
time.sleep(1000)
"""


def test_reply_to_a_killed_client_is_dropped(bus):
    server = bus.server("s", wait_for_client=WATCHDOG)
    with process(CLIENT) as child:
        request = server.take(WATCHDOG)
        child.kill()
        child.wait()
    bus.heal()
    with pytest.raises((towpath.Removed, towpath.NotFound, towpath.Cancelled)):
        for _ in range(100):
            request.reply_part("x")
    assert [topic for topic in bus.topics() if ".reply." in topic] == []


INTERRUPTED = """
import sys, towpath
bus = towpath.Bus("test")
consumer = bus.queue("jobs").consumer()
try:
    print("ready", flush=True)
    for delivery in consumer:
        delivery.ack()
except KeyboardInterrupt:
    sys.exit(7)
"""


def test_worker_that_control_c_ends_loses_nothing(bus):
    """Interrupted at any time, between the take of a delivery and its ack as well."""
    queue = bus.queue("jobs", backoff=0)
    jobs = queue.publisher()
    for round_ in range(5):
        with process(INTERRUPTED) as child:
            for _ in range(200 * round_):
                jobs.publish("job")
            os.kill(child.pid, signal.SIGINT)
            assert child.wait(WATCHDOG) == 7
        info = queue.info()
        assert info.lost == 0 and info.consumers == () and info.lag == info.ready
