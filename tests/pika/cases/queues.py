"""Queues: what declaring, deleting and purging answer, and what they refuse."""

from __future__ import annotations


def case_declare_says_the_name_and_both_counts(pika, world):
    channel = world.channel()
    name = world.name("queue")
    world.attempt("declare", channel.queue_declare, queue=name)
    for body in (b"one", b"two", b"three"):
        channel.basic_publish("", name, body)
    channel.basic_consume(name, lambda *_: None)
    world.attempt("declare again", channel.queue_declare, queue=name, passive=True)


def case_declare_again_with_the_same_properties(pika, world):
    channel = world.channel()
    name = world.name("queue")
    options = {"durable": True, "arguments": {"x-max-length": 7}}
    channel.confirm_delivery()
    world.attempt("declare", channel.queue_declare, name, **options)
    channel.basic_publish("", name, b"kept")
    world.attempt("declare again", channel.queue_declare, name, **options)


def redeclare(world, first, second):
    channel = world.channel()
    name = world.queue(channel, **first)
    world.attempt("declare unlike", channel.queue_declare, name, **second)
    world.note("channel open", channel.is_open)
    world.note("connection open", channel.connection.is_open)


def case_redeclare_with_another_durable(pika, world):
    redeclare(world, {}, {"durable": True})


def case_redeclare_without_durable(pika, world):
    redeclare(world, {"durable": True}, {})


def case_redeclare_with_another_auto_delete(pika, world):
    redeclare(world, {}, {"auto_delete": True})


def case_redeclare_with_another_exclusive(pika, world):
    redeclare(world, {}, {"exclusive": True})


def case_redeclare_with_another_time_to_live(pika, world):
    redeclare(world, {"arguments": {"x-message-ttl": 1000}}, {"arguments": {"x-message-ttl": 9000}})


def case_redeclare_with_an_argument_more(pika, world):
    redeclare(world, {}, {"arguments": {"x-max-length": 10}})


def case_redeclare_without_an_argument(pika, world):
    redeclare(world, {"arguments": {"x-max-priority": 5}}, {})


def case_redeclare_with_another_dead_letter_exchange(pika, world):
    redeclare(world, {"arguments": {"x-dead-letter-exchange": "one"}},
              {"arguments": {"x-dead-letter-exchange": "two"}})  # fmt: skip


def case_passive_declare_of_a_missing_queue(pika, world):
    channel = world.channel()
    world.attempt("declare", channel.queue_declare, world.name("missing"), passive=True)
    world.note("channel open", channel.is_open)
    world.attempt("use of the channel", channel.queue_declare, world.name("other"))
    world.attempt("on a new channel", channel.connection.channel().queue_declare, world.name("new"))


