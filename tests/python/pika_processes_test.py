"""towpath.pika by several processes and threads, and what they leave when they are killed."""

from __future__ import annotations

import pathlib
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import towpath
import towpath.pika as pika
from support import WATCHDOG
from towpath.pika import exceptions

KILLS = 20
VICTIM = """
import itertools
import towpath.pika as pika

connection = pika.BlockingConnection()
channel = connection.channel()
channel.queue_declare("work")
channel.queue_declare("done")
transacted = connection.channel()
transacted.tx_select()
print("ready", flush=True)
for number in itertools.count():
    mine = channel.queue_declare("", exclusive=True).method.queue
    channel.exchange_declare("hub", "fanout", auto_delete=True)
    channel.queue_bind(mine, "hub")
    channel.basic_publish("hub", "", b"round")
    if not channel.basic_get(mine, auto_ack=True)[0]:
        raise SystemExit("what was published to the exchange is not in its queue")
    method, _, body = transacted.basic_get("work")
    if method:
        transacted.basic_publish("", "done", body)
        transacted.basic_ack(method.delivery_tag)
        transacted.tx_commit()
    if number % 2:
        channel.queue_delete(mine)
"""


@pytest.fixture
def start(directory: str) -> Iterator[Callable[[str], subprocess.Popen]]:
    """Starts a program, and waits for its first line; it is killed after the test."""
    started: list[subprocess.Popen] = []

    def run(program: str) -> subprocess.Popen:
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def until(connection: pika.BlockingConnection, condition: Callable[[], object]) -> None:
    ends_at = time.monotonic() + WATCHDOG
    while not condition():
        assert time.monotonic() < ends_at, "it does not come"
        connection.process_data_events(time_limit=1)


def test_processes_killed_anywhere_lose_nothing_and_leave_nothing(
    directory: str, start: Callable[[str], subprocess.Popen]
) -> None:
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    count = 0
    with pika.BlockingConnection() as connection:
        channel = connection.channel()
        for name in ("work", "done"):
            channel.queue_declare(name)
        for _ in range(KILLS):
            for _ in range(20):
                channel.basic_publish("", "work", b"%d" % count)
                count += 1
            victim = start(VICTIM)
            time.sleep(chance.random() * 0.1)
            assert victim.poll() is None, victim.stderr.read()
            victim.kill()
            victim.wait()
    with pika.BlockingConnection() as connection:
        channel = connection.channel()
        left = [body for _, _, body in iter(lambda: channel.basic_get("work", True),
                                            (None, None, None))]  # fmt: skip
        done = [body for _, _, body in iter(lambda: channel.basic_get("done", True),
                                            (None, None, None))]  # fmt: skip
        assert set(map(int, left + done)) == set(range(count)), "none is lost"
        # Who dies in a commit leaves what it had published, and not acknowledged.
        assert len(left + done) <= count + KILLS
        with pytest.raises(exceptions.ChannelClosedByBroker):
            channel.exchange_declare("hub", passive=True)
    bus = pathlib.Path(directory, "rabbitmq")
    towpath.Bus("rabbitmq").heal()  # takes away files of topics that a dead process had removed
    assert {path.name for path in (bus / "pika" / "queues").iterdir()} == {"-done", "-work"}
    assert list((bus / "pika" / "connections").iterdir()) == []
    assert {path.name for path in (bus / "topics").iterdir()} == {"done", "work"}


def test_a_consumer_goes_on_where_a_killed_one_was(
    start: Callable[[str], subprocess.Popen]
) -> None:
    with pika.BlockingConnection() as connection:
        channel = connection.channel()
        channel.queue_declare("work")
        for number in range(10):
            channel.basic_publish("", "work", b"%d" % number)
        victim = start("""
import towpath.pika as pika
channel = pika.BlockingConnection().channel()
channel.basic_qos(prefetch_count=4)
channel.basic_consume("work", lambda channel, method, *_: method.delivery_tag == 4
                      and print("ready", flush=True))
channel.start_consuming()
""")
        assert channel.queue_declare("work", passive=True).method.consumer_count == 1
        seen: list = []
        channel.basic_consume("work", lambda _, method, __, body: seen.append(
            (body, method.redelivered)), auto_ack=True)  # fmt: skip
        until(connection, lambda: len(seen) == 6)
        assert [body for body, _ in seen] == [b"%d" % number for number in range(4, 10)]
        victim.kill()
        until(connection, lambda: len(seen) == 10)
        assert seen[6:] == [(b"%d" % number, True) for number in range(4)]


def test_a_redeclare_is_compared_with_what_another_process_declared(
    start: Callable[[str], subprocess.Popen]
) -> None:
    start("""
import time
import towpath.pika as pika
channel = pika.BlockingConnection().channel()
channel.queue_declare("shared", durable=True, arguments={"x-max-length": 5})
channel.queue_declare("mine", exclusive=True)
print("ready", flush=True)
time.sleep(60)
""")
    with pika.BlockingConnection() as connection:
        channel = connection.channel()
        channel.queue_declare("shared", durable=True, arguments={"x-max-length": 5})
        with pytest.raises(exceptions.ChannelClosedByBroker) as raised:
            channel.queue_declare("shared", durable=True)
        assert raised.value.reply_code == 406
        with pytest.raises(exceptions.ChannelClosedByBroker) as raised:
            connection.channel().queue_declare("mine", passive=True)
        assert raised.value.reply_code == 405


def test_threads_with_connections_of_their_own_share_a_queue(directory: str) -> None:
    count, threads = 300, 3
    taken: list[list[bytes]] = [[] for _ in range(threads)]

    def work(mine: list[bytes]) -> None:
        with pika.BlockingConnection() as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=5)
            for method, _, body in channel.consume("work", inactivity_timeout=0.3):
                if method is None:
                    break
                mine.append(body)
                channel.basic_ack(method.delivery_tag)

    with pika.BlockingConnection() as connection:
        channel = connection.channel()
        channel.queue_declare("work")
        for number in range(count):
            channel.basic_publish("", "work", b"%d" % number)
        workers = [threading.Thread(target=work, args=(mine,)) for mine in taken]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert sorted(map(int, sum(taken, []))) == list(range(count))


def test_a_connection_that_is_forgotten_owns_nothing(directory: str) -> None:
    def forget() -> None:
        pika.BlockingConnection().channel().queue_declare("mine", exclusive=True)

    import gc

    forget()
    gc.collect()
    with pika.BlockingConnection() as connection:
        with pytest.raises(exceptions.ChannelClosedByBroker) as raised:
            connection.channel().queue_declare("mine", passive=True)
        assert raised.value.reply_code == 404


def test_a_forked_child_owns_nothing_of_its_parents(
    directory: str, run_python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    said = run_python("""
import os
import towpath.pika as pika
connection = pika.BlockingConnection()
channel = connection.channel()
channel.queue_declare("mine", exclusive=True)
child = os.fork()
if child == 0:
    with pika.BlockingConnection() as own:
        try:
            own.channel().queue_declare("mine", passive=True)
        except pika.exceptions.ChannelClosedByBroker as error:
            print(error.reply_code, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(channel.queue_declare("mine", exclusive=True).method.queue)
connection.close()
""")
    assert said.stdout.split() == ["405", "mine"], said.stderr
