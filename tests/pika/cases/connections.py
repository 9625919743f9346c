"""Connections and channels: parameters, states, closing, and the events that are dispatched."""

from __future__ import annotations

import threading

PARAMETERS = ("host", "port", "virtual_host", "heartbeat", "channel_max", "frame_max", "locale",
              "connection_attempts", "retry_delay", "socket_timeout", "stack_timeout",
              "blocked_connection_timeout", "client_properties", "ssl_options",
              "tcp_options")  # fmt: skip


def note_parameters(world, label, parameters):
    world.note(label, {name: getattr(parameters, name) for name in PARAMETERS})
    credentials = parameters.credentials
    world.note("credentials", [credentials.username, credentials.password])


def case_parameters_by_default(pika, world):
    note_parameters(world, "parameters", pika.ConnectionParameters())


def case_parameters_as_given(pika, world):
    note_parameters(world, "parameters", pika.ConnectionParameters(
        host="example", port=1234, virtual_host="bus", heartbeat=5, channel_max=10,
        frame_max=8192, connection_attempts=3, retry_delay=0.5, socket_timeout=1,
        stack_timeout=2, blocked_connection_timeout=7, locale="de_DE",
        client_properties={"connection_name": "test"},
        credentials=pika.PlainCredentials("somebody", "secret")))  # fmt: skip


def case_parameters_by_position(pika, world):
    note_parameters(world, "parameters", pika.ConnectionParameters("example", 1234, "bus"))


def case_parameters_that_are_refused(pika, world):
    for named in ({"port": "no number"}, {"virtual_host": 7}, {"host": None}, {"heartbeat": -1},
                  {"channel_max": 0}, {"frame_max": 1}, {"connection_attempts": 0},
                  {"socket_timeout": 0}, {"credentials": "guest"}, {"locale": 1},
                  {"retry_delay": "soon"}, {"blocked_connection_timeout": -1}):  # fmt: skip
        try:
            pika.ConnectionParameters(**named)
            world.note(f"{named}", "accepted")
        except Exception as error:
            world.note(f"{named}", type(error))
    world.attempt("unknown", pika.ConnectionParameters, colour="red")


def case_parameters_of_urls(pika, world):
    for url in ("amqp://somebody:secret@example:1234/bus", "amqp://example", "amqp://example/",
                "amqp://example/%2F", "amqp://example/a%2Fb", "amqp://a%40b:c%2Fd@example/bus",
                "amqp://example/bus?heartbeat=5&connection_attempts=3&socket_timeout=2.5",
                "amqp://example/bus?blocked_connection_timeout=9&channel_max=7"):  # fmt: skip
        note_parameters(world, url, pika.URLParameters(url))


def case_parameters_of_urls_that_are_refused(pika, world):
    for url in ("http://example", "amqp://example/bus?colour=red", "amqp://example:port/bus",
                "amqp://example/bus?heartbeat=often"):  # fmt: skip
        try:
            pika.URLParameters(url)
            world.note(url, "accepted")
        except Exception as error:
            world.note(url, type(error))


def case_parameters_compare(pika, world):
    one, other = pika.ConnectionParameters("one"), pika.ConnectionParameters("one")
    world.note("equal", [one == other, one != other])
    world.note("unequal", one == pika.ConnectionParameters("two"))
    world.note("credentials", pika.PlainCredentials("a", "b") == pika.PlainCredentials("a", "b"))


def case_connect_by_url(pika, world):
    connection = world.adopt(pika.BlockingConnection(pika.URLParameters(world.url())))
    world.note("open", [connection.is_open, connection.is_closed])
    world.attempt("declare", connection.channel().queue_declare, world.name("queue"))


def case_connect_by_the_first_of_a_list(pika, world):
    connection = world.adopt(pika.BlockingConnection([world.parameters(), world.parameters()]))
    world.note("open", connection.is_open)
    world.attempt("none", pika.BlockingConnection, [])


def case_virtual_hosts_are_separate(pika, world):
    here, there = world.channel(), world.connect(virtual_host="other").channel()
    name = world.queue(here)
    world.attempt("there", there.queue_declare, name, passive=True)
    by_url = world.adopt(pika.BlockingConnection(pika.URLParameters(world.url("other"))))
    channel = by_url.channel()
    channel.queue_declare(name)
    channel.basic_publish("", name, b"there")
    world.note("got there", world.get(channel, name)[2])
    world.attempt("got here", here.basic_get, name)
    world.attempt("unequal", channel.queue_declare, name, durable=True)


