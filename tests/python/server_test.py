"""Servers: handlers, streams, clients that take nothing; closing, threads, forks of both sides."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time

import pytest
import towpath
from support import WATCHDOG, later, running, upper


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
