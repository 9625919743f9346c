"""Holds a message without acknowledging it, until it is killed."""

from __future__ import annotations

import sys

from tutorial import connect

connection = connect()
channel = connection.channel()
channel.queue_declare(sys.argv[1])
channel.basic_publish("", sys.argv[1], b"held")
method, _, body = channel.basic_get(sys.argv[1])
print(method, body) if method is None else print(f"holds {body!r}")
while True:
    connection.process_data_events(time_limit=1)