def case_credentials_of_the_default(pika, world):
    credentials = pika.PlainCredentials("guest", "guest")
    connection = world.connect(credentials=credentials)
    world.note("open", connection.is_open)


def case_features(pika, world):
    connection = world.connect()
    for name in ("basic_nack_supported", "consumer_cancel_notify_supported",
                 "exchange_exchange_bindings_supported", "publisher_confirms_supported",
                 "basic_nack", "consumer_cancel_notify", "exchange_exchange_bindings",
                 "publisher_confirms"):  # fmt: skip
        world.note(name, getattr(connection, name))


def case_close_of_a_connection(pika, world):
    connection = world.connect()
    channel = connection.channel()
    world.attempt("close", connection.close)
    world.note("connection", [connection.is_open, connection.is_closed])
    world.note("channel", [channel.is_open, channel.is_closed])
    world.attempt("close again", connection.close)
    try:
        connection.channel()
    except Exception as error:  # its text describes the socket
        world.note("channel of it", type(error))
    world.attempt("events", connection.process_data_events)
    world.attempt("declare", channel.queue_declare, "")
    world.attempt("publish", channel.basic_publish, "", "key", b"body")


def case_close_of_a_connection_with_a_code(pika, world):
    world.attempt("close", world.connect().close, reply_code=320, reply_text="enough")


def case_close_of_a_channel(pika, world):
    channel = world.channel()
    world.note("before", [channel.is_open, channel.is_closed])
    world.attempt("close", channel.close)
    world.note("after", [channel.is_open, channel.is_closed])
    world.attempt("close again", channel.close)
    world.note("connection", channel.connection.is_open)


def case_every_method_of_a_closed_channel(pika, world):
    channel = world.channel()
    channel.close()
    calls = {
        "queue_declare": ("q",), "queue_bind": ("q", "e"), "queue_unbind": ("q", "e"),
        "queue_purge": ("q",), "queue_delete": ("q",), "exchange_declare": ("e",),
        "exchange_delete": ("e",), "exchange_bind": ("d", "s"), "exchange_unbind": ("d", "s"),
        "basic_publish": ("", "k", b""), "basic_get": ("q",), "basic_qos": (),
        "basic_consume": ("q", print), "basic_cancel": ("tag",), "start_consuming": (),
        "stop_consuming": (), "tx_select": (), "tx_commit": (), "tx_rollback": (),
        "confirm_delivery": (), "cancel": (), "flow": (True,), "get_waiting_message_count": (),
    }  # fmt: skip
    for name, arguments in calls.items():
        world.attempt(name, getattr(channel, name), *arguments)


def case_channels_are_numbered(pika, world):
    connection = world.connect()
    first, second, tenth = connection.channel(), connection.channel(), connection.channel(10)
    world.note("numbers", [channel.channel_number for channel in (first, second, tenth)])
    world.note("as numbers", [int(first), int(tenth)])
    world.note("of the connection", first.connection is connection)
    first.close()
    world.note("used again", connection.channel().channel_number)


def case_with_blocks_close(pika, world):
    with world.connect() as connection:
        with connection.channel() as channel:
            world.note("within", [connection.is_open, channel.is_open])
        world.note("after the channel's", [connection.is_open, channel.is_open])
    world.note("after the connection's", connection.is_open)


def case_with_blocks_pass_errors_on(pika, world):
    connection = world.connect()

    def fails():
        with connection:
            with connection.channel() as channel:
                channel.queue_declare(world.name("missing"), passive=True)

    world.attempt("with", fails)
    world.note("open", connection.is_open)


def case_an_error_of_a_channel_leaves_the_others(pika, world):
    connection = world.connect()
    first, second = connection.channel(), connection.channel()
    world.attempt("first", first.queue_declare, world.name("missing"), passive=True)
    world.attempt("second", second.queue_declare, world.name("queue"))
    world.note("open", [connection.is_open, first.is_open, second.is_open])


