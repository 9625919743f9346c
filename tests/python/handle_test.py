"""Handles: names of buses and topics, closing, forks, processes that are spawned, the end of the
interpreter."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import weakref

import pytest
import towpath


def opened(bus):
    topic = bus.topic("topic")
    subscriber = topic.subscriber()
    return topic, subscriber, topic.publisher()


def test_the_package_says_its_version():
    assert towpath.__version__.count(".") == 2


def test_buses_are_opened_listed_and_removed(directory):
    assert towpath.Bus.path_of("robot") == f"{directory}/robot"
    with pytest.raises(towpath.NotFound):
        towpath.Bus("robot", create=False)
    with towpath.Bus("robot", file_mode=0o640) as bus:
        assert bus.path == f"{directory}/robot" and bus.topics() == [] == bus.exchanges()
        bus.topic("b")
        bus.topic("a").publisher()
        assert bus.topics() == ["a", "b"]
        [process] = bus.processes()
        assert (process.pid, process.uid, process.alive) == (os.getpid(), os.getuid(), True)
        assert bus.heal() == towpath.HealReport(0, 0, 0, 0, 0)
        with towpath.Bus("robot", observe=True) as observer:
            assert observer.topics() == ["a", "b"]
        with pytest.raises(towpath.Error):
            towpath.Bus.remove("robot")
        bus.remove_topic("a")
        assert bus.topics() == ["b"]
        with pytest.raises(towpath.NotFound):
            bus.remove_topic("a")
        with pytest.raises(towpath.NotFound):
            bus.remove_exchange("none")
        assert bus.supervise() is True
        bus.stop_supervising()
    towpath.Bus.remove("robot")
    assert not os.path.exists(f"{directory}/robot")


def test_topics_have_options_and_say_what_they_are(bus):
    topic = bus.topic("topic", publishers="one", depth=100, slot_bytes=128, stamps="all",
                      max_message_bytes=1000, max_subscribers=3, max_publishers=0)
    subscriber, publisher = topic.subscriber(max_lag=50), topic.publisher()
    publisher.publish(b"x")
    subscriber.take(1)
    info = topic.info()
    assert (topic.name, topic.last_sequence, topic.dtype) == ("topic", 1, None)
    assert (info.name, info.publishers_kind, info.asked_depth) == ("topic", "one", 100)
    assert (info.slot_bytes, info.stamps, info.max_message_bytes) == (128, "all", 1000)
    assert (info.max_subscribers, info.last, info.removed) == (3, 1, False)
    [of_publisher], [of_subscriber] = info.publishers, info.subscribers
    assert of_publisher.process.pid == of_subscriber.process.pid == os.getpid()
    assert (of_subscriber.max_lag, of_subscriber.lossy, of_subscriber.evicted) == (50, False, False)
    assert 0 <= of_subscriber.p50 < 10
    assert topic.groups() == []
    with pytest.raises(towpath.NotFound):
        topic.remove_group("none")
    with pytest.raises(towpath.OptionsMismatch):
        bus.topic("topic", depth=5000)
    with pytest.raises(towpath.PublisherExists):
        topic.publisher()
    for options, error in [({"depht": 1}, TypeError), ({"publishers": "two"}, ValueError),
                           ({"depth": -1}, OverflowError), ({"depth": 3}, towpath.InvalidArgument),
                           ({"max_publishers": 1 << 40}, OverflowError)]:
        with pytest.raises(error):
            bus.topic("other", **options)
    for name in ("", "a\0b", "x" * 300):
        with pytest.raises(ValueError):
            bus.topic(name)


def test_handles_close_in_any_order_and_again(bus):
    topic, subscriber, publisher = opened(bus)
    publisher.publish(b"x")
    bus.close()
    topic.close()
    publisher.publish(b"y")
    assert len(subscriber.take_batch()) == 2
    for handle in (bus, topic, publisher, subscriber):
        handle.close()
        handle.close()
        assert handle.closed


def test_a_closed_handle_says_so(bus):
    topic, subscriber, publisher = opened(bus)
    uses = {
        "publisher": [lambda: publisher.publish(b"x"), lambda: publisher.publish_batch([b"x"]),
                      lambda: publisher.loan(1), lambda: publisher.dropped],
        "subscriber": [subscriber.take, subscriber.try_take, subscriber.take_batch,
                       subscriber.take_values, subscriber.latest, subscriber.fileno,
                       subscriber.ready, lambda: subscriber.lag, lambda: next(subscriber),
                       lambda: towpath.wait_any([subscriber])],
        "topic": [topic.publisher, topic.subscriber, topic.info, lambda: topic.name,
                  topic.observer, topic.groups, topic.wait_for_subscribers],
        "bus": [bus.topics, bus.heal, lambda: bus.path, lambda: bus.topic("x"), bus.supervise,
                bus.processes, bus.exchanges, bus.stop_supervising],
    }
    for handle in (publisher, subscriber, topic, bus):
        with handle as entered:
            assert entered is handle and not handle.closed
        assert handle.closed
    for what, calls in uses.items():
        for call in calls:
            with pytest.raises(ValueError, match=f"this {what} is closed"):
                call()


@pytest.mark.filterwarnings("ignore:nanobind:RuntimeWarning")
def test_what_was_never_opened_is_refused():
    for kind in (towpath.Publisher, towpath.Subscriber, towpath.Topic, towpath.Message,
                 towpath.Loan, towpath.Group, towpath.Consumer, towpath.Delivery,
                 towpath.Settlement, towpath.Exchange, towpath.ExchangePublisher, towpath.Client,
                 towpath.PendingCall, towpath.Server, towpath.Request):
        with pytest.raises(TypeError):
            kind()
    never = towpath.Subscriber.__new__(towpath.Subscriber)
    for call in (towpath.Subscriber.take, towpath.Subscriber.try_take, next, lambda it: it.lag):
        with pytest.raises((TypeError, ValueError)):
            call(never)
    for kind, method in ((towpath.Delivery, "ack"), (towpath.Request, "reply"),
                         (towpath.Consumer, "take"), (towpath.Server, "take"),
                         (towpath.Client, "call"), (towpath.Client, "send"),
                         (towpath.PendingCall, "get"), (towpath.ExchangePublisher, "publish"),
                         (towpath.Group, "consumer"), (towpath.Settlement, "commit")):
        for never in (kind.__new__(kind), 5):
            for arguments in ((), ("key", "payload")):
                with pytest.raises((TypeError, ValueError)):
                    getattr(kind, method)(never, *arguments)
    for kind in (towpath.Message, towpath.Loan, towpath.Delivery, towpath.Request):
        never = kind.__new__(kind)
        for call in (memoryview, len, bytes, lambda it: it.array(), lambda it: it.closed,
                     lambda it: it.payload, lambda it: it.value):
            with pytest.raises((TypeError, ValueError, AttributeError)):
                call(never)
    with pytest.raises(TypeError):
        towpath.Message.value.__get__(5)


def test_every_code_has_its_class():
    assert sorted(towpath.ErrorCode) == list(range(1, 29))
    classes = {kind.code: kind for kind in towpath.Error.__subclasses__()}
    assert set(classes) == set(towpath.ErrorCode)
    for code, kind in classes.items():
        assert getattr(towpath, kind.__name__) is kind and kind.code is code
        error = pickle.loads(pickle.dumps(kind("what failed", 5)))
        assert type(error) is kind and str(error) == "what failed" and error.errno == 5
        assert kind("x").errno == 0


def test_errors_say_what_failed(bus):
    with pytest.raises(towpath.NotFound, match="topic none") as failure:
        bus.topic("none", create=False)
    assert failure.value.code is towpath.ErrorCode.NOT_FOUND
    assert isinstance(failure.value, (LookupError, towpath.Error)) and failure.value.errno == 0


def test_handles_leave_no_garbage(bus):
    topic, subscriber, publisher = opened(bus)
    publisher.publish(b"x" * 1000)
    message = subscriber.take(1)

    class Noted(list):
        pass

    noted = Noted([bus, topic, subscriber, publisher, message])
    noted.append(noted)
    subscriber._readiness = noted  # a circle through the handle, as a loop's callbacks may make
    gone = weakref.ref(noted)
    del noted, topic, subscriber, publisher, message
    gc.collect()
    assert gone() is None


CHILD_USES = [
    "bus.topics()", "topic.info()", "topic.publisher()", "publisher.publish(b'x')",
    "publisher.loan(1)", "loan.publish()", "subscriber.take(0)", "subscriber.try_take()",
    "subscriber.fileno()", "subscriber.take_batch()", "next(subscriber)", "message.sequence",
    "memoryview(message)", "towpath.wait_any([subscriber])", "subscriber.lag",
]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_refused_and_opens_its_own(bus):
    topic, subscriber, publisher = opened(bus)
    publisher.publish(b"y" * 1000)
    message, loan = subscriber.take(1), publisher.loan(1000)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            scope = {**globals(), **locals()}
            for use in CHILD_USES:
                with pytest.raises(RuntimeError, match="fork"):
                    eval(use, scope)
            for handle in (bus, topic, subscriber, publisher):
                handle.close()
            del scope, message, loan, topic, subscriber, publisher, handle
            gc.collect()
            with towpath.Bus("test") as own:
                own.topic("topic").publisher().publish(b"of the child")
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert subscriber.take(5).text == "of the child"
    assert bytes(message) == b"y" * 1000
    loan.publish()
    assert len(subscriber.take(5)) == 1000


def answer(name: str) -> None:
    topic = towpath.Bus(name).topic("topic")
    topic.publisher().publish(topic.subscriber(start="oldest").take(10).text + " back")


def test_a_spawned_process_opens_its_own(bus):
    _, subscriber, publisher = opened(bus)
    publisher.publish("there")
    assert subscriber.take(1).text == "there"
    child = multiprocessing.get_context("spawn").Process(target=answer, args=("test",))
    child.start()
    assert subscriber.take(30).text == "there back"
    child.join()
    assert child.exitcode == 0


def test_the_interpreter_ends_whatever_is_alive(run_python):
    done = run_python("""
