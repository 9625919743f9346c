"""Tutorial six: answers each request with a Fibonacci number, until Ctrl-C."""

from __future__ import annotations

from tutorial import connect, consume_until_interrupted, name, pika

connection = connect()
channel = connection.channel()
channel.queue_declare(queue=name("rpc_queue"))


def fibonacci(n: int) -> int:
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def on_request(channel, method, properties, body):
    n = int(body)
    print(f"fib({n})")
    channel.basic_publish(
        exchange="",
        routing_key=properties.reply_to,
        properties=pika.BasicProperties(correlation_id=properties.correlation_id),
        body=str(fibonacci(n)),
    )
    channel.basic_ack(delivery_tag=method.delivery_tag)


channel.basic_qos(prefetch_count=1)
channel.basic_consume(queue=name("rpc_queue"), on_message_callback=on_request)
consume_until_interrupted(channel)
