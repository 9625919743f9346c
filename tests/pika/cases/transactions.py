"""tx_*: what is published and acknowledged takes effect with the commit."""

from __future__ import annotations


def transacted(world):
    channel = world.channel()
    channel.tx_select()
    return channel


def case_answers(pika, world):
    channel = world.channel()
    world.attempt("select", channel.tx_select)
    world.attempt("select again", channel.tx_select)
    world.attempt("commit", channel.tx_commit)
    world.attempt("rollback", channel.tx_rollback)


def case_published_with_the_commit(pika, world):
    channel, other = transacted(world), world.channel()
    name = world.queue(other)
    for body in (b"one", b"two"):
        channel.basic_publish("", name, body)
    channel.connection.process_data_events()
    world.note("before", world.count(channel, name))
    channel.tx_commit()
    world.note("after", world.drain(other, name))


def case_not_published_after_the_rollback(pika, world):
    channel = transacted(world)
    name = world.queue(channel)
    channel.basic_publish("", name, b"undone")
    channel.tx_rollback()
    channel.basic_publish("", name, b"done")
    channel.tx_commit()
    world.note("left", world.drain(channel, name))


def case_acknowledged_with_the_commit(pika, world):
    channel, other = transacted(world), world.channel()
    name = world.queue(other)
    for body in (b"one", b"two"):
        other.basic_publish("", name, body)
    tags = [world.get(channel, name, auto_ack=False)[0].delivery_tag for _ in range(2)]
    channel.basic_ack(tags[0])
    channel.tx_commit()
    channel.basic_ack(tags[1])
    channel.close()  # without a commit
    world.note("left", world.get(other, name))
    world.attempt("get", other.basic_get, name)


def case_not_acknowledged_after_the_rollback(pika, world):
    channel = transacted(world)
    name = world.queue(channel)
    channel.basic_publish("", name, b"one")
    channel.tx_commit()
    tag = world.get(channel, name, auto_ack=False)[0].delivery_tag
    channel.basic_ack(tag)
    channel.tx_rollback()
    world.attempt("get", channel.basic_get, name)
    channel.basic_ack(tag)
    world.attempt("ack again and commit", channel.tx_commit)


def case_rejected_with_the_commit(pika, world):
    channel, other = transacted(world), world.channel()
    name = world.queue(other)
    other.basic_publish("", name, b"one")
    tag = world.get(channel, name, auto_ack=False)[0].delivery_tag
    channel.basic_reject(tag, requeue=True)
    world.note("before", world.count(channel, name))
    channel.tx_commit()
    world.note("after", world.get(other, name))


def case_consumed_and_published_as_one(pika, world):
    channel = transacted(world)
    source, target = world.queue(channel, "source"), world.queue(channel, "target")
    channel.basic_publish("", source, b"one")
    channel.tx_commit()
    method, _, body = world.get(channel, source, auto_ack=False)
    channel.basic_publish("", target, body)
    channel.basic_ack(method.delivery_tag)
    channel.tx_rollback()
    world.note("target", world.count(channel, target))
    channel.basic_publish("", target, body)
    channel.basic_ack(method.delivery_tag)
    channel.tx_commit()
    world.note("target", world.drain(channel, target))


def case_commit_without_select(pika, world):
    channel = world.channel()
    world.attempt("commit", channel.tx_commit)
    world.note("channel open", channel.is_open)


def case_rollback_without_select(pika, world):
    channel = world.channel()
    world.attempt("rollback", channel.tx_rollback)
    world.note("channel open", channel.is_open)


def case_select_after_confirm(pika, world):
    channel = world.channel()
    channel.confirm_delivery()
    world.attempt("select", channel.tx_select)
    world.note("channel open", channel.is_open)


def case_unroutable_and_mandatory_returns_at_the_commit(pika, world):
    channel = transacted(world)
    returned = []
    channel.add_on_return_callback(lambda *what: returned.append(what[1:]))
    channel.basic_publish("", world.name("missing"), b"nobody", mandatory=True)
    world.attempt("commit", channel.tx_commit)
    world.until(channel.connection, lambda: returned)
    world.note("returned", returned)


def case_closed_without_a_commit_publishes_nothing(pika, world):
    channel, other = transacted(world), world.channel()
    name = world.queue(other)
    channel.basic_publish("", name, b"undone")
    channel.close()
    world.note("count", world.count(other, name))


def case_declared_at_once(pika, world):
    channel = transacted(world)
    name = world.queue(channel)
    channel.tx_rollback()
    world.attempt("declare", channel.queue_declare, name, passive=True)


def case_an_unknown_tag_closes_at_once(pika, world):
    channel = transacted(world)
    channel.basic_ack(42)
    world.attempt("commit", channel.tx_commit)
    world.note("channel open", channel.is_open)
