"""Groups, queues, consumers and deliveries."""

from __future__ import annotations

import gc
import threading
import time

import pytest
import towpath
from support import WATCHDOG
from towpath import SeekTo, Start


@pytest.fixture
def queue(bus):
    return bus.queue("jobs", backoff=0)


def publish(queue, *payloads, **attributes):
    with queue.publisher() as publisher:
        for payload in payloads:
            publisher.publish(payload, **attributes)


# --- groups and queues ---


def test_queue_is_a_topic_and_a_group(bus):
    with bus.queue("jobs", "int64", topic={"depth": 64}, max_attempts=3) as queue:
        assert (queue.name, queue.topic.name, queue.group.name) == ("jobs", "jobs", "queue")
        assert queue.topic.groups() == ["queue"] and queue.topic.dtype == "int64"
        assert queue.topic.info().asked_depth == 64
        assert queue.info().options.max_attempts == 3
        queue.publisher(when_full="fail").publish(7)
        assert queue.consumer(prefetch=1).take(WATCHDOG).value == 7
        assert bus.queue("jobs", "int64").info().lag == 1
        assert repr(queue) == "<Queue 'jobs'>"
    assert queue.closed and repr(queue) == "<Queue, closed>"
    queue.close()
    with pytest.raises(ValueError, match="this group is closed"):
        queue.consumer()
    with pytest.raises(towpath.TypeMismatch):
        bus.queue("jobs", topic={"depth": 64})
    with pytest.raises(towpath.NotFound):
        bus.queue("none", create=False)


def test_group_options_are_those_of_c(bus):
    topic = bus.topic("t", stamps="all")
    group = topic.group("g", mode="ordered", start=Start.oldest(), max_attempts=2, lease=1.5,
                        backoff=0.25, max_backoff=4, time_to_live=30, max_length=9,
                        overflow="drop_oldest", key_pattern="a.*", tag="t", dead_letter="dead",
                        drop_when_dead_letters_full=True)
    assert group.info().options == towpath.GroupOptions(
        mode="ordered", max_attempts=2, lease=1.5, backoff=0.25, max_backoff=4, time_to_live=30,
        max_length=9, overflow="drop_oldest", by_priority=False, key_pattern="a.*", tag="t",
        dead_letter="dead", drop_when_dead_letters_full=True)
    assert topic.group("p", by_priority=True).info().options.by_priority
    assert topic.group("g").info().options.max_attempts == 2, "as it is"
    assert topic.group("g", create=False).info().options.max_attempts == 2
    with pytest.raises(towpath.OptionsMismatch):
        topic.group("g", max_attempts=3)
    with pytest.raises(towpath.NotFound):
        topic.group("other", create=False)
    for options in {"mode": "none"}, {"overflow": "never"}, {"start": 3}, {"tag": "a\0b"}:
        with pytest.raises(ValueError):
            topic.group("bad", **options)
    with pytest.raises(TypeError, match="no option 'prefetch'"):
        topic.group("bad", prefetch=3)
    with pytest.raises(OverflowError):
        topic.group("bad", max_attempts=1 << 32)
    with pytest.raises(towpath.InvalidArgument):
        topic.group("bad", max_attempts=31)
    assert topic.groups() == ["g", "p"]
    topic.remove_group("p")
    with pytest.raises(towpath.NotFound):
        topic.remove_group("p")


def test_group_is_sought_paused_and_resumed(bus, queue):
    publish(queue, *"abcd")
    group, consumer = queue.group, queue.consumer(prefetch=1)
    with consumer.take(WATCHDOG) as first:
        assert first.text == "a"
    assert group.seek_target("oldest") == 1 and group.seek("newest") == 5
    assert consumer.try_take() is None
    assert group.seek(SeekTo.offset(-2)) == 3
    lost = consumer.take(WATCHDOG)
    assert lost.text == "c"
    assert group.seek(SeekTo.sequence(2)) == 2
    with pytest.raises(towpath.LeaseLost):
        lost.ack()
    assert group.seek(SeekTo.time(3600)) == 1 == group.seek(SeekTo.oldest())
    assert group.seek(SeekTo.newest()) == 5
    group.seek("oldest")
    group.pause()
    assert group.info().paused and consumer.take(0.05) is None
    group.resume()
    assert consumer.take(WATCHDOG).text == "a"
    assert SeekTo.time(1.5) == SeekTo.time(1.5) != SeekTo.time(2) and SeekTo.oldest() != 3
    assert repr(SeekTo.time(1.5)) == "SeekTo.time(1.5)"
    assert len({SeekTo.oldest(), SeekTo.oldest()}) == 1
    assert repr(SeekTo.offset(-2)) == "SeekTo.offset(-2)"
    for wrong in "next", 3, Start.oldest():
        with pytest.raises(ValueError, match="a seek is"):
            group.seek(wrong)
    bus.remove_topic("jobs")
    with pytest.raises(towpath.Removed):
        group.seek("oldest")


