"""Tutorial three: listens to all that is published from now on."""

from __future__ import annotations

from tutorial import connect, consume_until_interrupted, name

connection = connect()
channel = connection.channel()
channel.exchange_declare(exchange=name("logs"), exchange_type="fanout")
queue = channel.queue_declare(queue="", exclusive=True).method.queue
channel.queue_bind(exchange=name("logs"), queue=queue)


def callback(channel, method, properties, body):
    print(body.decode())


channel.basic_consume(queue=queue, on_message_callback=callback, auto_ack=True)
consume_until_interrupted(channel)
