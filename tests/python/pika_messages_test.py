"""towpath.pika: publishing, receiving, settling, transactions, dead letters, limits."""

from __future__ import annotations

import datetime
import decimal
import time

import pytest
import towpath
import towpath.pika as pika
from conftest import WATCHDOG
from towpath.pika.exceptions import (
    ChannelClosedByBroker,
    ChannelWrongStateError,
    ConnectionBlockedTimeout,
    ConnectionClosedByBroker,
    DuplicateConsumerTag,
    NackError,
    ReentrancyError,
    ShortStringTooLong,
    UnroutableError,
    UnsupportedAMQPFieldException,
)
from towpath.pika.properties import urgency

EVERY_PROPERTY = pika.BasicProperties(
    content_type="text/plain", content_encoding="utf-8", headers={"key": "value"}, delivery_mode=2,
    priority=9, correlation_id="c", reply_to="r", expiration="60000", message_id="m",
    timestamp=1700000000, type="t", user_id="guest", app_id="a", cluster_id="cl")  # fmt: skip


@pytest.fixture
def connection():
    with pika.BlockingConnection() as opened:
        yield opened


@pytest.fixture
def channel(connection):
    opened = connection.channel()
    opened.queue_declare("q")
    return opened


def publish(channel, *bodies, queue="q", **properties):
    for body in bodies:
        channel.basic_publish("", queue, body, pika.BasicProperties(**properties))


def drain(channel, queue="q"):
    bodies = []
    while (taken := channel.basic_get(queue, auto_ack=True))[0] is not None:
        bodies.append(taken[2])
    return bodies


def count(channel, queue):
    return channel.queue_declare(queue, passive=True).method.message_count


def awaited(channel, queue):
    """The next message of a queue, which comes by itself."""
    ends_at = time.monotonic() + WATCHDOG
    while time.monotonic() < ends_at:
        taken = channel.basic_get(queue, auto_ack=True)
        if taken[0] is not None:
            return taken
        channel.connection.sleep(0.005)
    raise AssertionError(f"nothing came to {queue}")


def until(connection, condition):
    ends_at = time.monotonic() + WATCHDOG
    while not condition():
        assert time.monotonic() < ends_at
        connection.process_data_events(time_limit=0.01)


# --- publishing ---


def test_every_property_arrives(channel):
    channel.basic_publish("", "q", b"body", EVERY_PROPERTY)
    method, properties, body = channel.basic_get("q")
    assert (properties, body) == (EVERY_PROPERTY, b"body")
    assert method == pika.spec.Basic.GetOk(1, False, "", "q", 0)


def test_absent_and_empty_properties_differ(channel):
    publish(channel, b"absent")
    publish(channel, b"empty", content_type="", correlation_id="", headers={}, priority=0)
    assert channel.basic_get("q", True)[1] == pika.BasicProperties()
    assert channel.basic_get("q", True)[1] == pika.BasicProperties(
        content_type="", correlation_id="", headers={}, priority=0)  # fmt: skip


def test_headers_of_every_type_arrive(channel):
    headers = {"none": None, "yes": True, "int": -5, "long": 1 << 40, "text": "naïve",
               "bytes": b"\x00\xff", "list": [1, "two", None, [3]], "table": {"a": {"b": 1}},
               "decimal": decimal.Decimal("1.25"), "amqp.mine": 1,
               "time": datetime.datetime(2020, 1, 2, 3, 4, 5)}  # fmt: skip
    publish(channel, b"x", headers=headers)
    assert channel.basic_get("q", True)[1].headers == headers


def test_what_cannot_be_sent_is_refused_at_once(channel):
    with pytest.raises(UnsupportedAMQPFieldException):
        publish(channel, b"x", headers={"a float": 1.5})
    with pytest.raises(ShortStringTooLong):
        channel.basic_publish("", "k" * 256, b"x")
    with pytest.raises(AssertionError):
        publish(channel, b"x", content_type=7)
    with pytest.raises(TypeError):
        channel.basic_publish("", "q", None)
    assert channel.is_open and drain(channel) == []


