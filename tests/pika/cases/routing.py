"""Which queues a message reaches, by each type of exchange."""

from __future__ import annotations


def reached(world, channel, exchange, queues, routing_key="", headers=None, pika=None):
    """Publishes once; the labels of the queues that got the message, with how often."""
    properties = pika.BasicProperties(headers=headers) if headers is not None else None
    channel.basic_publish(exchange, routing_key, b"body", properties)
    counts = {label: len(world.drain(channel, queue)) for label, queue in queues.items()}
    return {label: count for label, count in counts.items() if count}


def case_direct_by_equal_keys(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "direct")
    queues = {text: world.queue(channel, text) for text in ("a", "a and b", "empty")}
    channel.queue_bind(queues["a"], name, "a")
    channel.queue_bind(queues["a and b"], name, "a")
    channel.queue_bind(queues["a and b"], name, "b")
    channel.queue_bind(queues["empty"], name, "")
    for key in ("a", "b", "A", "", "a.b"):
        world.note(key, reached(world, channel, name, queues, key))


def case_a_binding_without_a_key_has_the_name_of_the_queue(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "direct")
    queues = {"queue": world.queue(channel)}
    world.attempt("bind", channel.queue_bind, queues["queue"], name)
    world.note("name of the queue", reached(world, channel, name, queues, queues["queue"]))
    world.note("empty", reached(world, channel, name, queues, ""))


def case_fanout_to_all(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "fanout")
    queues = {text: world.queue(channel, text) for text in ("one", "two", "unbound")}
    channel.queue_bind(queues["one"], name)
    channel.queue_bind(queues["two"], name, "some key")
    for key in ("", "some key", "another"):
        world.note(key, reached(world, channel, name, queues, key))


def case_topic_by_patterns(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "topic")
    patterns = ("a.b.c", "a.*.c", "*.*.*", "a.#", "#", "#.c", "a.#.c", "*", "*.#", "#.#", "", "**",
                "a.*.#.d", "a#", "#.b.#")  # fmt: skip
    queues = {pattern: world.queue(channel, f"of {pattern}") for pattern in patterns}
    for pattern, queue in queues.items():
        channel.queue_bind(queue, name, pattern)
    for key in ("a.b.c", "a.c", "a", "", "a.b.b.c", ".", "a..c", "x.y.z.c", "**", "a#", "a.b.c.d",
                "A.B.C"):  # fmt: skip
        world.note(key, reached(world, channel, name, queues, key))


def case_two_bindings_that_match_deliver_once(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "topic")
    queues = {"queue": world.queue(channel)}
    for pattern in ("a.*", "*.b", "#"):
        channel.queue_bind(queues["queue"], name, pattern)
    world.note("a.b", reached(world, channel, name, queues, "a.b"))
    channel.queue_unbind(queues["queue"], name, "#")
    world.note("a.x", reached(world, channel, name, queues, "a.x"))
    world.note("x.y", reached(world, channel, name, queues, "x.y"))


def case_headers_all_and_any(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "headers")
    bindings = {
        "all of both": {"x-match": "all", "format": "pdf", "type": "report"},
        "any of both": {"x-match": "any", "format": "pdf", "type": "report"},
        "all by default": {"format": "pdf"},
        "no headers": {},
        "any of none": {"x-match": "any"},
    }
    queues = {label: world.queue(channel, label) for label in bindings}
    for label, arguments in bindings.items():
        channel.queue_bind(queues[label], name, arguments=arguments)
    for headers in ({"format": "pdf", "type": "report"}, {"format": "pdf"}, {"type": "report"},
                    {"format": "PDF"}, {"format": "pdf", "type": "log", "more": 1}, {}, None):
        world.note(f"{headers}", reached(world, channel, name, queues, "", headers, pika))


def case_headers_of_each_type_of_value(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "headers")
    values = {"number": 7, "text": "7", "true": True, "none": None, "bytes": b"7"}
    queues = {label: world.queue(channel, label) for label in values}
    for label, value in values.items():
        channel.queue_bind(queues[label], name, arguments={"x-match": "all", "key": value})
    for value in (7, "7", True, False, None, 8, b"7"):
        world.note(f"{value!r}", reached(world, channel, name, queues, "", {"key": value}, pika))


