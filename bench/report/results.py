"""Results of the benchmark executables: read, merged, kept in one file.

The format is that of write_json in bench/harness/report.cpp: machine, curve_at, rows. A merged file
also has `skipped`, one line for each peer that could not be measured.
"""

import dataclasses
import json
import pathlib
import re
import typing
from dataclasses import dataclass
from typing import Any

MACHINE_FIELDS = ("cpu", "kernel", "compiler", "commit")


class BadResults(Exception):
    """What is wrong with a file, in one line that names it."""


@dataclass(frozen=True)
class Row:
    """One line of a report; `floor` and `ratio` are 0 where there is none."""

    system: str
    topology: str
    payload_bytes: int
    mode: str
    settings: str
    metric: str
    unit: str
    placement: str  # NEAR, FAR, "none kept", or empty where it has no meaning
    p50: float
    p99: float
    p99_9: float
    max: float
    floor: float
    ratio: float
    samples: int
    discarded: int
    curve: tuple[float, ...]


@dataclass(frozen=True)
class Results:
    machine: dict[str, str]
    curve_at: tuple[float, ...]  # fractions: where each row's curve has its values
    rows: tuple[Row, ...]
    skipped: tuple[str, ...]


def _row(entry: Any, where: str) -> Row:
    if not isinstance(entry, dict):
        raise BadResults(f"{where} is no object")
    values: dict[str, Any] = {}
    for name, kind in typing.get_type_hints(Row).items():
        if name not in entry:
            raise BadResults(f"{where} lacks '{name}'")
        value = entry[name]
        wanted = {str: (str,), int: (int,), float: (int, float)}.get(kind, (list,))
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise BadResults(f"{where}: '{name}' is {value!r}")
        values[name] = tuple(value) if isinstance(value, list) else value
    return Row(**values)


def load(path: pathlib.Path) -> Results:
    """Reads a file of an executable or a merged one."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadResults(f"{path}: {error.strerror}") from None
    except ValueError as error:  # also of text that is not UTF-8
        raise BadResults(f"{path}: torn, or no JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadResults(f"{path}: no results: an object is expected")
    for key, kind in (("machine", dict), ("curve_at", list), ("rows", list)):
        if not isinstance(document.get(key), kind):
            raise BadResults(f"{path}: no results: '{key}' is missing or of another kind")
    rows = tuple(_row(entry, f"{path}: row {i}") for i, entry in enumerate(document["rows"], 1))
    curve_at = tuple(document["curve_at"])
    for number, row in enumerate(rows, 1):
        if row.curve and len(row.curve) != len(curve_at):
            raise BadResults(f"{path}: row {number}: its curve has {len(row.curve)} values")
    return Results(document["machine"], curve_at, rows, tuple(document.get("skipped", ())))


def merge(
    paths: list[pathlib.Path], skipped: list[str], given: dict[str, str] | None = None
) -> Results:
    """All rows of all files, in their order.

    They must be of one machine, apart from what is `given` and goes for all of them.
    """
    given = given or {}
    parts = [(path, load(path)) for path in paths]
    first_path, first = parts[0]
    for path, part in parts:
        for field in (name for name in MACHINE_FIELDS if name not in given):
            ours, theirs = first.machine.get(field), part.machine.get(field)
            if ours != theirs:
                raise BadResults(f"{path}: {field} {theirs!r}, but {ours!r} in {first_path}")
        if part.curve_at != first.curve_at:
            raise BadResults(f"{path}: its curves are at other fractions than {first_path}'s")
    rows = tuple(row for _, part in parts for row in part.rows)
    lines = [line for _, part in parts for line in part.skipped] + skipped
    machine = first.machine | given
    return Results(machine, first.curve_at, rows, tuple(dict.fromkeys(lines)))


def dump(results: Results, path: pathlib.Path) -> None:
    document = dataclasses.asdict(results)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _slug(text: str) -> str:
    text = re.sub(r"\((r|tm)\)|\b(cpu|processor)\b|@.*", " ", text.lower())
    return re.sub(r"[^a-z0-9.+]+", "-", text).strip("-") or "unknown"


def file_name(machine: dict[str, str]) -> str:
    """Names what the figures depend on, so that no two are mixed up."""
    parts = (_slug(machine.get(field, "")) for field in ("commit", "cpu", "compiler"))
    return "-".join(parts) + ".json"
