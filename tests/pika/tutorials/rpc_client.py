"""Tutorial six: asks a server for the Fibonacci numbers that it is given."""

from __future__ import annotations

import sys

from fibonacci import FibonacciClient
from tutorial import connect, name, pika

client = FibonacciClient(pika, connect(), name("rpc_queue"))
for argument in sys.argv[1:]:
    print(f"fib({argument}) is {client.call(int(argument))}")
client.connection.close()
