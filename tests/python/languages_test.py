"""Groups, exchanges and services with C++ and C on the other side, in processes of their own."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager

import pytest
import towpath
from support import WATCHDOG


@contextmanager
def peer(bus, what):
    """The peer at work, which has to end well by the end of the block."""
    process = subprocess.Popen([os.environ["TOWPATH_PEER"], bus.path, what],
                               stderr=subprocess.PIPE, text=True)
    try:
        yield
        _, errors = process.communicate(timeout=WATCHDOG)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, errors


def test_consumer_in_cpp_settles_what_python_published(bus):
    queue = bus.queue("jobs")
    jobs = queue.publisher()
    seen = bus.topic("seen").subscriber()
    with peer(bus, "consume"):
        jobs.publish("plain")
        jobs.publish("all", key="k", tag="t", priority=3, content_type="a/b",
                     headers={"n": 1, "s": "x"})
        jobs.publish("again", key=b"\xff")
        jobs.publish("later", delay=0.1)
        said = [seen.take(WATCHDOG) for _ in range(4)]
        jobs.publish("end")
        said.append(seen.take(WATCHDOG))
    assert sorted(message.text for message in said) == sorted(
        ["plain   0 0", "all k a/b 2 3 t", "again \udcff  0 0", "later   0 0", "end   0 0"])
    assert {message.text[:3]: message.headers for message in said}["all"] == {"n": 1, "s": "x"}
    assert queue.info().lag == 0


def test_consumer_in_python_gets_what_cpp_published_to_an_exchange(bus):
    exchange = bus.exchange("x", "topic")
    errors, rest = bus.queue("errors"), bus.queue("rest")
    exchange.bind(errors, "*.error")
    exchange.bind(rest, "mail.#")
    with peer(bus, "publish"):
        delivery = errors.consumer().take(WATCHDOG)
    assert delivery.text == "out of memory" and delivery.key == b"kernel.error"
    assert delivery.has_tag("t") and not delivery.has_tag("u") and delivery.priority == 2
    assert delivery.expires_at and not delivery.expired
    assert (delivery.correlation_id, delivery.reply_topic) == (b"id", "answers")
    assert delivery.content_type == "text/plain"
    assert delivery.header_items == [("integer", -5), ("real", 2.5), ("text", "café"),
                                     ("yes", True), ("null", None)]
    delivery.ack()
    assert rest.consumer().try_take() is None


@pytest.mark.parametrize("language", ["serve", "serve_in_c"])
def test_client_in_python_calls_a_server_in(bus, language):
    with bus.client("upper") as client, peer(bus, language):
        reply = client.call("hello", WATCHDOG, headers={"n": 1, "b": b"\0"})
        assert reply.text == "HELLO" and reply.headers == {"n": 1, "b": b"\0"}
        with pytest.raises(towpath.RequestFailed, match="as asked") as failure:
            client.call("fail", WATCHDOG)
        assert failure.value.errno == 7
        assert [part.text for part in client.send("stream", WATCHDOG)] == ["1", "2", "3"]
        assert client.submit("future", WATCHDOG).result(WATCHDOG) == b"FUTURE"
        assert client.call("stop", WATCHDOG).text == "STOP"


def test_client_in_cpp_calls_a_server_in_python(bus):
    def lower(request):
        if request.text == "FAIL":
            return request.fail("as asked", 9)
        if request.text == "STREAM":
            for part in "abc":
                request.reply_part(part)
            return request.finish()
        return request.reply(request.text.lower(), headers={"n": request.headers["n"] + 1})

    with bus.server("lower") as server, peer(bus, "call"):
        for _ in range(3):
            lower(server.take(WATCHDOG))
