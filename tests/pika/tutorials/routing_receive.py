"""Tutorials four and five: listens to the keys, or the patterns, that it is given.

routing_receive.py KIND KEY...
"""

from __future__ import annotations

import sys

from tutorial import connect, consume_until_interrupted, name

kind, *keys = sys.argv[1:]
connection = connect()
channel = connection.channel()
channel.exchange_declare(exchange=name(f"{kind}_logs"), exchange_type=kind)
queue = channel.queue_declare("", exclusive=True).method.queue
if not keys:
    sys.exit(f"usage: {sys.argv[0]} KIND KEY...")
for key in keys:
    channel.queue_bind(exchange=name(f"{kind}_logs"), queue=queue, routing_key=key)


def callback(channel, method, properties, body):
    print(f"{method.routing_key}: {body.decode()}")


channel.basic_consume(queue=queue, on_message_callback=callback, auto_ack=True)
consume_until_interrupted(channel)