def case_passive_declare_ignores_other_properties(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    world.attempt("declare", channel.queue_declare, name, passive=True, durable=True,
                  arguments={"x-max-length": 1})  # fmt: skip


def case_server_named_queues_have_names_of_their_own(pika, world):
    channel = world.channel()
    first = channel.queue_declare("").method.queue
    second = channel.queue_declare("").method.queue
    world.note("the names", [first, second])
    world.note("differ", first != second)
    channel.basic_publish("", first, b"to the first")
    world.note("first", world.drain(channel, first))
    world.note("second", world.drain(channel, second))


def case_an_empty_name_is_the_queue_declared_last(pika, world):
    channel = world.channel()
    world.attempt("none declared", channel.queue_purge, "")
    channel = world.channel()
    channel.queue_declare("")
    name = world.queue(channel)
    channel.basic_publish("", name, b"to the last")
    world.attempt("bind", channel.queue_bind, "", "amq.fanout")
    world.attempt("get", channel.basic_get, "")
    world.attempt("delete", channel.queue_delete, "")


def case_an_empty_name_in_a_passive_declare(pika, world):
    channel = world.channel()
    channel.queue_declare("")
    world.attempt("declare", channel.queue_declare, "", passive=True)


def case_names_that_begin_with_amq_are_refused(pika, world):
    channel = world.channel()
    world.attempt("declare", channel.queue_declare, "amq.mine")
    world.note("channel open", channel.is_open)


def case_passive_declare_of_a_missing_reserved_name(pika, world):
    world.attempt("declare", world.channel().queue_declare, "amq.missing", passive=True)


def case_names_may_be_long_and_of_any_letters(pika, world):
    channel = world.channel()
    for text in ("naïve-очередь-队列", "with space", "n" * 200):
        name = world.name(text)
        world.attempt("declare", channel.queue_declare, name)
        channel.basic_publish("", name, b"body")
        world.note("got", world.get(channel, name))


def case_a_name_too_long(pika, world):
    channel = world.channel()
    world.attempt("256 bytes", channel.queue_declare, "n" * 256)
    world.note("channel open", channel.is_open)


def case_names_that_are_no_text(pika, world):
    channel = world.channel()
    for name in (None, 7, b"bytes"):
        world.attempt(f"declare {name!r}", channel.queue_declare, name)
    world.attempt("delete None", channel.queue_delete, None)
    world.attempt("purge None", channel.queue_purge, None)
    world.note("channel open", channel.is_open)


def refuse_from_another_connection(world, label, call):
    owner, other = world.channel(), world.channel()
    name = world.queue(owner, exclusive=True)
    world.attempt(label, call, other, name)
    world.note("the other's channel open", other.is_open)
    world.attempt("the owner", owner.queue_declare, name, exclusive=True)


def case_an_exclusive_queue_declared_by_another(pika, world):
    refuse_from_another_connection(
        world, "declare", lambda channel, name: channel.queue_declare(name, exclusive=True))


def case_an_exclusive_queue_declared_passively_by_another(pika, world):
    refuse_from_another_connection(
        world, "declare", lambda channel, name: channel.queue_declare(name, passive=True))


def case_an_exclusive_queue_consumed_by_another(pika, world):
    refuse_from_another_connection(
        world, "consume", lambda channel, name: channel.basic_consume(name, lambda *_: None))


def case_an_exclusive_queue_read_by_another(pika, world):
    refuse_from_another_connection(
        world, "get", lambda channel, name: channel.basic_get(name))


def case_an_exclusive_queue_purged_by_another(pika, world):
    refuse_from_another_connection(
        world, "purge", lambda channel, name: channel.queue_purge(name))


def case_an_exclusive_queue_deleted_by_another(pika, world):
    refuse_from_another_connection(
        world, "delete", lambda channel, name: channel.queue_delete(name))


def case_an_exclusive_queue_bound_by_another(pika, world):
    refuse_from_another_connection(
        world, "bind", lambda channel, name: channel.queue_bind(name, "amq.fanout"))


def case_an_exclusive_queue_takes_messages_from_another(pika, world):
    owner, other = world.channel(), world.channel()
    name = world.queue(owner, exclusive=True)
    other.basic_publish("", name, b"from another")
    world.note("got", world.get(owner, name))


def case_an_exclusive_queue_is_shared_by_the_channels_of_its_connection(pika, world):
    owner = world.channel()
    name = world.queue(owner, exclusive=True)
    sibling = owner.connection.channel()
    owner.close()
    world.attempt("declare", sibling.queue_declare, name, exclusive=True)


def gone(world, connection, name):
    """Whether a queue is gone, asked on new channels until it is."""
    channels = []

    def asks():
        try:
            channels.append(connection.channel())
            channels[-1].queue_declare(name, passive=True)
        except Exception as error:
            return getattr(error, "reply_code", None) == 404
        return False

    return world.until(connection, asks)


def case_an_exclusive_queue_is_gone_with_its_connection(pika, world):
    owner, other = world.connect(), world.connect()
    name = world.queue(owner.channel(), exclusive=True)
    owner.close()
    world.note("gone", gone(world, other, name))


def case_an_auto_delete_queue_is_gone_with_its_last_consumer(pika, world):
    channel = world.channel()
    name = world.queue(channel, auto_delete=True)
    channel.basic_publish("", name, b"one")
    world.note("got before there is a consumer", world.get(channel, name))
    tags = [channel.basic_consume(name, lambda *_: None) for _ in range(2)]
    channel.basic_cancel(tags[0])
    world.attempt("one consumer left", channel.queue_declare, name, passive=True)
    channel.basic_cancel(tags[1])
    world.note("gone", gone(world, channel.connection, name))


def case_an_auto_delete_queue_is_gone_with_the_channel_of_its_consumer(pika, world):
    channel, other = world.channel(), world.connect()
    name = world.queue(channel, auto_delete=True)
    channel.basic_consume(name, lambda *_: None)
    channel.close()
    world.note("gone", gone(world, other, name))


def case_a_queue_that_expires_is_gone_when_unused(pika, world):
    channel = world.channel()
    name = world.queue(channel, arguments={"x-expires": 150})
    channel.confirm_delivery()

    def unroutable():  # a passive declare would be a use
        try:
            channel.basic_publish("", name, b"", mandatory=True)
        except pika.exceptions.UnroutableError:
            return True
        return False

    world.note("gone", world.until(channel.connection, unroutable))


def case_delete_says_how_many_messages_went(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    channel.basic_publish("", name, b"one")
    channel.basic_publish("", name, b"two")
    world.attempt("delete", channel.queue_delete, name)
    world.attempt("delete what is missing", channel.queue_delete, name)
    world.attempt("declare", channel.queue_declare, name, passive=True)


def case_delete_if_unused_of_a_queue_in_use(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    channel.basic_consume(name, lambda *_: None)
    world.attempt("delete", channel.queue_delete, name, if_unused=True)
    world.note("channel open", channel.is_open)


def case_delete_if_unused_of_a_queue_without_consumers(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    channel.basic_publish("", name, b"one")
    world.attempt("delete", channel.queue_delete, name, if_unused=True)


def case_delete_if_empty_of_a_queue_with_messages(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    channel.basic_publish("", name, b"one")
    world.attempt("delete", channel.queue_delete, name, if_empty=True)
    world.note("channel open", channel.is_open)


def case_delete_if_empty_of_an_empty_queue(pika, world):
    channel = world.channel()
    world.attempt("delete", channel.queue_delete, world.queue(channel), if_empty=True)


def case_delete_cancels_its_consumers(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    tag = channel.basic_consume(name, lambda *_: None)
    cancelled = []
    channel.add_on_cancel_callback(cancelled.append)
    world.channel().queue_delete(name)
    world.until(channel.connection, lambda: cancelled)
    world.note("cancelled", cancelled)
    world.note("is its consumer", cancelled[0].method.consumer_tag == tag)
    world.note("consumers left", channel.consumer_tags)


def case_purge_says_how_many_messages_went(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    for body in (b"one", b"two", b"three"):
        channel.basic_publish("", name, body)
    world.attempt("purge", channel.queue_purge, name)
    world.attempt("purge again", channel.queue_purge, name)
    world.attempt("get", channel.basic_get, name)


def case_purge_leaves_what_is_not_acknowledged(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    channel.basic_publish("", name, b"taken")
    channel.basic_publish("", name, b"ready")
    method, _, _ = world.get(channel, name, auto_ack=False)
    world.attempt("purge", channel.queue_purge, name)
    channel.basic_nack(method.delivery_tag)
    world.note("got", world.get(channel, name))


def case_purge_of_a_missing_queue(pika, world):
    channel = world.channel()
    world.attempt("purge", channel.queue_purge, world.name("missing"))
    world.note("channel open", channel.is_open)
