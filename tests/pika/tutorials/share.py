"""Prints what it gets of a queue that it shares with others, until it gets "end"."""

from __future__ import annotations

import sys

from tutorial import connect

connection = connect()
channel = connection.channel()


def callback(channel, method, properties, body):
    channel.basic_ack(method.delivery_tag)
    if body == b"end":
        channel.stop_consuming()
    else:
        print(body.decode())


channel.basic_qos(prefetch_count=1)
channel.basic_consume(sys.argv[1], callback)
print("waiting for messages")
channel.start_consuming()
connection.close()
