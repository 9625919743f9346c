"""towpath.pika: connections, parameters, timers, callbacks of other threads, the registry."""

from __future__ import annotations

import json
import os
import threading
import time

import pytest
import towpath
import towpath.pika as pika
from support import WATCHDOG
from towpath.pika.exceptions import (
    ChannelClosedByBroker,
    ChannelWrongStateError,
    ConnectionWrongStateError,
)
from towpath.pika.registry import Registry, file_name


@pytest.fixture
def connection():
    opened = pika.BlockingConnection()
    yield opened
    if opened.is_open:
        opened.close()


def test_a_closed_connection_refuses_everything(connection):
    channel = connection.channel()
    connection.close()
    assert (connection.is_open, channel.is_open) == (False, False)
    with pytest.raises(ConnectionWrongStateError):
        connection.close()
    with pytest.raises(ConnectionWrongStateError):
        connection.channel()
    with pytest.raises(ConnectionWrongStateError):
        connection.add_callback_threadsafe(lambda: None)
    with pytest.raises(ValueError, match="Timeout closed before call"):
        connection.process_data_events()
    with pytest.raises(ChannelWrongStateError, match="Channel is closed."):
        channel.queue_declare("q")


def test_channels_are_numbered_and_numbers_used_again(connection):
    first, second = connection.channel(), connection.channel()
    assert (first.channel_number, int(second)) == (1, 2)
    with first:
        pass
    assert connection.channel().channel_number == 1


def test_parameters_of_a_url():
    parameters = pika.URLParameters("amqp://a%40b:c@example:1234/shop?heartbeat=5")
    assert (parameters.host, parameters.port, parameters.virtual_host) == ("example", 1234, "shop")
    assert parameters.credentials == pika.PlainCredentials("a@b", "c")
    assert parameters.heartbeat == 5
    for url in ("ftp://example", "amqp://example/x?colour=red", "amqp://example/x?heartbeat=often"):
        with pytest.raises(ValueError):
            pika.URLParameters(url)


def test_parameters_are_checked():
    with pytest.raises(TypeError, match="unexpected kwargs"):
        pika.ConnectionParameters(colour="red")
    with pytest.raises(TypeError):
        pika.ConnectionParameters(host=None)
    with pytest.raises(ValueError):
        pika.ConnectionParameters(channel_max=0)
    with pytest.raises(ValueError):
        pika.BlockingConnection([])


def test_timers_fire_in_order_unless_removed(connection):
    fired = []
    connection.call_later(0.02, lambda: fired.append("late"))
    connection.call_later(0, lambda: fired.append("early"))
    removed = connection.call_later(0.01, lambda: fired.append("removed"))
    connection.remove_timeout(removed)
    connection.sleep(0.04)
    assert fired == ["early", "late"]


def test_other_threads_hand_over_callbacks(connection):
    threads = []
    channel = connection.channel()
    channel.queue_declare("q")
    channel.basic_consume("q", lambda *_: None)

    def stop():
        threads.append(threading.get_ident())
        channel.stop_consuming()

    thread = threading.Thread(target=connection.add_callback_threadsafe, args=(stop,))
    thread.start()
    channel.start_consuming()
    thread.join()
    assert threads == [threading.get_ident()]


def test_processing_events_takes_no_longer_than_said(connection):
    begun = time.monotonic()
    connection.process_data_events(time_limit=0.05)
    assert 0.04 < time.monotonic() - begun < WATCHDOG


def test_names_are_where_programs_import_them_from():
    import towpath.pika.adapters.blocking_connection as blocking
    import towpath.pika.channel
    import towpath.pika.connection
    import towpath.pika.credentials
    import towpath.pika.delivery_mode
    import towpath.pika.exchange_type
    import towpath.pika.spec

    assert blocking.BlockingConnection is pika.BlockingConnection
    assert towpath.pika.channel.Channel is blocking.BlockingChannel
    assert towpath.pika.connection.URLParameters is pika.URLParameters
    assert towpath.pika.credentials.PlainCredentials is pika.PlainCredentials
    assert towpath.pika.delivery_mode.DeliveryMode is pika.DeliveryMode
    assert towpath.pika.exchange_type.ExchangeType.topic == "topic"
    assert towpath.pika.spec.BasicProperties is pika.BasicProperties


