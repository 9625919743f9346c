"""Exchanges: what declaring, deleting and binding answer, and what they refuse."""

from __future__ import annotations


def case_declare_each_type(pika, world):
    channel = world.channel()
    for kind in ("direct", "fanout", "topic", "headers"):
        world.attempt(kind, channel.exchange_declare, world.name(kind), kind)


def case_declare_with_the_enumeration(pika, world):
    from_module = __import__(f"{pika.__name__}.exchange_type", fromlist=["ExchangeType"])
    channel = world.channel()
    for kind in from_module.ExchangeType:
        world.note("member", [kind.name, kind.value])
        world.attempt("declare", channel.exchange_declare, world.name(kind.name), kind)
        world.attempt("as text", channel.exchange_declare, world.name(kind.name), kind.value)


def case_declare_is_direct_by_default(pika, world):
    channel = world.channel()
    name = world.name("exchange")
    world.attempt("declare", channel.exchange_declare, name)
    world.attempt("as direct", channel.exchange_declare, name, "direct")


def case_declare_again_with_the_same_properties(pika, world):
    channel = world.channel()
    name = world.name("exchange")
    for _ in range(2):
        world.attempt("declare", channel.exchange_declare, name, "topic", durable=True)


def redeclare(world, first, second):
    channel = world.channel()
    name = world.name("exchange")
    channel.exchange_declare(name, **first)
    world.attempt("declare unlike", channel.exchange_declare, name, **second)
    world.note("channel open", channel.is_open)


def case_redeclare_with_another_type(pika, world):
    redeclare(world, {"exchange_type": "direct"}, {"exchange_type": "fanout"})


def case_redeclare_with_another_durable(pika, world):
    redeclare(world, {}, {"durable": True})


def case_redeclare_with_another_auto_delete(pika, world):
    redeclare(world, {}, {"auto_delete": True})


def case_redeclare_with_another_internal(pika, world):
    redeclare(world, {}, {"internal": True})


def case_redeclare_with_another_alternate(pika, world):
    redeclare(world, {}, {"arguments": {"alternate-exchange": "amq.fanout"}})


def case_declare_of_an_unknown_type(pika, world):
    channel = world.channel()
    world.attempt("declare", channel.exchange_declare, world.name("exchange"), "random")
    world.note("connection open", channel.connection.is_open)


def case_passive_declare_of_a_missing_exchange(pika, world):
    channel = world.channel()
    name = world.name("missing")
    world.attempt("declare", channel.exchange_declare, name, passive=True)
    world.note("channel open", channel.is_open)


def case_passive_declare_ignores_the_type(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "topic")
    world.attempt("declare", channel.exchange_declare, name, "fanout", passive=True)


def case_names_that_begin_with_amq_are_refused(pika, world):
    channel = world.channel()
    world.attempt("declare", channel.exchange_declare, "amq.mine", "direct")
    world.note("channel open", channel.is_open)


def case_the_exchanges_that_are_always_there(pika, world):
    channel = world.channel()
    for name in ("amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match"):
        world.attempt(name, channel.exchange_declare, name, passive=True)
    world.attempt("equal", channel.exchange_declare, "amq.direct", "direct", durable=True)
    world.attempt("unequal", channel.exchange_declare, "amq.direct", "direct")


def case_declare_of_the_default_exchange(pika, world):
    world.attempt("declare", world.channel().exchange_declare, "", "direct")


def case_passive_declare_of_the_default_exchange(pika, world):
    world.attempt("declare", world.channel().exchange_declare, "", passive=True)


def case_names_that_are_no_text(pika, world):
    channel = world.channel()
    world.attempt("declare None", channel.exchange_declare, None)
    world.attempt("bind None", channel.exchange_bind, None, "amq.fanout")
    world.attempt("bind to None", channel.exchange_bind, "amq.fanout", None)
    world.attempt("queue to None", channel.queue_bind, "queue", None)
    world.attempt("publish to None", channel.basic_publish, None, "key", b"body")
    world.note("channel open", channel.is_open)


def case_delete(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "fanout")
    world.attempt("delete", channel.exchange_delete, name)
    world.attempt("delete what is missing", channel.exchange_delete, name)
    world.attempt("declare", channel.exchange_declare, name, passive=True)


def case_delete_of_an_exchange_that_is_always_there(pika, world):
    channel = world.channel()
    world.attempt("delete", channel.exchange_delete, "amq.direct")
    world.note("channel open", channel.is_open)


def case_delete_of_the_default_exchange(pika, world):
    world.attempt("delete", world.channel().exchange_delete, "")


def case_delete_if_unused_of_an_exchange_with_bindings(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "fanout")
    channel.queue_bind(world.queue(channel), name)
    world.attempt("delete", channel.exchange_delete, name, if_unused=True)
    world.note("channel open", channel.is_open)


def case_delete_if_unused_of_an_exchange_without_bindings(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "fanout")
    queue = world.queue(channel)
    channel.queue_bind(queue, name)
    channel.queue_unbind(queue, name)
    world.attempt("delete", channel.exchange_delete, name, if_unused=True)


