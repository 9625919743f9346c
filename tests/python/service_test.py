"""Clients: calls and their replies, and how they end."""

from __future__ import annotations

import os
import time

import pytest
import towpath
from support import WATCHDOG, later, running, upper


def test_call_returns_the_reply(server, client):
    assert client.service == server.service == "upper" and client.reply_topic
    with running(server, upper):
        with client.call("hello", WATCHDOG) as reply:
            assert reply.text == "HELLO" and bytes(reply) == b"HELLO" == reply.value
        assert client.call(b"there").text == "THERE"
        assert client.call("x" * 10000, timeout=WATCHDOG).text == "X" * 10000
    assert (client.in_flight, client.late, server.answered, server.dropped) == (0, 0, 3, 0)


def test_attributes_travel_both_ways(server, client):
    call = client.send("q", WATCHDOG, headers={"user": "ann"}, content_type="text/plain",
                       priority=3)
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
