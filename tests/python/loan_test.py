"""Loans: memory that is written in place before it is published."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import towpath

BIG = 100_000


@pytest.fixture
def topic(bus):
    return bus.topic("topic", max_message_bytes=BIG, pool_bytes=10 * BIG)


@pytest.fixture
def subscriber(topic):
    return topic.subscriber()


@pytest.fixture
def publisher(topic, subscriber):
    return topic.publisher(when_full="fail")


@pytest.mark.parametrize("size", [1, 48, 200, 240, 241, BIG])
def test_what_is_written_in_place_is_read(publisher, subscriber, size):
    loan = publisher.loan(size)
    assert len(loan) == size
    memoryview(loan)[:] = b"z" * size
    loan.publish(key="key")
    message = subscriber.take(1)
    assert bytes(message) == b"z" * size and message.key == b"key"
    assert loan.closed


def test_an_array_writes_in_place_and_becomes_read_only(publisher, subscriber):
    loan = publisher.loan(dtype="f4", shape=(100, 50))
    frame = loan.array("f4", (100, 50))
    frame[:] = 7
    at = frame.__array_interface__["data"][0]
    assert at == np.frombuffer(loan, "u1").__array_interface__["data"][0]
    loan.publish()
    with pytest.raises(ValueError):
        frame[0, 0] = 1
    message = subscriber.take(1)
    assert message.array("f4").sum() == 7 * 5000


def test_the_first_bytes_can_be_published(publisher, subscriber):
    for size in (100, 1000):
        loan = publisher.loan(size)
        memoryview(loan)[:3] = b"abc"
        with pytest.raises(ValueError, match="to publish"):
            loan.publish(size + 1)
        loan.publish(3)
        assert subscriber.take(1).text == "abc"


def test_memoryviews_hold_a_loan_up(publisher, subscriber):
    loan = publisher.loan(BIG)
    view = memoryview(loan)
    for end in (loan.publish, loan.close):
        with pytest.raises(BufferError, match="memoryviews"):
            end()
    view.release()
    loan.publish()
    assert len(subscriber.take(1)) == BIG


def test_a_loan_that_ends_is_given_back(publisher, subscriber):
    for _ in range(50):
        with publisher.loan(BIG) as loan:
            loan.array()[0] = 1
        publisher.loan(BIG).array()
        gc.collect()
    for use in (loan.publish, loan.array, lambda: len(loan), lambda: memoryview(loan)):
        with pytest.raises(ValueError, match="given back"):
            use()
    loan.close()
    assert subscriber.try_take() is None


def test_an_array_outlives_loan_publisher_topic_and_bus(directory):
    bus = towpath.Bus("short")
    topic = bus.topic("topic", publishers="one", max_message_bytes=BIG)
    publisher = topic.publisher()
    loan = publisher.loan(BIG)
    frame = loan.array()
    frame[:] = 3
    row = frame[10:20]
    loan.publish()
    for handle in (publisher, topic, bus):
        handle.close()
    assert publisher.closed
    del loan, publisher, topic, bus
    gc.collect()
    assert frame.sum() == 3 * BIG
    del frame
    assert row.sum() == 30
    del row
    with towpath.Bus("short") as bus:
        bus.topic("topic").publisher().close()  # the place in the topic is free again


def test_after_an_error_a_loan_can_be_published_again(bus):
    topic = bus.topic("full", depth=16, max_message_bytes=BIG, pool_bytes=4 * BIG)
    subscriber, publisher = topic.subscriber(), topic.publisher(when_full="fail")
    loan = publisher.loan(BIG)
    loan.array()[:] = 9
    count = publisher.publish_batch([b"x"] * 1000)
    with pytest.raises(towpath.Full):
        loan.publish()
    assert len(subscriber.take_batch(1000)) == count
    loan.publish()
    assert bytes(subscriber.take(1)) == b"\x09" * BIG


def test_sizes_of_loans(bus, publisher):
    assert len(publisher.loan(dtype="f8")) == 8
    assert len(publisher.loan(shape=10)) == 10
    assert len(publisher.loan(dtype="u2", shape=(3, 4))) == 24
    assert len(publisher.loan(0)) == 0
    typed = bus.topic("typed", "f8").publisher()
    assert len(typed.loan()) == len(typed.loan(8)) == len(typed.loan(shape=1)) == 8
    with pytest.raises(towpath.TypeMismatch):
        typed.loan(9)
    with pytest.raises(towpath.TooLarge):
        publisher.loan(10 * BIG)
    for wrong in ({}, {"bytes": 1, "shape": 2}, {"bytes": "x"}):
        with pytest.raises(TypeError):
            publisher.loan(**wrong)


def test_a_loan_of_a_closed_publisher_is_a_closed_one(publisher):
    loan = publisher.loan(BIG)
    publisher.close()
    with pytest.raises(ValueError, match="publisher is closed"):
        loan.publish()
    loan.close()
