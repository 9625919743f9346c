#!/usr/bin/env python3
"""Starts Debian's RabbitMQ on the loopback, with a name, ports and files of its own.

One that runs as a service is left alone. By hand, until Ctrl-C: python tests/pika/broker.py
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
HOST = "127.0.0.1"
READY = "Server startup complete"
STARTS_WITHIN_S = 90
STOPS_WITHIN_S = 30
VIRTUAL_HOSTS = ("/", "other")
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None, use_errno=True)


def free_port() -> int:
    """A port of the loopback that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def die_with_parent() -> None:
    """In a child before exec: a killed test leaves no broker behind."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def definitions() -> dict:
    """The usual guest, who may do all on each virtual host."""
    salt = b"salt"
    password = base64.b64encode(salt + hashlib.sha256(salt + b"guest").digest()).decode()
    everything = {"user": "guest", "configure": ".*", "write": ".*", "read": ".*"}
    return {
        "users": [{"name": "guest", "password_hash": password, "tags": "administrator",
                   "hashing_algorithm": "rabbit_password_hashing_sha256"}],
        "vhosts": [{"name": name} for name in VIRTUAL_HOSTS],
        "permissions": [{"vhost": name, **everything} for name in VIRTUAL_HOSTS],
    }  # fmt: skip


class Broker:
    """A running RabbitMQ: a context manager that stops, when it ends, what it has started.

    `port` is where it listens on 127.0.0.1, `version` is RabbitMQ's.
    """

    def __init__(self) -> None:
        if not os.path.exists(SERVER):
            raise FileNotFoundError(f"{SERVER}: RabbitMQ is not installed (rabbitmq-server)")
        self.port = free_port()
        self.version = next(
            path.name.partition("-")[2]
            for path in pathlib.Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*")
        )
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="towpath-rabbitmq-"))
        self._log = self._folder / "broker.log"
        self._processes: list[subprocess.Popen] = []

    def __enter__(self) -> Broker:
        try:
            names_port = free_port()
            # Without an epmd of ours the broker would start one that outlives it.
            self._start(["epmd", "-port", str(names_port), "-address", HOST], dict(os.environ))
            self._start([SERVER], self._environment(names_port))
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stops the broker, then its epmd, and removes their files."""
        while self._processes:
            process = self._processes.pop()
            # The leader of a session of its own: its helpers are of the same process group.
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(STOPS_WITHIN_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, command: list[str], environment: dict[str, str]) -> None:
        with self._log.open("ab") as log:
            self._processes.append(subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=die_with_parent))  # fmt: skip

    def _environment(self, names_port: int) -> dict[str, str]:
        def file(name: str, text: str) -> str:
            path = self._folder / name
            path.write_text(text, encoding="utf-8")
            return str(path)

        loaded = file("definitions.json", json.dumps(definitions()))
        return {
            **os.environ,
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the broker: one process
            "HOME": str(self._folder),  # the Erlang cookie lies there
            "ERL_EPMD_PORT": str(names_port),
            "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_NODENAME": f"towpath{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "data"),
            "RABBITMQ_LOG_BASE": str(self._folder / "logs"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": file("plugins", "[]."),
            "RABBITMQ_CONF_ENV_FILE": file("env.conf", ""),
            "RABBITMQ_CONFIG_FILE": file("rabbitmq.conf", f"load_definitions = {loaded}\n"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": file("advanced.config", "[]."),
        }

    def _wait_until_ready(self) -> None:
        ends_at = time.monotonic() + STARTS_WITHIN_S
        while READY not in self._log.read_text(encoding="utf-8", errors="replace"):
            ended = any(process.poll() is not None for process in self._processes)
            if ended or time.monotonic() > ends_at:
                said = self._log.read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"RabbitMQ does not start; it says:\n{said[-4000:]}")
            time.sleep(0.05)


def main() -> int:
    """Runs a broker until Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with Broker() as broker:
            print(f"RabbitMQ {broker.version}: amqp://guest:guest@{HOST}:{broker.port}/%2F",
                  flush=True)  # fmt: skip
            signal.pause()
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