import sys, threading, time, towpath
from towpath import _towpath

_towpath.set_leak_warnings(True)
bus = towpath.Bus("test")
topic = bus.topic("topic", max_message_bytes=100000)
subscriber, publisher = topic.subscriber(), topic.publisher()
publisher.publish(b"x" * 100000)
message = subscriber.take(1)
view, array = memoryview(message), message.array()
loan = publisher.loan(50000)
written = loan.array()
written[:] = 1
waiting = topic.subscriber()
for use in (lambda: [waiting.take() for _ in range(9)], lambda: topic.wait_for_subscribers(99)):
    threading.Thread(target=use, daemon=True).start()
sys.kept = [bus, topic, subscriber, publisher, message, view, array, loan, written]
time.sleep(0.1)
print("end")
""")
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr
    assert "Fatal" not in done.stderr and "terminate" not in done.stderr


def test_nothing_leaks_that_the_program_let_go(run_python):
    done = run_python("""
import towpath
from towpath import _towpath

_towpath.set_leak_warnings(True)
def use():
    with towpath.Bus("test") as bus:
        topic = bus.topic("topic")
        subscriber, publisher = topic.subscriber(), topic.publisher()
        publisher.publish(b"x")
        with publisher.loan(1000) as loan:
            loan.array()
        return subscriber.take(1).value
use()
""")
    assert (done.returncode, done.stderr) == (0, "")


def test_handles_are_closed_at_a_signal_that_ends_the_program(run_python):
    done = run_python("""
import os, signal, threading, towpath
topic = towpath.Bus("test").topic("topic")
subscriber = topic.subscriber()
threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
subscriber.take()
""")
    assert done.returncode in (-signal.SIGINT, 130) and "KeyboardInterrupt" in done.stderr