def case_delete_takes_its_bindings_along(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "fanout")
    queue = world.queue(channel)
    channel.queue_bind(queue, name)
    channel.exchange_delete(name)
    channel.exchange_declare(name, "fanout")
    channel.basic_publish(name, "", b"to nobody")
    world.note("got", world.drain(channel, queue))


def case_an_auto_delete_exchange_is_gone_with_its_last_binding(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "fanout", auto_delete=True)
    queues = [world.queue(channel, text) for text in ("one", "two")]
    for queue in queues:
        channel.queue_bind(queue, name)
    channel.queue_unbind(queues[0], name)
    world.attempt("one binding left", channel.exchange_declare, name, passive=True)
    channel.queue_delete(queues[1])
    world.attempt("none left", channel.exchange_declare, name, passive=True)


def case_an_internal_exchange_refuses_publishers(pika, world):
    channel = world.channel()
    channel.confirm_delivery()
    name = world.exchange(channel, "fanout", internal=True)
    world.attempt("publish", channel.basic_publish, name, "", b"refused")
    world.note("channel open", channel.is_open)


def case_an_internal_exchange_passes_on_what_comes_from_another(pika, world):
    channel = world.channel()
    inner = world.exchange(channel, "fanout", "inner", internal=True)
    outer = world.exchange(channel, "fanout", "outer")
    queue = world.queue(channel)
    channel.exchange_bind(inner, outer)
    channel.queue_bind(queue, inner)
    channel.basic_publish(outer, "key", b"through both")
    world.note("got", world.get(channel, queue))


def case_bind_and_unbind_answer(pika, world):
    channel = world.channel()
    queue = world.queue(channel)
    name = world.exchange(channel, "direct")
    world.attempt("bind", channel.queue_bind, queue, name, "key")
    world.attempt("bind again", channel.queue_bind, queue, name, "key")
    world.attempt("unbind", channel.queue_unbind, queue, name, "key")
    world.attempt("unbind again", channel.queue_unbind, queue, name, "key")
    other = world.exchange(channel, "fanout", "other")
    world.attempt("bind exchange", channel.exchange_bind, other, name, "key")
    world.attempt("unbind exchange", channel.exchange_unbind, other, name, "key")
    world.attempt("unbind exchange again", channel.exchange_unbind, other, name, "key")


def refuse(world, label, call):
    channel = world.channel()
    world.attempt(label, call, channel)
    world.note("channel open", channel.is_open)


def case_bind_to_a_missing_exchange(pika, world):
    refuse(world, "bind", lambda channel: channel.queue_bind(
        world.queue(channel), world.name("missing"), "key"))  # fmt: skip


def case_bind_of_a_missing_queue(pika, world):
    refuse(world, "bind", lambda channel: channel.queue_bind(
        world.name("missing"), "amq.direct", "key"))  # fmt: skip


def case_bind_to_the_default_exchange(pika, world):
    refuse(world, "bind", lambda channel: channel.queue_bind(world.queue(channel), "", "key"))


def case_unbind_from_the_default_exchange(pika, world):
    refuse(world, "unbind", lambda channel: channel.queue_unbind(world.queue(channel), "", "key"))


def case_unbind_from_a_missing_exchange(pika, world):
    refuse(world, "unbind", lambda channel: channel.queue_unbind(
        world.queue(channel), world.name("missing"), "key"))  # fmt: skip


def case_unbind_of_a_missing_queue(pika, world):
    refuse(world, "unbind", lambda channel: channel.queue_unbind(
        world.name("missing"), "amq.direct", "key"))  # fmt: skip


def case_bind_of_a_missing_exchange(pika, world):
    refuse(world, "bind", lambda channel: channel.exchange_bind(
        world.name("missing"), "amq.fanout"))  # fmt: skip


def case_bind_of_an_exchange_to_a_missing_one(pika, world):
    refuse(world, "bind", lambda channel: channel.exchange_bind(
        "amq.fanout", world.name("missing")))  # fmt: skip


def case_bind_of_an_exchange_to_the_default_one(pika, world):
    refuse(world, "bind", lambda channel: channel.exchange_bind("amq.fanout", "", "key"))


def case_bind_with_a_match_of_an_unknown_kind(pika, world):
    refuse(world, "bind", lambda channel: channel.queue_bind(
        world.queue(channel), "amq.headers", arguments={"x-match": "some"}))  # fmt: skip


def case_an_alternate_exchange_takes_what_is_unroutable(pika, world):
    channel = world.channel()
    spare = world.exchange(channel, "fanout", "spare")
    name = world.exchange(channel, "direct", arguments={"alternate-exchange": spare})
    bound, left_over = world.queue(channel, "bound"), world.queue(channel, "left over")
    channel.queue_bind(bound, name, "known")
    channel.queue_bind(left_over, spare)
    channel.confirm_delivery()
    world.attempt("known", channel.basic_publish, name, "known", b"known", mandatory=True)
    world.attempt("unknown", channel.basic_publish, name, "unknown", b"unknown", mandatory=True)
    world.note("bound", world.drain(channel, bound))
    world.note("left over", world.get(channel, left_over))
