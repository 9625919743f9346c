"""What is measured: for each library a sender and a receiver of payloads, used in the best way that
its documentation shows for two processes of one host."""

from __future__ import annotations

import multiprocessing
import time
from typing import Any, Callable, Dict, List, Optional

FRAME_BYTES = 8 << 20
MESSAGE_BYTES = 64
BATCH = 256


class Link:
    """One library, or one way to use it. `place` names what both ends meet at; `extra` is what the
    processes inherit, for those libraries that pass handles on."""

    name = ""
    kinds = ("latency", "rate", "frames")
    #: Payloads that one send() takes and one receive() gives, in the measurement of the rate.
    batch = 1
    #: Threads of the library do the sending, and need the core while the sender pauses.
    has_threads = False

    @staticmethod
    def extra(context: Any, kind: str) -> Any:
        return None

    def __init__(self, place: str, extra: Any, kind: str, receives: bool) -> None:
        raise NotImplementedError

    def ready(self) -> None:
        """For the sender: waits until the library knows of the receiver, where it has to."""

    def send(self, payload: Any) -> None:
        raise NotImplementedError

    def receive(self) -> Any:
        """The next payload, as a buffer that may be read until the next receive()."""
        raise NotImplementedError

    def send_many(self) -> None:
        """Sends `batch` messages of MESSAGE_BYTES."""
        self.send(bytes(MESSAGE_BYTES))

    def receive_many(self) -> int:
        """Receives some; returns how many."""
        self.receive()
        return 1

    def send_frame(self, fill: Callable[[Any], None]) -> int:
        """Has `fill` write a frame, sends it, and returns when it was handed to the library."""
        frame = self._frame
        fill(frame)
        sent = time.perf_counter_ns()
        frame[:8] = sent.to_bytes(8, "little")
        self.send(frame)
        return sent

    def close(self) -> None:
        """Ends it."""


class Towpath(Link):
    name = "towpath take()"

    def __init__(self, place: str, extra: Any, kind: str, receives: bool) -> None:
        import towpath

        self._bus = towpath.Bus(place)
        self._topic = self._bus.topic(kind, **self.topic_options(kind))
        self._end: Any = self._topic.subscriber() if receives else self._topic.publisher()
        self.send = getattr(self._end, "publish", None)
        self.receive = getattr(self._end, "take", None)

    @staticmethod
    def topic_options(kind: str) -> Dict[str, Any]:
        if kind == "frames":
            return {"depth": 16, "max_message_bytes": FRAME_BYTES, "pool_bytes": 6 * FRAME_BYTES}
        return {"depth": 4096}

    def ready(self) -> None:
        self._topic.wait_for_subscribers(1, 10)

    def send_frame(self, fill: Callable[[Any], None]) -> int:
        loan = self._end.loan(FRAME_BYTES)
        array = loan.array()
        fill(memoryview(array))
        sent = time.perf_counter_ns()
        array[:8] = bytearray(sent.to_bytes(8, "little"))
        loan.publish()
        return sent

    def close(self) -> None:
        self._end.close()
        self._bus.close()


class TowpathSpinning(Towpath):
    name = "towpath try_take()"
    kinds = ("latency",)

    def __init__(self, place: str, extra: Any, kind: str, receives: bool) -> None:
        super().__init__(place, extra, kind, receives)
        if receives:
            self._try_take = self._end.try_take
            self.receive = self._spin

    def _spin(self) -> Any:
        try_take = self._try_take
        while True:
            message = try_take()
            if message is not None:
                return message


class TowpathBatches(Towpath):
    name = "towpath, lists"
    kinds = ("rate",)
    batch = BATCH

    def __init__(self, place: str, extra: Any, kind: str, receives: bool) -> None:
        super().__init__(place, extra, kind, receives)
        self._many: Any = [bytes(MESSAGE_BYTES)] * BATCH

    def send_many(self) -> None:
        self._end.publish_batch(self._many)

    def receive_many(self) -> int:
        return len(self._end.take_batch(BATCH))


class TowpathArrays(TowpathBatches):
    name = "towpath, arrays"

    @staticmethod
    def topic_options(kind: str) -> Dict[str, Any]:
        words = [("words", "u8", MESSAGE_BYTES // 8)]
        return {"dtype": words, "type_name": "Words", "depth": 4096}

    def __init__(self, place: str, extra: Any, kind: str, receives: bool) -> None:
        import numpy

        super().__init__(place, extra, kind, receives)
        self._many = numpy.zeros(BATCH, self._topic.dtype)

    def receive_many(self) -> int:
        return len(self._end.take_values(BATCH))


class ZeroMq(Link):
    name = "pyzmq PUSH/PULL, ipc"
    has_threads = True

    def __init__(self, place: str, extra: Any, kind: str, receives: bool) -> None:
        import zmq

        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PULL if receives else zmq.PUSH)
        self._socket.set_hwm(16 if kind == "frames" else 4096)
        address = f"ipc://{place}/{kind}.zmq"
        self._socket.bind(address) if receives else self._socket.connect(address)
        self._copies = kind != "frames"
        self._frame = bytearray(FRAME_BYTES)

    def send(self, payload: Any) -> None:
        self._socket.send(payload, copy=self._copies)

    def receive(self) -> Any:
        got = self._socket.recv(copy=self._copies)
        return got if self._copies else got.buffer

    def send_frame(self, fill: Callable[[Any], None]) -> int:
        self._frame = bytearray(FRAME_BYTES)  # the socket reads the one before as long as it likes
        return super().send_frame(fill)

    def close(self) -> None:
        self._context.destroy(linger=0)


class Queue(Link):
    name = "multiprocessing.Queue"
    has_threads = True

    @staticmethod
    def extra(context: Any, kind: str) -> Any:
        return context.Queue(maxsize=8 if kind == "frames" else 4096)

    def __init__(self, place: str, extra: Any, kind: str, receives: bool) -> None:
        self._queue = extra
        self.receive = extra.get
        self._frame = bytearray(FRAME_BYTES)

    def send(self, payload: Any) -> None:
        self._queue.put(bytes(payload))  # it pickles later, in a thread of its own

    def close(self) -> None:
        self._queue.close()
        self._queue.cancel_join_thread()


class Pipe(Link):
    name = "multiprocessing.Pipe"

    @staticmethod
    def extra(context: Any, kind: str) -> Any:
        return context.Pipe(duplex=False)

    def __init__(self, place: str, extra: Any, kind: str, receives: bool) -> None:
        reading, writing = extra
        self._end = reading if receives else writing
        (writing if receives else reading).close()
        self._frame = bytearray(FRAME_BYTES)
        self.receive = getattr(self._end, "recv_bytes")
        self.send = getattr(self._end, "send_bytes")

    def close(self) -> None:
        self._end.close()


ALL = (Towpath, TowpathSpinning, TowpathBatches, TowpathArrays, ZeroMq, Queue, Pipe)


def links(kind: str, only: Optional[str] = None) -> List[type]:
    """Those that take part in a measurement."""
    return [link for link in ALL if kind in link.kinds and (only is None or only in link.name)]


CONTEXT = multiprocessing.get_context("spawn")
