"""towpath.pika: queues and exchanges, what declaring, binding and deleting answer and refuse."""

from __future__ import annotations

import re
import time

import pytest
import towpath
import towpath.pika as pika
from pika_support import connection
from support import WATCHDOG
from towpath.pika.exceptions import (
    ChannelClosedByBroker,
    ChannelWrongStateError,
    ConnectionClosedByBroker,
    ShortStringTooLong,
)


@pytest.fixture
def channel(connection):
    return connection.channel()


def refused(code, text, call, *arguments, **named):
    """The call is refused so, and its channel is closed."""
    with pytest.raises(ChannelClosedByBroker) as caught:
        call(*arguments, **named)
    assert (caught.value.reply_code, caught.value.reply_text) == (code, text)
    assert call.__self__.is_closed
    with pytest.raises(ChannelWrongStateError):
        call(*arguments, **named)


def body_of(channel, queue):
    return channel.basic_get(queue, auto_ack=True)[2]


# --- queues ---


def test_declaring_answers_with_name_and_counts(channel):
    answer = channel.queue_declare("jobs").method
    assert answer == pika.spec.Queue.DeclareOk(queue="jobs", message_count=0, consumer_count=0)
    channel.basic_publish("", "jobs", b"one")
    assert channel.queue_declare("jobs", passive=True).method.message_count == 1
    other = channel.connection.channel()
    other.basic_qos(prefetch_count=1)
    other.basic_consume("jobs", lambda *_: None)
    answer = channel.queue_declare("jobs").method
    assert (answer.message_count, answer.consumer_count) == (0, 1)  # the consumer has it


def test_a_queue_is_one_of_the_bus(channel):
    channel.queue_declare("jobs")
    with towpath.Bus("rabbitmq", create=False) as bus:
        with bus.queue("jobs") as queue, queue.publisher() as publisher:
            publisher.publish(b"from the bus", headers={"key": "value"}, content_type="text/plain")
        method, properties, body = channel.basic_get("jobs", auto_ack=True)
        assert (method.routing_key, method.exchange, body) == ("jobs", "", b"from the bus")
        assert properties == pika.BasicProperties(content_type="text/plain",
                                                  headers={"key": "value"})  # fmt: skip
        channel.basic_publish("", "jobs", b"to the bus", pika.BasicProperties(priority=4))
        with bus.queue("jobs").consumer() as consumer, consumer.take(1) as delivery:
            assert (bytes(delivery), delivery.priority) == (b"to the bus", 4)


def test_a_queue_that_a_program_of_the_bus_made_is_found(channel):
    with towpath.Bus("rabbitmq") as bus, bus.queue("native") as queue:
        assert channel.queue_declare("native", passive=True).method.message_count == 0
        channel.basic_publish("", "native", b"one")
        with queue.consumer() as consumer, consumer.take(1) as delivery:
            assert bytes(delivery) == b"one"


def test_server_named_queues(channel):
    names = {channel.queue_declare("").method.queue for _ in range(3)}
    assert len(names) == 3
    assert all(re.fullmatch(r"amq\.gen-[A-Za-z0-9_-]{22}", name) for name in names)


def test_an_unequal_declaration_is_refused(channel):
    channel.queue_declare("jobs")
    refused(406, "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'jobs' in vhost '/': "
            "received 'true' but current is 'false'",
            channel.queue_declare, "jobs", durable=True)  # fmt: skip


def test_an_unequal_argument_is_refused_by_another_connection(channel):
    channel.queue_declare("jobs", arguments={"x-max-length": 5})
    with pika.BlockingConnection() as other:
        refused(406, "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'jobs' in "
                "vhost '/': received none but current is the value '5' of type 'signedint'",
                other.channel().queue_declare, "jobs")  # fmt: skip


