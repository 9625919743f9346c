"""What all tests of the Python package share: a bus of their own in /dev/shm."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

import pytest
import towpath
from support import WATCHDOG

# Who was started in the background of a shell ignores it; these tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The directory of the test's buses, which its child processes find as well."""
    path = tempfile.mkdtemp(prefix="towpath-python-", dir="/dev/shm")
    monkeypatch.setenv("TOWPATH_DIR", path)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def bus(directory: str) -> Iterator[towpath.Bus]:
    with towpath.Bus("test") as opened:
        yield opened


@pytest.fixture
def run_python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program in a Python of its own, and returns what it said."""

    def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-X", "dev", "-c", program, *arguments],
                              capture_output=True, text=True, timeout=WATCHDOG)

    return run


@pytest.fixture
def server(bus: towpath.Bus) -> Iterator[towpath.Server]:
    with bus.server("upper") as opened:
        yield opened


@pytest.fixture
def client(bus: towpath.Bus) -> Iterator[towpath.Client]:
    with bus.client("upper") as opened:
        yield opened