def test_all_that_programs_call_is_documented():
    for kind in (pika.BlockingConnection, towpath.pika.channel.BlockingChannel):
        for name in dir(kind):
            if not name.startswith("_") and callable(getattr(kind, name)):
                assert getattr(kind, name).__doc__, f"{kind.__name__}.{name}"


# --- the registry ---


@pytest.fixture
def registry(bus):
    return Registry(bus.path)


def test_a_record_is_replaced_as_a_whole(registry):
    with registry.locked():
        registry.write("queues", {"name": "a/b", "durable": True})
        registry.write("queues", {"name": "a/b", "durable": False})
    assert registry.read("queues", "a/b") == {"name": "a/b", "durable": False}
    assert list(registry.records("queues")) == [{"name": "a/b", "durable": False}]
    registry.remove("queues", "a/b")
    assert registry.read("queues", "a/b") is None


def test_long_names_have_files_of_their_own():
    names = {file_name("n" * length) for length in range(190, 256)}
    assert len(names) == 66 and max(map(len, names)) <= 255


def test_an_owner_lives_until_it_ends(registry):
    owner = registry.new_owner()
    assert registry.lives(owner) and registry.owners() == [owner]
    registry.end_owner(owner)
    assert not registry.lives(owner) and registry.owners() == []


def test_a_new_owner_is_never_found_dead(registry):
    stop = threading.Event()
    dead = []

    def look():
        while not stop.is_set():
            dead.extend(owner for owner in registry.owners() if not registry.lives(owner))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        owners = [registry.new_owner() for _ in range(300)]
    finally:
        stop.set()
        looking.join()
    assert dead == [] and all(map(registry.lives, owners))
    for owner in owners:
        registry.end_owner(owner)
    assert registry.owners() == []


def test_an_owner_dies_with_its_process_and_not_with_a_forked_child(registry, run_python):
    said = run_python(
        "import os, sys, towpath\nfrom towpath.pika.registry import Registry\n"
        "registry = Registry(towpath.Bus('test').path)\nprint(registry.new_owner(), flush=True)\n"
        "if os.fork() == 0:\n    sys.stdin.close(); os.close(1); os.close(2)\n"
        "    import time; time.sleep(1)\nos.kill(os.getpid(), 9)")
    (owner,) = registry.owners()
    assert owner in said.stdout and not registry.lives(owner)


def test_who_dies_while_deleting_leaves_what_the_next_deletes(connection):
    channel = connection.channel()
    channel.queue_declare("q", durable=True)
    registry = connection.host.registry
    with registry.locked():
        registry.write("queues", {**registry.read("queues", "q"), "deleting": True})
    with pytest.raises(ChannelClosedByBroker, match="NOT_FOUND"):
        channel.queue_declare("q", passive=True)
    connection.channel().queue_declare("q")  # and not as durable
    assert registry.read("queues", "q")["durable"] is False


def test_a_draft_left_by_the_dead_is_no_harm(connection):
    registry = connection.host.registry
    with open(os.path.join(registry.path, "draft"), "w", encoding="utf-8") as file:
        file.write("{ half of it")
    connection.channel().queue_declare("q")
    path = os.path.join(registry.path, "queues", file_name("q"))
    with open(path, encoding="utf-8") as file:
        assert json.load(file)["name"] == "q"


def test_a_queue_whose_topic_was_removed_is_made_anew(connection):
    channel = connection.channel()
    channel.queue_declare("q", durable=True)
    with towpath.Bus("rabbitmq") as bus:
        bus.remove_topic("q")
    channel.queue_declare("q")
    channel.basic_publish("", "q", b"one")
    assert channel.basic_get("q", auto_ack=True)[2] == b"one"


def test_a_forked_child_opens_a_connection_of_its_own(connection):
    connection.channel().queue_declare("q")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with pika.BlockingConnection() as own:
                own.channel().basic_publish("", "q", b"from the child")
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert connection.channel().basic_get("q", auto_ack=True)[2] == b"from the child"
