"""The tables of the report, section by section, for the terminal and the page alike."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import wording
from measures import KEPT_AT_LEAST, USUAL_BYTES, Measure, by_rank, groups, is_comparable
from results import Row

Group = tuple[Measure, str, list[Row]]  # a measure, a placement, its rows in order


@dataclass(frozen=True)
class Table:
    title: str
    headers: list[str]  # the first column is text, the others are figures
    lines: list[list[str]]
    note: str = ""


def tables_of(section: str, rows: tuple[Row, ...]) -> list[Table]:
    found = [
        (measure, placement, members)
        for (measure, placement), members in groups(rows).items()
        if measure.section == section
    ]
    if section in ("latency", "asleep"):
        return [_distribution(group) for group in found]
    if section in ("around", "other"):
        return [_list(found)] if found else []
    return list(_matrices(section, found))


def _kept(row: Row) -> str:
    return f"{row.samples}/{row.discarded}"


def _note(rows: list[Row]) -> str:
    parts = []
    if others := wording.other_payloads(rows):
        parts.append(f"Other sizes: {others}.")
    if not all(is_comparable(row) for row in rows):
        parts.append(f"*: fewer than {KEPT_AT_LEAST} samples kept, not compared.")
    return " ".join(parts)


def _mark(row: Row) -> str:
    return "" if is_comparable(row) else "*"


def reference_text(rows: list[Row], section: str) -> str:
    """What the ratios of these rows refer to."""
    floors = [row.floor for row in rows if row.floor]
    if not floors:
        return ""
    name = "bare futex" if section == "asleep" else "bare cache line"
    unit = "us" if section == "asleep" else "ns"
    return f"{name}: {wording.figure(statistics.median(floors))} {unit}"


def _distribution(group: Group) -> Table:
    measure, placement, rows = group
    headers = [rows[0].unit, "p50", "p99", "p99.9", "max", "kept/disc."]
    lines = []
    for row in rows:
        figures = map(wording.figure, (row.p50, row.p99, row.p99_9, row.max))
        lines.append([wording.label(row) + _mark(row), *figures, _kept(row)])
    if any(row.ratio for row in rows):
        headers.insert(5, "x futex" if measure.section == "asleep" else "x floor")
        for line, row in zip(lines, rows, strict=True):
            line.insert(5, wording.times(row.ratio))
    title = wording.place(wording.title(measure), placement)
    if bare := reference_text(rows, measure.section):
        title += f" ({bare})"
    return Table(title, headers, lines, _note(rows))


def _list(found: list[Group]) -> Table:
    lines = []
    for measure, placement, rows in found:
        for row in rows:
            name = wording.place(f"{wording.title(measure)}: {wording.label(row)}", placement)
            lines.append(
                [name, wording.figure(row.p50), wording.figure(row.max), row.unit, str(row.samples)]
            )
    return Table("", ["", "p50", "max", "unit", "runs"], lines)


@dataclass(frozen=True)
class _Matrix:
    """Systems down, sizes or numbers of processes across."""

    title: str
    column: Callable[[Measure], str]
    cell: Callable[[Measure, Row], str]


def _million(per_message: float, deliveries: int = 1) -> str:
    return wording.figure(1000 * deliveries / per_message) if per_message else "-"


def _rate_cell(measure: Measure, row: Row) -> str:
    deliveries = max(measure.subscribers, 1) if measure.metric == "fan_out" else 1
    return f"{wording.figure(row.p50)} ({_million(row.p50, deliveries)})"


def _large_cell(_: Measure, row: Row) -> str:
    return f"{wording.amount(row.p50, row)} ({wording.amount(row.p99, row)})"


def _size_of(measure: Measure) -> str:
    return wording.size(measure.payload_class)


def _ends_of(measure: Measure) -> str:
    """How many at both ends, and what they send unless it is the usual."""
    payload = "" if measure.payload_class == USUAL_BYTES else f", {_size_of(measure)}"
    return f"{measure.publishers} to {measure.subscribers}{payload}"


_MATRICES: dict[tuple[str, str, str], _Matrix] = {
    ("stream", "stream", ""): _Matrix(
        "one to one, ns a message (million messages a second)", _size_of, _rate_cell
    ),
    ("fan", "fan_out", ""): _Matrix(
        "one to many, ns a message (million deliveries a second)", _ends_of, _rate_cell
    ),
    ("fan", "stream", ""): _Matrix(
        "many to one, ns a message (million messages a second)", _ends_of, _rate_cell
    ),
    ("large", "latency", "whole"): _Matrix(
        "written and read whole, us: p50 (p99)", _size_of, _large_cell
    ),
    ("large", "latency", "head"): _Matrix(
        "only the head written and read, ns: p50 (p99)", _size_of, _large_cell
    ),
    ("large", "latency", "untouched"): _Matrix(
        "nothing written or read, ns: p50 (p99)", _size_of, _large_cell
    ),
    ("publisher", "publish_cost", "all take"): _Matrix(
        "subscribers take meanwhile, ns a message", _ends_of, lambda _, row: wording.figure(row.p50)
    ),
    ("publisher", "publish_cost", "nobody takes"): _Matrix(
        "subscribers are there and take nothing, ns a message",
        _ends_of,
        lambda _, row: wording.figure(row.p50),
    ),
}


def _matrices(section: str, found: list[Group]) -> Iterator[Table]:
    for (owner, metric, variant), matrix in _MATRICES.items():
        if owner != section:
            continue
        mine = [
            group for group in found if (group[0].metric, group[0].variant) == (metric, variant)
        ]
        for placement in dict.fromkeys(group[1] for group in mine):
            yield _matrix(matrix, placement, [group for group in mine if group[1] == placement])


def _matrix(matrix: _Matrix, placement: str, mine: list[Group]) -> Table:
    columns = list(dict.fromkeys(matrix.column(measure) for measure, _, _ in mine))
    everybody = [row for _, _, rows in mine for row in rows]
    first = {wording.label(row): row for row in reversed(everybody)}
    cells: dict[tuple[str, str], str] = {}
    for measure, _, rows in mine:
        for row in rows:
            cell = matrix.cell(measure, row) + _mark(row)
            cells[wording.label(row), matrix.column(measure)] = cell
    in_order = by_rank(row for row in everybody if first[wording.label(row)] is row)
    names = [wording.label(row) for row in in_order]
    lines = [[name, *(cells.get((name, column), "-") for column in columns)] for name in names]
    return Table(wording.place(matrix.title, placement), ["", *columns], lines, _note(everybody))
