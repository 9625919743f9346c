"""The bus under the names of pika, RabbitMQ's client for Python.

>>> import towpath.pika as pika
>>> connection = pika.BlockingConnection(pika.ConnectionParameters("localhost"))
>>> channel = connection.channel()
>>> _ = channel.queue_declare("hello")
>>> channel.basic_publish(exchange="", routing_key="hello", body=b"Hello World!")
>>> channel.basic_get("hello", auto_ack=True)[2]
b'Hello World!'
>>> connection.close()

Nothing of RabbitMQ runs: queues and exchanges are those of the bus that the virtual host names
("/": `rabbitmq`). docs/from_rabbitmq.md says what is the same and what is not.
"""

from __future__ import annotations

from towpath.pika import adapters, credentials, exceptions, exchange_type, frame, spec
from towpath.pika.adapters.blocking_connection import BlockingConnection
from towpath.pika.connection import ConnectionParameters, SSLOptions, URLParameters
from towpath.pika.credentials import PlainCredentials
from towpath.pika.delivery_mode import DeliveryMode
from towpath.pika.exchange_type import ExchangeType
from towpath.pika.properties import BasicProperties

__all__ = [
    "BasicProperties",
    "BlockingConnection",
    "ConnectionParameters",
    "DeliveryMode",
    "ExchangeType",
    "PlainCredentials",
    "SSLOptions",
    "URLParameters",
    "adapters",
    "credentials",
    "exceptions",
    "exchange_type",
    "frame",
    "spec",
]
