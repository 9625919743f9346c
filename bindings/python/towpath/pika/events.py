"""What a connection does while it processes events: timers, callbacks, returned messages and those
of consumers, all in the thread that asked for it.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import towpath
from towpath.pika.names import GONE

if TYPE_CHECKING:
    from towpath.pika.consumers import Consumer

# The longest sleep: so long a callback of another thread may wait.
_SLICE_S = 0.01
_ROUNDS = 64


class Timer:
    """What call_later() returns, for remove_timeout()."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback


class Events:
    """Of one connection. One thread at a time, but for post()."""

    def __init__(self) -> None:
        self.dispatching = False
        self._consumers: tuple[Consumer, ...] = ()
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._posted: deque[Callable[[], object]] = deque()
        self._wake = threading.Event()
        self._takes_turns = False
        self._waiting: Sequence[Consumer] = ()  # and tell others so

    # ---- what may happen

    def add_consumer(self, consumer: Consumer) -> None:
        """Its messages are dispatched from now on."""
        consumers = [*self._consumers, consumer]
        self._consumers = tuple(sorted(consumers, key=lambda each: -each.priority))
        self._takes_turns = self._takes_turns or consumer.turns is not None

    def remove_consumer(self, consumer: Consumer) -> None:
        """None is any more."""
        self._consumers = tuple(each for each in self._consumers if each is not consumer)

    def add_timer(self, delay: float, callback: Callable[[], object]) -> Timer:
        """`callback` is called once, in `delay` seconds."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (time.monotonic() + delay, next(self._numbers), timer))
        return timer

    def post(self, callback: Callable[[], object]) -> None:
        """From any thread: to be called in the connection's."""
        self._posted.append(callback)
        self._wake.set()

    # ---- what happens

    def receive(self) -> None:
        """Takes for each consumer what has come and what it has room for, in turns: a broker would
        have pushed it by now.
        """
        waiting: Sequence[Consumer] = self._consumers
        while waiting:
            waiting = [each for each in waiting if each.take(0)]

    def run(self, time_limit: float | None, goes_on: Callable[[], bool]) -> None:
        """Dispatches what has happened; if that is nothing, waits until something does, for
        `time_limit` seconds at most (None: for ever), and as long as `goes_on`.
        """
        try:
            self._run(time_limit, goes_on)
        finally:
            if self._waiting:
                self._tell_waiting(())

    def _run(self, time_limit: float | None, goes_on: Callable[[], bool]) -> None:
        ends_at = None if time_limit is None else time.monotonic() + time_limit
        while not self._dispatch() and goes_on():
            left = _SLICE_S
            if self._timers:
                left = min(left, max(0.0, self._timers[0][0] - time.monotonic()))
            if ends_at is not None:
                rest = ends_at - time.monotonic()
                if rest <= 0:
                    return
                left = min(left, rest)
            self._wait(left)

    def _tell_waiting(self, consumers: Sequence[Consumer]) -> None:
        """These wait from now on, until a callback has something to do."""
        for each in self._waiting:
            if each not in consumers:
                each.waits(False)
        for each in consumers:
            each.waits(True)
        self._waiting = consumers

    def _dispatch(self) -> bool:
        """Whether anything happened."""
        happened = self._dispatch_timers() if self._timers else False
        for _ in range(len(self._posted)):
            happened = True
            self._tell_waiting(())
            self._posted.popleft()()
        for _ in range(_ROUNDS):
            consumers = self._consumers
            if not (self._serve(consumers[0]) if len(consumers) == 1 else self._dispatch_round()):
                break
            happened = True
        return happened

    def _dispatch_timers(self) -> bool:
        happened, now = False, time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                happened = True
                self._tell_waiting(())
                timer.callback()
        return happened

    def _dispatch_round(self) -> bool:
        """One message for each consumer; of a queue's consumers those of the highest priority that
        have room are served before others.
        """
        happened = False
        served: dict[str, int] = {}
        for consumer in self._consumers:
            name = consumer.queue.name
            if served.get(name, consumer.priority) > consumer.priority:
                continue
            if self._serve(consumer):
                happened = True
                served[name] = consumer.priority
        return happened

    def _serve(self, consumer: Consumer) -> bool:
        channel = consumer.channel
        if channel.consumers.get(consumer.tag) is not consumer:
            return False  # a callback of this round has cancelled it
        if consumer.callback is None:
            while consumer.take(0):
                pass
            if consumer.notice():
                return True  # for the generator to yield
        else:
            arrival = consumer.pending.popleft() if consumer.pending else consumer.arrival(0)
            if arrival is not None:
                if self._waiting and self._waiting != [consumer]:
                    self._tell_waiting(())
                consumer.callback(channel, *arrival)
                return True
        if consumer.gone and not consumer.pending:
            channel.cancelled(consumer)
            return True
        return False

    def _wait(self, left: float) -> None:
        if self._posted:
            return
        waiting = [each for each in self._consumers if each.has_room()]
        if self._takes_turns:
            self._tell_waiting(waiting)
        sources: list[Any] = [source for each in waiting for source in each.sources]
        if not sources:
            self._wake.wait(left)
            self._wake.clear()
        elif len(sources) == 1 and not waiting[0].others_wait():
            waiting[0].take(left)
        else:
            with suppress(*GONE):  # the next round finds which
                towpath.wait_any(sources, left)
