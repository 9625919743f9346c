"""Queues with limits: times to live, lengths, priorities, one active consumer, deliveries."""

from __future__ import annotations


def publish(channel, name, *bodies, properties=None):
    for body in bodies:
        channel.basic_publish("", name, body, properties)


def confirming(world):
    """A channel whose messages are in their queues when they are published."""
    channel = world.channel()
    channel.confirm_delivery()
    return channel


def case_messages_of_a_queue_expire(pika, world):
    channel = confirming(world)
    name = world.queue(channel, arguments={"x-message-ttl": 50})
    publish(channel, name, b"one", b"two")
    world.note("expire", world.until_count(channel, name, 0))
    world.attempt("get", channel.basic_get, name)


def case_a_message_expires(pika, world):
    channel = confirming(world)
    name = world.queue(channel)
    publish(channel, name, b"one", properties=pika.BasicProperties(expiration="50"))
    publish(channel, name, b"two")
    world.note("expires", world.until_count(channel, name, 1))
    world.note("left", world.get(channel, name))


def case_the_shorter_time_holds(pika, world):
    channel = confirming(world)
    name = world.queue(channel, arguments={"x-message-ttl": 50})
    publish(channel, name, b"one", properties=pika.BasicProperties(expiration="60000"))
    world.note("expires", world.until_count(channel, name, 0))
    name = world.queue(channel, "other", arguments={"x-message-ttl": 60000})
    publish(channel, name, b"two", properties=pika.BasicProperties(expiration="50"))
    world.note("expires", world.until_count(channel, name, 0))


def case_a_time_of_zero_is_for_a_consumer_at_hand(pika, world):
    channel = confirming(world)
    name = world.queue(channel, arguments={"x-message-ttl": 0})
    publish(channel, name, b"too early")
    world.note("expires", world.until_count(channel, name, 0))
    seen = []
    channel.basic_consume(name, lambda *what: seen.append(what[3]), auto_ack=True)
    publish(channel, name, b"in time")
    world.until(channel.connection, lambda: seen)
    world.note("seen", seen)


def case_a_message_held_does_not_expire(pika, world):
    channel = world.channel()
    name = world.queue(channel, arguments={"x-message-ttl": 60})
    publish(channel, name, b"held", b"expires")
    method, _, _ = world.get(channel, name, auto_ack=False)
    world.note("expires", world.until_count(channel, name, 0))
    world.settle(channel.connection)
    channel.basic_ack(method.delivery_tag)
    world.attempt("acknowledged", channel.queue_declare, name, passive=True)


def case_a_message_given_back_late_expires(pika, world):
    channel = world.channel()
    other = channel.connection.channel()
    name = world.queue(channel, arguments={"x-message-ttl": 50})
    publish(channel, name, b"held", b"a clock")
    world.get(channel, name, auto_ack=False)
    world.note("the other expires", world.until_count(other, name, 0))
    channel.close()
    world.settle(other.connection)
    world.attempt("get", other.basic_get, name)


def case_the_oldest_goes_when_the_length_is_reached(pika, world):
    channel = world.channel()
    name = world.queue(channel, arguments={"x-max-length": 2})
    publish(channel, name, b"one", b"two", b"three", b"four")
    world.note("left", world.drain(channel, name))


def case_what_is_held_does_not_count_to_the_length(pika, world):
    channel = world.channel()
    name = world.queue(channel, arguments={"x-max-length": 2})
    publish(channel, name, b"held")
    method, _, _ = world.get(channel, name, auto_ack=False)
    publish(channel, name, b"one", b"two")
    channel.basic_ack(method.delivery_tag)
    world.note("left", world.drain(channel, name))


def case_the_length_in_bytes(pika, world):
    channel = world.channel()
    name = world.queue(channel, arguments={"x-max-length-bytes": 10})
    publish(channel, name, b"1234", b"5678", b"9012")
    world.note("left", world.drain(channel, name))
    publish(channel, name, b"longer than the queue")
    world.note("none", world.drain(channel, name))


def case_a_length_of_zero(pika, world):
    channel = world.channel()
    name = world.queue(channel, arguments={"x-max-length": 0})
    publish(channel, name, b"one")
    world.note("left", world.drain(channel, name))


def case_drop_head_by_name(pika, world):
    channel = world.channel()
    name = world.queue(channel, arguments={"x-max-length": 1, "x-overflow": "drop-head"})
    publish(channel, name, b"one", b"two")
    world.note("left", world.drain(channel, name))


