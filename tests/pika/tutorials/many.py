"""Publishes so many numbers to a queue: many.py QUEUE COUNT."""

from __future__ import annotations

import sys

from tutorial import connect

connection = connect()
channel = connection.channel()
for number in range(int(sys.argv[2])):
    channel.basic_publish("", sys.argv[1], b"%d" % number)
connection.close()
print("published")
