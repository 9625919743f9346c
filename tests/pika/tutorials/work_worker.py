"""Tutorial two: does one task at a time; a dot is a hundredth of a second of work, and a task
named "stuck" is never done.
"""

from __future__ import annotations

import time

from tutorial import connect, consume_until_interrupted, name

connection = connect()
channel = connection.channel()
channel.queue_declare(queue=name("task_queue"), durable=True)


def callback(channel, method, properties, body):
    print(f"received {body.decode()}, redelivered: {method.redelivered}, "
          f"delivery mode: {properties.delivery_mode}")  # fmt: skip
    if body == b"stuck" and not method.redelivered:
        return
    time.sleep(body.count(b".") * 0.01)
    channel.basic_ack(delivery_tag=method.delivery_tag)
    print(f"done {body.decode()}")


channel.basic_qos(prefetch_count=1)
channel.basic_consume(queue=name("task_queue"), on_message_callback=callback)
consume_until_interrupted(channel)
