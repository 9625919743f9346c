"""Waiting: timeouts, signals, threads that take turns, several at once, asyncio."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import threading
import time

import numpy as np
import pytest
import towpath
from support import later

LONG = 30.0


@pytest.fixture
def topic(bus):
    return bus.topic("topic", depth=64)


@pytest.fixture
def subscriber(topic):
    return topic.subscriber()


@pytest.fixture
def publisher(topic, subscriber):
    return topic.publisher()


def test_a_wait_ends_in_time(subscriber):
    for timeout in (0.02, np.float64(0.02), 0, 0.0, -1, 1e-12):
        began = time.monotonic()
        assert subscriber.take(timeout) is None
        assert max(timeout, 0) <= time.monotonic() - began < 5
    for wrong, error in ((float("nan"), ValueError), ("1", TypeError)):
        with pytest.raises(error):
            subscriber.take(wrong)
    for wrong in ((1, 2), {"time": 1}):
        with pytest.raises(TypeError):
            subscriber.take(*wrong) if isinstance(wrong, tuple) else subscriber.take(**wrong)
    with pytest.raises(TypeError, match="twice"):
        subscriber.take(1, timeout=1)


def test_a_message_ends_a_wait(subscriber, publisher):
    for take in (subscriber.take, lambda: subscriber.take(LONG), lambda: next(subscriber),
                 lambda: subscriber.take_batch(5)[0]):
        with later(lambda: publisher.publish(b"here")):
            assert take().text == "here"


def waits(bus, topic, subscriber):
    full = bus.topic("full", depth=16, max_message_bytes=1000, pool_bytes=4000)
    reader = full.subscriber()
    full.publisher(when_full="fail").publish_batch([b"x"] * 1000)
    publisher = full.publisher()
    one = bus.topic("one", publishers="one")
    first = one.publisher()
    typed = bus.topic("typed", "f8").subscriber()
    return {
        "take": subscriber.take, "take_batch": subscriber.take_batch,
        "take_values": typed.take_values, "next": lambda: next(subscriber),
        "wait_any": lambda: towpath.wait_any([subscriber, typed]),
        "publish": lambda: publisher.publish(b"x"),
        "publish_batch": lambda: publisher.publish_batch([b"x"]),
        "rows": lambda: publisher.publish_batch(np.zeros((3, 3), "u1")),
        "loan": lambda: publisher.loan(200).publish(),
        "own loan": lambda: publisher.loan(10).publish(),
        "wait_for_subscribers": lambda: topic.wait_for_subscribers(99),
        "standby": lambda: one.publisher(take_over_within=None),
    }, (reader, first)


def test_control_c_ends_every_wait(bus, topic, subscriber):
    every, kept = waits(bus, topic, subscriber)
    for name, wait in every.items():
        with later(lambda: os.kill(os.getpid(), signal.SIGINT)):
            with pytest.raises(KeyboardInterrupt):
                wait()
                pytest.fail(f"{name} did not wait")
    assert kept


def test_other_threads_run_during_every_wait(bus, topic, subscriber):
    every, kept = waits(bus, topic, subscriber)
    for wait in every.values():
        ran = []
        with later(lambda: (ran.append(1), os.kill(os.getpid(), signal.SIGINT))):
            with pytest.raises(KeyboardInterrupt):
                wait()
        assert ran
    assert kept


def test_closing_ends_another_threads_wait(topic, publisher):
    for wait in ("take", "take_batch", "__next__"):
        subscriber = topic.subscriber()
        with later(subscriber.close):
            with pytest.raises(ValueError, match="closed"):
                getattr(subscriber, wait)()


def test_threads_take_turns(subscriber, publisher):
    taken, threads = [], []
    for _ in range(4):
        def work():
            while message := subscriber.take(LONG):
                if message.text == "end":
                    return
                taken.append(message.text)
        threads.append(threading.Thread(target=work))
        threads[-1].start()
    for i in range(500):
        publisher.publish(str(i))
    for _ in threads:
        publisher.publish("end")
    for thread in threads:
        thread.join(LONG)
    assert sorted(taken, key=int) == [str(i) for i in range(500)]


def test_a_turn_comes_while_another_thread_waits(subscriber):
    thread = threading.Thread(target=subscriber.take, args=(1.0,))
    thread.start()
    time.sleep(0.05)
    began = time.monotonic()
    assert subscriber.lag == 0 and not subscriber.ready()
    assert subscriber.try_take() is None and subscriber.take(0.02) is None
    assert time.monotonic() - began < 0.9
    thread.join()


def test_messages_freed_by_another_thread_come_back(bus):
    topic = bus.topic("large", max_message_bytes=100_000, pool_bytes=400_000)
    subscriber, publisher = topic.subscriber(), topic.publisher()
    publisher.publish(b"x" * 100_000)
    held = [subscriber.take(1)]
    thread = threading.Thread(target=subscriber.take, args=(LONG,))
    thread.start()
    time.sleep(0.05)
    held.clear()
    for _ in range(20):  # more than fit at once
        publisher.publish(b"y" * 100_000)
        if thread.is_alive():
            thread.join()
        else:
            assert subscriber.take(LONG)
    assert subscriber.take(0) is None


def test_several_are_waited_for(bus, subscriber, publisher):
    other = bus.topic("other").subscriber()
    assert towpath.wait_any([other, subscriber], 0.02) is None
    assert towpath.wait_any(iter([other]), timeout=0) is None
    with later(lambda: publisher.publish(b"x")):
        assert towpath.wait_any([other, subscriber]) is subscriber
    assert subscriber.ready() and not other.ready()
    assert subscriber.take(0)
    for wrong, error in (([], ValueError), ([1], TypeError), (5, TypeError)):
        with pytest.raises(error):
            towpath.wait_any(wrong)


def test_select_takes_the_object_itself(subscriber, publisher):
    assert select.select([subscriber], [], [], 0)[0] == [subscriber]  # the first look
    assert subscriber.try_take() is None
    assert select.select([subscriber], [], [], 0.02)[0] == []
    with later(lambda: publisher.publish(b"x")):
        assert select.select([subscriber], [], [], LONG)[0] == [subscriber]
    assert subscriber.try_take() and subscriber.try_take() is None


def test_iteration_ends_with_the_topic(bus, topic, subscriber, publisher):
    publisher.publish_batch([b"1", b"2"])
    bus.remove_topic("topic")
    assert [message.text for message in subscriber] == ["1", "2"]
    with pytest.raises(towpath.Removed):
        subscriber.take()


def test_async_for_takes_what_comes_and_ends_with_the_topic(bus, subscriber, publisher):
    async def publish():
        for i in range(5):
            await asyncio.sleep(0.01)
            publisher.publish(str(i))
        await asyncio.sleep(0.01)
        bus.remove_topic("topic")

    async def main():
        task = asyncio.ensure_future(publish())
        texts = [message.text async for message in subscriber]
        await task
        return texts

    before = threading.active_count()
    assert asyncio.run(asyncio.wait_for(main(), LONG)) == list("01234")
    assert threading.active_count() == before


def test_tasks_share_a_subscriber_and_can_be_cancelled(subscriber, publisher):
    async def main():
        tasks = [asyncio.ensure_future(subscriber.next()) for _ in range(3)]
        await asyncio.sleep(0.02)
        tasks[0].cancel()
        publisher.publish(b"a")
        publisher.publish(b"b")
        done = await asyncio.wait_for(asyncio.gather(*tasks[1:]), LONG)
        assert sorted(message.text for message in done) == ["a", "b"]
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(subscriber.next(), 0.02)

    asyncio.run(main())
    asyncio.run(main())  # another loop


def test_awaiting_a_closed_or_invisible_one_is_an_error(topic, subscriber):
    async def main(one):
        await one.next()

    with pytest.raises(towpath.NotSupported):
        asyncio.run(main(topic.observer()))
    subscriber.close()
    with pytest.raises(ValueError, match="closed"):
        asyncio.run(main(subscriber))


def test_closing_wakes_those_who_await(topic):
    async def main(close):
        one = topic.subscriber()
        tasks = [asyncio.ensure_future(one.next()) for _ in range(2)]
        await asyncio.sleep(0.02)
        await close(one)
        done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), LONG)
        assert all(isinstance(error, ValueError) and "closed" in str(error) for error in done)

    async def here(one):
        one.close()

    async def in_a_thread(one):
        await asyncio.get_running_loop().run_in_executor(None, one.close)

    asyncio.run(main(here))
    asyncio.run(main(in_a_thread))


def test_a_publisher_that_ends_during_a_loans_wait(bus):
    topic = bus.topic("full", depth=16, max_message_bytes=1000, pool_bytes=10_000)
    reader, publisher = topic.subscriber(), topic.publisher()
    loan = publisher.loan(1000)
    topic.publisher(when_full="fail").publish_batch([b"x"] * 1000)
    kept = [publisher]
    del publisher
    with later(kept.clear):
        with pytest.raises(ValueError, match="closed"):
            loan.publish()
    assert reader.lag


def test_a_standby_takes_over(bus):
    topic = bus.topic("one", publishers="one")
    first = topic.publisher()
    with pytest.raises(towpath.PublisherExists):
        topic.publisher(take_over_within=0.02)
    with later(first.close):
        topic.publisher(take_over_within=LONG).publish(b"x")


def test_subscribers_are_waited_for(topic):
    with pytest.raises(towpath.TimedOut):
        topic.wait_for_subscribers(1, 0.02)
    kept = []
    with later(lambda: kept.append(topic.subscriber())):
        topic.wait_for_subscribers(timeout=LONG)

