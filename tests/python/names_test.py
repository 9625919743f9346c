"""Every function of the C header has a row in docs/python.md: what it is in Python, or why it is
not. Every name there exists, and every public name of a class is there."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import towpath

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (`tow_.+?`|of Python alone) \| (.+) \|$", re.MULTILINE)
NAME = re.compile(r"`([A-Za-z_][\w.]*)`")
ROWS = ROW.findall((ROOT / "docs/python.md").read_text(encoding="utf-8"))


def functions_of_c() -> set[str]:
    header = (ROOT / "bindings/c/include/towpath/towpath.h").read_text(encoding="utf-8")
    names = set(re.findall(r"\btow_\w+(?=\()", header)) - {"tow_handler"}
    return names | {f"{name}_init" for name in re.findall(r"^TOW_INIT\((\w+)\)", header, re.M)}


def members(name: str) -> set[str]:
    """Public ones of a class, as `Class.member`, but for static methods of values."""
    kind = getattr(towpath, name)
    inherited = set().union(*(vars(base) for base in kind.__mro__[1:]))
    return {f"{name}.{member}" for member in vars(kind)
            if not member.startswith("_") and member not in inherited}


def exists(name: str) -> bool:
    it: object = towpath
    for part in name.split("."):
        if part in getattr(it, "__annotations__", {}):
            return True
        if not hasattr(it, part):
            return False
        it = getattr(it, part)
    return True


def test_every_function_of_c_has_one_row():
    told = [name for cell, _ in ROWS for name in re.findall(r"`(\w+)`", cell)]
    assert len(told) == len(set(told)), "a function has two rows"
    assert set(told) == functions_of_c() and len(told) > 150


def test_every_row_has_a_name_or_a_reason():
    for cell, meaning in ROWS:
        names = NAME.findall(meaning)
        assert names or meaning.startswith("not in Python: "), cell
        assert [name for name in names if not exists(name)] == [], cell


def test_every_public_name_is_told():
    told = {name for _, meaning in ROWS for name in NAME.findall(meaning)}
    reading = {member.split(".")[1] for member in members("Message")}
    missing = set()
    for name in towpath.__all__:
        it = getattr(towpath, name)
        if not inspect.isclass(it) or issubclass(it, towpath.Error):
            continue
        missing |= {name} - told
        if it.__module__ == "towpath.info" or name in ("ErrorCode", "SeekTo", "Start"):
            continue
        missing |= members(name) - told
    like_a_message = {f"{name}.{member}" for name in ("Delivery", "Request") for member in reading}
    assert missing - like_a_message == set()
