"""The client of tutorial six, which the round trips are measured with as well."""

from __future__ import annotations

import uuid
from types import ModuleType


class FibonacciClient:
    """One connection, with a queue for its replies; `pika` is the module the connection is of."""

    def __init__(self, pika: ModuleType, connection, queue: str) -> None:
        self.pika = pika
        self.connection = connection
        self.queue = queue
        self.channel = connection.channel()
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
            routing_key=self.queue,
            properties=self.pika.BasicProperties(
                reply_to=self.callback_queue, correlation_id=self.correlation_id),
            body=str(n),
        )  # fmt: skip
        while self.response is None:
            self.connection.process_data_events(time_limit=1)
        return int(self.response)
