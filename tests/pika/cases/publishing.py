"""Publishing: properties, bodies, what is returned, and what is refused."""

from __future__ import annotations

import datetime
import decimal

FOURTEEN = {
    "content_type": "text/plain", "content_encoding": "utf-8", "headers": {"key": "value"},
    "delivery_mode": 2, "priority": 3, "correlation_id": "correlation", "reply_to": "replies",
    "expiration": "60000", "message_id": "message", "timestamp": 1700000000, "type": "greeting",
    "user_id": "guest", "app_id": "application", "cluster_id": "cluster",
}  # fmt: skip


def sent_and_got(world, body, properties):
    channel = world.channel()
    name = world.queue(channel)
    channel.basic_publish("", name, body, properties)
    return world.get(channel, name)


def case_all_fourteen_properties(pika, world):
    world.note("got", sent_and_got(world, b"body", pika.BasicProperties(**FOURTEEN)))


def case_each_property_alone(pika, world):
    for name, value in FOURTEEN.items():
        _, properties, _ = sent_and_got(world, b"", pika.BasicProperties(**{name: value}))
        world.note(name, properties)


def case_properties_that_are_absent_are_none(pika, world):
    _, properties, body = sent_and_got(world, b"body", None)
    world.note("values", {name: getattr(properties, name) for name in FOURTEEN})
    world.note("body", body)


def case_properties_that_are_zero_or_empty(pika, world):
    properties = pika.BasicProperties(content_type="", priority=0, timestamp=0, headers={},
                                      correlation_id="")  # fmt: skip
    world.note("got", sent_and_got(world, b"", properties))


def case_properties_compare_and_read_as_text(pika, world):
    one, other = (pika.BasicProperties(content_type="a", priority=1) for _ in range(2))
    world.note("equal", one == other)
    world.note("text", repr(one))
    other.priority = 2
    world.note("unequal", one == other)
    try:
        pika.BasicProperties(colour="red")
    except Exception as error:  # its text is Python's, and varies with it
        world.note("unknown name", type(error))


def case_delivery_modes(pika, world):
    world.note("members", [[mode.name, mode.value] for mode in pika.DeliveryMode])
    for mode in pika.DeliveryMode:
        _, properties, _ = sent_and_got(world, b"", pika.BasicProperties(delivery_mode=mode))
        world.note(mode.name, properties)
    world.note("constants", [pika.spec.TRANSIENT_DELIVERY_MODE, pika.spec.PERSISTENT_DELIVERY_MODE])


def case_headers_of_each_type(pika, world):
    values = {
        "none": None, "true": True, "false": False, "zero": 0, "small": -5, "int": 70000,
        "long": 1 << 40, "negative long": -(1 << 40), "text": "naïve", "empty": "",
        "bytes": b"\x00\xff", "list": [1, "two", None, [3]], "table": {"a": {"b": 1}},
        "decimal": decimal.Decimal("1.25"), "time": datetime.datetime(2020, 1, 2, 3, 4, 5),
    }  # fmt: skip
    for label, value in values.items():
        properties = pika.BasicProperties(headers={"key": value})
        _, got, _ = sent_and_got(world, b"", properties)
        world.note(label, got.headers)
        world.note(f"{label} is", type(got.headers["key"]))


