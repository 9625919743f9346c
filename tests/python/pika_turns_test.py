"""towpath.pika: consumers of several connections that wait take turns."""

from __future__ import annotations

import pathlib
import selectors
import signal
import subprocess
import sys
import time

import pytest
import towpath.pika as pika
from support import WATCHDOG
from towpath.pika.turns import Turns

WORKER = """
import sys
import towpath.pika as pika
channel = pika.BlockingConnection().channel()
channel.basic_qos(prefetch_count=1)

def work(channel, method, properties, body):
    print(body.decode(), flush=True)
    channel.basic_ack(method.delivery_tag)

channel.basic_consume("work", work)
print("ready", flush=True)
channel.start_consuming()
"""

DIES_WAITING = """
import os, sys
from towpath.pika.turns import Turns
Turns(sys.argv[1], "a", 0).waits(True)
os._exit(7)
"""


@pytest.fixture
def places(tmp_path):
    made = []

    def make(owner, last_sequence=0):
        made.append(Turns(str(tmp_path / "turns"), owner, last_sequence))
        return made[-1]

    yield make
    for one in made:
        one.close()


def awaited_turn(turns):
    """Looks until the message is this one's; returns how often it was not."""
    looks = 0
    while turns.gives_way():
        looks += 1
    return looks


def test_who_waits_and_had_none_for_longer_is_first(places):
    first, second = places("a"), places("b")
    assert not first.others_wait() and not second.others_wait()
    first.waits(True)
    assert second.others_wait() and not first.others_wait()
    assert second.gives_way() and not first.gives_way()
    first.served(1)
    second.waits(True)
    assert not second.gives_way() and first.others_wait() and first.gives_way()
    second.waits(False)
    assert not first.others_wait()


def test_consumers_of_one_connection_leave_nothing_to_each_other(places):
    first, second = places("a"), places("a")
    first.waits(True)
    assert not second.others_wait() and not second.gives_way()


def test_who_died_while_it_waited_holds_up_others_once(places, tmp_path, run_python):
    path = str(tmp_path / "turns")
    assert run_python(DIES_WAITING, path).returncode == 7
    places("c")  # takes the place of the dead
    alive = places("b")
    assert not alive.others_wait()
    assert run_python(DIES_WAITING, path).returncode == 7
    alive.served(1)
    assert alive.others_wait() and awaited_turn(alive) > 0
    assert not alive.others_wait()


def test_who_is_stopped_while_it_waits_holds_up_others_each_time(places):
    _, alive = (stopped := places("a")), places("b")
    stopped.waits(True)
    assert awaited_turn(alive) > 0 and alive.others_wait() and awaited_turn(alive) > 0


def test_too_many_consumers_take_no_turns(places):
    for _ in range(64):
        places("a").waits(True)
    late = places("b")
    late.waits(True)
    late.served(1)
    assert not late.others_wait()


@pytest.fixture
def workers(directory):
    started = [subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, text=True)
               for _ in range(3)]  # fmt: skip
    for worker in started:
        assert worker.stdout.readline() == "ready\n"
    yield started
    for worker in started:
        worker.kill()
        worker.communicate()


@pytest.fixture
def channel(directory):
    with pika.BlockingConnection() as connection:
        opened = connection.channel()
        opened.queue_declare("work")
        yield opened


def await_waiting(directory, count):
    """Until so many consumers of the queue say that they wait."""
    places = pathlib.Path(directory, "rabbitmq", "pika", "turns", "-work")
    ends_at = time.monotonic() + WATCHDOG
    while sum(places.read_bytes()[:64]) < count:
        assert time.monotonic() < ends_at, "they do not wait"
        time.sleep(0.001)


def test_three_processes_take_turns(directory, channel, workers):
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            selector.register(worker.stdout, selectors.EVENT_READ, worker)
        order = []
        for number in range(9):
            await_waiting(directory, 3)
            channel.basic_publish("", "work", b"%d" % number)
            (key, _), = selector.select(WATCHDOG)
            assert key.data.stdout.readline() == f"{number}\n"
            order.append(workers.index(key.data))
    assert sorted(order[:3]) == [0, 1, 2] and order == order[:3] * 3


def test_a_stopped_process_holds_nobody_up_for_long(directory, channel, workers):
    await_waiting(directory, 3)
    workers[0].send_signal(signal.SIGSTOP)
    workers[1].send_signal(signal.SIGSTOP)
    for number in range(3):
        channel.basic_publish("", "work", b"%d" % number)
        assert workers[2].stdout.readline() == f"{number}\n"