def case_headers_that_begin_with_x_are_left_out_unless_asked_for(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "headers")
    bindings = {
        "all": {"x-match": "all", "x-key": "one", "key": "one"},
        "any": {"x-match": "any", "x-key": "one", "key": "one"},
        "all with x": {"x-match": "all-with-x", "x-key": "one", "key": "one"},
        "any with x": {"x-match": "any-with-x", "x-key": "one", "key": "one"},
    }
    queues = {label: world.queue(channel, label) for label in bindings}
    for label, arguments in bindings.items():
        channel.queue_bind(queues[label], name, arguments=arguments)
    for headers in ({"key": "one"}, {"x-key": "one"}, {"x-key": "one", "key": "one"}):
        world.note(f"{headers}", reached(world, channel, name, queues, "", headers, pika))


def case_the_default_exchange_by_the_name_of_the_queue(pika, world):
    channel = world.channel()
    queues = {text: world.queue(channel, text) for text in ("one", "two")}
    world.note("one", reached(world, channel, "", queues, queues["one"]))
    world.note("missing", reached(world, channel, "", queues, world.name("missing")))


def case_exchanges_bound_to_exchanges(pika, world):
    channel = world.channel()
    first = world.exchange(channel, "direct", "first")
    second = world.exchange(channel, "topic", "second")
    third = world.exchange(channel, "fanout", "third")
    channel.exchange_bind(second, first, "a.b")
    channel.exchange_bind(third, second, "a.*")
    queues = {text: world.queue(channel, text) for text in ("of first", "of second", "of third")}
    channel.queue_bind(queues["of first"], first, "a.b")
    channel.queue_bind(queues["of second"], second, "#.c")
    channel.queue_bind(queues["of third"], third)
    for key in ("a.b", "a.c"):
        for label, exchange in (("first", first), ("second", second)):
            world.note(f"{key} to {label}", reached(world, channel, exchange, queues, key))
    channel.exchange_unbind(third, second, "a.*")
    world.note("unbound", reached(world, channel, first, queues, "a.b"))


def case_exchanges_bound_in_a_circle(pika, world):
    channel = world.channel()
    one, two = (world.exchange(channel, "fanout", text) for text in ("one", "two"))
    world.attempt("bind", channel.exchange_bind, one, two)
    world.attempt("bind back", channel.exchange_bind, two, one)
    queues = {text: world.queue(channel, text) for text in ("of one", "of two")}
    channel.queue_bind(queues["of one"], one)
    channel.queue_bind(queues["of two"], two)
    world.note("reached", reached(world, channel, one, queues))


def case_a_queue_reached_by_two_ways_gets_one_message(pika, world):
    channel = world.channel()
    source = world.exchange(channel, "fanout", "source")
    queue = world.queue(channel)
    for text in ("left", "right"):
        name = world.exchange(channel, "fanout", text)
        channel.exchange_bind(name, source)
        channel.queue_bind(queue, name)
    world.note("reached", reached(world, channel, source, {"queue": queue}))


def case_the_routing_key_and_exchange_are_delivered(pika, world):
    channel = world.channel()
    first = world.exchange(channel, "topic", "first")
    second = world.exchange(channel, "topic", "second")
    channel.exchange_bind(second, first, "#")
    queue = world.queue(channel)
    channel.queue_bind(queue, second, "#")
    channel.basic_publish(first, "the.key", b"body")
    world.note("got", world.get(channel, queue))


def case_a_queue_deleted_is_unbound(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "fanout")
    queue = world.queue(channel)
    channel.queue_bind(queue, name)
    channel.queue_delete(queue)
    world.queue(channel)
    world.note("reached", reached(world, channel, name, {"queue": queue}))


def case_bindings_with_unlike_arguments_are_two(pika, world):
    channel = world.channel()
    name = world.exchange(channel, "headers")
    queues = {"queue": world.queue(channel)}
    for value in ("one", "two"):
        channel.queue_bind(queues["queue"], name, "", arguments={"key": value})
    world.attempt("unbind", channel.queue_unbind, queues["queue"], name, "",
                  arguments={"key": "one"})  # fmt: skip
    for value in ("one", "two"):
        world.note(value, reached(world, channel, name, queues, "", {"key": value}, pika))