def case_reject_publish_without_confirms_drops(pika, world):
    channel = world.channel()
    name = world.queue(channel, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    publish(channel, name, b"one", b"two")
    world.note("left", world.drain(channel, name))
    world.note("channel open", channel.is_open)


def case_higher_priorities_first_and_in_order(pika, world):
    channel = world.channel()
    name = world.queue(channel, arguments={"x-max-priority": 5})
    for number, priority in enumerate((0, 5, 1, None, 5, 3, 1, 9)):
        publish(channel, name, b"%d of %s" % (number, str(priority).encode()),
                properties=pika.BasicProperties(priority=priority))  # fmt: skip
    world.note("got", world.drain(channel, name))


def case_priorities_without_the_argument_do_nothing(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    for priority in (1, 5, 3):
        publish(channel, name, b"%d" % priority,
                properties=pika.BasicProperties(priority=priority))  # fmt: skip
    world.note("got", world.drain(channel, name))


def case_a_priority_given_back_stays_first(pika, world):
    channel = world.channel()
    name = world.queue(channel, arguments={"x-max-priority": 5})
    for priority in (1, 5):
        publish(channel, name, b"%d" % priority,
                properties=pika.BasicProperties(priority=priority))  # fmt: skip
    method, _, _ = world.get(channel, name, auto_ack=False)
    channel.basic_nack(method.delivery_tag)
    world.until_count(channel, name, 2)
    world.note("got", world.drain(channel, name))


def case_one_active_consumer_gets_all(pika, world):
    channel = world.channel()
    name = world.queue(channel, arguments={"x-single-active-consumer": True})
    seen = []
    for tag in ("first", "second"):
        channel.basic_consume(name, lambda _, method, __, body: seen.append(
            [method.consumer_tag, body]), auto_ack=True, consumer_tag=tag)  # fmt: skip
    publish(channel, name, b"one", b"two", b"three")
    world.until(channel.connection, lambda: len(seen) == 3)
    world.note("seen", seen)
    channel.basic_cancel("first")
    publish(channel, name, b"four")
    world.until(channel.connection, lambda: len(seen) == 4)
    world.note("after its cancel", seen[3:])


def case_the_next_active_consumer_gets_what_the_first_held(pika, world):
    first, second = world.channel(), world.channel()
    name = world.queue(first, arguments={"x-single-active-consumer": True})
    held, seen = [], []
    first.basic_consume(name, lambda *what: held.append(what[3]))
    second.basic_consume(name, lambda _, method, __, body: seen.append(
        [method.redelivered, body]), auto_ack=True)  # fmt: skip
    publish(first, name, b"one", b"two")
    world.until(first.connection, lambda: len(held) == 2)
    world.settle(second.connection)
    world.note("held and seen", [held, seen])
    first.connection.close()
    world.until(second.connection, lambda: len(seen) == 2)
    world.note("seen", seen)


def case_exclusive_beside_one_active_consumer(pika, world):
    channel = world.channel()
    name = world.queue(channel, arguments={"x-single-active-consumer": True})
    world.attempt("consume", channel.basic_consume, name, lambda *_: None, exclusive=True)


def limited(world, limit, **arguments):
    channel = world.channel()
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": limit, **arguments}
    return channel, world.queue(channel, durable=True, arguments=arguments)


def attempts_of_two(world, channel, name):
    """Rejects the three deliveries that a limit of two allows: what each says of itself."""
    counts = []
    for _ in range(3):
        method, properties, _ = world.get(channel, name, auto_ack=False)
        counts.append([method.redelivered, (properties.headers or {}).get("x-delivery-count")])
        channel.basic_reject(method.delivery_tag, requeue=True)
    return counts


def case_the_delivery_limit_drops(pika, world):
    channel, name = limited(world, 2)
    publish(channel, name, b"one")
    world.note("attempts", attempts_of_two(world, channel, name))
    world.note("gone", world.until_count(channel, name, 0))


def case_the_delivery_limit_makes_dead_letters(pika, world):
    plain = world.channel()
    dead = world.queue(plain, "dead")
    channel, name = limited(world, 2, **{"x-dead-letter-exchange": "",
                                         "x-dead-letter-routing-key": dead})  # fmt: skip
    publish(channel, name, b"one")
    world.note("attempts", attempts_of_two(world, channel, name))
    method, properties, body = world.get(plain, dead)
    deaths = [[death["reason"], death["count"], death["queue"]] for death in
              properties.headers["x-death"]]  # fmt: skip
    world.note("dead", [method.exchange, method.routing_key, body, deaths])
