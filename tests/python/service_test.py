"""Requests and replies: clients, calls, servers, requests."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from contextlib import contextmanager

import pytest
import towpath
from conftest import WATCHDOG, later


@pytest.fixture
def server(bus):
    with bus.server("upper") as opened:
        yield opened


@pytest.fixture
def client(bus):
    with bus.client("upper") as opened:
        yield opened


@contextmanager
def running(server, handler):
    """A thread that runs the server."""
    thread = threading.Thread(target=server.run, args=(handler,))
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join(WATCHDOG)
        assert not thread.is_alive()


def upper(request):
    return request.text.upper()


# --- calling ---


def test_call_returns_the_reply(server, client):
    assert client.service == server.service == "upper" and client.reply_topic
    with running(server, upper):
        with client.call("hello", WATCHDOG) as reply:
            assert reply.text == "HELLO" and bytes(reply) == b"HELLO" == reply.value
        assert client.call(b"there").text == "THERE"
        assert client.call("x" * 10000, timeout=WATCHDOG).text == "X" * 10000
    assert (client.in_flight, client.late, server.answered, server.dropped) == (0, 0, 3, 0)


def test_attributes_travel_both_ways(server, client):
    call = client.send("q", WATCHDOG, headers={"user": "ann"}, content_type="text/plain", priority=3)
    request = server.take(WATCHDOG)
    assert request.headers == {"user": "ann"} and request.content_type == "text/plain"
    assert request.priority == 3 and request.reply_topic == client.reply_topic
    assert request.text == "q" == request.value.decode() and len(request) == 1
    assert bytes(memoryview(request)) == b"q" and repr(request) == "<Request 1 of 1 bytes>"
    assert (request.attempts, request.redelivered) == (0, False)
    assert not request.answered and not request.cancelled
    request.reply("a", headers={"n": 1}, content_type="text/html")
    assert request.answered
    with pytest.raises(towpath.Cancelled):
        request.reply("b")
    reply = call.get()
    assert reply.text == "a" and reply.headers == {"n": 1} and reply.content_type == "text/html"


def test_any_number_of_calls_in_any_order(bus, client):
    server = bus.server("upper", concurrent=8)
    calls = [client.send(str(i)) for i in range(8)]
    assert client.in_flight == 8 and not calls[0].ready() and not calls[0].wait(0.02)
    requests = [server.take(WATCHDOG) for _ in calls]
    with pytest.raises(towpath.TooMany):
        server.take(0)
    for request in reversed(requests):
        request.reply(f"to {request.text}")
    assert all(call.wait(WATCHDOG) and call.ready() for call in calls)
    assert [call.get().text for call in calls] == [f"to {i}" for i in range(8)]
    for call in calls:
        call.close()
        call.close()
        assert call.closed
    assert client.in_flight == 0
    for use in calls[0].get, calls[0].next, calls[0].wait, calls[0].cancel:
        with pytest.raises(ValueError, match="this call is closed"):
            use()


def test_stream_of_replies_ends(server, client):
    def count(request):
        for i in range(int(request.text)):
            request.reply_part(str(i))
        request.finish()

    with running(server, count):
        with client.send("500", WATCHDOG) as call:
            assert [reply.text for reply in call] == [str(i) for i in range(500)]
            assert call.next() is None
            with pytest.raises(towpath.NoReply):
                call.get()
    kept = client.send("x", WATCHDOG)
    assert server.take(WATCHDOG).text == "x", "a stopped server takes by itself"
    kept.close()


def test_last_reply_ends_a_stream_too(server, client):
    call = client.send("", WATCHDOG)
    request = server.take(WATCHDOG)
    request.reply_part("1")
    request.reply("2")
    assert [reply.text for reply in call] == ["1", "2"]


def test_failed_request_says_why(server, client):
    call = client.send("", WATCHDOG)
    server.take(WATCHDOG).fail("no such account", 42)
    with pytest.raises(towpath.RequestFailed, match="no such account") as failure:
        call.get()
    assert failure.value.errno == 42
    call = client.send("", WATCHDOG)
    server.take(WATCHDOG)  # dropped at once
    with pytest.raises(towpath.RequestFailed, match="without an answer"):
        call.get()
    call = client.send("", WATCHDOG)
    with pytest.raises(ZeroDivisionError), server.take(WATCHDOG):
        raise ZeroDivisionError("nothing is left")
    with pytest.raises(towpath.RequestFailed, match="ZeroDivisionError: nothing is left"):
        call.get()
    call = client.send("", WATCHDOG)
    with server.take(WATCHDOG) as request:
        request.reply("fine")
    assert call.get().text == "fine"


def test_cancelled_call_is_told_to_the_server(server, client):
    call = client.send("", WATCHDOG)
    request = server.take(WATCHDOG)
    call.cancel()
    assert request.cancelled
    with pytest.raises(towpath.Cancelled):
        call.get()
    with pytest.raises(towpath.Cancelled):
        request.reply("late")
    with client.send("", WATCHDOG):
        request = server.take(WATCHDOG)
    assert request.cancelled


def test_time_of_a_call_is_over(server, client):
    begun = time.monotonic()
    with pytest.raises(towpath.TimedOut, match="waits for its turn"):
        client.call("", 0.05)
    assert 0.05 <= time.monotonic() - begun < 10
    call = client.send("", timeout=0.05)
    request = server.take(WATCHDOG)
    with pytest.raises(TimeoutError, match=f"pid {os.getpid()}"):
        call.get()
    with pytest.raises(towpath.TimedOut):
        client.call("", 0)
    assert request.cancelled


def test_call_without_a_server(bus):
    with pytest.raises(towpath.TimedOut, match="nobody serves it"):
        bus.client("nobody").call("", 0.02)
    with pytest.raises(towpath.NoServer):
        bus.client("nobody", fail_without_server=True).call("")
    with pytest.raises(towpath.NotFound):
        bus.client("none", create=False)
    with pytest.raises(towpath.NotFound):
        bus.server("none", create=False)


def test_full_service_is_waited_for(bus):
    client = bus.client("full", depth=16)
    calls = []
    with pytest.raises(towpath.TimedOut):
        while len(calls) < 1000:
            calls.append(client.send(str(len(calls)), 0.05))
    server = bus.server("full", concurrent=1)

    def serve():
        for _ in range(len(calls)):
            server.take(WATCHDOG).reply("served")

    with later(serve):
        calls.append(client.send("last", WATCHDOG))
    assert server.take(WATCHDOG).text == "last"


def test_services_have_options_and_types(bus):
    server = bus.server("sums", "2i8", type_name="Pair", max_attempts=3, depth=64)
    client = bus.client("sums", "2i8", type_name="Pair", reply_depth=64, max_reply_bytes=1000,
                        reply_pool_bytes=5000, max_waiting_replies=8, spin=0)
    call = client.send((3, 4))
    request = server.take(WATCHDOG)
    assert request.value.tolist() == [3, 4] and request.array().sum() == 7
    request.reply("7")
    assert call.get().text == "7"
    with pytest.raises(towpath.TypeMismatch):
        client.call(b"abc")
    with pytest.raises(towpath.TypeMismatch):
        bus.client("sums")
    with pytest.raises(towpath.OptionsMismatch):
        bus.client("sums", "2i8", type_name="Pair", max_attempts=2)
    with pytest.raises(towpath.InvalidArgument):
        bus.server("more", concurrent=1000)
    with pytest.raises(towpath.TooLarge):
        bus.client("small", max_request_bytes=100).call(b"x" * 1000)
    with pytest.raises(TypeError, match="no attribute 'color'"):
        client.call((1, 2), color=1)
    with pytest.raises(TypeError):
        client.call()
    with pytest.raises(TypeError):
        client.send(object())


# --- serving ---


def test_handler_decides_how_a_request_ends(server, client, caplog):
    def handle(request):
        if request.text == "raise":
            raise LookupError("no such thing")
        if request.text == "large":
            return b"x" * (1 << 20)
        if request.text == "wrong":
            return object()
        if request.text == "itself":
            request.reply("by itself")
            return "not this"
        return None

    caplog.set_level(logging.ERROR, logger="towpath")
    with running(server, handle):
        with pytest.raises(towpath.RequestFailed, match="LookupError: no such thing"):
            client.call("raise", WATCHDOG)
        with pytest.raises(towpath.RequestFailed, match="without an answer"):
            client.call("forget", WATCHDOG)
        with pytest.raises(towpath.RequestFailed, match="TooLarge"):
            client.call("large", WATCHDOG)
        with pytest.raises(towpath.RequestFailed, match="TypeError"):
            client.call("wrong", WATCHDOG)
        assert client.call("itself", WATCHDOG).text == "by itself"
    assert "no such thing" in caplog.text and "service upper" in caplog.text
    server.run(handle)  # one that was stopped stays so


def test_handler_may_answer_later(bus, client):
    server, kept = bus.server("upper", concurrent=2), []
    with running(server, kept.append):
        calls = [client.send(text, WATCHDOG) for text in "abc"]
        for call, text in zip(calls, ("aa", "bb", "cc")):
            while not kept:
                time.sleep(0.001)
            assert not call.wait(0.02)
            request = kept.pop(0)
            request.reply(request.text * 2)
            assert call.get().text == text


def test_cancelled_call_is_no_fault_of_the_handler(server, client, caplog):
    cancelled = threading.Event()

    def handle(request):
        while not request.cancelled:
            time.sleep(0.001)
        cancelled.set()
        return "late"

    with running(server, handle):
        client.send("").close()
        with pytest.raises(towpath.TimedOut):
            client.call("", 0.05)
        assert cancelled.wait(WATCHDOG)
    assert not caplog.records


def test_server_is_stopped_by_a_signal_handler(server):
    before = signal.signal(signal.SIGUSR1, lambda *_: server.stop())
    try:
        with later(lambda: os.kill(os.getpid(), signal.SIGUSR1)):
            server.run(upper)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_iteration_ends_when_the_service_is_removed(bus, server, client):
    calls = [client.send(text) for text in "ab"]
    seen = []
    for request in server:
        seen.append(request.text)
        request.reply(request.text)
        if len(seen) == 2:
            bus.remove_topic("upper")
    assert seen == ["a", "b"] == [call.get().text for call in calls]
    with pytest.raises(towpath.Removed):
        client.call("c", WATCHDOG)


def test_stream_waits_for_a_client_that_is_behind(bus):
    server = bus.server("s", wait_for_client=WATCHDOG)
    client = bus.client("s", reply_depth=16)
    call = client.send("", WATCHDOG)
    request = server.take(WATCHDOG)
    got = []

    def read():
        time.sleep(0.05)
        got.extend(reply.text for reply in call)

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(300):
        request.reply_part(str(i))
    request.finish()
    reader.join(WATCHDOG)
    assert got == [str(i) for i in range(300)] and server.dropped == 0


@pytest.mark.parametrize("wait_for_client", [0, 0.05])
def test_client_that_takes_nothing_is_given_up(bus, wait_for_client):
    server = bus.server("s", wait_for_client=wait_for_client)
    client = bus.client("s", reply_depth=16)
    call = client.send("", WATCHDOG)
    request = server.take(WATCHDOG)
    begun = time.monotonic()
    with pytest.raises(towpath.TimedOut):
        for _ in range(1000):
            request.reply_part("x")
    assert time.monotonic() - begun >= wait_for_client
    assert request.answered and server.dropped == 1
    with pytest.raises(towpath.NoReply):
        for _ in call:
            pass


def test_control_c_leaves_a_request_unanswered(bus):
    server = bus.server("s", wait_for_client=None)
    client = bus.client("s", reply_depth=16)
    call = client.send("", WATCHDOG)
    request = server.take(WATCHDOG)
    with later(lambda: os.kill(os.getpid(), signal.SIGINT)), pytest.raises(KeyboardInterrupt):
        while True:
            request.reply_part("x")
    assert not request.answered
    for _ in range(16):
        assert call.next().text == "x"
    request.reply("last")
    assert [it.text for it in call][-1] == "last"


# --- closing, threads, forks ---


def test_all_may_be_closed_in_any_order(bus):
    for order in range(2):
        server, client = bus.server("s"), bus.client("s")
        call = client.send("q")
        request = server.take(WATCHDOG)
        server.close()
        client.close()
        for handle, name in ((client, "client"), (server, "server")):
            assert handle.closed
            with pytest.raises(ValueError, match=f"this {name} is closed"):
                _ = handle.service
        with pytest.raises(ValueError, match="this client is closed"):
            client.call("q")
        with pytest.raises(ValueError, match="this server is closed"):
            server.take()
        request.reply("x" * 10000)
        assert request.answered and request.text == "q"
        reply = call.get()
        if order:
            call.close()
        assert reply.text == "x" * 10000
        del request, reply


def test_unanswered_request_of_a_closed_server_is_failed(bus):
    server, client = bus.server("s", concurrent=2), bus.client("s")
    calls = [client.send(text) for text in "ab"]
    requests = [server.take(WATCHDOG) for _ in calls]
    server.close()
    del server
    requests.pop().reply("answered")
    requests.clear()
    with pytest.raises(towpath.RequestFailed):
        calls[0].get()
    assert calls[1].get().text == "answered"


def test_threads_share_a_client(server, client):
    got = {}

    def ask(name):
        got[name] = [client.call(f"{name}{i}", WATCHDOG).text for i in range(50)]

    with running(server, upper):
        threads = [threading.Thread(target=ask, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WATCHDOG)
    assert got == {name: [f"{name.upper()}{i}" for i in range(50)] for name in "abc"}


@pytest.mark.parametrize("wait", ["call", "get", "next", "wait", "take", "run", "iterate", "any"])
def test_control_c_ends_every_wait(server, client, wait):
    call = None if wait in ("take", "run") else client.send("")
    waits = {"call": lambda: client.call(""), "get": lambda: call.get(),
             "next": lambda: call.next(), "wait": lambda: call.wait(), "take": server.take,
             "run": lambda: server.run(upper), "iterate": lambda: next(iter(call)),
             "any": lambda: towpath.wait_any([call])}
    with later(lambda: os.kill(os.getpid(), signal.SIGINT)), pytest.raises(KeyboardInterrupt):
        waits[wait]()


def test_control_c_ends_the_wait_for_room(bus):
    client = bus.client("full", depth=16)
    calls = []
    with later(lambda: os.kill(os.getpid(), signal.SIGINT)), pytest.raises(KeyboardInterrupt):
        while True:
            calls.append(client.send(""))
    assert 0 < client.in_flight == len(calls)


def test_closing_ends_another_threads_wait(bus):
    for name in "server", "client":
        handle = getattr(bus, name)("s")
        wait = handle.take if name == "server" else lambda opened=handle: opened.call("")
        with later(handle.close):
            if name == "server":
                with pytest.raises(ValueError, match="this server is closed"):
                    wait()
            else:
                call = handle.send("", 0.2)
                with pytest.raises(towpath.TimedOut):
                    call.get()  # what is on its way goes on
    call = bus.client("s").send("")
    with later(call.close), pytest.raises(ValueError, match="this call is closed"):
        call.get()


def test_several_are_waited_for(bus, server, client):
    queue = bus.queue("jobs")
    consumer = queue.consumer()
    first, second = client.send("a"), client.send("b")
    assert towpath.wait_any([server, consumer, first, second], WATCHDOG) is server
    server.take(WATCHDOG)
    server.take(WATCHDOG).reply("B")
    del server
    assert towpath.wait_any([consumer, second], WATCHDOG) is second
    assert towpath.wait_any([second, consumer], 0) is second, "also when its reply was fetched"
    assert towpath.wait_any([first], WATCHDOG) is first, "it failed"
    queue.publisher().publish("c")
    assert towpath.wait_any([consumer], WATCHDOG) is consumer
    second.close()
    with pytest.raises(TypeError, match="wait_any"):
        towpath.wait_any([client])


def test_child_of_a_fork_uses_none_of_it(server, client):
    call = client.send("q")
    request = server.take(WATCHDOG)
    child = os.fork()
    if child == 0:
        wrong = 0
        for use in (call.get, call.ready, request.reply, client.submit, lambda: request.text,
                    lambda: client.call(""), server.take, server.stop):
            try:
                use(*(["x"] if use == client.submit else []))
                wrong += 1
            except RuntimeError:
                pass
        del call, request
        os._exit(wrong)
    assert os.waitpid(child, 0)[1] == 0
    request.reply("a")
    assert call.get().text == "a"
