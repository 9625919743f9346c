"""Awaiting subscribers, consumers and calls in asyncio: by their descriptors, without a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from towpath.errors import Removed


class Readiness:
    """Those who await one object in one event loop. The loop watches its descriptor while there
    are any."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int) -> None:
        self.loop = loop
        self._fd = fd
        self._stopped = False
        self._waiters: dict[asyncio.Future[None], Callable[[], bool]] = {}

    async def wait(self, is_ready: Callable[[], bool] = lambda: True) -> None:
        """Until there may be something to take, or the object is closed. Who asks for something of
        its own is woken only when `is_ready()` says so."""
        if self._stopped:
            raise ValueError("this handle is closed")
        waiter = self.loop.create_future()
        if not self._waiters:
            self.loop.add_reader(self._fd, self._wake)
        self._waiters[waiter] = is_ready
        try:
            await waiter
        finally:
            self._forget(waiter)

    def stop(self) -> None:
        """Wakes all, for good: the descriptor is about to be closed. From any thread."""
        self._stopped = True
        try:
            here = asyncio.get_running_loop() is self.loop
        except RuntimeError:
            here = False
        if here:
            self._stop()
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        if self._waiters:
            self.loop.remove_reader(self._fd)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters = {}

    def _wake(self) -> None:
        for waiter, is_ready in self._waiters.items():
            if not waiter.done() and is_ready():
                waiter.set_result(None)

    def _forget(self, waiter: asyncio.Future[None]) -> None:
        if waiter not in self._waiters:
            return  # stopped
        del self._waiters[waiter]
        if not self._waiters:
            self.loop.remove_reader(self._fd)


def readiness_of(waitable: Any) -> Readiness:
    """That of the running loop. Raises NotSupported for an observer."""
    loop = asyncio.get_running_loop()
    readiness = waitable._readiness
    if readiness is None or readiness.loop is not loop:
        readiness = waitable._readiness = Readiness(loop, waitable.fileno())
    return readiness


async def next(self: Any) -> Any:
    """The next one, awaited in the running event loop, without a thread. Several tasks may await
    the same object; each message goes to one of them. Errors as take()."""
    while True:
        taken = self.try_take()
        if taken is not None:
            return taken
        await readiness_of(self).wait()


async def _anext(self: Any) -> Any:
    try:
        return await next(self)
    except Removed:
        raise StopAsyncIteration from None


def _aiter(self: Any) -> AsyncIterator[Any]:
    return self


def make_awaitable(kind: type) -> None:
    """Gives a class that has try_take() and fileno() next() and `async for`, which ends when what
    it reads is removed."""
    kind.next = next
    kind.__aiter__ = _aiter
    kind.__anext__ = _anext
