"""Acknowledging, rejecting, recovering: which messages come back, how, and what is refused."""

from __future__ import annotations


def held(world, count=3):
    """A channel that holds `count` messages of a queue: channel, queue, delivery tags."""
    channel = world.channel()
    name = world.queue(channel)
    for number in range(1, count + 1):
        channel.basic_publish("", name, b"%d" % number)
    tags = [world.get(channel, name, auto_ack=False)[0].delivery_tag for _ in range(count)]
    return channel, name, tags


def note_what_comes_back(world, channel, name, ready, held):
    """What is in the queue, and what the channel gives back with its end: so many each. Neither
    is there at once, as nothing of it is answered.
    """
    world.note("queue", rest(world, channel, name, ready))
    other = channel.connection.channel()
    channel.close()
    world.note("queue after its end", rest(world, other, name, held))


def rest(world, channel, name, count):
    world.until_count(channel, name, count)
    got = []
    for _ in range(world.count(channel, name)):
        method, properties, body = world.get(channel, name)
        got.append([body, method.redelivered, properties.headers])
    return got


def case_ack_one(pika, world):
    channel, name, tags = held(world)
    world.attempt("ack", channel.basic_ack, tags[1])
    note_what_comes_back(world, channel, name, ready=0, held=2)


def case_ack_multiple(pika, world):
    channel, name, tags = held(world)
    world.attempt("ack", channel.basic_ack, tags[1], multiple=True)
    note_what_comes_back(world, channel, name, ready=0, held=1)


def case_ack_multiple_of_zero_is_all(pika, world):
    channel, name, _ = held(world)
    world.attempt("ack", channel.basic_ack, 0, multiple=True)
    note_what_comes_back(world, channel, name, ready=0, held=0)


def case_ack_without_a_tag(pika, world):
    channel, name, _ = held(world, 1)
    world.attempt("ack", channel.basic_ack)
    world.attempt("a call", channel.queue_declare, name, passive=True)


def case_nack_gives_back(pika, world):
    channel, name, tags = held(world)
    world.attempt("nack", channel.basic_nack, tags[1])
    note_what_comes_back(world, channel, name, ready=1, held=2)


def case_nack_multiple_gives_back_in_order(pika, world):
    channel, name, tags = held(world)
    world.attempt("nack", channel.basic_nack, tags[2], multiple=True)
    note_what_comes_back(world, channel, name, ready=3, held=0)


def case_nack_multiple_of_zero_is_all(pika, world):
    channel, name, _ = held(world)
    world.attempt("nack", channel.basic_nack, 0, multiple=True)
    note_what_comes_back(world, channel, name, ready=3, held=0)


def case_nack_without_requeue_drops(pika, world):
    channel, name, tags = held(world)
    world.attempt("nack", channel.basic_nack, tags[1], multiple=True, requeue=False)
    note_what_comes_back(world, channel, name, ready=0, held=1)


def case_reject_gives_back(pika, world):
    channel, name, tags = held(world)
    world.attempt("reject", channel.basic_reject, tags[0])
    note_what_comes_back(world, channel, name, ready=1, held=2)


def case_reject_without_requeue_drops(pika, world):
    channel, name, tags = held(world)
    world.attempt("reject", channel.basic_reject, tags[0], requeue=False)
    note_what_comes_back(world, channel, name, ready=0, held=2)


def case_what_is_given_back_goes_to_its_place(pika, world):
    channel, name, tags = held(world, 2)
    channel.basic_publish("", name, b"3")
    channel.basic_nack(tags[1])
    channel.basic_nack(tags[0])
    world.note("queue", rest(world, channel, name, 3))


def case_recover_with_requeue(pika, world):
    channel, name, _ = held(world)
    world.attempt("recover", channel.basic_recover, requeue=True)
    note_what_comes_back(world, channel, name, ready=3, held=0)


def case_recover_without_requeue(pika, world):
    channel, _, _ = held(world)
    world.attempt("recover", channel.basic_recover)
    world.note("channel open", channel.is_open)
    world.note("connection open", channel.connection.is_open)


