"""What a row is a figure of, and which rows may be compared.

A measure is one question, such as "one way, 48 B". Its rows are those of Towpath, of peers, and of
bare references, which are no bus. Figures are compared within a measure and a placement only.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from results import Row

TOWPATH = "towpath"
# What any program has without a message bus: they show what is possible, not what else there is.
REFERENCES = {
    "ring of bare lines",
    "one buffer in place",
    "memcpy in and out",
    "boost spsc_queue",
    "futex",
}
KEPT_AT_LEAST = 3  # samples, for a row to be compared
BETTER_BY = 0.03  # a smaller difference is none
LARGE_BYTES = 32 << 10
TOUCHES = ("whole", "head", "untouched")  # what of a large payload is written and read
VARIANTS = (*TOUCHES, "all take", "nobody takes")
USUAL_BYTES = 48  # what most is measured with

# Sections in the order of the report: a name and a heading.
SECTIONS = {
    "latency": "Latency, one way",
    "stream": "Streams",
    "fan": "Fan-out and fan-in",
    "asleep": "Sleeping receivers",
    "large": "Large payloads",
    "publisher": "What the publisher pays",
    "around": "What it costs to have around",
    "other": "Others",
}


@dataclass(frozen=True)
class Measure:
    section: str
    metric: str
    variant: str  # what of the payload is touched, what readers do, who is killed
    payload_class: int
    publishers: int
    subscribers: int

    @property
    def rank(self) -> tuple[int | str, ...]:
        """The place among all measures."""
        metrics, variants = list(METRICS), list(VARIANTS)
        return (
            list(SECTIONS).index(self.section),
            metrics.index(self.metric) if self.metric in METRICS else len(metrics),
            self.metric,
            variants.index(self.variant) if self.variant in VARIANTS else len(variants),
            self.variant,
            self.payload_class,
            self.publishers,
            self.subscribers,
        )


# The section of each metric known here.
METRICS = {
    "latency": "latency",
    "stream": "stream",
    "fan_out": "fan",
    "asleep_vs_futex": "asleep",
    "burst_after_idle": "asleep",
    "publish_cost": "publisher",
    "joined_memory": "around",
    "dev_shm": "around",
    "open_to_first_message": "around",
    "recovery": "around",
}
_AROUND_UNITS = {"KiB", "MiB", "ms", "s", "%"}


def payload_class(payload_bytes: int) -> int:
    """Up to 64 B count as 48 B: a peer's element may be a whole line."""
    if payload_bytes <= 8:
        return payload_bytes
    return USUAL_BYTES if payload_bytes <= 64 else payload_bytes


def _section(row: Row) -> str:
    if row.metric == "latency" and row.payload_bytes >= LARGE_BYTES:
        return "large"
    if row.metric == "stream" and row.topology != "1to1":
        return "fan"
    if row.metric in METRICS:
        return METRICS[row.metric]
    return "around" if row.unit in _AROUND_UNITS else "other"


def _variant(row: Row, section: str) -> str:
    parts = row.mode.split(", ")
    if section == "large":
        return next((touch for touch in TOUCHES if touch in parts), "whole")
    if row.metric == "publish_cost":
        return "nobody takes" if "subscribers idle" in parts else "all take"
    return row.mode if row.metric == "recovery" else ""


def measure_of(row: Row) -> Measure:
    section = _section(row)
    ends = re.fullmatch(r"(\d+)to(\d+)", row.topology)
    publishers, subscribers = (int(ends[1]), int(ends[2])) if ends else (0, 0)
    payload = payload_class(row.payload_bytes)
    if section == "asleep":  # a wake-up takes so long that so few bytes make no difference
        payload = max(payload, USUAL_BYTES)
    if section == "around":  # there they say only how it was measured
        publishers = subscribers = payload = 0
    return Measure(section, row.metric, _variant(row, section), payload, publishers, subscribers)


def is_towpath(row: Row) -> bool:
    return row.system.lower() == TOWPATH


def is_reference(row: Row) -> bool:
    return row.system in REFERENCES


def is_peer(row: Row) -> bool:
    return not is_towpath(row) and not is_reference(row)


def is_comparable(row: Row) -> bool:
    """Whether enough was kept to say anything."""
    return row.samples >= (KEPT_AT_LEAST if row.placement else 1)


def by_rank(rows: Iterable[Row]) -> list[Row]:
    """Towpath first, in the order measured; then peers, then references, from fast to slow."""
    rows = list(rows)
    others = sorted(
        (row for row in rows if not is_towpath(row)),
        key=lambda row: (is_reference(row), row.samples == 0, row.p50),
    )
    return [row for row in rows if is_towpath(row)] + others


def groups(rows: Iterable[Row]) -> dict[tuple[Measure, str], list[Row]]:
    """Rows of each measure and placement, in the order in which they are reported.

    Those are left out where no row at all can be compared.
    """
    found: dict[tuple[Measure, str], list[Row]] = {}
    for row in rows:
        found.setdefault((measure_of(row), row.placement), []).append(row)
    keys = sorted(found, key=lambda key: (key[0].rank, key[1] != "NEAR", key[1]))
    return {key: by_rank(found[key]) for key in keys if any(map(is_comparable, found[key]))}


def without_figures(rows: Iterable[Row]) -> list[Row]:
    """Rows that cannot be compared, of a system and mode that has none that can."""
    rows = list(rows)

    def subject(row: Row) -> tuple[str, str, Measure]:
        return row.system, row.mode, measure_of(row)

    fine = {subject(row) for row in rows if is_comparable(row)}
    return [row for row in rows if subject(row) not in fine]


# Figures of a row that are compared: a name for people, and the attribute.
Figure = tuple[str, str]
_P50: Figure = ("p50", "p50")
_COMPARED: dict[str, tuple[Figure, ...]] = {
    "latency": (_P50, ("p50 / floor", "ratio"), ("p99", "p99"), ("p99.9", "p99_9")),
    "asleep": (_P50, ("p50 / futex", "ratio"), ("p99", "p99")),
    "large": (_P50, ("p99", "p99")),
}


@dataclass(frozen=True)
class Comparison:
    """One figure of somebody else's row against the same figure of all of Towpath's rows."""

    measure: Measure
    placement: str
    other: Row
    figure: Figure
    behind: tuple[Row, ...]  # Towpath's rows that are worse
    ahead: tuple[Row, ...]

    def value(self, row: Row) -> float:
        return getattr(row, self.figure[1])


def _compare(measure: Measure, other: Row, figure: Figure, ours: list[Row]) -> Comparison | None:
    """Nothing when the figure, a ratio, is missing on either side."""
    name = figure[1]
    rows = [row for row in (*ours, other) if name != "ratio" or row.ratio > 0]
    ours = [row for row in rows if is_towpath(row)]
    if not ours or other not in rows:
        return None
    theirs = getattr(other, name)
    behind = tuple(row for row in ours if theirs < getattr(row, name) * (1 - BETTER_BY))
    ahead = tuple(row for row in ours if row not in behind)
    return Comparison(measure, other.placement, other, figure, behind, ahead)


def comparisons(rows: Iterable[Row]) -> Iterator[Comparison]:
    """All that can be compared, peers and references alike. Lower is better everywhere."""
    for (measure, _), members in groups(rows).items():
        usable = [row for row in members if is_comparable(row)]
        ours = [row for row in usable if is_towpath(row)]
        for other in (row for row in usable if not is_towpath(row)):
            for figure in _COMPARED.get(measure.section, (_P50,)):
                if comparison := _compare(measure, other, figure, ours):
                    yield comparison
