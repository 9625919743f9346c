"""Tutorial two: puts a durable task on the work queue."""

from __future__ import annotations

import sys

from tutorial import connect, name, pika

connection = connect()
channel = connection.channel()
channel.queue_declare(queue=name("task_queue"), durable=True)
message = " ".join(sys.argv[1:]) or "Hello World!"
channel.basic_publish(
    exchange="",
    routing_key=name("task_queue"),
    body=message,
    properties=pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent),
)
print(f"sent {message}")
connection.close()
