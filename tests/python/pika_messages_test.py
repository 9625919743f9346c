"""towpath.pika: publishing, receiving, settling, transactions."""

from __future__ import annotations

import datetime
import decimal

import pytest
import towpath.pika as pika
from pika_support import channel, connection, count, drain, publish, until
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

EVERY_PROPERTY = pika.BasicProperties(
    content_type="text/plain", content_encoding="utf-8", headers={"key": "value"}, delivery_mode=2,
    priority=9, correlation_id="c", reply_to="r", expiration="60000", message_id="m",
    timestamp=1700000000, type="t", user_id="guest", app_id="a", cluster_id="cl")  # fmt: skip


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
