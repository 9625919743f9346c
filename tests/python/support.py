"""What several tests of the Python package use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import towpath

#: Seconds that nothing here takes.
WATCHDOG = 30.0


@contextmanager
def later(action: Callable[[], object], delay: float = 0.05) -> Iterator[None]:
    """Does something by another thread while the block runs."""
    timer = threading.Timer(delay, action)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@contextmanager
def running(server: towpath.Server, handler: Callable[[towpath.Request], object]) -> Iterator[None]:
    """A thread runs the server."""
    thread = threading.Thread(target=server.run, args=(handler,))
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join(WATCHDOG)
        assert not thread.is_alive()


def upper(request: towpath.Request) -> str:
    return request.text.upper()