def case_an_error_of_the_connection_closes_all_channels(pika, world):
    connection = world.connect()
    first, second = connection.channel(), connection.channel()
    world.attempt("first", first.exchange_declare, world.name("exchange"), "random")
    world.attempt("second", second.queue_declare, world.name("queue"))
    world.note("open", [connection.is_open, first.is_open, second.is_open])


def case_flow(pika, world):
    channel = world.channel()
    world.attempt("on", channel.flow, True)
    world.attempt("off", channel.flow, False)


def case_process_data_events_answers_and_returns_in_time(pika, world):
    connection = world.connect()
    world.attempt("at once", connection.process_data_events)
    world.attempt("soon", connection.process_data_events, time_limit=0.02)
    world.attempt("sleep", connection.sleep, 0.02)


def case_process_data_events_within_a_callback(pika, world):
    connection = world.connect()
    raised = []

    def reenters():
        try:
            connection.process_data_events()
        except Exception as error:
            raised.append(error)

    connection.call_later(0, reenters)
    world.settle(connection)
    world.note("raised", raised)


def case_timers_fire_in_their_order(pika, world):
    connection = world.connect()
    fired = []
    for delay in (0.09, 0.03, 0.06, 0):
        connection.call_later(delay, lambda delay=delay: fired.append(delay))
    world.until(connection, lambda: len(fired) == 4)
    world.note("fired", fired)


def case_a_timer_removed_does_not_fire(pika, world):
    connection = world.connect()
    fired = []
    removed = connection.call_later(0.02, lambda: fired.append("removed"))
    connection.call_later(0.04, lambda: fired.append("kept"))
    world.attempt("remove", connection.remove_timeout, removed)
    world.until(connection, lambda: fired)
    world.note("fired", fired)


def case_a_timer_fires_while_consuming(pika, world):
    channel = world.channel()
    channel.basic_consume(world.queue(channel), lambda *_: None)
    channel.connection.call_later(0.02, channel.stop_consuming)
    world.attempt("start", channel.start_consuming)
    world.note("tags", channel.consumer_tags)


def case_a_timer_raises_out_of_the_events(pika, world):
    connection = world.connect()

    def fails():
        raise LookupError("in a timer")

    connection.call_later(0, fails)
    world.attempt("events", connection.process_data_events, time_limit=5)
    world.note("open", connection.is_open)


def case_another_thread_hands_over_a_callback(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    channel.basic_consume(name, lambda *_: None)
    seen = []

    def from_thread():
        seen.append(threading.get_ident() == main)
        channel.stop_consuming()

    main = threading.get_ident()
    thread = threading.Thread(
        target=lambda: channel.connection.add_callback_threadsafe(from_thread))
    thread.start()
    world.attempt("start", channel.start_consuming)
    thread.join()
    world.note("in the thread of the connection", seen)


def case_another_thread_acknowledges_by_a_callback(pika, world):
    channel = world.channel()
    name = world.queue(channel)
    threads = []

    def acknowledge(tag):
        channel.basic_ack(tag)
        channel.stop_consuming()

    def consume(channel, method, properties, body):
        threads.append(threading.Thread(
            target=channel.connection.add_callback_threadsafe,
            args=(lambda: acknowledge(method.delivery_tag),)))  # fmt: skip
        threads[-1].start()

    channel.basic_publish("", name, b"one")
    channel.basic_consume(name, consume)
    channel.start_consuming()
    for thread in threads:
        thread.join()
    other = channel.connection.channel()
    channel.close()
    world.attempt("left", other.basic_get, name)


def case_a_callback_of_a_closed_connection(pika, world):
    connection = world.connect()
    connection.close()
    world.attempt("add", connection.add_callback_threadsafe, lambda: None)
    world.attempt("later", connection.call_later, 1, lambda: None)


def case_callbacks_that_are_none(pika, world):
    connection = world.connect()
    channel = connection.channel()
    world.attempt("later", connection.call_later, 1, None)
    world.attempt("returned", channel.add_on_return_callback, "no callback")
    world.attempt("blocked", connection.add_on_connection_blocked_callback, lambda *_: None)
    world.attempt("unblocked", connection.add_on_connection_unblocked_callback, lambda *_: None)
