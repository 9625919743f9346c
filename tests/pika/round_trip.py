#!/usr/bin/env python3
"""Measures round trips over RabbitMQ by pika and over Towpath by towpath.pika, in one run.

The same code runs over both, by turns, a block of rounds at a time. RabbitMQ is on 127.0.0.1, and
pika has its defaults. With --at-least it exits with 1 where Towpath's median is not so many times
faster.

    python round_trip.py [--rounds N] [--at-least RATIO] [--only NAME] [--json FILE]
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from broker import HOST, Broker

TUTORIALS = Path(__file__).resolve().parent / "tutorials"
sys.path.insert(0, str(TUTORIALS))

from fibonacci import FibonacciClient  # noqa: E402

BODY = b"x" * 64
BLOCKS = 20
WARM_UP_ROUNDS = 200
SERVES_WITHIN_S = 30
PERCENTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


@dataclass(frozen=True)
class Side:
    """A module with pika's names, and the URL it connects to."""

    label: str
    module: str
    url: str

    def connect(self):
        """The module, and a connection of it."""
        pika = importlib.import_module(self.module)
        return pika, pika.BlockingConnection(pika.URLParameters(self.url))


class PublishAndGet:
    """One process publishes a message, and gets it."""

    def __init__(self, side: Side) -> None:
        _, self._connection = side.connect()
        self._channel = self._connection.channel()
        self._channel.queue_declare("round_trip_get")

    def round(self) -> None:
        self._channel.basic_publish("", "round_trip_get", BODY)
        while self._channel.basic_get("round_trip_get", auto_ack=True)[0] is None:
            pass

    def close(self) -> None:
        self._connection.close()


class PublishAndConsume:
    """One process publishes a message, its callback is called with it, and acknowledges it."""

    def __init__(self, side: Side) -> None:
        _, self._connection = side.connect()
        self._channel = self._connection.channel()
        self._channel.queue_declare("round_trip_consume")
        self._channel.basic_consume("round_trip_consume", self._on_message)
        self._come = False

    def _on_message(self, channel, method, properties, body) -> None:
        channel.basic_ack(method.delivery_tag)
        self._come = True

    def round(self) -> None:
        self._come = False
        self._channel.basic_publish("", "round_trip_consume", BODY)
        while not self._come:
            self._connection.process_data_events(time_limit=1)

    def close(self) -> None:
        self._connection.close()


class Call:
    """Tutorial six: a request to another process, and its reply."""

    def __init__(self, side: Side) -> None:
        environment = {**os.environ, "TUTORIAL_PIKA": side.module, "TUTORIAL_URL": side.url,
                       "TUTORIAL_NAMES": ""}  # fmt: skip
        # A file: a pipe would have a third process woken for each line that the server prints.
        self._printed = tempfile.TemporaryFile(dir=os.environ["TOWPATH_DIR"])
        self._server = subprocess.Popen(
            [sys.executable, "-u", str(TUTORIALS / "rpc_server.py")], env=environment,
            stdin=subprocess.DEVNULL, stdout=self._printed, start_new_session=True,
        )  # fmt: skip
        try:
            self._wait_until_it_serves()
            pika, connection = side.connect()
            self._client = FibonacciClient(pika, connection, "rpc_queue")
        except BaseException:
            self._server.kill()
            self._server.wait()
            raise

    def _wait_until_it_serves(self) -> None:
        ends_at = time.monotonic() + SERVES_WITHIN_S
        while not os.fstat(self._printed.fileno()).st_size:
            if self._server.poll() is not None or time.monotonic() > ends_at:
                raise RuntimeError("the server of tutorial six does not come to serve")
            time.sleep(0.01)

    def round(self) -> None:
        self._client.call(1)

    def close(self) -> None:
        self._client.connection.close()
        self._server.send_signal(signal.SIGINT)
        self._server.wait()
        self._printed.close()


EXPERIMENTS = {
    "publish_get_64B": PublishAndGet,
    "publish_consume_ack_64B": PublishAndConsume,
    "rpc_two_processes": Call,
}


def block(round_once: Callable[[], None], count: int) -> list[int]:
    """So many rounds, each in nanoseconds."""
    times_ns = []
    for _ in range(count):
        began_ns = time.perf_counter_ns()
        round_once()
        times_ns.append(time.perf_counter_ns() - began_ns)
    return times_ns


def measure(experiment: type, sides: list[Side], rounds: int) -> dict[str, dict[str, float]]:
    """The percentiles of each side, in microseconds."""
    running: dict[str, object] = {}
    times_ns: dict[str, list[int]] = {side.label: [] for side in sides}
    try:
        for side in sides:
            running[side.label] = experiment(side)
            block(running[side.label].round, WARM_UP_ROUNDS)
        for _ in range(BLOCKS):
            for label, its in running.items():
                times_ns[label] += block(its.round, max(1, rounds // BLOCKS))
    finally:
        for its in running.values():
            its.close()
    return {label: percentiles(its) for label, its in times_ns.items()}


def percentiles(times_ns: list[int]) -> dict[str, float]:
    ordered = sorted(times_ns)
    last = len(ordered) - 1
    return {name: ordered[round(share * last)] / 1000 for name, share in PERCENTILES.items()}


def machine() -> dict[str, object]:
    cpu = next((line.partition(":")[2].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                if line.startswith("model name")), platform.machine())  # fmt: skip
    return {"cpu": cpu, "cores": os.cpu_count(), "kernel": platform.release(),
            "python": platform.python_version()}  # fmt: skip


def print_table(results: dict) -> None:
    print(f"\n{'microseconds':34}" + "".join(f"{name:>10}" for name in PERCENTILES) + f"{'':>10}")
    for name, result in results.items():
        for label, its in result["us"].items():
            values = "".join(f"{value:10.1f}" for value in its.values())
            print(f"{name:24} {label:9}{values}")
        print(f"{'':34}{result['ratio']:9.1f}x faster at the median")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5000, help="rounds of each side (5000)")
    parser.add_argument("--at-least", type=float, default=0, help="ratio of the medians")
    parser.add_argument("--json", type=Path, help="where the results are written")
    parser.add_argument("--only", choices=EXPERIMENTS, help="one of the experiments")
    args = parser.parse_args()

    folder = tempfile.mkdtemp(prefix="towpath-round-trip-", dir="/dev/shm")
    os.environ["TOWPATH_DIR"] = folder
    results = {}
    try:
        with Broker() as broker:
            print(f"RabbitMQ {broker.version} on {HOST}, pika "
                  f"{importlib.import_module('pika').__version__} with its defaults; "
                  f"{args.rounds} rounds of each, in {BLOCKS} blocks by turns")  # fmt: skip
            sides = [Side("RabbitMQ", "pika", f"amqp://guest:guest@{HOST}:{broker.port}/%2F"),
                     Side("Towpath", "towpath.pika", "amqp://localhost/%2F")]  # fmt: skip
            for name in [args.only] if args.only else EXPERIMENTS:
                us = measure(EXPERIMENTS[name], sides, args.rounds)
                ratio = us["RabbitMQ"]["p50"] / us["Towpath"]["p50"]
                results[name] = {"us": us, "ratio": ratio}
    finally:
        shutil.rmtree(folder, ignore_errors=True)

    print_table(results)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({"machine": machine(), "rounds": args.rounds,
                                         "results": results}, indent=1) + "\n",
                             encoding="utf-8")  # fmt: skip
    slow = [name for name, result in results.items() if result["ratio"] < args.at_least]
    if slow:
        print(f"not {args.at_least:g} times faster: {', '.join(slow)}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