def test_texts_are_sent_as_utf_8(channel):
    channel.basic_publish("", "q", "naïve")
    assert drain(channel) == ["naïve".encode()]


def test_a_missing_exchange_closes_the_channel_with_the_next_call(channel):
    channel.basic_publish("missing", "q", b"x")
    with pytest.raises(ChannelClosedByBroker, match="no exchange 'missing' in vhost '/'"):
        channel.queue_declare("q")
    with pytest.raises(ChannelWrongStateError):
        channel.basic_publish("", "q", b"x")
    assert channel.connection.is_open


def test_an_unroutable_message_is_returned(channel):
    returned = []
    channel.add_on_return_callback(lambda *what: returned.append(what))
    channel.basic_publish("", "missing", b"nobody", mandatory=True)
    channel.basic_publish("", "missing", b"not minded")
    assert returned == []
    channel.connection.process_data_events()
    (_, method, properties, body), = returned
    assert method == pika.spec.Basic.Return(reply_code=312, reply_text="NO_ROUTE", exchange="",
                                            routing_key="missing")  # fmt: skip
    assert (properties, body) == (pika.BasicProperties(), b"nobody")


def test_confirms_raise_what_would_be_lost(channel):
    channel.confirm_delivery()
    with pytest.raises(UnroutableError) as caught:
        channel.basic_publish("", "missing", b"nobody", mandatory=True)
    assert caught.value.messages[0].body == b"nobody"
    channel.queue_declare("full", arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    publish(channel, b"one", queue="full")
    with pytest.raises(NackError):
        publish(channel, b"two", queue="full")
    with pytest.raises(ChannelClosedByBroker, match="NOT_FOUND"):
        channel.basic_publish("missing", "", b"x")
    assert channel.is_closed


def test_an_expiration_that_is_no_number_is_refused(connection):
    for text, reason in (("soon", "no_integer"), ("-1", "{value_negative,-1}"),
                         ("1.5", '{leftover_string,".5"}')):  # fmt: skip
        channel = connection.channel()
        publish(channel, b"x", expiration=text)
        with pytest.raises(ChannelClosedByBroker) as caught:
            channel.queue_declare("q")
        assert caught.value.reply_text == ("PRECONDITION_FAILED - invalid expiration "
                                           f"'{text}': {reason}")  # fmt: skip


def test_a_message_that_is_too_large_is_refused(channel):
    channel.queue_declare("small", arguments={"x-towpath-max-message-bytes": 1000})
    channel.confirm_delivery()
    with pytest.raises(ChannelClosedByBroker, match="PRECONDITION_FAILED - message size 1001"):
        channel.basic_publish("", "small", b"x" * 1001)


def test_a_full_queue_makes_publishers_wait_as_long_as_they_said(channel):
    channel.queue_declare("small", arguments={"x-towpath-depth": 16})
    parameters = pika.ConnectionParameters(blocked_connection_timeout=0.1)
    with pika.BlockingConnection(parameters) as other:
        with pytest.raises(ConnectionBlockedTimeout):
            publish(other.channel(), *[b"x"] * 1000, queue="small")
    assert len(drain(channel, "small")) >= 16


# --- receiving ---


def test_callbacks_are_given_method_properties_and_body(channel):
    given = []
    tag = channel.basic_consume("q", lambda *what: given.append(what))
    publish(channel, b"body", type="t")
    until(channel.connection, lambda: given)
    assert given == [(channel, pika.spec.Basic.Deliver(tag, 1, False, "", "q"),
                      pika.BasicProperties(type="t"), b"body")]  # fmt: skip
    assert tag.startswith("ctag1.") and channel.consumer_tags == [tag]
    with pytest.raises(DuplicateConsumerTag):
        channel.basic_consume("q", print, consumer_tag=tag)


def test_consuming_goes_on_until_it_is_stopped(channel):
    seen = []

    def work(channel, method, _, body):
        channel.basic_ack(method.delivery_tag)
        seen.append(body)
        with pytest.raises(ReentrancyError):
            channel.start_consuming()
        if body == b"last":
            channel.stop_consuming()

    publish(channel, b"one", b"last", b"left")
    channel.basic_consume("q", work)
    channel.start_consuming()
    assert (seen, channel.consumer_tags) == ([b"one", b"last"], [])
    assert drain(channel) == [b"left"]


@pytest.mark.parametrize("count", [1, 3, 300])
def test_a_consumer_has_no_more_in_hand_than_its_prefetch_count(channel, count):
    seen = []
    channel.basic_qos(prefetch_count=count)
    channel.basic_consume("q", lambda _, method, *__: seen.append(method.delivery_tag))
    publish(channel, *[b"x"] * (count + 20))
    until(channel.connection, lambda: len(seen) == count)
    channel.connection.process_data_events(time_limit=0.02)
    assert len(seen) == count
    channel.basic_ack(seen[0])
    until(channel.connection, lambda: len(seen) == count + 1)


def test_without_a_prefetch_count_any_number_is_in_hand(channel):
    seen = []
    channel.basic_consume("q", lambda _, method, *__: seen.append(method.delivery_tag))
    publish(channel, *[b"x"] * 600)
    until(channel.connection, lambda: len(seen) == 600)
    channel.basic_ack(600, multiple=True)
    assert drain(channel) == []


def test_many_may_be_got_before_they_are_acknowledged(channel):
    publish(channel, *[b"%d" % number for number in range(300)])
    tags = [channel.basic_get("q")[0].delivery_tag for _ in range(300)]
    channel.basic_nack(tags[-1], multiple=True)
    assert drain(channel) == [b"%d" % number for number in range(300)]


def test_a_getter_holds_up_nobody(channel):
    publish(channel, b"one", b"two", b"three")
    channel.basic_get("q")
    with pika.BlockingConnection() as other:
        assert drain(other.channel()) == [b"two", b"three"]


def test_the_generator_yields_until_it_is_cancelled(channel):
    publish(channel, b"one", b"two", b"three")
    bodies = []
    for method, _, body in channel.consume("q"):
        bodies.append(body)
        channel.basic_ack(method.delivery_tag)
        if len(bodies) == 2:
            break
    assert channel.get_waiting_message_count() == 1
    assert channel.cancel() == 0
    assert (bodies, drain(channel)) == ([b"one", b"two"], [b"three"])
    assert next(channel.consume("q", inactivity_timeout=0.01)) == (None, None, None)
    with pytest.raises(ValueError, match="different params"):
        next(channel.consume("other"))


def test_a_consumer_is_cancelled_when_its_queue_is_deleted(channel):
    cancelled = []
    channel.add_on_cancel_callback(cancelled.append)
    tag = channel.basic_consume("q", lambda *_: None)
    channel.connection.channel().queue_delete("q")
    channel.start_consuming()
    assert [frame.method.consumer_tag for frame in cancelled] == [tag]
    assert channel.consumer_tags == []


def test_an_exclusive_consumer_refuses_others(channel):
    channel.basic_consume("q", lambda *_: None, exclusive=True)
    with pika.BlockingConnection() as other:
        with pytest.raises(ChannelClosedByBroker, match="'q' in vhost '/' in exclusive use"):
            other.channel().basic_consume("q", lambda *_: None)
    channel.stop_consuming()
    channel.basic_consume("q", lambda *_: None)


def test_the_active_consumer_gets_all_until_it_ends(channel):
    channel.queue_declare("single", arguments={"x-single-active-consumer": True})
    seen = []
    for tag in ("first", "second"):
        channel.basic_consume("single", lambda _, method, __, body: seen.append(
            (method.consumer_tag, body)), auto_ack=True, consumer_tag=tag)  # fmt: skip
    publish(channel, b"1", b"2", queue="single")
    until(channel.connection, lambda: len(seen) == 2)
    channel.basic_cancel("first")
    publish(channel, b"3", queue="single")
    until(channel.connection, lambda: len(seen) == 3)
    assert seen == [("first", b"1"), ("first", b"2"), ("second", b"3")]


def test_direct_reply_to(channel):
    replies = []
    with pytest.raises(ChannelClosedByBroker, match="reply consumer cannot acknowledge"):
        channel.connection.channel().basic_consume("amq.rabbitmq.reply-to", print)
    channel.basic_consume("amq.rabbitmq.reply-to", lambda *what: replies.append(what[3]),
                          auto_ack=True)  # fmt: skip
    publish(channel, b"ask", reply_to="amq.rabbitmq.reply-to")
    with pika.BlockingConnection() as other:
        server = other.channel()
        _, properties, body = server.basic_get("q", auto_ack=True)
        assert properties.reply_to.startswith("amq.rabbitmq.reply-to.")
        server.basic_publish("", properties.reply_to, body.upper())
    until(channel.connection, lambda: replies)
    assert replies == [b"ASK"]


# --- settling ---


def test_what_is_given_back_comes_again_in_its_place(channel):
    publish(channel, b"1", b"2", b"3")
    tags = [channel.basic_get("q")[0].delivery_tag for _ in range(2)]
    channel.basic_nack(tags[-1], multiple=True)
    got = [channel.basic_get("q", True) for _ in range(3)]
    assert [(method.redelivered, body) for method, _, body in got] == [
        (True, b"1"), (True, b"2"), (False, b"3")]  # fmt: skip


def test_a_closed_channel_gives_back_and_a_killed_process_too(channel, run_python):
    publish(channel, b"1", b"2")
    other = channel.connection.channel()
    other.basic_get("q")
    other.close()
    run_python("import os, towpath.pika as pika\n"
               "pika.BlockingConnection().channel().basic_get('q')\nos.kill(os.getpid(), 9)")
    assert drain(channel) == [b"1", b"2"]


@pytest.mark.parametrize("settle", ["basic_ack", "basic_nack", "basic_reject"])
def test_an_unknown_tag_closes_the_channel_with_the_next_call(channel, settle):
    publish(channel, b"held")
    channel.basic_get("q")
    getattr(channel, settle)(42)
    with pytest.raises(ChannelClosedByBroker) as caught:
        channel.queue_declare("q")
    assert (caught.value.reply_code, caught.value.reply_text) == (
        406, "PRECONDITION_FAILED - unknown delivery tag 42")  # fmt: skip
    assert drain(channel.connection.channel()) == [b"held"]


def test_recovering(channel):
    publish(channel, b"1")
    channel.basic_get("q")
    channel.basic_recover(requeue=True)
    assert channel.basic_get("q", True)[0].redelivered
    with pytest.raises(ConnectionClosedByBroker, match="NOT_IMPLEMENTED - requeue=false"):
        channel.basic_recover()


def test_transactions_take_effect_with_their_commit(channel):
    publish(channel, b"in")
    other = channel.connection.channel()
    other.tx_select()
    method, _, _ = other.basic_get("q")
    publish(other, b"out")
    other.basic_ack(method.delivery_tag)
    assert drain(channel) == []
    other.tx_rollback()
    publish(other, b"out")
    other.basic_ack(method.delivery_tag)
    other.tx_commit()
    assert drain(channel) == [b"out"]
    with pytest.raises(ChannelClosedByBroker, match="channel is not transactional"):
        channel.tx_commit()


# --- limits and dead letters ---


@pytest.fixture
def dead(channel):
    channel.exchange_declare("dlx", "fanout")
    channel.queue_declare("dead")
    channel.queue_bind("dead", "dlx")
    return channel


def deaths(properties):
    return [(death["reason"], death["queue"], death["count"])
            for death in properties.headers["x-death"]]  # fmt: skip


def with_dead_letters(channel, name, **arguments):
    arguments = {argument.replace("_", "-"): value for argument, value in arguments.items()}
    channel.queue_declare(name, arguments={"x-dead-letter-exchange": "dlx", **arguments})


def test_a_rejected_message_goes_to_the_dead_letter_exchange(dead):
    with_dead_letters(dead, "jobs", x_dead_letter_routing_key="other")
    publish(dead, b"bad", queue="jobs", headers={"mine": 1})
    dead.basic_reject(dead.basic_get("jobs")[0].delivery_tag, requeue=False)
    method, properties, body = dead.basic_get("dead", True)
    assert (method.exchange, method.routing_key, body) == ("dlx", "other", b"bad")
    assert deaths(properties) == [("rejected", "jobs", 1)]
    assert properties.headers["mine"] == 1
    assert properties.headers["x-first-death-queue"] == "jobs"


def test_what_expires_without_a_consumer_goes_there_too(dead):
    with_dead_letters(dead, "wait", x_message_ttl=50)
    publish(dead, b"by the queue", queue="wait")
    assert deaths(awaited(dead, "dead")[1]) == [("expired", "wait", 1)]
    with_dead_letters(dead, "patient")
    publish(dead, b"by the message", queue="patient", expiration="50")
    properties = awaited(dead, "dead")[1]
    assert properties.expiration is None
    assert properties.headers["x-death"][0]["original-expiration"] == "50"


def test_a_queue_declared_anew_has_dead_letters_as_well(dead):
    for _ in range(3):
        with_dead_letters(dead, "wait", x_message_ttl=20)
        publish(dead, b"x", queue="wait")
        assert deaths(awaited(dead, "dead")[1]) == [("expired", "wait", 1)]
        dead.queue_delete("wait")


def test_what_the_length_pushes_out_goes_there_too(dead):
    with_dead_letters(dead, "short", x_max_length=2)
    publish(dead, b"1", b"2", b"3", queue="short")
    assert deaths(awaited(dead, "dead")[1]) == [("maxlen", "short", 1)]
    until(dead.connection, lambda: count(dead, "short") == 2)
    assert drain(dead, "short") == [b"2", b"3"]


def test_a_delivery_limit_ends_what_is_given_back_too_often(dead):
    with_dead_letters(dead, "jobs", x_queue_type="quorum", x_delivery_limit=2)
    publish(dead, b"poison", queue="jobs")
    counts = []
    for _ in range(3):
        method, properties, _ = dead.basic_get("jobs")
        counts.append(properties.headers["x-delivery-count"])
        dead.basic_nack(method.delivery_tag)
    assert counts == [0, 1, 2]
    assert deaths(dead.basic_get("dead", True)[1]) == [("delivery_limit", "jobs", 1)]


def test_the_oldest_goes_when_the_length_is_reached(channel):
    channel.queue_declare("short", arguments={"x-max-length": 2})
    publish(channel, b"1", b"2", b"3", b"4", queue="short")
    assert drain(channel, "short") == [b"3", b"4"]


def test_higher_priorities_come_first(channel):
    channel.queue_declare("urgent", arguments={"x-max-priority": 5})
    for priority in (0, 5, 1, 9, None, 3):
        publish(channel, b"%s" % str(priority).encode(), queue="urgent", priority=priority)
    assert drain(channel, "urgent") == [b"5", b"9", b"3", b"1", b"0", b"None"]


def test_priorities_above_five_share_the_highest_places():
    assert [urgency(priority) for priority in (0, 1, 5, 6, 9, 10, 255)] == [0, 1, 5, 6, 6, 7, 7]


def test_counts_leave_out_what_has_expired(channel):
    publish(channel, b"short", expiration="20")
    publish(channel, b"long")
    until(channel.connection, lambda: count(channel, "q") == 1)
    assert channel.basic_get("q", True)[0].redelivered is False


def test_a_virtual_host_is_a_bus(channel):
    with pika.BlockingConnection(pika.ConnectionParameters(virtual_host="shop")) as other:
        with pytest.raises(ChannelClosedByBroker, match="no queue 'q' in vhost 'shop'"):
            other.channel().queue_declare("q", passive=True)
        other.channel().queue_declare("orders")
    with towpath.Bus("shop", create=False) as bus:
        assert "orders" in bus.topics()
