"""Requests and replies: by a queue of one's own, and by direct reply-to."""

from __future__ import annotations

DIRECT = "amq.rabbitmq.reply-to"


def serve(world, text="requests"):
    """A server that answers each request with its body in capitals."""
    channel = world.channel()
    name = world.queue(channel, text)

    def answer(channel, method, properties, body):
        channel.basic_publish("", properties.reply_to, body.upper(), properties)
        channel.basic_ack(method.delivery_tag)

    channel.basic_consume(name, answer)
    return channel, name


def await_both(world, client, server, condition):
    def comes():
        server.connection.process_data_events(time_limit=0)
        return condition()

    return world.until(client.connection, comes)


def case_by_a_queue_of_the_client(pika, world):
    server, name = serve(world)
    client = world.channel()
    replies = client.queue_declare("", exclusive=True).method.queue
    got = []
    client.basic_consume(replies, lambda *what: got.append(what[2:]), auto_ack=True)
    for number in range(3):
        client.basic_publish("", name, b"request %d" % number, pika.BasicProperties(
            reply_to=replies, correlation_id=str(number)))  # fmt: skip
    await_both(world, client, server, lambda: len(got) == 3)
    world.note("replies", [[properties.correlation_id, body] for properties, body in got])


def case_by_direct_reply_to(pika, world):
    server, name = serve(world)
    client = world.channel()
    got = []
    world.attempt("consume", client.basic_consume, DIRECT, lambda *what: got.append(what[1:]),
                  auto_ack=True, consumer_tag="replies")  # fmt: skip
    for number in range(3):
        client.basic_publish("", name, b"request %d" % number, pika.BasicProperties(
            reply_to=DIRECT, correlation_id=str(number)))  # fmt: skip
    await_both(world, client, server, lambda: len(got) == 3)
    for method, properties, body in got:
        world.note("reply", [method.consumer_tag, method.exchange, method.redelivered])
        world.note("reply of", [properties.correlation_id, body])


def case_the_server_sees_a_name_of_the_client(pika, world):
    client, server = world.channel(), world.channel()
    name = world.queue(server)
    client.basic_consume(DIRECT, lambda *_: None, auto_ack=True)
    for _ in range(2):
        client.basic_publish("", name, b"", pika.BasicProperties(reply_to=DIRECT))
    seen = [world.get(server, name)[1].reply_to for _ in range(2)]
    world.note("begins with", [text.startswith(f"{DIRECT}.") for text in seen])
    world.note("the same", seen[0] == seen[1])
    world.attempt("declare", server.queue_declare, seen[0], passive=True)
    client.connection.close()


def case_direct_reply_to_a_client_that_is_gone(pika, world):
    client, server = world.channel(), world.channel()
    name = world.queue(server)
    client.basic_consume(DIRECT, lambda *_: None, auto_ack=True)
    client.basic_publish("", name, b"", pika.BasicProperties(reply_to=DIRECT))
    reply_to = world.get(server, name)[1].reply_to
    client.connection.close()
    server.confirm_delivery()
    world.attempt("reply", server.basic_publish, "", reply_to, b"too late")
    world.attempt("mandatory", server.basic_publish, "", reply_to, b"too late", mandatory=True)
    world.note("open", server.is_open)


def refuse(world, label, call):
    channel = world.channel()
    channel.confirm_delivery()
    world.attempt(label, call, channel)
    world.note("open", channel.is_open)


def case_a_consumer_of_direct_replies_cannot_acknowledge(pika, world):
    refuse(world, "consume", lambda channel: channel.basic_consume(DIRECT, lambda *_: None))


def case_a_request_without_a_consumer_of_direct_replies(pika, world):
    name = world.queue(world.channel())
    refuse(world, "publish", lambda channel: channel.basic_publish(
        "", name, b"", pika.BasicProperties(reply_to=DIRECT)))  # fmt: skip


def case_a_second_consumer_of_direct_replies(pika, world):
    def twice(channel):
        for _ in range(2):
            channel.basic_consume(DIRECT, lambda *_: None, auto_ack=True)

    refuse(world, "consume", twice)


def case_the_consumer_of_direct_replies_may_be_cancelled(pika, world):
    channel = world.channel()
    tag = channel.basic_consume(DIRECT, lambda *_: None, auto_ack=True)
    world.attempt("cancel", channel.basic_cancel, tag)
    tag = channel.basic_consume(DIRECT, lambda *_: None, auto_ack=True, consumer_tag="again")
    world.note("again", tag)
