"""basic_get: what it returns, in which order, and what comes back unacknowledged."""

from __future__ import annotations


def publish(channel, name, *bodies):
    for body in bodies:
        channel.basic_publish("", name, body)


def case_nothing_is_three_times_none(pika, world):
    channel = world.channel()
    world.attempt("get", channel.basic_get, world.queue(channel))


def case_each_in_its_order_with_how_many_are_left(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    publish(channel, name, b"one", b"two", b"three")
    for _ in range(4):
        world.attempt("get", channel.basic_get, name, auto_ack=True)


def case_delivery_tags_count_up_in_each_channel(pika, world):
    first = world.channel()
    second = first.connection.channel()
    name = world.queue(first)
    publish(first, name, b"one", b"two", b"three", b"four")
    tags = [channel.basic_get(name)[0].delivery_tag for channel in (first, first, second, first)]
    world.note("tags", tags)


def case_from_a_missing_queue(pika, world):
    channel = world.channel()
    world.attempt("get", channel.basic_get, world.name("missing"))
    world.note("channel open", channel.is_open)


def case_from_a_queue_whose_name_is_no_text(pika, world):
    channel = world.channel()
    world.attempt("get", channel.basic_get, None)
    world.note("channel open", channel.is_open)


def case_auto_ack_leaves_nothing_to_come_back(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    publish(channel, name, b"one", b"two")
    world.get(channel, name, auto_ack=True)
    world.get(channel, name, auto_ack=False)
    channel.close()
    world.note("got", world.get(world.channel(), name))


def case_a_closed_channel_gives_back_in_order_as_redelivered(pika, world):
    channel = world.channel()
    other = channel.connection.channel()
    name = world.queue(channel)
    publish(channel, name, b"one", b"two", b"three")
    for _ in range(2):
        channel.basic_get(name)
    channel.close()
    world.until_count(other, name, 3)
    for _ in range(3):
        world.note("got", world.get(other, name))


def case_a_closed_connection_gives_back(pika, world):
    channel, other = world.channel(), world.channel()
    name = world.queue(channel)
    publish(channel, name, b"one")
    channel.basic_get(name)
    world.attempt("while it is held", other.basic_get, name)
    channel.connection.close()
    world.note("got", world.get(other, name))


def case_a_connection_lost_gives_back(pika, world):
    program = world.start("hold.py", world.name("queue"))
    world.note("it says", program.line())
    program.kill()
    world.note("got", world.get(world.channel(), world.name("queue")))


def case_a_queue_is_shared_by_getters_and_consumers(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    publish(channel, name, b"one", b"two")
    first = world.get(channel, name)[2]
    got = []
    channel.basic_consume(name, lambda *what: got.append(what[3]), auto_ack=True)
    world.until(channel.connection, lambda: got)
    world.note("got and consumed", [first, *got])
