"""The names that a program imports, and how its errors are related."""

from __future__ import annotations

import importlib
import inspect

ERRORS = ("AMQPError", "AMQPConnectionError", "ConnectionOpenAborted", "StreamLostError",
          "IncompatibleProtocolError", "AuthenticationError", "ProbableAuthenticationError",
          "ProbableAccessDeniedError", "NoFreeChannels", "ConnectionWrongStateError",
          "ConnectionClosed", "ConnectionClosedByBroker", "ConnectionClosedByClient",
          "ConnectionBlockedTimeout", "AMQPHeartbeatTimeout", "AMQPChannelError",
          "ChannelWrongStateError", "ChannelClosed", "ChannelClosedByBroker",
          "ChannelClosedByClient", "DuplicateConsumerTag", "ConsumerCancelled",
          "UnroutableError", "NackError", "InvalidChannelNumber", "MethodNotImplemented",
          "ChannelError", "ReentrancyError", "ShortStringTooLong",
          "UnsupportedAMQPFieldException")  # fmt: skip
METHODS = ("queue_declare", "queue_bind", "queue_unbind", "queue_purge", "queue_delete",
           "exchange_declare", "exchange_delete", "exchange_bind", "exchange_unbind",
           "basic_publish", "basic_consume", "basic_ack", "basic_nack", "basic_reject",
           "basic_get", "basic_qos", "basic_cancel", "basic_recover", "consume", "cancel",
           "start_consuming", "stop_consuming", "confirm_delivery", "tx_select", "tx_commit",
           "tx_rollback", "close", "flow", "add_on_cancel_callback", "add_on_return_callback",
           "get_waiting_message_count")  # fmt: skip


def submodule(pika, name):
    return importlib.import_module(f"{pika.__name__}.{name}")


def signature(function):
    """Names, order and defaults of the parameters; notes of their types are left out."""
    parameters = inspect.signature(function).parameters
    return [[name, "needed" if what.default is what.empty else repr(what.default)]
            for name, what in parameters.items() if name != "self"]  # fmt: skip


def case_of_the_module(pika, world):
    for name in ("BlockingConnection", "ConnectionParameters", "URLParameters", "PlainCredentials",
                 "BasicProperties", "DeliveryMode"):  # fmt: skip
        world.note(name, getattr(pika, name).__name__)


def case_of_submodules(pika, world):
    places = {
        "exceptions": ("AMQPError",), "spec": ("BasicProperties", "Basic", "Queue", "Exchange"),
        "exchange_type": ("ExchangeType",), "delivery_mode": ("DeliveryMode",),
        "credentials": ("PlainCredentials",), "connection": ("ConnectionParameters",),
        "adapters.blocking_connection": ("BlockingConnection", "BlockingChannel"),
    }  # fmt: skip
    for place, names in places.items():
        for name in names:
            world.note(f"{place}.{name}", hasattr(submodule(pika, place), name))
    world.note("one class", submodule(pika, "spec").BasicProperties is pika.BasicProperties)


def case_of_the_errors(pika, world):
    errors = submodule(pika, "exceptions")
    for name in ERRORS:
        bases = [base.__name__ for base in getattr(errors, name).__mro__]
        world.note(name, bases)


def case_of_errors_as_text(pika, world):
    errors = submodule(pika, "exceptions")
    for name in ("ConnectionClosedByBroker", "ChannelClosedByBroker", "ChannelClosed"):
        error = getattr(errors, name)(406, "PRECONDITION_FAILED - why")
        world.note(name, [repr(error), str(error), error.reply_code, error.reply_text,
                          list(error.args)])  # fmt: skip
    for name in ("AMQPError", "AMQPConnectionError", "ConnectionWrongStateError",
                 "ChannelWrongStateError", "DuplicateConsumerTag", "ConsumerCancelled",
                 "ReentrancyError", "ShortStringTooLong"):  # fmt: skip
        error = getattr(errors, name)("why")
        world.note(name, [repr(error), str(error)])


def case_of_the_parameters_of_channels(pika, world):
    channel = submodule(pika, "adapters.blocking_connection").BlockingChannel
    for name in METHODS:
        world.note(name, signature(getattr(channel, name)))


def case_of_the_parameters_of_connections(pika, world):
    for name in ("close", "process_data_events", "sleep", "channel", "call_later",
                 "remove_timeout", "add_callback_threadsafe",
                 "add_on_connection_blocked_callback"):  # fmt: skip
        world.note(name, signature(getattr(pika.BlockingConnection, name)))
    world.note("properties", signature(pika.BasicProperties))
    world.note("credentials", signature(pika.PlainCredentials))


def case_of_methods_in_spec(pika, world):
    spec = submodule(pika, "spec")
    for path in ("Basic.Deliver", "Basic.GetOk", "Basic.GetEmpty", "Basic.Return", "Basic.Cancel",
                 "Queue.DeclareOk", "Queue.BindOk", "Queue.PurgeOk", "Queue.DeleteOk",
                 "Queue.UnbindOk", "Exchange.DeclareOk", "Exchange.DeleteOk", "Exchange.BindOk",
                 "Exchange.UnbindOk", "Tx.SelectOk", "Tx.CommitOk", "Tx.RollbackOk"):  # fmt: skip
        owner, name = path.split(".")
        world.note(path, getattr(getattr(spec, owner), name).NAME)


def case_of_what_is_delivered(pika, world):
    spec = submodule(pika, "spec")
    channel = world.channel()
    name = world.queue(channel)
    for _ in range(2):
        channel.basic_publish("", name, b"body")
    method, properties, body = world.get(channel, name)
    world.note("got", [isinstance(method, spec.Basic.GetOk), type(body),
                       isinstance(properties, pika.BasicProperties)])  # fmt: skip
    got = []
    channel.basic_consume(name, lambda *what: got.append(what), auto_ack=True)
    world.until(channel.connection, lambda: got)
    world.note("delivered", [isinstance(got[0][1], spec.Basic.Deliver), type(got[0][3])])
    declared = channel.queue_declare("")
    world.note("declared", isinstance(declared.method, spec.Queue.DeclareOk))
    world.note("texts", [repr(method), repr(got[0][1])])