def case_headers_of_a_type_that_is_not_carried(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    for label, value in {"a float": 1.5, "a set": {1}}.items():
        properties = pika.BasicProperties(headers={"key": value})
        try:
            channel.basic_publish("", name, b"", properties)
        except Exception as error:
            world.note(label, type(error))
    world.note("channel open", channel.is_open)


def case_property_values_of_a_wrong_type(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    for field, value in {"content_type": 7, "priority": "high", "delivery_mode": "durable",
                         "timestamp": "now", "expiration": 1000}.items():  # fmt: skip
        properties = pika.BasicProperties(**{field: value})
        try:
            channel.basic_publish("", name, b"", properties)
            world.note(field, "published")
        except Exception as error:
            world.note(field, type(error))


def case_bodies_of_each_size(pika, world):
    for size in (0, 1, 127, 4096, 131063, 131064, 131065, 1 << 20):
        body = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
        _, _, got = sent_and_got(world, body, None)
        world.note(f"{size}", [len(got), got == body])


def case_a_body_as_text_is_utf_8(pika, world):
    world.note("got", sent_and_got(world, "naïve ☃", None))


def case_a_body_that_is_no_text(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    for body in (None, 7):
        try:
            channel.basic_publish("", name, body)
            world.note(f"{body!r}", "published")
        except Exception as error:
            world.note(f"{body!r}", type(error))


def case_a_routing_key_too_long(pika, world):
    channel = world.channel()
    world.attempt("255 bytes", channel.basic_publish, "", "k" * 255, b"")
    try:
        channel.basic_publish("", "k" * 256, b"")
    except Exception as error:
        world.note("256 bytes", type(error))
    world.note("channel open", channel.is_open)


def case_publish_to_a_missing_exchange(pika, world):
    channel = world.channel()
    name = world.name("missing")
    world.attempt("publish", channel.basic_publish, name, "key", b"lost")
    world.note("closes", world.until(channel.connection, lambda: channel.is_closed))
    world.attempt("publish again", channel.basic_publish, name, "key", b"lost")
    world.note("connection open", channel.connection.is_open)


def case_publish_to_a_missing_exchange_then_a_call(pika, world):
    channel = world.channel()
    channel.basic_publish(world.name("missing"), "key", b"lost")
    world.attempt("declare", channel.queue_declare, "")


def case_returned_without_a_callback(pika, world):
    channel = world.channel()
    channel.basic_publish("", world.name("missing"), b"nobody", mandatory=True)
    world.settle(channel.connection)
    world.note("channel open", channel.is_open)


def case_returned_to_the_callback(pika, world):
    channel = world.channel()
    returned = []
    channel.add_on_return_callback(lambda *what: returned.append(what))
    name = world.exchange(channel, "direct")
    properties = pika.BasicProperties(message_id="seven", headers={"key": "value"})
    channel.basic_publish(name, "nowhere", b"first", properties, mandatory=True)
    channel.basic_publish(name, "nowhere", b"not mandatory", properties)
    channel.basic_publish("", world.name("missing"), b"second", mandatory=True)
    world.until(channel.connection, lambda: len(returned) == 2)
    for its_channel, method, properties, body in returned:
        world.note("is the channel", its_channel is channel)
        world.note("returned", [method, properties, body])


def case_published_by_one_connection_in_the_order_of_publishing(pika, world):
    channel, reader = world.channel(), world.channel()
    name = world.queue(reader)
    for number in range(200):
        channel.basic_publish("", name, b"%d" % number)
    got = [world.get(reader, name)[2] for _ in range(200)]
    world.note("in order", got == [b"%d" % number for number in range(200)])


def case_an_expiration_that_is_no_number(pika, world):
    name = world.queue(world.channel())
    for text in ("soon", "-1", "1.5"):
        channel = world.channel()
        channel.confirm_delivery()
        properties = pika.BasicProperties(expiration=text)
        world.attempt(text, channel.basic_publish, "", name, b"", properties)
        world.note("channel open", channel.is_open)


def case_a_user_id_of_another(pika, world):
    channel = world.channel()
    channel.confirm_delivery()
    name = world.queue(channel)
    properties = pika.BasicProperties(user_id="somebody")
    world.attempt("publish", channel.basic_publish, "", name, b"", properties)
    world.note("channel open", channel.is_open)


def case_a_published_message_is_copied(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    headers = {"key": "before"}
    channel.basic_publish("", name, b"", pika.BasicProperties(headers=headers))
    headers["key"] = "after"
    world.note("got", world.get(channel, name)[1])
