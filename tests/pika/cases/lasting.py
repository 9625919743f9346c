"""What lasts when connections and processes end, and what goes with them."""

from __future__ import annotations


def case_queues_bindings_and_messages_outlive_a_connection(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    exchange = world.exchange(channel, "direct")
    channel.queue_bind(name, exchange, "key")
    channel.basic_publish(exchange, "key", b"before")
    channel.connection.close()
    other = world.channel()
    other.basic_publish(exchange, "key", b"after")
    world.note("got", [world.get(other, name)[2] for _ in range(2)])


def case_what_a_process_sent_outlives_it(pika, world):
    program = world.start("hello_send.py")
    world.note("it prints", program.rest())
    channel = world.channel()
    world.note("got", world.get(channel, world.name("hello")))


def killed(world, *arguments):
    """Starts hold.py with what it is to hold, and kills it when it does."""
    program = world.start("hold.py", *arguments)
    world.note("it says", program.line())
    return program


def missing(pika, connection, name):
    try:
        connection.channel().queue_declare(name, passive=True)
    except pika.exceptions.ChannelClosedByBroker as error:
        return error.reply_code == 404
    return False


def case_an_exclusive_queue_goes_with_a_killed_process(pika, world):
    name = world.name("queue")
    program = killed(world, name, "exclusive")
    connection = world.connect()
    world.attempt("while it lives", connection.channel().queue_declare, name, passive=True)
    program.kill()
    world.note("gone", world.until(connection, lambda: missing(pika, connection, name)))


def case_an_auto_delete_queue_goes_with_a_killed_consumer(pika, world):
    name = world.name("queue")
    program = killed(world, name, "auto_delete", "consume")
    connection = world.connect()
    world.note("while it lives", missing(pika, connection, name))
    program.kill()
    world.note("gone", world.until(connection, lambda: missing(pika, connection, name)))


def case_an_exclusive_consumer_goes_with_a_killed_process(pika, world):
    name = world.name("queue")
    program = killed(world, name, "consume_exclusive")
    connection = world.connect()
    world.attempt("while it lives", connection.channel().basic_consume, name, lambda *_: None)
    program.kill()
    got = []

    def consumes():
        try:
            connection.channel().basic_consume(
                name, lambda *what: got.append([what[1].redelivered, what[3]]), auto_ack=True)
        except pika.exceptions.ChannelClosedByBroker:
            return False
        return True

    world.note("consumed", world.until(connection, consumes))
    world.until(connection, lambda: got)
    world.note("got", got)


def case_the_next_active_consumer_after_a_killed_one(pika, world):
    channel = world.channel()
    name = world.queue(channel, arguments={"x-single-active-consumer": True})
    program = killed(world, name, "single_active", "consume")
    got = []
    channel.basic_consume(
        name, lambda *what: got.append([what[1].redelivered, what[3]]), auto_ack=True)
    world.settle(channel.connection)
    world.note("before", got)
    program.kill()
    world.until(channel.connection, lambda: got)
    world.note("after", got)


def case_a_transaction_of_a_killed_process_is_not_committed(pika, world):
    name = world.name("queue")
    program = killed(world, name, "transaction")
    channel = world.channel()
    program.kill()
    world.note("what it held", world.get(channel, name)[2])
    world.attempt("what it published", channel.basic_get, name)


def case_many_messages_from_another_process_in_order(pika, world):
    name = world.name("queue")
    channel = world.channel()
    channel.queue_declare(name)
    channel.basic_qos(prefetch_count=50)
    program = world.start("many.py", name, "3000")
    bodies = []

    def consume(channel, method, properties, body):
        bodies.append(body)
        channel.basic_ack(method.delivery_tag)

    channel.basic_consume(name, consume)
    world.until(channel.connection, lambda: len(bodies) == 3000)
    world.note("it prints", program.rest())
    world.note("in order", bodies == [b"%d" % number for number in range(3000)])


def case_two_processes_share_many_messages(pika, world):
    name = world.name("queue")
    channel = world.channel()
    channel.queue_declare(name)
    programs = [world.start("share.py", name) for _ in range(2)]
    for program in programs:
        world.note("it says", program.line())
    for number in range(500):
        channel.basic_publish("", name, b"%d" % number)
    for _ in programs:
        channel.basic_publish("", name, b"end")
    shares = [[int(line) for line in program.rest()] for program in programs]
    world.note("each in order", [share == sorted(share) for share in shares])
    world.note("each has some", all(shares))
    world.note("each once", sorted(sum(shares, [])) == list(range(500)))
