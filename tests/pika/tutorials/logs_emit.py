"""Tutorial three: publishes to all who listen."""

from __future__ import annotations

import sys

from tutorial import connect, name

connection = connect()
channel = connection.channel()
channel.exchange_declare(exchange=name("logs"), exchange_type="fanout")
message = " ".join(sys.argv[1:]) or "info: Hello World!"
channel.basic_publish(exchange=name("logs"), routing_key="", body=message)
print(f"sent {message}")
connection.close()