@pytest.mark.parametrize(("arguments", "reason"), [
    ({"x-message-ttl": -1}, "invalid arg 'x-message-ttl' for queue 'q' in vhost '/': "
     "{value_negative,-1}"),
    ({"x-max-length": "ten"}, "invalid arg 'x-max-length' for queue 'q' in vhost '/': "
     '"expected integer, got longstr"'),
    ({"x-max-priority": 256}, "invalid arg 'x-max-priority' for queue 'q' in vhost '/': "
     "{max_value_exceeded,256}"),
    ({"x-overflow": "explode"}, "invalid arg 'x-overflow' for queue 'q' in vhost '/': "
     "invalid_overflow"),
    ({"x-dead-letter-routing-key": "k"}, "invalid arg 'x-dead-letter-routing-key' for queue 'q' in "
     "vhost '/': routing_key_but_no_dlx_defined"),
    ({"x-single-active-consumer": 1}, "invalid arg 'x-single-active-consumer' for queue 'q' in "
     "vhost '/': {unacceptable_type,signedint}"),
])  # fmt: skip
def test_arguments_out_of_their_range_are_refused(channel, arguments, reason):
    refused(406, f"PRECONDITION_FAILED - {reason}", channel.queue_declare, "q",
            arguments=arguments)  # fmt: skip


def test_an_argument_that_is_not_there_is_refused_and_not_ignored(connection):
    with pytest.raises(ConnectionClosedByBroker, match="NOT_IMPLEMENTED") as caught:
        connection.channel().queue_declare("q", arguments={"x-max-length-bytes": 1000})
    assert caught.value.reply_code == 540
    assert connection.is_closed


def test_missing_queues_are_refused(connection):
    text = "NOT_FOUND - no queue 'missing' in vhost '/'"
    refused(404, text, connection.channel().queue_declare, "missing", passive=True)
    refused(404, text, connection.channel().queue_purge, "missing")
    refused(404, text, connection.channel().queue_bind, "missing", "amq.fanout")
    refused(404, text, connection.channel().basic_get, "missing")
    refused(404, text, connection.channel().basic_consume, "missing", print)
    assert connection.channel().queue_delete("missing").method.message_count == 0


def test_reserved_and_impossible_names_are_refused(connection):
    refused(403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
            connection.channel().queue_declare, "amq.mine")  # fmt: skip
    channel = connection.channel()
    with pytest.raises(ShortStringTooLong):
        channel.queue_declare("n" * 256)
    with pytest.raises(TypeError):
        channel.queue_declare(None)
    assert channel.is_open


@pytest.mark.parametrize("name", ["with space", "a/b", ".hidden", "очередь", "n" * 255, "%",
                                  "*" * 99])  # fmt: skip
def test_any_name_is_a_queue(channel, name):
    channel.queue_declare(name)
    channel.basic_publish("", name, b"one")
    method, _, body = channel.basic_get(name, auto_ack=True)
    assert (method.routing_key, body) == (name, b"one")
    channel.queue_delete(name)


def test_an_exclusive_queue_is_its_connections(channel):
    channel.queue_declare("mine", exclusive=True)
    channel.connection.channel().queue_declare("mine", exclusive=True)
    with pika.BlockingConnection() as other:
        for call in ("queue_purge", "queue_delete", "basic_get"):
            with pytest.raises(ChannelClosedByBroker, match="RESOURCE_LOCKED") as caught:
                getattr(other.channel(), call)("mine")
            assert caught.value.reply_code == 405
        other.channel().basic_publish("", "mine", b"from another")
    assert body_of(channel, "mine") == b"from another"


def test_an_exclusive_queue_goes_with_its_connection(channel):
    with pika.BlockingConnection() as owner:
        owner.channel().queue_declare("gone", exclusive=True)
    with pytest.raises(ChannelClosedByBroker, match="NOT_FOUND"):
        channel.queue_declare("gone", passive=True)


