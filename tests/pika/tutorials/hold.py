"""Holds a message of a queue without acknowledging it, until it is killed.

hold.py QUEUE [exclusive | auto_delete | single_active] [consume | consume_exclusive | transaction]
"""

from __future__ import annotations

import sys

from tutorial import connect

queue, *how = sys.argv[1:]
connection = connect()
channel = connection.channel()
arguments = {"x-single-active-consumer": True} if "single_active" in how else None
channel.queue_declare(
    queue, exclusive="exclusive" in how, auto_delete="auto_delete" in how, arguments=arguments)
channel.basic_publish("", queue, b"held")


def hold(body: bytes) -> None:
    print(f"holds {body!r}")


if "consume" in how or "consume_exclusive" in how:
    channel.basic_consume(
        queue, lambda *what: hold(what[3]), exclusive="consume_exclusive" in how)
else:
    method, _, body = channel.basic_get(queue)
    if "transaction" in how:
        channel.tx_select()
        channel.basic_publish("", queue, b"not committed")
        channel.basic_ack(method.delivery_tag)
        connection.process_data_events()
    hold(body)
while True:
    connection.process_data_events(time_limit=1)
