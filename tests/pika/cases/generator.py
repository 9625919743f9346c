"""consume() as a generator, and what its cancel() gives back."""

from __future__ import annotations


def filled(world, *bodies):
    channel = world.channel()
    name = world.queue(channel)
    for body in bodies:
        channel.basic_publish("", name, body)
    return channel, name


def case_yields_messages_until_it_is_left(pika, world):
    channel, name = filled(world, b"one", b"two", b"three")
    for method, properties, body in channel.consume(name):
        world.note("yields", [method, properties, body])
        channel.basic_ack(method.delivery_tag)
        if method.delivery_tag == 3:
            break
    world.attempt("cancel", channel.cancel)
    world.note("tags", channel.consumer_tags)
    world.note("left", world.drain(channel, name))


def case_cancel_says_how_many_it_gives_back(pika, world):
    channel, name = filled(world, b"one", b"two", b"three")
    method, _, body = next(channel.consume(name))
    world.until(channel.connection, lambda: channel.get_waiting_message_count() == 2)
    channel.basic_ack(method.delivery_tag)
    world.note("waiting", channel.get_waiting_message_count())
    world.attempt("cancel", channel.cancel)
    world.note("waiting", channel.get_waiting_message_count())
    world.until_count(channel, name, 2)
    world.note("left", world.drain(channel, name))


def case_cancel_drops_what_is_auto_acknowledged(pika, world):
    channel, name = filled(world, b"one", b"two", b"three")
    next(channel.consume(name, auto_ack=True))
    world.until(channel.connection, lambda: channel.get_waiting_message_count() == 2)
    world.attempt("cancel", channel.cancel)
    world.note("left", world.drain(channel, name))


def case_cancel_without_a_generator(pika, world):
    world.attempt("cancel", world.channel().cancel)


def case_inactivity_yields_three_times_none(pika, world):
    channel, name = filled(world, b"one")
    yielded = []
    for method, properties, body in channel.consume(name, inactivity_timeout=0.05):
        yielded.append([properties, body])
        if method is None:
            break
    channel.cancel()
    world.note("yielded", yielded)


def case_goes_on_with_the_same_consumer_when_called_again(pika, world):
    channel, name = filled(world, b"one", b"two")
    for _ in range(2):
        method, _, body = next(channel.consume(name))
        world.note("yields", [method, body])
        channel.basic_ack(method.delivery_tag)
    world.note("tags", channel.consumer_tags)
    channel.cancel()


def case_refuses_other_parameters_while_it_runs(pika, world):
    channel, name = filled(world, b"one", b"two")
    next(channel.consume(name))
    world.attempt("another queue", lambda: next(channel.consume(world.name("other"))))
    world.attempt("with auto_ack", lambda: next(channel.consume(name, auto_ack=True)))
    world.attempt("exclusive", lambda: next(channel.consume(name, exclusive=True)))
    channel.cancel()
    world.attempt("after cancel", lambda: next(channel.consume(name, auto_ack=True))[2])


def case_ends_when_it_is_cancelled_within(pika, world):
    channel, name = filled(world, b"one", b"two")
    yielded = []
    for method, _, body in channel.consume(name):
        yielded.append(body)
        channel.basic_ack(method.delivery_tag)
        channel.cancel()
    world.note("yielded", yielded)
    world.until_count(channel, name, 1)
    world.note("left", world.drain(channel, name))


def case_ends_when_the_queue_is_deleted(pika, world):
    channel, name = filled(world)
    yielded = []
    for _, _, body in channel.consume(name, inactivity_timeout=0.05):
        yielded.append(body)
        if len(yielded) == 1:
            world.channel().queue_delete(name)
        if len(yielded) == 100:
            break
    world.note("ends", len(yielded) < 100)
    world.note("open", channel.is_open)


def case_from_a_missing_queue(pika, world):
    channel = world.channel()
    world.attempt("next", lambda: next(channel.consume(world.name("missing"))))
    world.note("open", channel.is_open)


def case_exclusive_refuses_others(pika, world):
    channel, name = filled(world, b"one")
    next(channel.consume(name, exclusive=True))
    world.attempt("consume", world.channel().basic_consume, name, lambda *_: None)


def case_the_prefetch_count_bounds_what_waits(pika, world):
    channel, name = filled(world, *(b"%d" % number for number in range(10)))
    channel.basic_qos(prefetch_count=3)
    method, _, _ = next(channel.consume(name))
    world.until(channel.connection, lambda: channel.get_waiting_message_count() == 2)
    world.settle(channel.connection)
    world.note("waiting", channel.get_waiting_message_count())
    world.until_count(channel, name, 7)
    world.note("ready", world.count(channel, name))
    channel.cancel()
