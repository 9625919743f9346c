"""Tutorials four and five: publishes with a severity, or another routing key.

routing_emit.py KIND KEY MESSAGE...
"""

from __future__ import annotations

import sys

from tutorial import connect, name

kind, key, *words = sys.argv[1:]
connection = connect()
channel = connection.channel()
channel.exchange_declare(exchange=name(f"{kind}_logs"), exchange_type=kind)
channel.basic_publish(exchange=name(f"{kind}_logs"), routing_key=key, body=" ".join(words))
print(f"sent {key}: {' '.join(words)}")
connection.close()
