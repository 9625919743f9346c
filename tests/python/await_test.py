"""Groups and services in asyncio, and calls by futures."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import threading
import time

import pytest
import towpath
from support import WATCHDOG


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, WATCHDOG))


async def serve(server, handle):
    """Answers by `handle` until it is cancelled."""
    async for request in server:
        handle(request)


def upper(request):
    request.reply(request.text.upper())


# --- consumers ---


def test_deliveries_are_awaited(bus):
    queue = bus.queue("jobs")
    publisher, consumer = queue.publisher(), queue.consumer()

    async def main():
        waiting = asyncio.create_task(consumer.next())
        await asyncio.sleep(0.02)
        publisher.publish("a")
        with await waiting as delivery:
            assert delivery.text == "a"
        publisher.publish_batch(["b", "c", "d"])
        seen = []
        async for delivery in consumer:
            seen.append(delivery.text)
            delivery.ack()
            if delivery.text == "d":
                bus.remove_topic("jobs")
        assert seen == ["b", "c", "d"]

    run(main())


def test_tasks_share_a_consumer_and_a_delayed_retry_wakes_them(bus):
    queue = bus.queue("jobs")
    consumer = queue.consumer()

    async def work(done):
        while True:
            with await consumer.next() as delivery:
                if delivery.text == "later" and delivery.attempts == 0:
                    delivery.retry(0.1)
                    continue
                done.append(delivery.text)

    async def main():
        done = []
        tasks = [asyncio.create_task(work(done)) for _ in range(3)]
        queue.publisher().publish_batch(["later", "now", "then"])
        while len(done) < 3:
            await asyncio.sleep(0.001)
        for task in tasks:
            task.cancel()
        assert set(done) == {"later", "now", "then"}

    run(main())


def test_cancelled_task_loses_no_delivery(bus):
    queue = bus.queue("jobs")
    publisher, consumer = queue.publisher(), queue.consumer()

    async def main():
        for round_ in range(50):
            waiting = asyncio.create_task(consumer.next())
            await asyncio.sleep(0)
            publisher.publish(str(round_))
            if round_ % 2:
                await asyncio.sleep(0)
            waiting.cancel()
            try:
                delivery = await waiting
            except asyncio.CancelledError:
                delivery = await consumer.next()
            assert delivery.text == str(round_)
            delivery.ack()

    run(main())


# --- requests ---


def test_requests_are_awaited_and_served_in_one_thread(bus):
    client, server = bus.client("upper"), bus.server("upper")

    async def main():
        serving = asyncio.create_task(serve(server, upper))
        assert (await client.request("hello", WATCHDOG)).text == "HELLO"
        replies = await asyncio.gather(*(client.request(str(i)) for i in range(200)))
        assert [reply.text for reply in replies] == [str(i) for i in range(200)]
        assert client.in_flight == 0
        serving.cancel()

    run(main())


def test_replies_of_a_stream_are_awaited(bus):
    client, server = bus.client("count"), bus.server("count")

    async def answer():
        with await server.next() as request:
            for i in range(100):
                request.reply_part(str(i))
                if i % 10 == 0:
                    await asyncio.sleep(0.001)
            request.finish()

    async def main():
        answering = asyncio.create_task(answer())
        with client.send("", WATCHDOG) as call:
            assert [reply.text async for reply in call] == [str(i) for i in range(100)]
        await answering

    run(main())


def test_awaited_calls_fail_as_others_do(bus):
    client, server = bus.client("fail"), bus.server("fail")

    async def main():
        begun = time.monotonic()
        with pytest.raises(towpath.TimedOut):
            await client.request("", 0.05)
        assert time.monotonic() - begun >= 0.05
        assert server.try_take() is None, "it was withdrawn"
        serving = asyncio.create_task(serve(server, lambda request: request.fail("no", 5)))
        with pytest.raises(towpath.RequestFailed) as failure:
            await client.request("")
        assert failure.value.errno == 5
        serving.cancel()
        with pytest.raises(towpath.NoServer):
            await bus.client("nobody", fail_without_server=True).request("")
        with pytest.raises(TypeError, match="no attribute"):
            await client.request("", color=1)

    run(main())


def test_task_that_is_cancelled_cancels_its_call(bus):
    client, server = bus.client("s"), bus.server("s")

    async def main():
        asking = asyncio.create_task(client.request("q"))
        request = await server.next()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert request.cancelled and client.in_flight == 0

    run(main())


def test_full_service_holds_up_no_other_task(bus):
    client = bus.client("full", depth=16)

    async def main():
        asking = [asyncio.create_task(client.request(str(i), WATCHDOG)) for i in range(100)]
        await asyncio.sleep(0.05)
        with pytest.raises(towpath.TimedOut):
            await client.request("", 0.03)
        server = bus.server("full")
        serving = asyncio.create_task(serve(server, upper))
        assert sorted([(await it).text for it in asking], key=int) == [str(i) for i in range(100)]
        serving.cancel()

    run(main())


def test_closing_wakes_who_awaits(bus):
    client, server = bus.client("s"), bus.server("s")

    async def main():
        asking = asyncio.create_task(client.request("q"))
        taking = asyncio.create_task(server.next())
        await asyncio.sleep(0.02)
        request = taking.result() if taking.done() else None
        client.close()
        with pytest.raises(ValueError, match="closed"):
            await asking
        assert request is not None and request.cancelled
        call = bus.client("s").send("q")
        parts = asyncio.create_task(call.__anext__())
        await asyncio.sleep(0.02)
        call.close()
        with pytest.raises(ValueError, match="this call is closed"):
            await parts

    run(main())


# --- futures ---


def test_futures_are_done_by_a_thread_of_the_client(bus):
    with bus.client("upper") as client, bus.server("upper") as server:
        serving = threading.Thread(target=server.run, args=(lambda it: it.text.upper(),))
        serving.start()
        before = threading.active_count()
        futures = [client.submit(f"a{i}", WATCHDOG, headers={"n": i}) for i in range(50)]
        assert threading.active_count() == before + 1 and client.in_flight == 0
        assert [it.result(WATCHDOG) for it in futures] == [b"A%d" % i for i in range(50)]
        assert isinstance(futures[0], concurrent.futures.Future)
        with pytest.raises(towpath.TypeMismatch), bus.client("typed", "i8") as typed:
            typed.submit(b"abc").result(WATCHDOG)
        server.stop()
        serving.join()
        client.close()
        assert threading.active_count() == before - 1
        with pytest.raises(ValueError, match="this client is closed"):
            client.submit("x")


def test_close_cancels_futures(bus):
    client, server = bus.client("s"), bus.server("s", concurrent=9)
    futures = [client.submit("q") for _ in range(5)]
    requests = [server.take(WATCHDOG) for _ in futures]
    client.close()
    assert all(it.cancelled() for it in futures) and all(it.cancelled for it in requests)
    client.close()


def test_cancelled_future_cancels_its_call(bus):
    with bus.client("s") as client:
        server = bus.server("s")
        future = client.submit("q")
        request = server.take(WATCHDOG)
        assert future.cancel()
        until = time.monotonic() + WATCHDOG
        while not request.cancelled:
            assert time.monotonic() < until
            time.sleep(0.001)


def test_callback_may_close_the_client(bus):
    client, server = bus.client("s"), bus.server("s")
    closed = threading.Event()
    future = client.submit("q")
    future.add_done_callback(lambda _: (client.close(), closed.set()))
    server.take(WATCHDOG).reply("a")
    assert future.result(WATCHDOG) == b"a" and closed.wait(WATCHDOG) and client.closed


def test_client_that_is_dropped_ends_its_thread(bus):
    server, client = bus.server("s"), bus.client("s")
    future = client.submit("q")
    server.take(WATCHDOG).reply("a")
    assert future.result(WATCHDOG) == b"a"
    before = threading.active_count()
    del client
    gc.collect()
    until = time.monotonic() + WATCHDOG
    while threading.active_count() != before - 1:
        assert time.monotonic() < until
        time.sleep(0.001)


def test_program_ends_with_a_client_that_is_never_closed(run_python):
    done = run_python("""
import towpath
bus = towpath.Bus("test")
client, server = bus.client("s"), bus.server("s")
future, forgotten = client.submit("q"), client.submit("for ever")
server.take().reply("a")
print(future.result(), flush=True)
""")
    assert (done.returncode, done.stdout) == (0, "b'a'\n"), done.stderr
    assert done.stderr == ""
