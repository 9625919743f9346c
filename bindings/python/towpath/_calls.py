"""What clients and servers do in Python: awaiting replies, calls from any thread, handlers."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import Future
from typing import Any, Callable

from towpath._towpath import Client, Message, PendingCall, Request, Server
from towpath._waiting import Readiness
from towpath.errors import Cancelled, NotFound, Removed, TimedOut

_LOOK_S = 0.01
"""So often who awaits a reply looks whether the server is alive and the time is over, and whether a
full service has room: no descriptor tells of that."""

_EXIT_S = 0.1
"""So often the thread of submit() looks whether the program ends."""

_CLIENT_IS_GONE = (Cancelled, NotFound, Removed, TimedOut)

_log = logging.getLogger("towpath")
_starting = threading.Lock()


class Replies(Readiness):
    """Those who await calls of one client in one event loop: the calls share a descriptor."""

    _timer: asyncio.TimerHandle | None = None

    async def wait_for(self, call: PendingCall) -> None:
        """Until a take from the call would not wait. Raises ValueError when its client is
        closed."""
        while not call.ready():
            if self._timer is None:
                self._timer = self.loop.call_later(_LOOK_S, self._look)
            await self.wait(call.ready)

    def _look(self) -> None:
        self._wake()
        self._timer = self.loop.call_later(_LOOK_S, self._look) if self._waiters else None


def _replies_of(call: PendingCall) -> Replies:
    loop = asyncio.get_running_loop()
    client = call._client
    replies = client._readiness
    if replies is None or replies.loop is not loop:
        replies = client._readiness = Replies(loop, call.fileno())
    return replies


async def _anext(self: PendingCall) -> Message:
    await _replies_of(self).wait_for(self)
    reply = self.next()
    if reply is None:
        raise StopAsyncIteration
    return reply


def _aiter(self: PendingCall) -> AsyncIterator[Message]:
    return self


async def request(self: Client, payload: Any, /, timeout: float | None = None,
                  **attributes: Any) -> Message:
    """call(), awaited in the running event loop, without a thread; any number at a time. A task
    that is cancelled cancels its call."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while (call := self._try_send(payload, timeout, **attributes)) is None:
        if timeout is not None:
            timeout = deadline - time.monotonic()
            if timeout <= 0:
                call = self.send(payload, 0, **attributes)  # its error says who is in the way
                break
        await asyncio.sleep(_LOOK_S)
    with call:
        await _replies_of(call).wait_for(call)
        return call.get()


class Submitting:
    """The thread of a client's submit(), which runs an event loop and has a client of its own."""

    _thread: threading.Thread | None = None

    def __init__(self, client: Client) -> None:
        self._client = client._another()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(self._loop, self._client),
                                        name=f"towpath calls of {self._client.service}")
        self._thread.start()

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop, client: Client) -> None:
        def end_with_the_program() -> None:
            if threading.main_thread().is_alive():
                loop.call_later(_EXIT_S, end_with_the_program)
            else:
                loop.stop()

        end_with_the_program()
        try:
            loop.run_forever()
            loop.run_until_complete(asyncio.sleep(0))  # what was submitted last becomes a task
            while unfinished := asyncio.all_tasks(loop):
                for task in unfinished:
                    task.cancel()
                loop.run_until_complete(asyncio.wait(unfinished))
        finally:
            loop.close()
            client.close()

    def submit(self, payload: Any, timeout: float | None, attributes: dict[str, Any]) -> Future:
        """A future of the reply's bytes."""
        call = self._call(payload, timeout, attributes)
        try:
            return asyncio.run_coroutine_threadsafe(call, self._loop)
        except RuntimeError:  # its loop has ended
            call.close()
            raise ValueError("this client is closed") from None

    async def _call(self, payload: Any, timeout: float | None, attributes: dict[str, Any]) -> bytes:
        with await self._client.request(payload, timeout, **attributes) as reply:
            return bytes(reply)

    def close(self) -> None:
        """Cancels what is under way, and ends the thread."""
        if self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            if threading.current_thread() is not self._thread:
                self._thread.join()

    def __del__(self) -> None:
        thread = self._thread
        if thread is not None and thread.is_alive() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)


def submit(self: Client, payload: Any, /, timeout: float | None = None,
           **attributes: Any) -> Future[bytes]:
    """call() by another thread: a future of the reply's bytes; any number at a time. The payload
    must not be changed before the future is done. The thread is one of the client's own, with a
    client handle of its own, which starts at the first submit() and ends with close(), which
    cancels the futures that are not done. A future that is cancelled cancels its call."""
    self._check_usable()
    with _starting:
        if self._submitting is None:
            self._submitting = Submitting(self)
    return self._submitting.submit(payload, timeout, attributes)


def run(self: Server, handler: Callable[[Request], Any]) -> None:
    """Calls `handler(request)` for each request until stop(). What it returns, unless None, is the
    reply; after None the request is as the handler left it, which may keep it and answer later. An
    exception fails the request with its text, and is logged (logger "towpath"). Errors as
    take()."""
    while (request := self._take_until_stopped()) is not None:
        _handle(self, handler, request)
        del request  # one that the handler has not kept ends, and is failed if it is unanswered


def _handle(server: Server, handler: Callable[[Request], Any], request: Request) -> None:
    try:
        with request:
            reply = handler(request)
            if reply is not None and not request.answered:
                request.reply(reply)
    except Exception as failure:
        if not (request.answered and isinstance(failure, _CLIENT_IS_GONE)):
            _log.exception("service %s: the handler failed a request", server.service)


PendingCall.__aiter__ = _aiter
PendingCall.__anext__ = _anext
Client.request = request
Client.submit = submit
Server.run = run
