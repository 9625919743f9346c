"""Publishing and taking: payloads, attributes, batches, what is read in place."""

from __future__ import annotations

import array
import gc
import time

import numpy as np
import pytest
import towpath


@pytest.fixture
def topic(bus):
    return bus.topic("topic", max_message_bytes=1 << 20, pool_bytes=1 << 24, depth=64)


@pytest.fixture
def subscriber(topic):
    return topic.subscriber()


@pytest.fixture
def publisher(topic, subscriber):
    return topic.publisher(when_full="fail")


def fill(publisher) -> int:
    """Publishes until the topic is full; at least its depth goes out."""
    return publisher.publish_batch([b"x"] * 100_000)


def address(buffer) -> int:
    return np.frombuffer(buffer, "u1").__array_interface__["data"][0]


@pytest.mark.parametrize("payload", [
    b"hello", "hello", bytearray(b"hello"), memoryview(b"hello"), array.array("B", b"hello"),
    np.frombuffer(b"hello", "u1"),
])
def test_any_contiguous_buffer_and_text_is_a_payload(publisher, subscriber, payload):
    assert publisher.publish(payload) is None
    message = subscriber.take(1)
    assert bytes(message) == b"hello" == message.value == bytes(message.payload)
    assert message.text == "hello" and len(message) == 5


def test_text_is_utf8_and_other_bytes_survive_as_surrogates(publisher, subscriber):
    publisher.publish("grün")
    assert subscriber.take(1).text == "grün"
    publisher.publish(b"\xff", reply_topic=b"\xfe")
    message = subscriber.take(1)
    assert message.text.encode("utf-8", "surrogateescape") == b"\xff"
    publisher.publish(b"", reply_topic=message.reply_topic)
    assert subscriber.take(1).reply_topic == message.reply_topic


@pytest.mark.parametrize("payload", [1, None, 1.5, [1, 2], object()])
def test_what_is_no_buffer_is_no_payload(publisher, payload):
    with pytest.raises(TypeError, match="bytes-like or str"):
        publisher.publish(payload)


def test_memory_that_is_not_contiguous_is_refused(publisher):
    with pytest.raises((BufferError, ValueError)):
        publisher.publish(np.zeros((4, 4))[:, 1])


def test_attributes_arrive(publisher, subscriber):
    before = time.monotonic()
    publisher.publish(b"x", key="key", tag="tag", time_to_live=60, delay=1e-9, priority=7,
                      correlation_id=b"id", reply_topic="answers", content_type="text/plain",
                      headers={"none": None, "yes": True, "int": -5, "real": 1.5, "text": "t",
                               "bytes": b"b", "numpy": np.int32(4)})
    message = subscriber.take(1)
    assert (message.key, message.correlation_id) == (b"key", b"id")
    assert (message.reply_topic, message.content_type) == ("answers", "text/plain")
    assert message.priority == 7 and message.has_tag("tag") and not message.has_tag(b"other")
    assert message.tag_hash != 0 and not message.expired
    assert before + 59 < message.expires_at < before + 70
    assert before <= message.due_at <= time.monotonic()
    assert message.headers == {"none": None, "yes": True, "int": -5, "real": 1.5, "text": "t",
                               "bytes": b"b", "numpy": 4}
    assert [type(value) for value in message.headers.values()][:4] == [type(None), bool, int, float]


def test_what_was_not_given_is_empty(publisher, subscriber):
    publisher.publish(b"x")
    message = subscriber.take(1)
    assert (message.key, message.correlation_id, message.reply_topic) == (b"", b"", "")
    assert message.expires_at is None and message.due_at is None and message.headers == {}
    assert message.priority == 0 and message.tag_hash == 0 and message.missed == 0


def test_headers_keep_their_order_and_the_first_of_a_name_counts(publisher, subscriber):
    publisher.publish(b"x", headers=[("a", 1), ("b", 2), ("a", 3)])
    message = subscriber.take(1)
    assert message.header_items == [("a", 1), ("b", 2), ("a", 3)]
    assert message.headers == {"a": 1, "b": 2}