def test_group_info_tells_its_consumers(queue):
    consumer = queue.consumer()
    publish(queue, "a")
    delivery = consumer.take(WATCHDOG)
    info = queue.info()
    assert (info.name, info.last, info.lag, info.started) == ("queue", 1, 1, 1)
    assert [one.taken for one in info.consumers] == [1]
    assert info.consumers[0].process.alive
    assert consumer.group is queue.group and not delivery.settled


# --- consumers ---


def test_consumer_takes_in_time_or_nothing(queue):
    consumer = queue.consumer()
    assert consumer.try_take() is None and consumer.take(0) is None
    begun = time.monotonic()
    assert consumer.take(timeout=0.05) is None and time.monotonic() - begun >= 0.05
    assert consumer.take_batch(timeout=0.02) == [] == consumer.take_batch(0)
    publish(queue, "a")
    assert consumer.ready() and consumer.take().text == "a"


def test_batch_is_what_prefetch_allows(queue):
    consumer = queue.consumer(prefetch=3)
    publish(queue, *"abcde")
    batch = consumer.take_batch(max=64, timeout=WATCHDOG)
    assert [delivery.text for delivery in batch] == ["a", "b", "c"]
    with pytest.raises(towpath.TooMany):
        consumer.take_batch()
    with pytest.raises(towpath.TooMany):
        consumer.take(0)
    assert consumer.outstanding == 3 and consumer.ack_all(batch) == 3 == len(batch)
    assert consumer.ack_all(batch) == 0 == consumer.outstanding
    batch = consumer.take_batch(2)
    assert [delivery.text for delivery in batch] == ["d", "e"]
    with pytest.raises(ValueError, match="of this consumer alone"):
        queue.consumer().ack_all(batch)
    with pytest.raises(TypeError, match="takes deliveries"):
        consumer.ack_all(["a"])


def test_iteration_ends_when_the_queue_is_removed(bus, queue):
    publish(queue, *"abc")
    seen = []
    for delivery in queue.consumer():
        seen.append(delivery.text)
        delivery.ack()
        if len(seen) == 3:
            bus.remove_topic("jobs")
    assert seen == ["a", "b", "c"]


def test_closed_consumer_gives_back_what_it_had(queue):
    publish(queue, *"ab")
    consumer, other = queue.consumer(), queue.consumer()
    delivery = consumer.take(WATCHDOG)
    consumer.close()
    consumer.close()
    assert consumer.closed
    with pytest.raises(ValueError, match="this consumer is closed"):
        consumer.take()
    with pytest.raises(ValueError, match="this consumer is closed"):
        consumer.settle(delivery)
    assert delivery.text == "a" and not delivery.settled
    delivery.ack()  # what is in hand may be settled
    del delivery, consumer
    delivery = other.take(WATCHDOG)
    assert (delivery.text, delivery.redelivered, delivery.attempts) == ("b", False, 0)


def test_delivery_outlives_all(bus):
    queue = bus.queue("jobs")
    publish(queue, "x" * 10000)
    consumer = queue.consumer()
    delivery = consumer.take(WATCHDOG)
    view = memoryview(delivery)
    consumer.close()
    queue.close()
    bus.close()
    del queue, consumer
    delivery.retry()
    del delivery
    gc.collect()
    assert view.readonly and bytes(view) == b"x" * 10000


def test_deliveries_are_freed_and_settled_by_any_thread_while_their_consumer_waits(queue):
    consumer = queue.consumer(prefetch=2)
    publish(queue, *"ab")
    held = consumer.take_batch(2)
    waiting = threading.Event()
    got = []

    def wait():
        waiting.set()
        while len(got) < 2:
            try:
                got.append(consumer.take(WATCHDOG))
            except towpath.TooMany:
                time.sleep(0.001)

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait()
    held.pop(0).ack()
    held.clear()  # released: it comes again
    publish(queue, "c")
    thread.join(WATCHDOG)
    assert not thread.is_alive()
    assert sorted((it.text, it.redelivered) for it in got) == [("b", True), ("c", False)]


# --- deliveries ---


