"""RabbitMQ's six tutorials, each of real processes, by what they print."""

from __future__ import annotations


def serving(world, script, *arguments):
    """Starts a receiver, and waits until it says that it listens."""
    program = world.start(script, *arguments)
    world.note(f"{script} says", program.line())
    return program


def run(world, script, *arguments):
    """Runs a sender to its end."""
    program = world.start(script, *arguments)
    world.note(f"{script} prints", program.rest())
    world.note("and exits with", program.process.returncode)


def interrupt(world, label, program):
    """Ctrl-C: what it still prints, and how it exits."""
    status = program.interrupt()
    world.note(f"{label} prints at last", program.rest())
    world.note("and exits with", status)


def case_one_hello(pika, world):
    receiver = serving(world, "hello_receive.py")
    for _ in range(2):
        run(world, "hello_send.py")
        world.note("received", receiver.line())
    interrupt(world, "the receiver", receiver)


def case_one_hello_sent_before_it_is_received(pika, world):
    run(world, "hello_send.py")
    receiver = serving(world, "hello_receive.py")
    world.note("received", receiver.line())
    interrupt(world, "the receiver", receiver)


def case_two_work_queue(pika, world):
    workers = [serving(world, "work_worker.py") for _ in range(2)]
    tasks = [f"task {number}{'.' * number}" for number in range(1, 5)]
    for number, task in enumerate(tasks):
        run(world, "work_new_task.py", task)
        # Both wait, so that they take turns.
        worker = workers[number % 2]
        world.note("a worker", [worker.line(), worker.line()])
    for worker in workers:
        interrupt(world, "the worker", worker)


def case_two_work_queue_with_a_worker_that_dies(pika, world):
    first = serving(world, "work_worker.py")
    run(world, "work_new_task.py", "stuck")
    world.note("the first worker", first.line())
    second = serving(world, "work_worker.py")
    run(world, "work_new_task.py", "another")
    world.note("the second worker", [second.line(), second.line()])
    first.kill()
    world.note("the second worker", [second.line(), second.line()])
    interrupt(world, "the second worker", second)


def case_two_work_queue_filled_before_there_is_a_worker(pika, world):
    for number in range(3):
        run(world, "work_new_task.py", f"task {number}")
    worker = serving(world, "work_worker.py")
    world.note("the worker", [worker.line() for _ in range(6)])
    interrupt(world, "the worker", worker)


def case_three_publish_subscribe(pika, world):
    run(world, "logs_emit.py", "to nobody")
    first = serving(world, "logs_receive.py")
    run(world, "logs_emit.py", "to one")
    world.note("first", first.line())
    second = serving(world, "logs_receive.py")
    run(world, "logs_emit.py", "to both")
    world.note("first", first.line())
    world.note("second", second.line())
    interrupt(world, "the first", first)
    run(world, "logs_emit.py", "to the second")
    world.note("second", second.line())
    interrupt(world, "the second", second)


def case_four_routing(pika, world):
    errors = serving(world, "routing_receive.py", "direct", "error")
    all_of_them = serving(world, "routing_receive.py", "direct", "info", "warning", "error")
    for severity in ("info", "error", "debug", "warning"):
        run(world, "routing_emit.py", "direct", severity, f"this is {severity}")
    world.note("all", [all_of_them.line() for _ in range(3)])
    world.note("errors", errors.line())
    interrupt(world, "errors", errors)
    interrupt(world, "all", all_of_them)


def case_five_topics(pika, world):
    listeners = {
        "everything": (serving(world, "routing_receive.py", "topic", "#"), 5),
        "the kernel": (serving(world, "routing_receive.py", "topic", "kern.*"), 2),
        "critical": (serving(world, "routing_receive.py", "topic", "*.critical"), 2),
        "both": (serving(world, "routing_receive.py", "topic", "kern.*", "*.critical"), 3),
    }
    for key in ("kern.critical", "kern.info", "cron.critical", "cron.info", "kern"):
        run(world, "routing_emit.py", "topic", key, f"of {key}")
    for label, (listener, count) in listeners.items():
        world.note(label, [listener.line() for _ in range(count)])
        interrupt(world, label, listener)


def case_six_remote_procedure_call(pika, world):
    server = serving(world, "rpc_server.py")
    run(world, "rpc_client.py", "0", "1", "30", "90")
    run(world, "rpc_client.py", "7")
    world.note("the server", [server.line() for _ in range(5)])
    interrupt(world, "the server", server)


def case_six_remote_procedure_call_before_there_is_a_server(pika, world):
    client = world.start("rpc_client.py", "10")
    channel = world.channel()
    channel.queue_declare(world.name("rpc_queue"))
    world.note("the request waits", world.until_count(channel, world.name("rpc_queue"), 1)
               or client.process.poll())  # fmt: skip
    server = serving(world, "rpc_server.py")
    world.note("the client", client.rest())
    interrupt(world, "the server", server)


def case_six_two_servers_share_the_calls(pika, world):
    servers = [serving(world, "rpc_server.py") for _ in range(2)]
    run(world, "rpc_client.py", "1", "2", "3", "4")
    said = []
    for server in servers:
        world.note("a server exits with", server.interrupt())
        said += server.rest()
    # Which of them is free for the next call is not promised.
    world.note("the servers", sorted(said))
