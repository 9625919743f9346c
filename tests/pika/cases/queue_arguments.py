"""The arguments of queues that are refused, each on a channel of its own as a refusal closes it."""

from __future__ import annotations


def refuse(world, **arguments):
    arguments = {name.replace("_", "-"): value for name, value in arguments.items()}
    channel = world.channel()
    world.attempt(f"{arguments}", channel.queue_declare, world.name("queue"), arguments=arguments)
    world.note("channel open", channel.is_open)


def case_time_to_live_below_zero(pika, world):
    refuse(world, x_message_ttl=-1)


def case_time_to_live_as_text(pika, world):
    refuse(world, x_message_ttl="1000")


def case_expiry_of_zero(pika, world):
    refuse(world, x_expires=0)


def case_max_length_below_zero(pika, world):
    refuse(world, x_max_length=-1)


def case_max_length_as_text(pika, world):
    refuse(world, x_max_length="ten")


def case_max_length_in_bytes_as_text(pika, world):
    refuse(world, x_max_length_bytes="ten")


def case_overflow_of_an_unknown_kind(pika, world):
    refuse(world, x_overflow="explode")


def case_overflow_as_a_number(pika, world):
    refuse(world, x_overflow=1)


def case_max_priority_below_zero(pika, world):
    refuse(world, x_max_priority=-1)


def case_max_priority_above_255(pika, world):
    refuse(world, x_max_priority=256)


def case_max_priority_as_text(pika, world):
    refuse(world, x_max_priority="high")


def case_dead_letter_exchange_as_a_number(pika, world):
    refuse(world, x_dead_letter_exchange=1)


def case_dead_letter_routing_key_without_exchange(pika, world):
    refuse(world, x_dead_letter_routing_key="key")


def case_single_active_consumer_as_text(pika, world):
    refuse(world, x_single_active_consumer="yes")


def case_delivery_limit_below_zero(pika, world):
    channel = world.channel()
    world.attempt("declare", channel.queue_declare, world.name("queue"), durable=True,
                  arguments={"x-queue-type": "quorum", "x-delivery-limit": -1})  # fmt: skip


def case_queue_type_of_an_unknown_kind(pika, world):
    refuse(world, x_queue_type="heap")


def case_unknown_arguments_are_kept(pika, world):
    channel = world.channel()
    name = world.queue(channel, arguments={"x-mine": "one"})
    world.attempt("again", channel.queue_declare, name, arguments={"x-mine": "one"})
    world.attempt("unlike", channel.queue_declare, name, arguments={"x-mine": "two"})


def case_arguments_that_are_no_table(pika, world):
    channel = world.channel()
    world.attempt("a list", channel.queue_declare, world.name("queue"), arguments=["x-max-length"])


def case_a_dead_letter_exchange_may_be_missing(pika, world):
    channel = world.channel()
    arguments = {"x-dead-letter-exchange": world.name("missing")}
    name = world.queue(channel, arguments=arguments)
    channel.basic_publish("", name, b"rejected")
    method, _, _ = world.get(channel, name, auto_ack=False)
    channel.basic_reject(method.delivery_tag, requeue=False)
    world.attempt("get", channel.basic_get, name)
    world.note("channel open", channel.is_open)
