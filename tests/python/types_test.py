"""Typed topics: dtypes and structures, and the types of C++ that they are."""

from __future__ import annotations

import ctypes
import os
import subprocess

import numpy as np
import pytest
import towpath

TICK = np.dtype([("time", "i8"), ("price", "f8"), ("size", "i4"), ("side", "S1")], align=True)
QUOTE = np.dtype([("bid", "f4"), ("ask", "f4")])


class Tick(ctypes.Structure):
    _fields_ = [("time", ctypes.c_int64), ("price", ctypes.c_double), ("size", ctypes.c_int32),
                ("side", ctypes.c_char)]


def test_types_are_those_of_cpp(bus):
    """A program in C++ opens each topic with its own type, reads our value, and answers."""
    topics, expected = [], []
    for name, ours, theirs in [
        ("bool", True, False), ("int8", -1, -2), ("uint8", 1, 2), ("int16", -1, -2),
        ("uint16", 1, 2), ("int32", -1, -2), ("uint32", 1, 2), ("int64", -1, -2),
        ("uint64", 1, 2), ("float32", 1.5, 2.5), ("float64", 1.5, 2.5),
        ("complex64", 1 + 2j, 3 + 4j), ("complex128", 1 + 2j, 3 + 4j),
    ]:
        topics.append((bus.topic(name, name), ours))
        expected.append(theirs)
    tick = np.zeros(1, TICK)
    tick[0] = (1, 1.5, 7, b"b")
    topics += [
        (bus.topic("Tick", TICK, type_name="Tick"), tick[0]),
        (bus.topic("Tick of ctypes", Tick), Tick(1, 1.5, 7, b"b")),
        (bus.topic("Quote", QUOTE, type_name="market::Quote"), (1, 2)),
        (bus.topic("Named", "u2", type_name="a name of both"), 1),
    ]
    subscribers = [topic.subscriber() for topic, _ in topics]
    publishers = [topic.publisher() for topic, _ in topics]
    for publisher, (_, ours) in zip(publishers, topics):
        publisher.publish(ours)
    peer = subprocess.run([os.environ["TOWPATH_PEER"], "test"], capture_output=True, text=True)
    assert (peer.returncode, peer.stderr) == (0, "")
    answers = [subscriber.take_batch(timeout=0)[-1].value for subscriber in subscribers]
    assert [answer.item() for answer in answers[:len(expected)]] == expected
    tick, of_ctypes, quote, named = answers[len(expected):]
    assert tick.item() == (2, 1.5, 7, b"b") and quote.item() == (3, 4) and named == 2
    assert isinstance(of_ctypes, Tick) and (of_ctypes.time, of_ctypes.side) == (2, b"b")


def test_another_type_is_an_error(bus):
    bus.topic("doubles", "f8")
    for other in ("f4", "i8", None, Tick):
        with pytest.raises(towpath.TypeMismatch):
            bus.topic("doubles", other)
    assert bus.topic("doubles", float).dtype == np.float64
    assert bus.topic_as_bytes("doubles").dtype is None


@pytest.mark.parametrize("dtype, error", [
    (object, TypeError), (">i4", TypeError), ("M8[s]", TypeError), ([("a", "O")], TypeError),
    (TICK, ValueError), ("S8", ValueError), ("nonsense", TypeError), (5, TypeError),
])
def test_what_cannot_travel_is_refused(bus, dtype, error):
    with pytest.raises(error):
        bus.topic("topic", dtype)
    with pytest.raises(towpath.NotFound):
        bus.topic("topic", create=False)


def test_values_are_made_of_what_numpy_takes(bus):
    topic = bus.topic("ticks", TICK, type_name="Tick")
    publisher, subscriber = topic.publisher(), topic.subscriber()
    record = np.zeros(1, TICK)
    for value in (record, record[0], record.tobytes(), (0, 0, 0, b""), memoryview(record)):
        publisher.publish(value)
        assert subscriber.take(1).value == record[0]
    for wrong in (np.zeros(2, TICK), b"short"):
        with pytest.raises(towpath.TypeMismatch):
            publisher.publish(wrong)
    with pytest.raises((TypeError, ValueError)):
        publisher.publish("text")


def test_an_array_of_another_dtype_is_converted_and_not_reinterpreted(bus):
    topic = bus.topic("doubles", "f8")
    publisher, subscriber = topic.publisher(), topic.subscriber()
    publisher.publish(np.int64(3))
    assert publisher.publish_batch(np.arange(3)) == 3
    assert publisher.publish_batch([4, 5.5, np.float32(6)]) == 3
    assert subscriber.take_values().tolist() == [3, 0, 1, 2, 4, 5.5, 6]


def test_values_are_taken_by_one_call(bus):
    topic = bus.topic("doubles", "f8", depth=4096)
    publisher, subscriber = topic.publisher(), topic.subscriber()
    sent = np.random.default_rng(1).random(1000)
    assert publisher.publish_batch(sent) == 1000
    first = subscriber.take_values(300)
    rest = subscriber.take_values(max=5000, timeout=1)
    assert first.dtype == np.float64 and first.flags.writeable
    assert np.array_equal(np.concatenate([first, rest]), sent)
    assert len(subscriber.take_values(10, 0.01)) == 0 == len(subscriber.take_values(0))
    with pytest.raises(TypeError, match="dtype"):
        bus.topic("bytes").subscriber().take_values()


def test_a_typed_message_is_an_array_in_place(bus):
    topic = bus.topic("ticks", TICK, type_name="Tick")
    publisher, subscriber = topic.publisher(), topic.subscriber()
    publisher.publish((5, 2.5, 1, b"s"))
    message = subscriber.take(1)
    assert message.array()["price"][0] == 2.5 and message.array().dtype == TICK
    assert message.array("u1").shape == (TICK.itemsize,)
    assert message.value["time"] == 5


def test_structures_need_no_numpy(bus, run_python):
    done = run_python("""
import ctypes, sys
sys.modules["numpy"] = None
import towpath

class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_double)]

topic = towpath.Bus("test").topic("points", Point)
subscriber, publisher = topic.subscriber(), topic.publisher()
publisher.publish(Point(1, 2))
publisher.publish((3, 4))
publisher.publish_batch((Point * 2)(Point(5, 6), Point(7, 8)))
print([point.value.y for point in subscriber.take_batch()])
for use in (lambda: subscriber.take_values(), lambda: topic.dtype):
    try:
        use()
    except ImportError as error:
        print(error)
""")
    assert done.stdout.splitlines() == ["[2.0, 4.0, 6.0, 8.0]"] + [
        "this needs NumPy, which is not installed: pip install numpy, or towpath[numpy]"] * 2
    assert done.stderr == ""
