"""What tests of towpath.pika share: a connection, a channel with the queue `q`, and waits."""

from __future__ import annotations

import time

import pytest
import towpath.pika as pika
from support import WATCHDOG


@pytest.fixture
def connection():
    with pika.BlockingConnection() as opened:
        yield opened


@pytest.fixture
def channel(connection):
    opened = connection.channel()
    opened.queue_declare("q")
    return opened


def publish(channel, *bodies, queue="q", **properties):
    for body in bodies:
        channel.basic_publish("", queue, body, pika.BasicProperties(**properties))


def drain(channel, queue="q"):
    bodies = []
    while (taken := channel.basic_get(queue, auto_ack=True))[0] is not None:
        bodies.append(taken[2])
    return bodies


def count(channel, queue):
    return channel.queue_declare(queue, passive=True).method.message_count


def awaited(channel, queue):
    """The next message of a queue, which comes by itself."""
    ends_at = time.monotonic() + WATCHDOG
    while time.monotonic() < ends_at:
        taken = channel.basic_get(queue, auto_ack=True)
        if taken[0] is not None:
            return taken
        channel.connection.sleep(0.005)
    raise AssertionError(f"nothing came to {queue}")


def until(connection, condition):
    ends_at = time.monotonic() + WATCHDOG
    while not condition():
        assert time.monotonic() < ends_at
        connection.process_data_events(time_limit=0.01)