def case_recover_leaves_what_is_acknowledged(pika, world):
    channel, name, tags = held(world)
    channel.basic_ack(tags[0])
    channel.basic_recover(requeue=True)
    note_what_comes_back(world, channel, name, ready=2, held=0)


def refuse(world, call):
    """Settling is not answered, so that its refusal comes with the next call."""
    channel, name, tags = held(world, 1)
    world.attempt("settle", call, channel, tags[0])
    world.attempt("a call", channel.queue_declare, name, passive=True)
    world.note("channel open", channel.is_open)
    world.note("connection open", channel.connection.is_open)
    other = world.channel()
    world.note("queue", rest(world, other, name, 1))


def case_ack_of_an_unknown_tag(pika, world):
    refuse(world, lambda channel, tag: channel.basic_ack(42))


def case_nack_of_an_unknown_tag(pika, world):
    refuse(world, lambda channel, tag: channel.basic_nack(42))


def case_reject_of_an_unknown_tag(pika, world):
    refuse(world, lambda channel, tag: channel.basic_reject(42))


def case_ack_multiple_of_an_unknown_tag(pika, world):
    refuse(world, lambda channel, tag: channel.basic_ack(42, multiple=True))


def case_ack_of_what_another_channel_holds(pika, world):
    channel, name, tags = held(world, 1)
    other = channel.connection.channel()
    other.basic_ack(tags[0])
    world.attempt("a call", other.queue_declare, name, passive=True)
    world.note("channels open", [channel.is_open, other.is_open])


def case_ack_twice(pika, world):
    channel, name, tags = held(world, 1)
    for _ in range(2):
        world.attempt("ack", channel.basic_ack, tags[0])
    world.attempt("a call", channel.queue_declare, name, passive=True)


def case_ack_after_reject(pika, world):
    channel, name, tags = held(world, 1)
    channel.basic_reject(tags[0], requeue=False)
    channel.basic_ack(tags[0])
    world.attempt("a call", channel.queue_declare, name, passive=True)


def case_ack_of_what_was_taken_with_auto_ack(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    channel.basic_publish("", name, b"one")
    method, _, _ = world.get(channel, name, auto_ack=True)
    channel.basic_ack(method.delivery_tag)
    world.attempt("a call", channel.queue_declare, name, passive=True)


def case_ack_multiple_of_zero_with_nothing_held(pika, world):
    channel = world.channel()
    world.attempt("ack", channel.basic_ack, 0, multiple=True)
    world.attempt("a call", channel.queue_declare, world.name("queue"))


def case_a_refused_ack_closes_while_events_are_dispatched(pika, world):
    channel, _, _ = held(world, 1)
    channel.basic_ack(42)
    world.note("closes", world.until(channel.connection, lambda: channel.is_closed))
    world.attempt("ack", channel.basic_ack, 1)
    world.attempt("close", channel.close)


def case_settle_on_a_closed_channel(pika, world):
    channel, _, tags = held(world, 1)
    channel.close()
    world.attempt("ack", channel.basic_ack, tags[0])
    world.attempt("nack", channel.basic_nack, tags[0])
    world.attempt("reject", channel.basic_reject, tags[0])
    world.attempt("recover", channel.basic_recover, requeue=True)


def case_a_message_of_a_deleted_queue_may_be_settled(pika, world):
    channel, name, tags = held(world, 2)
    channel.queue_delete(name)
    channel.basic_ack(tags[0])
    channel.basic_nack(tags[1])
    world.attempt("a call", channel.queue_declare, name)
    world.note("count", world.count(channel, name))


def case_a_requeued_message_comes_to_the_consumer_again(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    seen = []

    def consume(channel, method, properties, body):
        seen.append([method.delivery_tag, method.redelivered, body])
        if method.redelivered:
            channel.basic_ack(method.delivery_tag)
        else:
            channel.basic_reject(method.delivery_tag)

    channel.basic_consume(name, consume)
    channel.basic_publish("", name, b"again")
    world.until(channel.connection, lambda: len(seen) == 2)
    world.note("seen", seen)
