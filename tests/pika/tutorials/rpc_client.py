"""Tutorial six: asks a server for the Fibonacci numbers that it is given."""

from __future__ import annotations

import sys
import uuid

from tutorial import connect, name, pika


class FibonacciClient:
    """One connection, with a queue for its replies."""

    def __init__(self) -> None:
        self.connection = connect()
        self.channel = self.connection.channel()
        self.callback_queue = self.channel.queue_declare("", exclusive=True).method.queue
        self.channel.basic_consume(
            queue=self.callback_queue, on_message_callback=self.on_response, auto_ack=True)
        self.response: bytes | None = None
        self.correlation_id: str | None = None

    def on_response(self, channel, method, properties, body) -> None:
        if self.correlation_id == properties.correlation_id:
            self.response = body

    def call(self, n: int) -> int:
        self.response = None
        self.correlation_id = str(uuid.uuid4())
        self.channel.basic_publish(
            exchange="",
            routing_key=name("rpc_queue"),
            properties=pika.BasicProperties(
                reply_to=self.callback_queue, correlation_id=self.correlation_id),
            body=str(n),
        )  # fmt: skip
        while self.response is None:
            self.connection.process_data_events(time_limit=1)
        return int(self.response)


client = FibonacciClient()
for argument in sys.argv[1:]:
    print(f"fib({argument}) is {client.call(int(argument))}")
client.connection.close()
