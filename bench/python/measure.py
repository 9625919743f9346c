"""Measurements between two Python processes on two cores.

latency: from just before the send until the payload has been taken, one message at a time, after
         pauses of changing length.
rate:    messages of 64 bytes a second, as fast as the receiver takes them.
frames:  frames of 8 MiB, each written whole by the sender; from the send until the receiver can
         read the frame as an array.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import tempfile
import time
from typing import Any, Dict, Iterator, List

import links

#: No sample and no wait takes longer; an end that hangs is ended.
WATCHDOG_S = 60
LATENCIES = 2000
WARM_UP = 500
FRAMES = 30


def cores() -> List[int]:
    """Two cores, the first and the last that we may use."""
    ours = sorted(os.sched_getaffinity(0))
    return [ours[0], ours[-1]]


def pause(chance: random.Random, sleeps: bool) -> None:
    """20 to 60 us; without sleeping where nobody else needs the core, which then wakes slowly."""
    pause_ns = chance.randrange(20_000, 60_000)
    if sleeps:
        time.sleep(pause_ns / 1e9)
        return
    until = time.perf_counter_ns() + pause_ns
    while time.perf_counter_ns() < until:
        pass


def send_latency(link: Any, seconds: float) -> None:
    chance = random.Random(1)
    payload = bytearray(48)
    for _ in range(WARM_UP + LATENCIES):
        pause(chance, link.has_threads)
        payload[:8] = time.perf_counter_ns().to_bytes(8, "little")
        link.send(payload)


def receive_latency(link: Any, seconds: float) -> List[float]:
    values = []
    for _ in range(WARM_UP + LATENCIES):
        got = link.receive()
        now = time.perf_counter_ns()
        values.append(now - int.from_bytes(memoryview(got)[:8], "little"))
    return values[WARM_UP:]


def send_rate(link: Any, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for _ in range(max(1, 512 // link.batch)):
            link.send_many()


def receive_rate(link: Any, seconds: float) -> List[float]:
    """Counts from the first message on, until the sender has little time left."""
    link.receive_many()
    begin = time.perf_counter()
    end = begin + seconds * 0.9
    count = 0
    now = begin
    while now < end:
        for _ in range(max(1, 512 // link.batch)):
            count += link.receive_many()
        now = time.perf_counter()
    return [count / (now - begin)]


def send_frames(link: Any, seconds: float) -> None:
    import numpy

    row = numpy.arange(links.FRAME_BYTES // 8, dtype=numpy.uint64)

    def fill(frame: Any) -> None:
        numpy.frombuffer(frame, numpy.uint64)[:] = row

    for _ in range(FRAMES):
        link.send_frame(fill)
        time.sleep(0.01)  # the receiver is done with the one before: latency, not a queue's length


def receive_frames(link: Any, seconds: float) -> List[float]:
    import numpy

    values = []
    for _ in range(FRAMES):
        array = numpy.frombuffer(link.receive(), numpy.uint64)
        now = time.perf_counter_ns()
        values.append(now - int(array[0]))
        if array.size != links.FRAME_BYTES // 8 or int(array[-1]) != array.size - 1:
            raise AssertionError("a frame that is not what was sent")
        del array
    return values[2:]


#: What the sender and the receiver do.
ENDS = {"latency": (send_latency, receive_latency), "rate": (send_rate, receive_rate),
        "frames": (send_frames, receive_frames)}


def run_end(name: str, place: str, extra: Any, kind: str, receives: bool, core: int, line: Any,
            seconds: float) -> None:
    """What one of the two processes does: both are there before the first is sent."""
    os.sched_setaffinity(0, {core})
    os.environ["TOWPATH_DIR"] = place
    link_type = next(link for link in links.ALL if link.name == name)
    link = link_type(place + "/bus" if name.startswith("towpath") else place, extra, kind, receives)
    line.send("here")
    line.recv()
    send, receive = ENDS[kind]
    if receives:
        line.send(receive(link, seconds))
    else:
        link.ready()
        send(link, seconds)
    line.recv()
    link.close()


@contextlib.contextmanager
def place_in_memory() -> Iterator[str]:
    place = tempfile.mkdtemp(prefix="towpath-bench-", dir="/dev/shm")
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def measure(link_type: type, kind: str, seconds: float, swap: bool) -> List[float]:
    """One run: nanoseconds of each message, or messages a second. `swap` swaps the cores."""
    sending_core, receiving_core = reversed(cores()) if swap else cores()
    with place_in_memory() as place:
        extra = link_type.extra(links.CONTEXT, kind)
        ends: List[Dict[str, Any]] = []
        for receives, core in ((True, receiving_core), (False, sending_core)):
            ours, theirs = links.CONTEXT.Pipe()
            process = links.CONTEXT.Process(
                target=run_end, daemon=True,
                args=(link_type.name, place, extra, kind, receives, core, theirs, seconds))
            process.start()
            theirs.close()
            hear(ours, link_type.name)
            ends.append({"process": process, "line": ours})
        for end in ends:
            end["line"].send("go")
        try:
            return hear(ends[0]["line"], link_type.name)
        finally:
            for end in ends:
                finish(end)


def hear(line: Any, name: str) -> Any:
    if not line.poll(WATCHDOG_S):
        raise TimeoutError(f"{name}: an end says nothing for {WATCHDOG_S} s")
    return line.recv()


def finish(end: Dict[str, Any]) -> None:
    """A sender may still wait for room that nobody makes any more."""
    with contextlib.suppress(OSError):
        end["line"].send("end")
    end["process"].join(1)
    if end["process"].is_alive():
        end["process"].kill()
        end["process"].join()