@pytest.mark.parametrize("attributes, error", [
    ({"unknown": 1}, TypeError), ({"key": 5}, TypeError), ({"priority": 8}, ValueError),
    ({"priority": 1000}, ValueError), ({"priority": -1}, OverflowError),
    ({"time_to_live": float("nan")}, ValueError), ({"time_to_live": "1"}, TypeError),
    ({"headers": {"x": []}}, TypeError), ({"headers": [1]}, TypeError),
    ({"headers": [("a",)]}, ValueError), ({"headers": {"x": 1 << 70}}, OverflowError),
    ({"key": "x" * 300}, towpath.InvalidArgument), ({"number": 1}, towpath.InvalidArgument),
])
def test_bad_attributes_are_refused_and_nothing_goes_out(publisher, subscriber, attributes, error):
    with pytest.raises(error):
        publisher.publish(b"x", **attributes)
    assert subscriber.try_take() is None


def test_batches_of_payloads_and_of_rows(publisher, subscriber):
    assert publisher.publish_batch([b"a", "b", bytearray(b"c")], key="k") == 3
    taken = subscriber.take_batch(10, 0)
    assert [message.text for message in taken] == ["a", "b", "c"]
    assert {message.key for message in taken} == {b"k"}
    assert publisher.publish_batch(np.arange(6, dtype="u1").reshape(3, 2)) == 3
    assert [bytes(message) for message in subscriber.take_batch()] == [b"\0\1", b"\2\3", b"\4\5"]
    assert publisher.publish_batch(np.zeros((0, 4), "u1")) == 0
    assert publisher.publish_batch(bytes([i]) for i in range(3)) == 3
    assert [message.sequence for message in subscriber.take_batch(2)] == [7, 8]
    assert subscriber.take_batch(0) == [] and len(subscriber.take_batch(timeout=0)) == 1
    assert subscriber.take_batch(8, 0.01) == []


def test_a_batch_says_how_many_went_out(publisher, subscriber):
    with pytest.raises(TypeError) as failure:
        publisher.publish_batch([b"1", b"2", 3])
    assert failure.value.published == 2
    for wrong in (b"one payload", "text", bytearray(b"x"), np.float64(1)):
        with pytest.raises(TypeError):
            publisher.publish_batch(wrong)
    count = fill(publisher)
    assert 62 <= count < 1000
    with pytest.raises(towpath.Full) as failure:
        publisher.publish_batch([b"x"])
    assert failure.value.published == 0
    assert len(subscriber.take_batch(1000)) == count + 2
    assert 64 <= publisher.publish_batch(np.zeros((1000, 4), "u1")) < 1000


def test_a_message_is_read_in_place_and_its_views_keep_it_alive(publisher, subscriber):
    publisher.publish(b"x" * 100_000)
    message = subscriber.take(1)
    view, pixels = memoryview(message), message.array("u2", (2, 25_000))
    assert view.readonly and not pixels.flags.writeable
    assert address(view) == address(message.payload) == pixels.__array_interface__["data"][0]
    with pytest.raises(BufferError, match="views"):
        message.release()
    del message
    gc.collect()
    assert bytes(view[:3]) == b"xxx" and pixels[1, 2] == 0x7878
    del view
    assert pixels.sum() == 0x7878 * 50_000


def test_a_released_message_is_read_no_more(publisher, subscriber):
    publisher.publish(b"x" * 10_000)
    with subscriber.take(1) as message:
        assert len(message) == 10_000
    for use in (len, bytes, lambda it: it.sequence, lambda it: it.payload, lambda it: it.headers):
        with pytest.raises(ValueError, match="released"):
            use(message)
    message.release()
    assert repr(message) == "<Message, released>"


def test_releasing_makes_room_at_once(bus):
    topic = bus.topic("small", max_message_bytes=100_000, pool_bytes=210_000)
    subscriber, publisher = topic.subscriber(), topic.publisher(when_full="fail")
    publisher.publish(b"x" * 100_000)
    publisher.publish(b"x" * 100_000)
    messages = subscriber.take_batch()
    with pytest.raises(towpath.Full):
        publisher.publish(b"x" * 100_000)
    messages[0].release()
    publisher.publish(b"x" * 100_000)


