"""Tutorial one: prints what comes to a queue, until Ctrl-C."""

from __future__ import annotations

from tutorial import connect, consume_until_interrupted, name

connection = connect()
channel = connection.channel()
channel.queue_declare(queue=name("hello"))


def callback(channel, method, properties, body):
    print(f"received {body.decode()}")


channel.basic_consume(queue=name("hello"), on_message_callback=callback, auto_ack=True)
consume_until_interrupted(channel)
