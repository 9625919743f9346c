"""Tutorial one: sends a greeting to a queue."""

from __future__ import annotations

from tutorial import connect, name

connection = connect()
channel = connection.channel()
channel.queue_declare(queue=name("hello"))
channel.basic_publish(exchange="", routing_key=name("hello"), body="Hello World!")
print("sent 'Hello World!'")
connection.close()
