"""Settlements: deliveries that are acked and messages that are published, all or none."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
import towpath
from support import WATCHDOG, later


class Line:
    """A queue, and topics that its results go to."""

    def __init__(self, bus):
        self.bus = bus
        self.queue = bus.queue("orders")
        self.orders = self.queue.publisher()
        self.consumer = self.queue.consumer()
        self.topics = [bus.topic(name, depth=16) for name in ("invoices", "parcels")]
        self.publishers = [topic.publisher() for topic in self.topics]
        self.readers = [topic.subscriber() for topic in self.topics]

    def take(self, *payloads):
        for payload in payloads:
            self.orders.publish(payload)
        return [self.consumer.take(WATCHDOG) for _ in payloads]

    def results(self):
        """What was published to each."""
        return [[message.text for message in reader.take_batch(timeout=0)]
                for reader in self.readers]

    def fill(self):
        """Until a publisher of the second topic has to wait."""
        with self.topics[1].publisher(when_full="fail") as publisher:
            publisher.publish_batch([b"x"] * 1000)


@pytest.fixture
def line(bus):
    return Line(bus)


def test_settlement_acks_and_publishes_all(line):
    first, second, third = line.take("a", "b", "c")
    settlement = line.consumer.settle(first, second)
    assert settlement.add(third) is settlement
    assert settlement.publish(line.publishers[0], b"invoice", key="k") is settlement
    settlement.publish(line.publishers[1], "parcel", headers={"n": 1})
    assert line.results() == [[], []] and not first.settled, "nothing before commit()"
    settlement.commit()
    assert [it.settled for it in (first, second, third)] == [True] * 3
    assert line.results() == [["invoice"], ["parcel"]]
    assert settlement.closed and line.queue.info().lag == 0
    for use in (settlement.commit, lambda: settlement.add(first),
                lambda: settlement.publish(line.publishers[0], "x")):
        with pytest.raises(ValueError, match="was committed or dropped"):
            use()
    settlement.close()


def test_block_commits_or_drops(line):
    [delivery] = line.take("a")
    with pytest.raises(RuntimeError), line.consumer.settle(delivery) as settlement:
        settlement.publish(line.publishers[0], "lost")
        raise RuntimeError
    assert settlement.closed and not delivery.settled and line.results() == [[], []]
    with line.consumer.settle(delivery) as settlement:
        settlement.publish(line.publishers[0], "result")
    assert delivery.settled and line.results() == [["result"], []]
    [delivery] = line.take("b")
    with line.consumer.settle(delivery) as settlement:
        settlement.close()
    assert not delivery.settled
    with line.consumer.settle(delivery) as settlement:
        settlement.commit()
    assert delivery.settled


def test_lost_delivery_publishes_nothing(line):
    first, second = line.take("a", "b")
    first.ack()
    settlement = line.consumer.settle(second, first)
    settlement.publish(line.publishers[0], "result")
    with pytest.raises(towpath.LeaseLost):
        settlement.commit()
    with pytest.raises(towpath.LeaseLost):
        line.consumer.settle(first).commit()
    assert line.results() == [[], []] and not second.settled
    with pytest.raises(towpath.LeaseLost):
        line.consumer.settle(second).add(first)
    other = line.queue.consumer()
    line.orders.publish("c")
    with pytest.raises(towpath.LeaseLost):
        line.consumer.settle(second).add(other.take(WATCHDOG))


def test_what_a_settlement_refuses(bus, line):
    [delivery] = line.take("a")
    settlement = line.consumer.settle(delivery)
    with bus.topic("one", publishers="one").publisher() as one:
        with pytest.raises(towpath.NotSupported):
            settlement.publish(one, "x")
    with towpath.Bus("test") as again, again.topic("invoices").publisher() as elsewhere:
        with pytest.raises(towpath.InvalidArgument):
            settlement.publish(elsewhere, "x")
    with pytest.raises(towpath.TooLarge):
        settlement.publish(line.publishers[0], b"x" * (1 << 20))
    with pytest.raises(towpath.InvalidArgument):
        settlement.publish(line.publishers[0], "x", number=1)
    with pytest.raises(TypeError, match="no attribute 'color'"):
        settlement.publish(line.publishers[0], "x", color=1)
    with pytest.raises(TypeError):
        settlement.publish(line.publishers[0], 3)
    line.publishers[1].close()
    with pytest.raises(ValueError, match="this publisher is closed"):
        settlement.publish(line.publishers[1], "x")
    with pytest.raises(TypeError, match="takes deliveries"):
        settlement.add(3)
    with pytest.raises(TypeError, match="needs a delivery"):
        line.consumer.settle()
    settlement.publish(line.publishers[0], "fine").commit()
    assert delivery.settled and line.results()[0] == ["fine"]


def test_typed_topics_take_values(bus, line):
    [delivery] = line.take("a")
    topic = bus.topic("sums", "int64")
    reader = topic.subscriber()
    with line.consumer.settle(delivery) as settlement:
        settlement.publish(topic.publisher(), 42)
    assert reader.take(WATCHDOG).value == 42


def test_no_room_in_time_does_nothing_and_may_be_tried_again(line):
    [delivery] = line.take("a")
    line.fill()
    settlement = line.consumer.settle(delivery)
    settlement.publish(line.publishers[0], "invoice").publish(line.publishers[1], "parcel")
    begun = time.monotonic()
    for timeout in 0, 0.05:
        with pytest.raises(towpath.TimedOut):
            settlement.commit(timeout)
    assert time.monotonic() - begun >= 0.05 and not delivery.settled and not settlement.closed
    parcels = line.readers[1].take_batch(1000, timeout=0)
    assert line.results()[0] == [] and "parcel" not in [it.text for it in parcels]
    settlement.commit(WATCHDOG)
    assert delivery.settled and line.results() == [["invoice"], ["parcel"]]


def test_control_c_while_it_waits_leaves_all_as_it_was(line):
    [delivery] = line.take("a")
    line.fill()
    settlement = line.consumer.settle(delivery).publish(line.publishers[1], "parcel")
    with later(lambda: os.kill(os.getpid(), signal.SIGINT)), pytest.raises(KeyboardInterrupt):
        settlement.commit()
    assert not delivery.settled and not settlement.closed
    line.readers[1].take_batch(1000)
    settlement.commit()
    assert delivery.settled and line.results()[1] == ["parcel"]


def test_control_c_never_hides_a_commit(line):
    """A signal handler raises as soon as it may: each settlement is committed, or nothing of it
    is there."""
    class Stop(Exception):
        pass

    def stop(*_):
        raise Stop

    before = signal.signal(signal.SIGALRM, stop)
    committed = 0
    try:
        for round_ in range(300):
            [delivery] = line.take(str(round_))
            settlement = line.consumer.settle(delivery)
            settlement.publish(line.publishers[0], str(round_))
            with pytest.raises(Stop):
                signal.setitimer(signal.ITIMER_REAL, 1e-6 * (round_ % 60 + 1))
                settlement.commit()
                while True:
                    time.sleep(0.001)  # one that begins right behind the signal is not cut off
            # commit() is done, or has not begun: it neither waits here nor is cut off.
            assert delivery.settled == settlement.closed
            if not delivery.settled:
                delivery.ack()
            else:
                committed += 1
                assert line.results()[0] == [str(round_)]
    finally:
        signal.signal(signal.SIGALRM, before)
    assert committed > 0 and line.results() == [[], []]


def test_handles_that_other_threads_wait_with_take_turns(line):
    """A consumer that waits and publishers that publish, each in a thread, and settlements of all
    of them: nobody waits for ever."""
    deliveries = line.take(*map(str, range(6)))
    stop = threading.Event()

    def work(action):
        while not stop.is_set():
            action()

    def publish(publisher):
        return lambda: (publisher.publish("other"), time.sleep(0.001))

    threads = [threading.Thread(target=work, args=(action,)) for action in (
        lambda: line.consumer.take(0.05), publish(line.publishers[0]), publish(line.publishers[1]),
        lambda: line.results())]
    for thread in threads:
        thread.start()
    try:
        for i, delivery in enumerate(deliveries):
            with line.consumer.settle(delivery) as settlement:
                order = line.publishers if i % 2 else line.publishers[::-1]
                for publisher in order:
                    settlement.publish(publisher, "result")
            assert delivery.settled
    finally:
        stop.set()
        for thread in threads:
            thread.join(WATCHDOG)
    assert line.queue.info().lag == 0


def test_settlement_that_ends_while_its_handles_are_used_is_freed_later(line):
    [delivery] = line.take("a")
    settlement = line.consumer.settle(delivery).publish(line.publishers[0], "x")
    waiting = threading.Thread(target=line.consumer.take, args=(0.3,))
    waiting.start()
    time.sleep(0.05)
    del settlement
    delivery.ack()
    waiting.join()
    line.consumer.close()
    assert line.queue.info().lag == 0


def test_settlement_outlives_consumer_and_publisher(line):
    [delivery] = line.take("a")
    settlement = line.consumer.settle(delivery).publish(line.publishers[0], "result")
    line.consumer.close()
    line.publishers[0].close()
    settlement.commit()
    assert delivery.settled and line.results()[0] == ["result"]


def test_settlement_belongs_to_one_thread_at_a_time(line):
    [delivery] = line.take("a")
    line.fill()
    settlement = line.consumer.settle(delivery).publish(line.publishers[1], "parcel")
    failures = []

    def commit():
        try:
            settlement.commit(0.5)
        except towpath.TimedOut as failure:
            failures.append(failure)

    thread = threading.Thread(target=commit)
    thread.start()
    time.sleep(0.1)
    for use in settlement.commit, settlement.close, lambda: settlement.add(delivery):
        with pytest.raises(ValueError, match="another thread"):
            use()
    thread.join()
    assert len(failures) == 1
    settlement.close()


def test_child_of_a_fork_only_forgets_it(line):
    [delivery] = line.take("a")
    settlement = line.consumer.settle(delivery).publish(line.publishers[0], "result")
    child = os.fork()
    if child == 0:
        try:
            settlement.commit()
        except RuntimeError:
            del settlement, delivery
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    settlement.commit()
    assert line.results()[0] == ["result"]
