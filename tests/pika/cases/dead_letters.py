"""Dead letters: why a message dies, where it goes, and what its headers say."""

from __future__ import annotations

from cases.publishing import FOURTEEN


def headers_of(properties):
    """The headers of a dead letter without the time of its death, which is of this run."""
    headers = dict(properties.headers)
    headers["x-death"] = [
        {key: type(value).__name__ if key == "time" else value for key, value in death.items()}
        for death in headers["x-death"]
    ]
    return headers


def note_dead(world, channel, name):
    method, properties, body = world.get(channel, name)
    if method is None:
        world.note("nothing dead", name)
        return
    world.note("dead", [method.exchange, method.routing_key, method.redelivered, body])
    world.note("headers", headers_of(properties))
    others = {key: getattr(properties, key) for key in FOURTEEN if key != "headers"}
    world.note("other properties", {key: value for key, value in others.items() if value})


def with_dead_letters(world, **arguments):
    """A channel, a queue whose dead letters have a queue of their own, and that queue."""
    channel = world.channel()
    exchange = world.exchange(channel, "fanout", "dead letters")
    dead = world.queue(channel, "dead")
    channel.queue_bind(dead, exchange)
    arguments = {name.replace("_", "-"): value for name, value in arguments.items()}
    name = world.queue(channel, arguments={"x-dead-letter-exchange": exchange, **arguments})
    return channel, name, dead


def reject_next(world, channel, name, call="basic_reject"):
    method, _, _ = world.get(channel, name, auto_ack=False)
    getattr(channel, call)(method.delivery_tag, requeue=False)


def case_rejected(pika, world):
    channel, name, dead = with_dead_letters(world)
    channel.basic_publish("", name, b"one", pika.BasicProperties(
        content_type="text/plain", message_id="seven", headers={"key": "value"}))  # fmt: skip
    reject_next(world, channel, name)
    note_dead(world, channel, dead)


def case_rejected_by_nack(pika, world):
    channel, name, dead = with_dead_letters(world)
    channel.basic_publish("", name, b"one")
    reject_next(world, channel, name, "basic_nack")
    note_dead(world, channel, dead)


def case_rejected_many_at_once_in_order(pika, world):
    channel, name, dead = with_dead_letters(world)
    for number in range(5):
        channel.basic_publish("", name, b"%d" % number)
    tags = [world.get(channel, name, auto_ack=False)[0].delivery_tag for _ in range(5)]
    channel.basic_nack(tags[-1], multiple=True, requeue=False)
    world.until_count(channel, dead, 5)
    world.note("dead", world.drain(channel, dead))


def case_expired_by_the_queue(pika, world):
    channel, name, dead = with_dead_letters(world, x_message_ttl=50)
    channel.basic_publish("", name, b"one")
    note_dead(world, channel, dead)


def case_expired_by_the_message(pika, world):
    channel, name, dead = with_dead_letters(world)
    channel.basic_publish("", name, b"one", pika.BasicProperties(expiration="50"))
    note_dead(world, channel, dead)


def case_pushed_out_by_the_length(pika, world):
    channel, name, dead = with_dead_letters(world, x_max_length=2)
    for body in (b"one", b"two", b"three"):
        channel.basic_publish("", name, body)
    note_dead(world, channel, dead)
    world.note("left", world.drain(channel, name))


def case_refused_by_the_length_and_dead(pika, world):
    channel, name, dead = with_dead_letters(
        world, x_max_length=2, x_overflow="reject-publish-dlx")
    channel.confirm_delivery()
    for body in (b"one", b"two", b"three"):
        world.attempt("publish", channel.basic_publish, "", name, body)
    note_dead(world, channel, dead)
    world.note("left", world.drain(channel, name))


def case_refused_by_the_length_and_not_dead(pika, world):
    channel, name, dead = with_dead_letters(world, x_max_length=2, x_overflow="reject-publish")
    channel.confirm_delivery()
    for body in (b"one", b"two", b"three"):
        world.attempt("publish", channel.basic_publish, "", name, body)
    world.note("dead", world.drain(channel, dead))


