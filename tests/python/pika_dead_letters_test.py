"""towpath.pika: limits of queues and dead letters."""

from __future__ import annotations

import pytest
import towpath
import towpath.pika as pika
from pika_support import awaited, channel, connection, count, drain, publish, until
from towpath.pika.exceptions import ChannelClosedByBroker
from towpath.pika.properties import urgency


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