def test_an_empty_message_is_a_message(publisher, subscriber):
    publisher.publish(b"")
    message = subscriber.take(1)
    assert len(message) == 0 and bytes(message) == b"" and message.text == ""
    assert len(message.array()) == 0 and message.value == b""


def test_messages_outlive_their_subscriber(topic, publisher):
    subscriber = topic.subscriber()
    publisher.publish(b"y" * 50_000)
    message = subscriber.take(1)
    subscriber.close()
    assert bytes(message) == b"y" * 50_000
    del message


def test_latest_skips(publisher, subscriber):
    assert subscriber.latest() is None
    publisher.publish_batch([b"1", b"2", b"3"])
    assert subscriber.latest().text == "3" and subscriber.latest() is None
    assert (subscriber.received, subscriber.lost, subscriber.gaps) == (1, 0, 0)
    assert (subscriber.next_sequence, subscriber.start_sequence, subscriber.lag) == (4, 1, 0)


def test_lossy_alone_never_holds_up(bus):
    topic = bus.topic("lossy", depth=64)
    lossy, publisher = topic.subscriber(lossy=True), topic.publisher(when_full="fail")
    assert publisher.publish_batch([b"x"] * 1000) == 1000
    message = lossy.take(1)
    assert message.missed == lossy.lost > 0 and lossy.gaps == 1


def test_an_evicted_subscriber_says_so(bus):
    topic = bus.topic("evicting", depth=64)
    slow, publisher = topic.subscriber(max_lag=32), topic.publisher(when_full="fail")
    publisher.publish_batch([b"x"] * 500)
    with pytest.raises(towpath.Evicted):
        for _ in range(600):
            slow.take(0)


def test_starts(topic, publisher):
    publisher.publish_batch([bytes([i]) for i in range(10)])
    first = {
        "next": None, "oldest": 1, towpath.Start.oldest(): 1, towpath.Start.last(3): 8,
        towpath.Start.sequence(5): 5, towpath.Start.time(1000): 1, towpath.Start.next(): None,
    }
    for start, sequence in first.items():
        with topic.subscriber(start=start) as subscriber:
            message = subscriber.try_take()
            assert (message.sequence if message else None) == sequence, start
        with topic.observer(start) as observer:
            message = observer.try_take()
            assert (message.sequence if message else None) == sequence, start
    assert towpath.Start.last(3) == towpath.Start.last(3) != towpath.Start.last(4)
    assert repr(towpath.Start.time(1.5)) == "Start.time(1.5)"
    with pytest.raises(ValueError, match="a Start"):
        topic.subscriber(start="later")


def test_producers_publish_a_number_once(topic, subscriber):
    producer = topic.publisher(producer="robot")
    for number in (1, 2, 2, 1, 3):
        producer.publish(b"x", number=number)
    assert (producer.last_number, producer.duplicates, producer.last_sequence) == (3, 2, 3)
    with pytest.raises(towpath.InvalidArgument, match="one by one"):
        producer.publish_batch([b"a", b"b"], number=4)
    assert len(subscriber.take_batch()) == 3


def test_a_full_topic_waits_fails_or_drops(bus):
    topic = bus.topic("full", depth=16)
    subscriber = topic.subscriber()
    waiting = topic.publisher(wait_at_most=0.05)
    count = fill(topic.publisher(when_full="fail"))
    began = time.monotonic()
    with pytest.raises(towpath.TimedOut, match="subscriber") as failure:
        waiting.publish(b"x")
    assert time.monotonic() - began >= 0.05 and isinstance(failure.value, TimeoutError)
    with pytest.raises(towpath.Full):
        topic.publisher(when_full="fail").publish(b"x")
    dropping = topic.publisher(when_full="drop")
    dropping.publish(b"x")
    assert dropping.dropped == 1
    assert len(subscriber.take_batch(1000)) == count
    with pytest.raises(ValueError, match="'wait', 'fail', 'drop'"):
        topic.publisher(when_full="maybe")
