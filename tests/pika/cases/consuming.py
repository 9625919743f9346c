"""Consumers: deliveries to callbacks, cancelling, starting and stopping."""

from __future__ import annotations


def publish(channel, name, *bodies):
    for body in bodies:
        channel.basic_publish("", name, body)


def case_what_a_callback_is_given(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    got = []
    tag = world.attempt("consume", channel.basic_consume, name, lambda *what: got.append(what))
    channel.basic_publish("", name, b"body", pika.BasicProperties(type="greeting"))
    world.until(channel.connection, lambda: got)
    its_channel, method, properties, body = got[0]
    world.note("is the channel", its_channel is channel)
    world.note("is the tag", method.consumer_tag == tag)
    world.note("given", [method, properties, body])


def case_tags_are_given_or_made(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    world.attempt("given", channel.basic_consume, name, lambda *_: None, consumer_tag="mine")
    world.attempt("made", channel.basic_consume, name, lambda *_: None)
    other = channel.connection.channel()
    world.attempt("on another channel", other.basic_consume, name, lambda *_: None)
    world.attempt("the same", other.basic_consume, name, lambda *_: None, consumer_tag="mine")
    world.note("tags", sorted(channel.consumer_tags, key=len))


def case_a_tag_given_twice(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    channel.basic_consume(name, lambda *_: None, consumer_tag="mine")
    world.attempt("again", channel.basic_consume, name, lambda *_: None, consumer_tag="mine")
    world.note("channel open", channel.is_open)


def case_from_a_missing_queue(pika, world):
    channel = world.channel()
    world.attempt("consume", channel.basic_consume, world.name("missing"), lambda *_: None)
    world.note("channel open", channel.is_open)


def case_arguments_of_a_wrong_type(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    world.attempt("queue", channel.basic_consume, None, lambda *_: None)
    world.attempt("callback", channel.basic_consume, name, None)
    world.attempt("cancel", channel.basic_cancel, None)
    world.note("channel open", channel.is_open)


def case_exclusive_refuses_others(pika, world):
    channel, other = world.channel(), world.channel()
    name = world.queue(channel)
    channel.basic_consume(name, lambda *_: None, exclusive=True)
    world.attempt("consume", other.basic_consume, name, lambda *_: None)
    world.note("channel open", other.is_open)
    world.attempt("get", world.channel().basic_get, name)


def case_exclusive_is_refused_beside_others(pika, world):
    channel, other = world.channel(), world.channel()
    name = world.queue(channel)
    channel.basic_consume(name, lambda *_: None)
    world.attempt("consume", other.basic_consume, name, lambda *_: None, exclusive=True)


def case_exclusive_ends_with_its_consumer(pika, world):
    channel, other = world.channel(), world.channel()
    name = world.queue(channel)
    tag = channel.basic_consume(name, lambda *_: None, exclusive=True)
    channel.basic_cancel(tag)
    other.basic_consume(name, lambda *_: None, exclusive=True, consumer_tag="mine")
    world.note("tags", other.consumer_tags)


def case_start_until_stopped_in_the_callback(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    publish(channel, name, b"one", b"two", b"three")
    seen = []

    def consume(channel, method, properties, body):
        seen.append(body)
        channel.basic_ack(method.delivery_tag)
        if len(seen) == 3:
            channel.stop_consuming()

    channel.basic_consume(name, consume)
    world.attempt("start", channel.start_consuming)
    world.note("seen", seen)
    world.note("tags", channel.consumer_tags)
    world.note("open", channel.is_open)
    world.note("left", world.drain(channel, name))


def case_start_without_consumers_returns(pika, world):
    world.attempt("start", world.channel().start_consuming)


def case_start_returns_when_the_queue_is_deleted(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    channel.basic_consume(name, lambda *_: None)
    world.channel().queue_delete(name)
    world.attempt("start", channel.start_consuming)
    world.note("open", channel.is_open)


def case_start_raises_what_the_callback_raises(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    publish(channel, name, b"one")

    def consume(channel, method, properties, body):
        raise LookupError(f"no place for {body!r}")

    channel.basic_consume(name, consume)
    world.attempt("start", channel.start_consuming)
    world.note("open", channel.is_open)
    world.attempt("usable", channel.queue_declare, name, passive=True)


def case_start_raises_when_the_channel_is_closed_by_the_broker(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    publish(channel, name, b"one")
    channel.basic_consume(name, lambda channel, *_: channel.basic_ack(42))
    world.attempt("start", channel.start_consuming)
    world.note("open", channel.is_open)


def case_start_within_a_callback(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    publish(channel, name, b"one")
    channel.basic_consume(name, lambda channel, *_: channel.start_consuming())
    world.attempt("start", channel.start_consuming)


def case_stop_gives_back_what_was_not_dispatched(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    publish(channel, name, b"one", b"two", b"three")
    seen = []

    def consume(channel, method, properties, body):
        seen.append(body)
        channel.basic_ack(method.delivery_tag)
        channel.stop_consuming()

    channel.basic_consume(name, consume)
    channel.start_consuming()
    world.note("seen", seen)
    world.until_count(channel, name, 2)
    world.note("left", world.drain(channel, name))


def case_stop_one_of_two(pika, world):
    channel = world.channel()
    names = [world.queue(channel, text) for text in ("one", "two")]
    for number, name in enumerate(names):
        channel.basic_consume(name, lambda *_: None, consumer_tag=f"tag{number}")
    channel.stop_consuming("tag0")
    world.note("tags", channel.consumer_tags)
    channel.stop_consuming()
    world.note("tags", channel.consumer_tags)


def case_cancel_answers_with_what_was_not_dispatched(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    tag = channel.basic_consume(name, lambda *_: None)
    world.attempt("cancel", channel.basic_cancel, tag)
    world.attempt("cancel again", channel.basic_cancel, tag)
    world.attempt("cancel unknown", channel.basic_cancel, "unknown")
    world.note("tags", channel.consumer_tags)


def case_cancel_keeps_what_the_callback_holds(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    publish(channel, name, b"one")
    held = []
    tag = channel.basic_consume(name, lambda *what: held.append(what[1].delivery_tag))
    world.until(channel.connection, lambda: held)
    channel.basic_cancel(tag)
    world.note("count", world.count(channel, name))
    channel.basic_ack(held[0])
    world.attempt("a call", channel.queue_declare, name, passive=True)


def case_no_delivery_after_cancel(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    seen = []
    tag = channel.basic_consume(name, lambda *what: seen.append(what[3]), auto_ack=True)
    channel.basic_cancel(tag)
    publish(channel, name, b"late")
    world.settle(channel.connection)
    world.note("seen", seen)
    world.note("left", world.drain(channel, name))


def case_auto_ack_needs_no_ack(pika, world):
    channel = world.channel()
    other = channel.connection.channel()
    name = world.queue(channel)
    seen = []
    channel.basic_consume(name, lambda *what: seen.append(what[3]), auto_ack=True)
    publish(channel, name, b"one", b"two")
    world.until(channel.connection, lambda: len(seen) == 2)
    channel.close()
    world.note("seen", seen)
    world.note("left", world.drain(other, name))


def case_two_consumers_of_a_channel_take_turns(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    seen = []
    for tag in ("first", "second"):
        channel.basic_consume(name, lambda _, method, __, body: seen.append(
            [method.consumer_tag, body]), auto_ack=True, consumer_tag=tag)  # fmt: skip
    publish(channel, name, *(b"%d" % number for number in range(6)))
    world.until(channel.connection, lambda: len(seen) == 6)
    world.note("seen", seen)


def case_two_connections_take_turns(pika, world):
    name, seen = world.queue(world.channel()), {"first": [], "second": []}
    channels = [world.channel() for _ in seen]
    for channel, bodies in zip(channels, seen.values()):
        channel.basic_consume(
            name, lambda *what, bodies=bodies: bodies.append(what[3]), auto_ack=True)
    publish(world.channel(), name, *(b"%d" % number for number in range(6)))

    def all_seen():
        channels[1].connection.process_data_events(time_limit=0)
        return sum(map(len, seen.values())) == 6

    world.until(channels[0].connection, all_seen)
    world.note("seen", seen)


def case_the_consumer_of_higher_priority_is_served(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    seen = []
    for tag, priority in (("low", 0), ("high", 10)):
        channel.basic_consume(name, lambda _, method, *__: seen.append(method.consumer_tag),
                              auto_ack=True, consumer_tag=tag,
                              arguments={"x-priority": priority})  # fmt: skip
    publish(channel, name, b"1", b"2", b"3")
    world.until(channel.connection, lambda: len(seen) == 3)
    world.note("seen", seen)


def case_cancelled_by_the_broker_calls_back_and_leaves_others(pika, world):
    channel = world.channel()
    names = [world.queue(channel, text) for text in ("one", "two")]
    seen, cancelled = [], []
    channel.add_on_cancel_callback(cancelled.append)
    for name, tag in zip(names, ("first", "second")):
        channel.basic_consume(
            name, lambda *what: seen.append(what[3]), auto_ack=True, consumer_tag=tag)
    channel.queue_delete(names[0])
    world.until(channel.connection, lambda: cancelled)
    publish(channel, names[1], b"still")
    world.until(channel.connection, lambda: seen)
    world.note("cancelled", cancelled)
    world.note("seen", seen)
    world.note("tags", channel.consumer_tags)


def case_publish_and_get_within_a_callback(pika, world):
    channel = world.channel()
    source, target = world.queue(channel, "source"), world.queue(channel, "target")
    answers = []

    def consume(channel, method, properties, body):
        channel.basic_publish("", target, body.upper())
        answers.append(channel.basic_get(target, auto_ack=True)[2])
        answers.append(channel.queue_declare(target, passive=True).method.message_count)

    channel.basic_consume(source, consume, auto_ack=True)
    publish(channel, source, b"one")
    world.until(channel.connection, lambda: len(answers) == 2)
    world.note("answers", answers)
