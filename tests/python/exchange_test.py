"""Exchanges: which queues a message goes to."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
import towpath
from support import WATCHDOG, later


class Queues:
    """Queues of a bus, and what arrives in them."""

    def __init__(self, bus):
        self.bus = bus
        self.readers = {}

    def add(self, *names, **options):
        for name in names:
            self.readers[name] = self.bus.topic(name, **options).subscriber()

    def arrived(self):
        return {name for name, reader in self.readers.items()
                if reader.take_batch(timeout=0)}


@pytest.fixture
def queues(bus):
    return Queues(bus)


@pytest.mark.parametrize("kind, bindings, routes", [
    ("direct", {"a": "red", "b": "blue"}, {"red": {"a"}, "blue": {"b"}, "green": set()}),
    ("fanout", {"a": "x", "b": "y"}, {"whatever": {"a", "b"}}),
    ("topic", {"a": "*.error", "b": "kernel.#"},
     {"kernel.error": {"a", "b"}, "mail.error": {"a"}, "kernel": {"b"}, "mail": set()}),
])
def test_keys_decide(bus, queues, kind, bindings, routes):
    queues.add(*bindings)
    with bus.exchange("x", kind) as exchange:
        assert (exchange.name, exchange.kind, exchange.alternate) == ("x", kind, None)
        for queue, key in bindings.items():
            assert exchange.bind(queue, key) and not exchange.bind(queue, key)
        with exchange.publisher() as publisher:
            for key, expected in routes.items():
                assert publisher.publish(key, "m") == len(expected)
                assert queues.arrived() == expected, key
                assert publisher.publish(key.encode(), b"m", headers={"n": 1}) == len(expected)
                assert queues.arrived() == expected, key
        assert bus.exchanges() == ["x"]


def test_headers_decide(bus, queues):
    queues.add("all", "any")
    exchange = bus.exchange("x", "headers")
    exchange.bind("all", arguments={"a": 1, "b": None})
    exchange.bind("any", arguments=[("x-match", "any"), ("a", 1), ("b", "2")])
    assert exchange.bindings() == [
        towpath.Binding("queue", "all", "", {"a": 1, "b": None}),
        towpath.Binding("queue", "any", "", {"x-match": "any", "a": 1, "b": "2"})]
    publisher = exchange.publisher()
    for headers, expected in (({"a": 1, "b": 0}, {"all", "any"}), ({"a": 1}, {"any"}), ({}, set())):
        assert publisher.publish("", "m", headers=headers) == len(expected)
        assert queues.arrived() == expected
    assert not exchange.unbind("all")
    assert exchange.unbind("all", arguments={"a": 1, "b": None})


def test_exchanges_are_bound_to_each_other(bus, queues):
    queue = bus.queue("q")
    first, second = bus.exchange("first", "fanout"), bus.exchange("second", alternate="rest")
    rest = bus.exchange("rest", "fanout")
    assert second.alternate == "rest"
    assert first.bind_exchange(second, "ignored") and second.bind(queue, "k")
    assert first.bindings() == [towpath.Binding("exchange", "second", "ignored", {})]
    publisher = first.publisher()
    assert (publisher.publish("k", "m"), publisher.publish("other", "m")) == (1, 0)
    rest.bind(queue.topic)
    assert publisher.publish("other", "m") == 1
    assert first.unbind_exchange("second", "ignored")
    assert not first.unbind_exchange("second", "ignored")
    assert publisher.publish("k", "m") == 0
    assert [it.text for it in queue.consumer().take_batch(timeout=WATCHDOG)] == ["m", "m"]


def test_the_default_exchange_leads_to_the_queue_of_that_name(bus, queues):
    queues.add("a")
    publisher = bus.exchange().publisher()
    assert publisher.publish("a", "m") == 1 and publisher.publish("none", "m") == 0
    assert queues.arrived() == {"a"} and bus.exchange().name == ""


def test_routing_key_travels_as_the_key(bus, queues):
    queues.add("a")
    exchange = bus.exchange("x", "fanout")
    exchange.bind("a")
    exchange.publisher().publish("k", "m")
    exchange.publisher().publish("k", "m", key="own", tag="t", priority=2)
    exchange.publisher(carry_routing_key=False).publish("k", "m")
    messages = queues.readers["a"].take_batch(timeout=WATCHDOG)
    assert [it.key for it in messages] == [b"k", b"own", b""]
    assert messages[1].has_tag("t") and messages[1].priority == 2


def test_errors_say_what_is_wrong(bus, queues):
    exchange = bus.exchange("x", "direct")
    publisher = exchange.publisher(mandatory=True)
    with pytest.raises(towpath.Unroutable) as failure:
        publisher.publish("k", "m")
    assert failure.value.reached == 0
    for wrong, error in ((lambda: exchange.bind("none"), towpath.NotFound),
                         (lambda: exchange.bind_exchange("none"), towpath.NotFound),
                         (lambda: exchange.bind(3), AttributeError),
                         (lambda: exchange.bind("q", arguments={"a": object()}), TypeError),
                         (lambda: bus.exchange("x", "fanout"), towpath.OptionsMismatch),
                         (lambda: bus.exchange("x", "best"), ValueError),
                         (lambda: bus.exchange("none", create=False), towpath.NotFound),
                         (lambda: bus.exchange("y", table_bytes=1), towpath.InvalidArgument),
                         (lambda: exchange.publisher(when_full="never"), ValueError),
                         (lambda: publisher.publish("k"), TypeError),
                         (lambda: publisher.publish(3, "m"), TypeError),
                         (lambda: publisher.publish("a\0b", "m"), ValueError),
                         (lambda: publisher.publish("k" * 256, "m"), towpath.InvalidArgument),
                         (lambda: publisher.publish("k", "m", color=1), TypeError)):
        with pytest.raises(error):
            wrong()
    bus.remove_exchange("x")
    with pytest.raises(towpath.Removed):
        publisher.publish("k", "m")
    publisher.close()
    with pytest.raises(ValueError, match="this publisher is closed"):
        publisher.publish("k", "m")
    exchange.close()
    with pytest.raises(ValueError, match="this exchange is closed"):
        exchange.publisher()


class Full:
    """An exchange with one queue that is full and one that is not."""

    def __init__(self, bus, queues):
        queues.add("small", depth=16)
        queues.add("large", depth=4096)
        self.queues = queues
        self.exchange = bus.exchange("x", "fanout")
        for name in queues.readers:
            self.exchange.bind(name)
        self.fill()

    def fill(self):
        with self.queues.bus.topic("small").publisher(when_full="fail") as publisher:
            publisher.publish_batch([b"x"] * 1000)

    def texts(self, name):
        return [it.text for it in self.queues.readers[name].take_batch(5000, timeout=0)]


@pytest.fixture
def full(bus, queues):
    return Full(bus, queues)


def test_full_queues_fail_or_drop(full):
    failing = full.exchange.publisher(when_full="fail")
    with pytest.raises(towpath.Full) as failure:
        failing.publish("", "m")
    assert failure.value.reached == 1 and full.texts("large") == ["m"]
    dropping = full.exchange.publisher(when_full="drop")
    assert dropping.publish("", "d") == 1 == dropping.dropped
    assert full.texts("large") == ["d"] and "d" not in full.texts("small")


def test_full_queues_are_waited_for_and_nobody_gets_a_message_twice(full):
    publisher = full.exchange.publisher()
    drained = []  # by whom makes room, who may meet the message already
    with later(lambda: drained.extend(full.texts("small")), 0.1):
        assert publisher.publish("", "m") == 2
    assert full.texts("large") == ["m"]
    assert (drained + full.texts("small")).count("m") == 1
    full.fill()
    impatient = full.exchange.publisher(wait_at_most=0.05)
    begun = time.monotonic()
    with pytest.raises(towpath.TimedOut, match="topic small") as failure:
        impatient.publish("", "m")
    assert time.monotonic() - begun >= 0.05 and failure.value.reached == 1
    full.texts("small")
    assert full.texts("large") == ["m"] and impatient.publish("", "n") == 2
    assert full.texts("large") == ["n"] == full.texts("small")


def test_control_c_ends_the_wait_for_a_full_queue(full):
    publisher = full.exchange.publisher()
    with later(lambda: os.kill(os.getpid(), signal.SIGINT)):
        with pytest.raises(KeyboardInterrupt) as stopped:
            publisher.publish("", "m")
    assert stopped.value.reached == 1
    full.texts("small")
    assert full.texts("large") == ["m"] and publisher.publish("", "n") == 2
    assert full.texts("large") == ["n"] == full.texts("small")


def test_threads_that_share_a_publisher_mix_up_no_messages(full):
    publisher = full.exchange.publisher()
    threads = [threading.Thread(target=lambda number=number: [
        publisher.publish("", f"{number} {i}") for i in range(20)]) for number in range(4)]
    for thread in threads:
        thread.start()
    small = []
    while any(thread.is_alive() for thread in threads):
        small += full.texts("small")
        time.sleep(0.001)
    small += full.texts("small")
    large = full.texts("large")
    expected = sorted(f"{number} {i}" for number in range(4) for i in range(20))
    assert sorted(large) == expected == sorted(it for it in small if it != "x")


def test_closing_ends_another_threads_wait(full):
    publisher = full.exchange.publisher()
    with later(publisher.close), pytest.raises(ValueError, match="this publisher is closed"):
        publisher.publish("", "m")
