"""Publisher confirms: what a publish returns, and which errors it raises."""

from __future__ import annotations


def confirming(world):
    channel = world.channel()
    channel.confirm_delivery()
    return channel


def case_answers(pika, world):
    channel = world.channel()
    world.attempt("confirm", channel.confirm_delivery)
    world.attempt("confirm again", channel.confirm_delivery)
    name = world.queue(channel)
    world.attempt("publish", channel.basic_publish, "", name, b"one")
    world.note("count", world.count(channel, name))


def case_unroutable_and_mandatory(pika, world):
    channel = confirming(world)
    properties = pika.BasicProperties(message_id="seven")
    world.attempt("publish", channel.basic_publish, "", world.name("missing"), b"nobody",
                  properties, mandatory=True)  # fmt: skip
    world.note("channel open", channel.is_open)
    name = world.queue(channel)
    world.attempt("routable", channel.basic_publish, "", name, b"one", mandatory=True)


def case_unroutable_and_not_mandatory(pika, world):
    channel = confirming(world)
    world.attempt("publish", channel.basic_publish, "", world.name("missing"), b"nobody")


def case_unroutable_raises_and_calls_back(pika, world):
    channel = confirming(world)
    returned = []
    channel.add_on_return_callback(lambda *what: returned.append(what))
    name = world.exchange(channel, "fanout")
    world.attempt("publish", channel.basic_publish, name, "key", b"nobody", mandatory=True)
    world.settle(channel.connection)
    world.note("returned", len(returned))


def case_texts_of_the_errors(pika, world):
    channel = confirming(world)
    try:
        channel.basic_publish("", world.name("missing"), b"", mandatory=True)
    except pika.exceptions.UnroutableError as error:
        world.note("unroutable", [repr(error), str(error)])
    name = world.queue(channel, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    try:
        for _ in range(3):
            channel.basic_publish("", name, b"")
    except pika.exceptions.NackError as error:
        world.note("nacked", [repr(error), str(error)])


def case_rejected_by_a_full_queue(pika, world):
    channel = confirming(world)
    name = world.queue(channel, arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    for body in (b"one", b"two", b"three"):
        world.attempt("publish", channel.basic_publish, "", name, body)
    world.note("channel open", channel.is_open)
    world.note("left", world.drain(channel, name))
    world.attempt("publish again", channel.basic_publish, "", name, b"four")


def case_rejected_by_one_of_two_queues(pika, world):
    channel = confirming(world)
    exchange = world.exchange(channel, "fanout")
    full = world.queue(channel, "full", arguments={"x-max-length": 1,
                                                   "x-overflow": "reject-publish"})  # fmt: skip
    other = world.queue(channel, "other")
    for name in (full, other):
        channel.queue_bind(name, exchange)
    for body in (b"one", b"two"):
        world.attempt("publish", channel.basic_publish, exchange, "", body)
    world.note("full", world.drain(channel, full))
    world.note("other", world.drain(channel, other))


def case_publish_to_a_missing_exchange(pika, world):
    channel = confirming(world)
    world.attempt("publish", channel.basic_publish, world.name("missing"), "", b"lost")
    world.note("channel open", channel.is_open)


def case_after_tx_select(pika, world):
    channel = world.channel()
    channel.tx_select()
    world.attempt("confirm", channel.confirm_delivery)
    world.note("channel open", channel.is_open)


def case_on_a_closed_channel(pika, world):
    channel = world.channel()
    channel.close()
    world.attempt("confirm", channel.confirm_delivery)


def case_a_confirmed_message_is_there(pika, world):
    channel, other = confirming(world), world.channel()
    name = world.queue(other)
    channel.basic_publish("", name, b"one")
    world.note("got at once", other.basic_get(name, auto_ack=True))
