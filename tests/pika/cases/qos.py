"""basic_qos: how many deliveries a consumer holds unacknowledged."""

from __future__ import annotations


def consume(channel, name, seen, **named):
    return channel.basic_consume(
        name, lambda _, method, __, body: seen.append((method.delivery_tag, body)), **named)


def filled(world, channel, count, text="queue"):
    name = world.queue(channel, text)
    for number in range(1, count + 1):
        channel.basic_publish("", name, b"%d" % number)
    return name


def case_answers(pika, world):
    channel = world.channel()
    world.attempt("count", channel.basic_qos, prefetch_count=1)
    world.attempt("global", channel.basic_qos, prefetch_count=10, global_qos=True)
    world.attempt("unbounded", channel.basic_qos)


def case_values_that_are_refused(pika, world):
    channel = world.channel()
    world.attempt("below zero", channel.basic_qos, prefetch_count=-1)
    world.attempt("size below zero", channel.basic_qos, prefetch_size=-1)
    world.note("channel open", channel.is_open)


def case_a_prefetch_size_is_not_implemented(pika, world):
    channel = world.channel()
    world.attempt("size", channel.basic_qos, prefetch_size=1000)
    world.note("channel open", channel.is_open)
    world.note("connection open", channel.connection.is_open)


def case_no_more_than_the_prefetch_count_until_acknowledged(pika, world):
    channel = world.channel()
    name = filled(world, channel, 5)
    channel.basic_qos(prefetch_count=2)
    seen = []
    consume(channel, name, seen)
    world.until(channel.connection, lambda: len(seen) >= 2)
    world.settle(channel.connection)
    world.note("seen", seen)
    channel.basic_ack(seen[0][0])
    world.until(channel.connection, lambda: len(seen) >= 3)
    world.settle(channel.connection)
    world.note("after one ack", seen)
    channel.basic_ack(seen[-1][0], multiple=True)
    world.until(channel.connection, lambda: len(seen) >= 5)
    world.note("after the others", seen)


def case_is_for_the_consumers_that_come_later(pika, world):
    channel = world.channel()
    names = [filled(world, channel, 4, text) for text in ("before", "after")]
    before, after = [], []
    consume(channel, names[0], before)
    channel.basic_qos(prefetch_count=1)
    consume(channel, names[1], after)
    world.until(channel.connection, lambda: len(before) == 4 and after)
    world.settle(channel.connection)
    world.note("seen", [len(before), len(after)])


def case_is_for_each_consumer(pika, world):
    channel = world.channel()
    names = [filled(world, channel, 4, text) for text in ("one", "two")]
    channel.basic_qos(prefetch_count=2)
    seen = [[], []]
    for name, its in zip(names, seen):
        consume(channel, name, its)
    world.until(channel.connection, lambda: all(len(its) >= 2 for its in seen))
    world.settle(channel.connection)
    world.note("seen", [len(its) for its in seen])


def case_global_is_for_the_channel(pika, world):
    channel = world.channel()
    names = [filled(world, channel, 4, text) for text in ("one", "two")]
    channel.basic_qos(prefetch_count=3, global_qos=True)
    seen = []
    for name in names:
        consume(channel, name, seen)
    world.until(channel.connection, lambda: len(seen) >= 3)
    world.settle(channel.connection)
    world.note("seen", len(seen))


def case_does_not_bound_auto_ack(pika, world):
    channel = world.channel()
    name = filled(world, channel, 5)
    channel.basic_qos(prefetch_count=1)
    seen = []
    consume(channel, name, seen, auto_ack=True)
    world.until(channel.connection, lambda: len(seen) == 5)
    world.note("seen", len(seen))


def case_does_not_bound_get(pika, world):
    channel = world.channel()
    name = filled(world, channel, 3)
    channel.basic_qos(prefetch_count=1)
    world.note("got", [world.get(channel, name, auto_ack=False)[2] for _ in range(3)])


def case_a_slow_consumer_leaves_work_to_others(pika, world):
    slow, quick = world.channel(), world.channel()
    name = world.queue(slow)
    held, done = [], []
    for channel in (slow, quick):
        channel.basic_qos(prefetch_count=1)
    consume(slow, name, held)
    slow.basic_publish("", name, b"1")
    world.until(slow.connection, lambda: held)

    def work(channel, method, properties, body):
        done.append(body)
        channel.basic_ack(method.delivery_tag)

    quick.basic_consume(name, work)
    for number in range(2, 6):
        slow.basic_publish("", name, b"%d" % number)
    slow.connection.process_data_events(time_limit=0)
    world.until(quick.connection, lambda: len(done) == 4)
    world.note("held", held)
    world.note("done", done)
