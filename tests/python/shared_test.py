"""Many threads on the same consumers, settlements, exchanges, clients and servers: nobody crashes,
nothing is lost or doubled, and nobody waits for ever."""

from __future__ import annotations

import collections
import random
import threading
import time

import towpath

SECONDS = 2.0


class Crowd:
    """Threads that do steps, each again and again until the time is over."""

    def __init__(self) -> None:
        self.ends_at = time.monotonic() + SECONDS
        self.faults: list[BaseException] = []
        self.threads: list[threading.Thread] = []

    def add(self, step, count=1) -> None:
        for _ in range(count):
            chance = random.Random(len(self.threads))
            self.threads.append(threading.Thread(target=self._run, args=(step, chance)))

    def _run(self, step, chance) -> None:
        while time.monotonic() < self.ends_at:
            try:
                step(chance)
            except towpath.TimedOut:
                pass
            except Exception as fault:
                self.faults.append(fault)
                return

    def run(self) -> None:
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join(SECONDS + 30)
        assert not any(thread.is_alive() for thread in self.threads)
        assert not self.faults, self.faults


def test_jobs_have_one_result_each(bus):
    queue = bus.queue("jobs", max_attempts=30, backoff=0, topic={"depth": 256})
    jobs = queue.publisher(wait_at_most=0.05)
    consumers = [queue.consumer(prefetch=16), queue.consumer(prefetch=4)]
    topics = [bus.topic(name, depth=64) for name in ("a", "b")]
    publishers = [topic.publisher() for topic in topics]
    readers = [topic.subscriber() for topic in topics]
    sent, results, held = [], collections.Counter(), collections.deque()

    def send(chance):
        number = len(sent)
        sent.append(number)
        try:
            jobs.publish(f"{number} {'x' * chance.choice([1, 1000])}", key=str(number))
        except towpath.TimedOut:
            sent.pop()
            raise

    def settle(chance):
        consumer = chance.choice(consumers)
        try:
            deliveries = [it for it in (consumer.take(0.01),) if it is not None]
            deliveries += consumer.take_batch(chance.randrange(3), 0)
        except towpath.TooMany:
            held.clear()  # released, by a thread that did not take them
            return
        kind = chance.random()
        if not deliveries:
            return
        if kind < 0.1:
            deliveries.pop().retry()
        elif kind < 0.2:
            held.append(deliveries.pop())
        elif kind < 0.3:
            deliveries.pop(0).release()
        if deliveries:
            settlement = consumer.settle(*deliveries)
            for delivery in deliveries:
                settlement.publish(chance.choice(publishers), delivery.key)
            if kind < 0.9:
                commit(settlement)

    def commit(settlement):
        while True:
            try:
                return settlement.commit(0.1)
            except towpath.TimedOut:
                if time.monotonic() > crowd.ends_at:
                    return None

    def read(chance):
        for reader in readers:
            results.update(bytes(it) for it in reader.take_batch(64, 0.001))

    crowd = Crowd()
    crowd.add(send)  # one: it counts
    crowd.add(settle, 4)
    crowd.add(read)
    crowd.run()
    held.clear()
    for consumer in consumers:
        for delivery in iter(lambda taker=consumer: taker.take(0.2), None):
            with consumer.settle(delivery) as settlement:
                settlement.publish(publishers[0], delivery.key)
            read(None)
    read(None)
    assert queue.info().lag == 0
    assert results == collections.Counter(str(number).encode() for number in sent)
    assert len(sent) > 100


def test_calls_have_their_own_replies(bus):
    client = bus.client("double", depth=32, reply_depth=16)
    servers = [bus.server("double", concurrent=4, depth=32) for _ in range(2)]
    answered = collections.Counter()

    def serve(chance):
        request = chance.choice(servers).take(0.01)
        if request is None:
            return
        try:
            if chance.random() < 0.2:
                request.reply_part(request.text)
            request.reply(request.text * 2)
        except towpath.Cancelled:
            pass

    def ask(chance):
        word = str(chance.randrange(10**9)) + "x" * chance.choice([0, 1000])
        kind = chance.random()
        if kind < 0.5:
            with client.call(word, 10) as reply:
                assert reply.text in (word, word * 2)
        elif kind < 0.7:
            assert client.submit(word, 10).result(20) in (word.encode(), word.encode() * 2)
        elif kind < 0.8:
            client.send(word, 10)  # and it is cancelled
        else:
            with client.send(word, 10) as call:
                towpath.wait_any([call, *servers], 0.001)
                assert [it.text for it in call][-1] == word * 2
        answered[int(kind * 10)] += 1

    crowd = Crowd()
    crowd.add(ask, 4)
    stop = threading.Event()
    serving = [threading.Thread(target=lambda seed=seed: work(seed)) for seed in range(3)]

    def work(seed):
        chance = random.Random(seed)
        while not stop.is_set():
            try:
                serve(chance)
            except towpath.TooMany:
                time.sleep(0.001)
            except Exception as fault:
                crowd.faults.append(fault)
                return

    for thread in serving:
        thread.start()
    try:
        crowd.run()
    finally:
        stop.set()
        for thread in serving:
            thread.join()
    client.close()
    assert sum(answered.values()) > 100


def test_handles_are_closed_while_others_use_them(bus):
    queue = bus.queue("jobs")
    exchange = bus.exchange("x", "fanout")
    exchange.bind(queue)
    handles = {}

    def renew(chance):
        for name, make in makers.items():
            before = handles.get(name)
            handles[name] = make()
            if before is not None:
                before.close()
        time.sleep(0.005)

    makers = {"consumer": queue.consumer, "publisher": exchange.publisher,
              "client": lambda: bus.client("s"), "server": lambda: bus.server("s"),
              "results": lambda: bus.topic("results").publisher()}
    renew(None)

    def use(chance):
        try:
            handles["publisher"].publish("", "job")
            delivery = handles["consumer"].take(0.005)
            if delivery is not None:
                settlement = handles["consumer"].settle(delivery)
                settlement.publish(handles["results"], "result")
                settlement.commit(0.01)
            request = handles["server"].take(0.005)
            if request is not None:
                request.reply("reply")
        except (ValueError, towpath.LeaseLost, towpath.Cancelled, towpath.Removed,
                towpath.NotFound, towpath.TooMany):
            pass

    def ask(chance):
        try:
            handles["client"].call("q", 0.01)
        except (ValueError, towpath.RequestFailed, towpath.NoReply):
            pass

    crowd = Crowd()
    crowd.add(renew)
    crowd.add(use, 3)
    crowd.add(ask)
    crowd.run()
