"""The paragraph of the README between its marks: two sentences and a small table."""

import wins
import wording
from measures import USUAL_BYTES, is_comparable, is_reference, is_towpath, measure_of
from page import floors, markdown
from results import Results, Row

BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
MIB = 1 << 20
# What the table shows of everybody: a heading, and the metric, payload and variant that it is of.
COLUMNS = (
    ("48 B one way, p50", "latency", USUAL_BYTES, ""),
    ("p99", "latency", USUAL_BYTES, ""),
    ("stream of 48 B, a message", "stream", USUAL_BYTES, ""),
    ("1 MiB written and read", "latency", MIB, "whole"),
    ("receiver asleep", "asleep_vs_futex", USUAL_BYTES, ""),
)
Line = tuple[str, list[Row]]  # a name, and the rows that are candidates for its cells


def _placement(rows: tuple[Row, ...]) -> str | None:
    """Where most of Towpath's one-way samples were taken."""
    found = [
        row
        for row in rows
        if is_towpath(row)
        and is_comparable(row)
        and (row.metric, row.mode, row.payload_bytes) == ("latency", "one", USUAL_BYTES)
    ]
    return max(found, key=lambda row: row.samples).placement if found else None


def _best(rows: list[Row], metric: str, payload: int, variant: str) -> Row | None:
    found = []
    for row in rows:
        measure = measure_of(row)
        if (row.metric, measure.payload_class, measure.variant) == (metric, payload, variant):
            found.append(row)
    return min(found, key=lambda row: row.p50, default=None)


def _cell(row: Row | None, heading: str) -> str:
    if row is None:
        return "-"
    value = row.p99 if heading == "p99" else row.p50
    return f"{wording.amount(value, row)} {wording.unit_of(row)}"


def _lines(rows: list[Row]) -> list[Line]:
    """Towpath's two kinds of topic; then peers, then references, from fast to slow one way."""

    def kind(row: Row) -> str:
        mode = wording.mode(row)
        return "many" if mode.startswith("many") else "" if "batch" in mode else "one"

    ours = [row for row in rows if is_towpath(row)]
    lines = [
        (f"**Towpath, `{name}`**", [row for row in ours if kind(row) == name])
        for name in ("one", "many")
    ]
    others: dict[str, list[Row]] = {}
    for row in rows:
        if not is_towpath(row):
            others.setdefault(row.system, []).append(row)

    def rank(line: Line) -> tuple[bool, float]:
        first = _best(line[1], *COLUMNS[0][1:])
        return is_reference(line[1][0]), first.p50 if first else float("inf")

    named = [
        (f"{name} (no bus)" if is_reference(found[0]) else name, found)
        for name, found in others.items()
    ]
    return lines + sorted(named, key=rank)


def _table(rows: list[Row]) -> str:
    lines = []
    for name, found in _lines(rows):
        cells = [_cell(_best(found, *column[1:]), column[0]) for column in COLUMNS]
        least = (
            3 if found and is_reference(found[0]) else 1
        )  # a reference that is of one column stays away
        if len(cells) - cells.count("-") >= least:
            lines.append([name, *cells])
    used = [i for i in range(len(COLUMNS)) if any(line[i + 1] != "-" for line in lines)]
    return markdown(
        ["", *(COLUMNS[i][0] for i in used)],
        [[line[0], *(line[i + 1] for i in used)] for line in lines],
    )


def block(results: Results) -> str | None:
    """The text between the marks; None when Towpath's one-way latency was not measured."""
    placement = _placement(results.rows)
    if placement is None:
        return None
    rows = [
        row
        for row in results.rows
        if row.placement == placement and is_comparable(row) and row.topology == "1to1"
    ]
    ratios = [
        f"{wording.times(row.ratio)} {words}"
        for mode, words in (
            ("one", "a bare cache-line hand-over with one publisher"),
            ("many", "with many"),
        )
        for row in rows
        if is_towpath(row)
        and row.mode == mode
        and (row.metric, row.payload_bytes) == ("latency", USUAL_BYTES)
    ]
    bare = wording.figure(floors(results.rows)[placement])
    lie = "near each other" if placement == "NEAR" else "far apart"
    sentence = (
        "One way, 48 bytes, two pinned processes, busy polling, cores of "
        f"{results.machine['cpu']} that lie {lie} (a bare cache line takes {bare} ns): "
        f"**{', '.join(ratios)}**. {wins.verdict(wins.standing(results.rows))}"
    )
    link = (
        "[docs/benchmarks.md](docs/benchmarks.md) has them all, with the method, the tails, "
        "plots, and the targets that are missed."
    )
    return f"{sentence}\n\n{_table(rows)}\n\n{link}"


def replaced(text: str, block_text: str) -> str | None:
    """The README with a new block; None when its marks are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{begin}\n{block_text}\n{end}{after}" if end else None