def test_an_exclusive_queue_goes_with_a_killed_process(channel, run_python):
    run_python("import os, towpath.pika as pika\n"
               "channel = pika.BlockingConnection().channel()\n"
               "channel.queue_declare('gone', exclusive=True)\n"
               "os.kill(os.getpid(), 9)")  # fmt: skip
    with pytest.raises(ChannelClosedByBroker, match="NOT_FOUND"):
        channel.queue_declare("gone", passive=True)
    with towpath.Bus("rabbitmq") as bus:
        assert "gone" not in bus.topics()


def test_an_auto_delete_queue_goes_with_its_last_consumer(connection):
    channel = connection.channel()
    channel.queue_declare("shared", auto_delete=True)
    tags = [channel.basic_consume("shared", lambda *_: None) for _ in range(2)]
    channel.basic_cancel(tags[0])
    assert channel.queue_declare("shared", passive=True).method.consumer_count == 1
    channel.basic_cancel(tags[1])
    refused(404, "NOT_FOUND - no queue 'shared' in vhost '/'", channel.queue_declare, "shared",
            passive=True)  # fmt: skip


def test_a_queue_that_expires_goes_when_nobody_uses_it(connection):
    channel = connection.channel()
    for name in ("unused", "consumed", "got", "declared"):
        channel.queue_declare(name, arguments={"x-expires": 300})
    channel.basic_consume("consumed", lambda *_: None)
    channel.basic_publish("", "got", b"x" * 10)
    ends_at = time.monotonic() + WATCHDOG
    with towpath.Bus("rabbitmq") as bus:
        while "unused" in bus.topics():
            assert time.monotonic() < ends_at
            method, _, _ = channel.basic_get("got")
            channel.basic_nack(method.delivery_tag)
            channel.queue_declare("declared", arguments={"x-expires": 300})
            connection.sleep(0.01)
        assert {"consumed", "got", "declared"} <= set(bus.topics())


def test_deleting_only_what_is_unused_or_empty(connection):
    channel = connection.channel()
    channel.queue_declare("jobs")
    channel.basic_publish("", "jobs", b"one")
    refused(406, "PRECONDITION_FAILED - queue 'jobs' in vhost '/' not empty", channel.queue_delete,
            "jobs", if_empty=True)  # fmt: skip
    channel, consuming = connection.channel(), connection.channel()
    consuming.basic_consume("jobs", lambda *_: None)
    refused(406, "PRECONDITION_FAILED - queue 'jobs' in vhost '/' in use", channel.queue_delete,
            "jobs", if_unused=True)  # fmt: skip
    consuming.close()
    assert connection.channel().queue_delete("jobs").method.message_count == 1


def test_purging_leaves_what_is_held(channel):
    channel.queue_declare("jobs")
    for body in (b"held", b"one", b"two"):
        channel.basic_publish("", "jobs", body)
    method, _, _ = channel.basic_get("jobs")
    assert channel.queue_purge("jobs").method.message_count == 2
    channel.basic_nack(method.delivery_tag)
    assert body_of(channel, "jobs") == b"held"


# --- exchanges ---


def reached(channel, exchange, routing_key, queues, **properties):
    channel.basic_publish(exchange, routing_key, b"x", pika.BasicProperties(**properties))
    return {queue for queue in queues if body_of(channel, queue) is not None}


@pytest.mark.parametrize(("kind", "bindings", "key", "expected"), [
    ("direct", {"a": "one", "b": "two"}, "one", {"a"}),
    ("fanout", {"a": "", "b": "two"}, "any", {"a", "b"}),
    ("topic", {"a": "*.error", "b": "kernel.#", "c": "mail.*"}, "kernel.error", {"a", "b"}),
])  # fmt: skip
def test_an_exchange_routes_by_its_type(channel, kind, bindings, key, expected):
    channel.exchange_declare("x", kind)
    for queue, pattern in bindings.items():
        channel.queue_declare(queue)
        channel.queue_bind(queue, "x", pattern)
    assert reached(channel, "x", key, bindings) == expected


