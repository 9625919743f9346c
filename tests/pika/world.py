"""What a case has to hand: connections, names of its own, bounded waits, and its transcript."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from transcript import Transcript

HOST = "127.0.0.1"
WITHIN_S = 15.0
SLICE_S = 0.01
TUTORIALS = Path(__file__).resolve().parent / "tutorials"


class Program:
    """A running tutorial, whose lines are read as they come."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        self._output = process.stdout.fileno()
        self._unread = b""

    def line(self) -> str:
        """The next line it prints; "" when it has ended."""
        ends_at = time.monotonic() + WITHIN_S
        while b"\n" not in self._unread:
            wait_s = max(0.0, ends_at - time.monotonic())
            ready, _, _ = select.select([self._output], [], [], wait_s)
            if not ready:
                raise TimeoutError(f"{self.process.args} prints nothing")
            part = os.read(self._output, 1 << 16)
            if not part:
                break
            self._unread += part
        text, _, self._unread = self._unread.partition(b"\n")
        return text.decode()

    def interrupt(self) -> int:
        """What Ctrl-C does; returns its exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(WITHIN_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(WITHIN_S)

    def rest(self) -> list[str]:
        """Waits for its end; returns the lines that were not read."""
        text, _ = self.process.communicate(timeout=WITHIN_S)
        return (self._unread + text).decode().splitlines()


class World:
    """One run of one case against `pika`, the real one or the facade, on `port` of the loopback;
    the transcript is written to `file`.
    """

    def __init__(self, pika: ModuleType, port: int, file: BinaryIO) -> None:
        self._pika = pika
        self._port = port
        self._token = f".{os.urandom(4).hex()}"
        self._transcript = Transcript(self._token, file)
        self._connections: list = []
        self._programs: list[Program] = []

    def note(self, label: str, value: object = None) -> None:
        """Writes down a value, as it is now."""
        self._transcript.note(label, value)

    def attempt(self, label: str, function: Callable, *arguments, **named):
        """Writes down what the call returns or raises; returns the result, None for an error."""
        try:
            result = function(*arguments, **named)
        except Exception as error:  # what is raised is what is compared
            self.note(label, error)
            return None
        self.note(label, result)
        return result

    def name(self, text: str) -> str:
        """A name that no other run has; the transcript shows it as `text`."""
        return text + self._token

    def parameters(self, **named):
        named = {"host": HOST, "port": self._port, **named}
        return self._pika.ConnectionParameters(**named)

    def url(self, virtual_host: str = "%2F") -> str:
        return f"amqp://guest:guest@{HOST}:{self._port}/{virtual_host}"

    def connect(self, **named):
        """A connection, which is closed after the case if it is still open."""
        return self.adopt(self._pika.BlockingConnection(self.parameters(**named)))

    def adopt(self, connection):
        self._connections.append(connection)
        return connection

    def channel(self):
        """A channel on a connection of its own."""
        return self.connect().channel()

    def until(self, connection, condition: Callable[[], object]) -> bool:
        """Dispatches the connection's events until `condition`; False: it did not become true."""
        ends_at = time.monotonic() + WITHIN_S
        while not condition():
            if time.monotonic() > ends_at:
                return False
            connection.process_data_events(time_limit=SLICE_S)
        return True

    def settle(self, connection) -> None:
        """Dispatches what is on its way for a moment, to see that nothing more comes."""
        ends_at = time.monotonic() + 0.1
        while time.monotonic() < ends_at:
            connection.process_data_events(time_limit=SLICE_S)

    def get(self, channel, queue: str, auto_ack: bool = True):
        """The next message of a queue, waited for: (method, properties, body)."""
        ends_at = time.monotonic() + WITHIN_S
        while time.monotonic() < ends_at:
            taken = channel.basic_get(queue, auto_ack=auto_ack)
            if taken[0] is not None:
                return taken
            channel.connection.process_data_events(time_limit=SLICE_S)
        return None, None, None

    def drain(self, channel, queue: str) -> list[bytes]:
        """The bodies that are in a queue, in their order."""
        bodies = []
        while True:
            method, _, body = channel.basic_get(queue, auto_ack=True)
            if method is None:
                return bodies
            bodies.append(body)

    def count(self, channel, queue: str) -> int:
        """How many messages of a queue are ready. RabbitMQ answers this before it takes what was
        published shortly before, even by the same channel.
        """
        return channel.queue_declare(queue, passive=True).method.message_count

    def until_count(self, channel, queue: str, count: int) -> bool:
        return self.until(channel.connection, lambda: self.count(channel, queue) == count)

    def queue(self, channel, text: str = "queue", **named) -> str:
        """Declares a queue of a name of its own; returns the name."""
        name = self.name(text)
        channel.queue_declare(name, **named)
        return name

    def exchange(self, channel, kind: str, text: str = "exchange", **named) -> str:
        name = self.name(text)
        channel.exchange_declare(name, kind, **named)
        return name

    def start(self, script: str, *arguments: str) -> Program:
        """Starts a tutorial as a process of its own."""
        environment = {**os.environ, "TUTORIAL_PIKA": self._pika.__name__,
                       "TUTORIAL_URL": self.url(), "TUTORIAL_NAMES": self._token}  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-u", str(TUTORIALS / script), *arguments],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._programs.append(Program(process))
        return self._programs[-1]

    def close(self) -> None:
        for program in self._programs:
            if program.process.poll() is None:
                program.kill()
            program.process.stdout.close()
        for connection in self._connections:
            try:
                if connection.is_open:
                    connection.close()
            except Exception as error:  # a case may have left it in any state
                print(f"closing after the case: {error!r}", file=sys.stderr)
