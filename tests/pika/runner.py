"""Runs a case in a process of its own, so that one which hangs or crashes costs no other."""

from __future__ import annotations

import importlib
import json
import logging
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from world import World

CASES = Path(__file__).resolve().parent / "cases"
ENDS_WITHIN_S = 60.0
# How the last note of a case begins that did not come to its end: nothing to compare with.
BROKEN_OFF = "the case "
SHARED_MEMORY = "/dev/shm"


@dataclass(frozen=True)
class Target:
    """A module with pika's names, and the port of the broker behind it (the facade has none)."""

    module: str
    port: int = 5672


def all_cases() -> dict[str, Callable]:
    """Every case by its name, `subject.what_it_shows`, in the order of the files."""
    found = {}
    for path in sorted(CASES.glob("[a-z]*.py")):
        subject = importlib.import_module(f"cases.{path.stem}")
        for name, case in vars(subject).items():
            if name.startswith("case_") and case.__module__ == subject.__name__:
                found[f"{path.stem}.{name[len('case_'):]}"] = case
    return found


def run(case: Callable, target: Target) -> list[list]:
    """The transcript of one run. A case that fails, dies or hangs has that as its last note."""
    module = importlib.import_module(target.module)
    folder = tempfile.mkdtemp(prefix="towpath-pika-", dir=SHARED_MEMORY)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run_in_child(case, module, target.port, folder, writing)
    os.close(writing)
    try:
        return _await(child, reading)
    finally:
        os.close(reading)
        shutil.rmtree(folder, ignore_errors=True)


def _run_in_child(case: Callable, module, port: int, folder: str, writing: int) -> None:
    status = 1
    try:
        os.setpgid(0, 0)  # with the programs that the case starts
        os.environ["TOWPATH_DIR"] = folder
        logging.disable(logging.CRITICAL)
        with os.fdopen(writing, "wb") as file:
            world = World(module, port, file)
            try:
                case(module, world)
            except Exception as error:  # an ending like any other, to be compared
                traceback.print_exc()
                world.note(f"{BROKEN_OFF}ends with", error)
            world.close()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _await(child: int, reading: int) -> list[list]:
    """The notes of a child, and as the last one how it ended if not by itself."""
    notes: list[list] = []
    try:
        hangs = not _read(child, reading, notes)
    finally:
        # Not yet waited for: the number is still the child's, and so is its group. The child may
        # not have come as far as to have one.
        for kill in (os.killpg, os.kill):
            try:
                kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
        _, status = os.waitpid(child, 0)
    if hangs:
        notes.append([f"{BROKEN_OFF}hangs", ENDS_WITHIN_S])
    elif os.WIFSIGNALED(status):
        notes.append([f"{BROKEN_OFF}is killed by signal", os.WTERMSIG(status)])
    elif os.waitstatus_to_exitcode(status):
        notes.append([f"{BROKEN_OFF}exits with", os.waitstatus_to_exitcode(status)])
    return notes


def _read(child: int, reading: int, notes: list[list]) -> bool:
    """Reads notes until the child has ended; False: it does not end in time."""
    ends_at = time.monotonic() + ENDS_WITHIN_S
    text, ended = b"", False
    while not ended:
        ready, _, _ = select.select([reading], [], [], max(0.0, ends_at - time.monotonic()))
        if not ready:
            break
        part = os.read(reading, 1 << 16)
        ended = not part
        text += part
    notes += [json.loads(line) for line in text.splitlines()]
    # A child that has closed its end has little left to do.
    while ended and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > ends_at:
            return False
        time.sleep(0.001)
    return ended