def test_a_headers_exchange_routes_by_headers(channel):
    channel.exchange_declare("x", "headers")
    for queue, match in (("all", "all"), ("any", "any")):
        channel.queue_declare(queue)
        channel.queue_bind(queue, "x", arguments={"x-match": match, "a": 1, "b": "two"})
    assert reached(channel, "x", "", ("all", "any"), headers={"a": 1, "b": "two"}) == {"all", "any"}
    assert reached(channel, "x", "", ("all", "any"), headers={"a": 1}) == {"any"}
    assert reached(channel, "x", "", ("all", "any")) == set()


def test_unbinding_and_binding_exchanges(channel):
    channel.exchange_declare("inner", "fanout")
    channel.exchange_declare("outer", "direct")
    channel.queue_declare("q")
    channel.queue_bind("q", "inner")
    channel.exchange_bind("inner", "outer", "key")
    assert reached(channel, "outer", "key", ("q",)) == {"q"}
    channel.exchange_unbind("inner", "outer", "key")
    assert reached(channel, "outer", "key", ("q",)) == set()
    channel.queue_unbind("q", "inner")
    assert reached(channel, "inner", "key", ("q",)) == set()


def test_exchanges_that_are_always_there(channel):
    channel.queue_declare("q")
    channel.queue_bind("q", "amq.topic", "a.*")
    assert reached(channel, "amq.topic", "a.b", ("q",)) == {"q"}
    refused(403, "ACCESS_REFUSED - deletion of system exchange 'amq.topic' in vhost '/' not "
            "allowed", channel.exchange_delete, "amq.topic")  # fmt: skip


def test_what_exchanges_refuse(connection):
    connection.channel().exchange_declare("x", "direct")
    where = "exchange 'x' in vhost '/'"
    unequal = ("PRECONDITION_FAILED - inequivalent arg '{}' for {}: received '{}' but current "
               "is '{}'")
    refused(406, unequal.format("type", where, "fanout", "direct"),
            connection.channel().exchange_declare, "x", "fanout")  # fmt: skip
    refused(406, unequal.format("durable", where, "true", "false"),
            connection.channel().exchange_declare, "x", durable=True)  # fmt: skip
    refused(404, "NOT_FOUND - no exchange 'missing' in vhost '/'",
            connection.channel().exchange_declare, "missing", passive=True)  # fmt: skip
    refused(403, "ACCESS_REFUSED - exchange name 'amq.x' contains reserved prefix 'amq.*'",
            connection.channel().exchange_declare, "amq.x")  # fmt: skip
    refused(403, "ACCESS_REFUSED - operation not permitted on the default exchange",
            connection.channel().queue_bind, "q", "")  # fmt: skip
    with pytest.raises(ConnectionClosedByBroker, match="invalid exchange type 'random'"):
        connection.channel().exchange_declare("y", "random")
    assert connection.is_closed


def test_an_alternate_exchange_takes_what_is_unroutable(channel):
    channel.exchange_declare("rest", "fanout")
    channel.exchange_declare("x", "direct", arguments={"alternate-exchange": "rest"})
    channel.queue_declare("left over")
    channel.queue_bind("left over", "rest")
    assert reached(channel, "x", "unknown", ("left over",)) == {"left over"}


def test_an_auto_delete_exchange_goes_with_its_last_binding(channel):
    channel.exchange_declare("x", auto_delete=True)
    channel.queue_declare("q")
    channel.queue_bind("q", "x", "one")
    channel.queue_bind("q", "x", "two")
    channel.queue_unbind("q", "x", "one")
    channel.exchange_declare("x", passive=True)
    channel.queue_delete("q")
    refused(404, "NOT_FOUND - no exchange 'x' in vhost '/'", channel.exchange_declare, "x",
            passive=True)  # fmt: skip
