"""How a target is checked: what Towpath's rows of one placement say, alone or against others'.

A check says what it found, or nothing when the rows that it needs are not there.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import wording
from measures import USUAL_BYTES, is_comparable, is_towpath, measure_of
from results import Row


@dataclass(frozen=True)
class Finding:
    measured: str
    reached: bool


@dataclass(frozen=True)
class Where:
    """Which rows; None stands for any."""

    metric: str
    payload: int | None = None
    topology: str | None = None
    variant: str | None = None

    def has(self, row: Row) -> bool:
        measure = measure_of(row)
        return (
            row.metric == self.metric
            and self.payload in (None, measure.payload_class)
            and self.topology in (None, row.topology)
            and self.variant in (None, measure.variant)
        )


SMALL = Where("latency", USUAL_BYTES, "1to1")
STREAM = Where("stream", USUAL_BYTES, "1to1")


class Lookup:
    """The rows of one placement that say enough."""

    def __init__(self, rows: tuple[Row, ...], placement: str) -> None:
        self.placement = placement
        self._rows = [row for row in rows if row.placement == placement and is_comparable(row)]

    def ours(self, where: Where, *modes: str) -> list[Row]:
        """Towpath's rows of these modes; of all when none is named."""
        rows = [row for row in self._rows if is_towpath(row) and where.has(row)]
        return [row for row in rows if not modes or wording.mode(row) in modes]

    def of(self, system: str, where: Where) -> list[Row]:
        return [row for row in self.others(where) if row.system.lower() == system.lower()]

    def others(self, where: Where) -> list[Row]:
        return [row for row in self._rows if not is_towpath(row) and where.has(row)]


Check = Callable[[Lookup], Finding | None]
Limit = float | dict[str, float]  # everywhere, or by placement


def not_measured(_: Lookup) -> None:
    """For what no row of the suite can show."""


def each(
    rows: list[Row], value: Callable[[Row], float], limit: float, show: Callable[[float], str]
) -> Finding | None:
    """Every row must stay within the limit; several are told apart by what differs."""
    if not rows:
        return None
    names = [
        (wording.size(row.payload_bytes), wording.mode(row), measure_of(row).variant)
        for row in rows
    ]
    differs = [len(set(parts)) > 1 for parts in zip(*names, strict=True)]
    texts = []
    for row, parts in zip(rows, names, strict=True):
        apart = ", ".join(itertools.compress(parts, differs))
        texts.append(show(value(row)) + (f" ({apart})" if apart else ""))
    return Finding(", ".join(texts), all(value(row) <= limit for row in rows))


def against(ours: list[Row], others: list[Row], limit: float, faster: bool) -> Finding | None:
    """Towpath's slowest against the fastest of the others.

    What must be at most `limit` is its share of their time; with `faster`, what must be at least
    `limit` is how many times faster it is.
    """
    if not ours or not others:
        return None
    mine, theirs = max(row.p50 for row in ours), min(others, key=lambda row: row.p50)
    factor = theirs.p50 / mine if faster else mine / theirs.p50
    amounts = [wording.amount(value, theirs) for value in (mine, theirs.p50)]
    text = f"{wording.times(factor)}: {amounts[0]} against {amounts[1]} {wording.unit_of(theirs)}"
    text += f" of {wording.label(theirs)}"
    return Finding(text, factor >= limit if faster else factor <= limit)


def _limit_at(limit: Limit, placement: str) -> float | None:
    return limit.get(placement) if isinstance(limit, dict) else limit


def ratio_within(limit: Limit, *modes: str, where: tuple[Where, ...] = (SMALL,)) -> Check:
    """The ratio to the floor, or whatever else the rows refer to."""

    def check(look: Lookup) -> Finding | None:
        at_most = _limit_at(limit, look.placement)
        if at_most is None:
            return None
        rows = [row for place in where for row in look.ours(place, *modes) if row.ratio]
        return each(rows, lambda row: row.ratio, at_most, wording.times)

    return check


def p50_within(limit: Limit, unit: str, where: Where, *modes: str) -> Check:
    def check(look: Lookup) -> Finding | None:
        at_most = _limit_at(limit, look.placement)
        if at_most is None:
            return None

        def show(value: float) -> str:
            return f"{wording.figure(value)} {unit}"

        return each(look.ours(where, *modes), lambda row: row.p50, at_most, show)

    return check


def share_of(system: str, limit: float, where: Where, *modes: str) -> Check:
    """At most this share of the system's time."""

    def check(look: Lookup) -> Finding | None:
        return against(look.ours(where, *modes), look.of(system, where), limit, faster=False)

    return check


def rate_of(
    system: str, times: float, *modes: str, where: Where = STREAM, first_pass: bool = False
) -> Check:
    """At least so many times the system's rate.

    `first_pass` is for one whose first messages go through memory that is new to it.
    """

    def check(look: Lookup) -> Finding | None:
        theirs = [row for row in look.of(system, where) if ("first pass" in row.mode) == first_pass]
        return against(look.ours(where, *modes), theirs, times, faster=True)

    return check


def tail_within(limit: float, *modes: str) -> Check:
    """p99 / p50."""

    def check(look: Lookup) -> Finding | None:
        return each(look.ours(SMALL, *modes), lambda row: row.p99 / row.p50, limit, wording.times)

    return check


def best_of_all(payload: int) -> Check:
    """At least as fast as whoever is fastest, references included."""
    where = Where("latency", payload, variant="whole")

    def check(look: Lookup) -> Finding | None:
        return against(look.ours(where), look.others(where), 1.0, faster=False)

    return check


def untouched_against_small(limit: float) -> Check:
    def check(look: Lookup) -> Finding | None:
        small = look.ours(SMALL, "one")
        large = look.ours(Where("latency", variant="untouched"))
        if not small:
            return None
        return each(large, lambda row: row.p50 / small[0].p50, limit, wording.times)

    return check


def untouched_is_flat(limit: float) -> Check:
    def check(look: Lookup) -> Finding | None:
        p50s = [row.p50 for row in look.ours(Where("latency", variant="untouched"))]
        if len(p50s) < 2:
            return None
        spread = max(p50s) / min(p50s)
        return Finding(f"{wording.times(spread)} from fastest to slowest", spread <= limit)

    return check


def cost_of_subscribers(limit: float) -> Check:
    """What 64 of them cost the publisher, against one."""

    def check(look: Lookup) -> Finding | None:
        one, all_64 = (
            look.ours(Where("publish_cost", topology=topology, variant="nobody takes"))
            for topology in ("1to1", "1to64")
        )
        return against(all_64, one, limit, faster=False)

    return check