def case_with_a_routing_key_of_the_queue(pika, world):
    channel, name, dead = with_dead_letters(world, x_dead_letter_routing_key="the.key")
    channel.basic_publish("", name, b"one")
    reject_next(world, channel, name)
    note_dead(world, channel, dead)


def case_to_the_default_exchange(pika, world):
    channel = world.channel()
    dead = world.queue(channel, "dead")
    name = world.queue(channel, arguments={"x-dead-letter-exchange": "",
                                           "x-dead-letter-routing-key": dead})  # fmt: skip
    channel.basic_publish("", name, b"one")
    reject_next(world, channel, name)
    note_dead(world, channel, dead)


def case_of_a_message_from_an_exchange(pika, world):
    channel, name, dead = with_dead_letters(world)
    exchange = world.exchange(channel, "topic", "source")
    channel.queue_bind(name, exchange, "a.*")
    channel.basic_publish(exchange, "a.b", b"one")
    reject_next(world, channel, name)
    note_dead(world, channel, dead)


def case_dead_twice_counts(pika, world):
    channel, name, dead = with_dead_letters(world)
    channel.basic_publish("", name, b"one")
    for _ in range(2):
        reject_next(world, channel, name)
        _, properties, body = world.get(channel, dead)
        world.note("headers", headers_of(properties))
        channel.basic_publish("", name, body, properties)
    reject_next(world, channel, name)
    note_dead(world, channel, dead)


def case_dead_in_two_queues_has_both(pika, world):
    channel = world.channel()
    last = world.queue(channel, "last")
    middle = world.queue(channel, "middle", arguments={
        "x-dead-letter-exchange": "", "x-dead-letter-routing-key": last})  # fmt: skip
    first = world.queue(channel, "first", arguments={
        "x-dead-letter-exchange": "", "x-dead-letter-routing-key": middle,
        "x-message-ttl": 20})  # fmt: skip
    channel.basic_publish("", first, b"one")
    reject_next(world, channel, middle)
    note_dead(world, channel, last)


def case_retried_after_a_while_in_a_second_queue(pika, world):
    channel = world.channel()
    work, wait = world.name("work"), world.name("wait")
    channel.queue_declare(work, arguments={"x-dead-letter-exchange": "",
                                           "x-dead-letter-routing-key": wait})  # fmt: skip
    channel.queue_declare(wait, arguments={"x-dead-letter-exchange": "", "x-message-ttl": 30,
                                           "x-dead-letter-routing-key": work})  # fmt: skip
    channel.basic_publish("", work, b"one")
    for _ in range(3):
        method, properties, _ = world.get(channel, work, auto_ack=False)
        counts = [[death["reason"], death["count"]] for death in
                  (properties.headers or {}).get("x-death", [])]  # fmt: skip
        world.note("deaths", counts)
        channel.basic_reject(method.delivery_tag, requeue=False)


def case_expired_in_a_circle_of_queues_is_dropped(pika, world):
    channel = world.channel()
    one, two = world.name("one"), world.name("two")
    for name, next_name in ((one, two), (two, one)):
        channel.queue_declare(name, arguments={
            "x-dead-letter-exchange": "", "x-dead-letter-routing-key": next_name,
            "x-message-ttl": 20})  # fmt: skip
    channel.basic_publish("", one, b"round and round")

    def none_left():
        return not any(world.count(channel, name) for name in (one, two))

    # It may be on its way from one to the other when neither has it.
    quiet = [0]

    def gone():
        quiet[0] = quiet[0] + 1 if none_left() else 0
        return quiet[0] == 10

    world.note("gone", world.until(channel.connection, gone))


def case_not_dead_by_an_ack_or_a_purge_or_a_deletion(pika, world):
    channel, name, dead = with_dead_letters(world)
    for body in (b"one", b"two", b"three"):
        channel.basic_publish("", name, body)
    method, _, _ = world.get(channel, name, auto_ack=False)
    channel.basic_ack(method.delivery_tag)
    channel.queue_purge(name)
    channel.basic_publish("", name, b"four")
    channel.queue_delete(name)
    world.note("dead", world.drain(channel, dead))