def test_delivery_is_a_message(queue):
    publish(queue, b"body", key="k", tag="t", priority=3, time_to_live=60, correlation_id="c",
            reply_topic="r", content_type="text/plain", headers={"n": 1})
    delivery = queue.consumer().take(WATCHDOG)
    assert bytes(delivery) == b"body" == delivery.value and len(delivery) == 4
    assert bytes(delivery.payload) == b"body" and delivery.sequence == 1
    assert (delivery.key, delivery.correlation_id) == (b"k", b"c")
    assert delivery.has_tag("t") and delivery.tag_hash and delivery.priority == 3
    assert (delivery.reply_topic, delivery.content_type) == ("r", "text/plain")
    assert delivery.headers == {"n": 1} and delivery.header_items == [("n", 1)]
    assert delivery.expires_at > time.monotonic() and not delivery.expired
    assert delivery.due_at is None and delivery.missed == 0
    assert delivery.array().tobytes() == b"body"
    assert repr(delivery) == "<Delivery 1 of 4 bytes>"


@pytest.mark.parametrize("settle", ["ack", "release", "retry", "reject"])
def test_delivery_is_settled_once(queue, settle):
    publish(queue, "a")
    consumer = queue.consumer()
    delivery = consumer.take(WATCHDOG)
    getattr(delivery, settle)()
    assert delivery.settled and delivery.text == "a" and consumer.outstanding == 0
    for again in "ack", "release", "retry", "reject", "renew":
        with pytest.raises(towpath.LeaseLost):
            getattr(delivery, again)()
    comes_again = settle in ("release", "retry")
    next_one = consumer.take(0.05)
    assert (next_one is not None) == comes_again
    if comes_again:
        assert next_one.redelivered and next_one.attempts == (settle == "retry")


def test_retry_waits_as_it_is_told(queue):
    publish(queue, "a")
    consumer = queue.consumer()
    consumer.take(WATCHDOG).retry()  # the first comes at once
    consumer.take(WATCHDOG).retry(after=0.2)
    assert consumer.take(0.02) is None and queue.info().delayed == 1
    begun = time.monotonic()
    assert consumer.take(WATCHDOG).attempts == 2 and time.monotonic() - begun > 0.1


def test_given_up_messages_become_dead_letters(bus):
    queue = bus.queue("jobs", max_attempts=2, backoff=0, dead_letter="dead")
    publish(queue, "bad", "worse")
    consumer, dead = queue.consumer(), bus.topic("dead").subscriber()
    consumer.take(WATCHDOG).reject("not of this world")
    consumer.take(WATCHDOG).retry()
    consumer.take(WATCHDOG).retry()
    assert consumer.try_take() is None
    letters = dead.take_batch(timeout=WATCHDOG) + dead.take_batch(timeout=0)
    assert [(letter.text, letter.headers["dead.reason"]) for letter in letters] == [
        ("bad", "not of this world"), ("worse", "attempts")]
    with pytest.raises(ValueError):
        publish(queue, "c")
        consumer.take(WATCHDOG).reject("a\0b")


def test_lease_runs_out_unless_it_is_renewed(bus):
    queue = bus.queue("jobs", lease=0.1, backoff=0)
    publish(queue, "a")
    slow, other = queue.consumer(prefetch=1), queue.consumer(prefetch=1)
    delivery = slow.take(WATCHDOG)
    for _ in range(4):
        time.sleep(0.05)
        delivery.renew()
    assert other.try_take() is None
    taken = other.take(WATCHDOG)
    assert taken.redelivered and taken.attempts == 1
    with pytest.raises(towpath.LeaseLost):
        delivery.ack()
    with pytest.raises(towpath.LeaseLost):
        delivery.renew()


def test_block_acks_or_retries(queue):
    publish(queue, "a")
    consumer = queue.consumer()
    with pytest.raises(RuntimeError), consumer.take(WATCHDOG) as delivery:
        raise RuntimeError
    assert delivery.settled
    with pytest.raises(KeyboardInterrupt), consumer.take(WATCHDOG) as delivery:
        assert delivery.attempts == 1
        raise KeyboardInterrupt
    with consumer.take(WATCHDOG) as delivery:
        assert delivery.attempts == 1 and delivery.redelivered, "that was no failed attempt"
        delivery.release()
    with consumer.take(WATCHDOG) as delivery:
        assert delivery.attempts == 1
    assert delivery.settled and consumer.take(0.02) is None
    publish(queue, "b")
    with pytest.raises(towpath.LeaseLost), consumer.take(WATCHDOG):
        queue.group.seek("newest")
    publish(queue, "c")
    with pytest.raises(RuntimeError), consumer.take(WATCHDOG):
        queue.group.seek("newest")  # the block's own error says more
        raise RuntimeError


def test_unsettled_delivery_that_ends_is_released(queue):
    publish(queue, "a")
    consumer = queue.consumer(prefetch=1)
    for expected in False, True, True:
        delivery = consumer.take(WATCHDOG)
        assert (delivery.redelivered, delivery.attempts) == (expected, 0)
        del delivery
