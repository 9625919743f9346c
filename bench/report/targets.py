"""What Towpath must reach, and whether it does in these results.

A check looks at the rows of one placement and says what it found there, or nothing when the rows
that it needs are not there.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import wording
from measures import is_comparable, is_towpath, measure_of
from results import Row


@dataclass(frozen=True)
class Finding:
    measured: str
    reached: bool


class Lookup:
    """The rows of one placement, by what they measure; None stands for any."""

    def __init__(self, rows: tuple[Row, ...], placement: str) -> None:
        self.placement = placement
        self._rows = [row for row in rows if row.placement == placement and is_comparable(row)]

    def rows(
        self,
        metric: str,
        payload: int | None = None,
        topology: str | None = None,
        variant: str | None = None,
    ) -> list[Row]:
        def fits(row: Row) -> bool:
            measure = measure_of(row)
            return (
                row.metric == metric
                and payload in (None, measure.payload_class)
                and topology in (None, row.topology)
                and variant in (None, measure.variant)
            )

        return [row for row in self._rows if fits(row)]

    def ours(self, *modes: str, **which: str | int) -> list[Row]:
        """Towpath's rows of these modes; of all when none is named."""
        rows = [row for row in self.rows(**which) if is_towpath(row)]
        return [row for row in rows if not modes or wording.mode(row) in modes]

    def of(self, system: str, **which: str | int) -> list[Row]:
        return [row for row in self.rows(**which) if row.system.lower() == system.lower()]


Check = Callable[[Lookup], Finding | None]


@dataclass(frozen=True)
class Target:
    measure: str
    wanted: str
    check: Check


def not_measured(_: Lookup) -> None:
    """A target that no row of the suite can show."""


def _each(
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


def _ratio_within(
    limits: float | dict[str, float],
    *modes: str,
    payloads: tuple[int, ...] = (48,),
    metric: str = "latency",
    topology: str = "1to1",
) -> Check:
    def check(look: Lookup) -> Finding | None:
        limit = limits.get(look.placement) if isinstance(limits, dict) else limits
        if limit is None:
            return None
        rows = [
            row
            for payload in payloads
            for row in look.ours(*modes, metric=metric, payload=payload, topology=topology)
        ]
        return _each(
            [row for row in rows if row.ratio], lambda row: row.ratio, limit, wording.times
        )

    return check


def _p50_within(
    limits: float | dict[str, float], unit: str, *modes: str, **which: str | int
) -> Check:
    def check(look: Lookup) -> Finding | None:
        limit = limits.get(look.placement) if isinstance(limits, dict) else limits
        if limit is None:
            return None
        return _each(
            look.ours(*modes, **which),
            lambda row: row.p50,
            limit,
            lambda value: f"{wording.figure(value)} {unit}",
        )

    return check


def _against(ours: list[Row], others: list[Row], limit: float, faster: bool) -> Finding | None:
    """Towpath's slowest against the fastest of the others: its share of their time, or, with
    `faster`, how many times faster it is."""
    if not ours or not others:
        return None
    mine, theirs = max(row.p50 for row in ours), min(others, key=lambda row: row.p50)
    factor = theirs.p50 / mine if faster else mine / theirs.p50
    section = measure_of(theirs).section
    figures = [
        wording.figure(wording.in_unit(value, theirs.unit, section)) for value in (mine, theirs.p50)
    ]
    unit = wording.unit_of(theirs, section)
    text = f"{wording.times(factor)}: {figures[0]} against {figures[1]} {unit}"
    text += f" of {wording.label(theirs)}"
    return Finding(text, factor >= limit if faster else factor <= limit)


def _small(look: Lookup, *modes: str) -> list[Row]:
    return look.ours(*modes, metric="latency", payload=48, topology="1to1")


def _latency_against(system: str, limit: float, payload: int = 48) -> Check:
    def check(look: Lookup) -> Finding | None:
        which = {"metric": "latency", "payload": payload, "topology": "1to1"}
        return _against(look.ours("one", **which), look.of(system, **which), limit, False)

    return check


def _stream_against(system: str, times_faster: float, topology: str, *modes: str) -> Check:
    def check(look: Lookup) -> Finding | None:
        which = {"metric": "stream", "payload": 48, "topology": topology}
        return _against(look.ours(*modes, **which), look.of(system, **which), times_faster, True)

    return check


def _tail(look: Lookup) -> Finding | None:
    return _each(_small(look, "one", "many"), lambda row: row.p99 / row.p50, 1.5, wording.times)


def _untouched_against_small(look: Lookup) -> Finding | None:
    small = _small(look, "one")
    large = look.ours(metric="latency", variant="untouched")
    if not small or not large:
        return None
    return _each(large, lambda row: row.p50 / small[0].p50, 1.2, wording.times)


def _untouched_is_flat(look: Lookup) -> Finding | None:
    p50s = [row.p50 for row in look.ours(metric="latency", variant="untouched")]
    if len(p50s) < 2:
        return None
    spread = max(p50s) / min(p50s)
    return Finding(f"{wording.times(spread)} between the fastest and the slowest", spread <= 1.2)


def _best_of_all(payload: int) -> Check:
    def check(look: Lookup) -> Finding | None:
        which = {"metric": "latency", "payload": payload, "variant": "read whole"}
        others = [row for row in look.rows(**which) if not is_towpath(row)]
        return _against(look.ours(**which), others, 1.0, False)

    return check


def _cost_of_cursors(look: Lookup) -> Finding | None:
    which = {"metric": "publish_cost", "variant": "nobody takes"}
    one, all_64 = look.ours(topology="1to1", **which), look.ours(topology="1to64", **which)
    return _against(all_64, one, 1.1, False)


TARGETS = (
    Target(
        "8 to 48 B one way, `one`",
        "<= 1.10x the floor",
        _ratio_within(1.10, "one", payloads=(8, 48)),
    ),
    Target("48 B one way, `one`", "<= 0.85x Aeron", _latency_against("Aeron", 0.85)),
    Target("48 B one way, `one`", "<= 0.4x iceoryx2", _latency_against("iceoryx2", 0.4)),
    Target(
        "48 B one way, `many`, one active",
        "<= 1.25x the floor NEAR, 1.15x FAR",
        _ratio_within({"NEAR": 1.25, "FAR": 1.15}, "many"),
    ),
    Target(
        "48 B one way, `many`, publishers take turns",
        "<= 1.6x the floor",
        _ratio_within(1.6, topology="2to1"),
    ),
    Target("p99 / p50, spinning, 48 B", "<= 1.5x", _tail),
    Target("112 B one way, inline", "<= 1.2x the floor", _ratio_within(1.2, payloads=(112,))),
    Target(
        "1 KiB one way",
        "<= 1.25x an SPSC ring that copies",
        _latency_against("boost spsc_queue", 1.25, 1024),
    ),
    Target("1 KiB one way", "< Aeron", _latency_against("Aeron", 1.0, 1024)),
    Target("descriptor of a large message, untouched", "<= 1.2x 48 B", _untouched_against_small),
    Target(
        "descriptor of a large message, untouched",
        "flat from 64 KiB to 8 MiB: <= 1.2x",
        _untouched_is_flat,
    ),
    Target("64 KiB written and read whole", "<= the best of all others", _best_of_all(64 << 10)),
    Target("1 MiB written and read whole", "<= the best of all others", _best_of_all(1 << 20)),
    Target("8 MiB written and read whole", "<= the best of all others", _best_of_all(8 << 20)),
    Target(
        "48 B stream, `many`, live reader",
        "<= 16 ns NEAR, 35 ns FAR",
        _p50_within(
            {"NEAR": 16, "FAR": 35},
            "ns",
            "many",
            "many take()",
            metric="stream",
            payload=48,
            topology="1to1",
        ),
    ),
    Target(
        "48 B stream, two publishers",
        "<= 40 ns",
        _p50_within(40, "ns", metric="stream", payload=48, topology="2to1"),
    ),
    Target(
        "48 B stream, two publishers in one order",
        ">= 1x Aeron's rate",
        _stream_against("Aeron", 1.0, "2to1"),
    ),
    Target(
        "48 B stream, `one`",
        ">= 0.9x the rate of an SPSC ring as deep",
        _stream_against("boost spsc_queue", 0.9, "1to1", "one", "one take()"),
    ),
    Target(
        "48 B stream, `one`",
        ">= 10x iceoryx2's rate",
        _stream_against("iceoryx2", 10, "1to1", "one", "one take()"),
    ),
    Target(
        "48 B stream, `one`",
        ">= 1x Aeron's rate",
        _stream_against("Aeron", 1.0, "1to1", "one", "one take()"),
    ),
    Target(
        "48 B in batches of 64, `one`",
        "<= 4 ns NEAR, 17 ns FAR",
        _p50_within(
            {"NEAR": 4, "FAR": 17},
            "ns",
            "one batch 64",
            metric="stream",
            payload=48,
            topology="1to1",
        ),
    ),
    Target("cost of 64 subscribers to the publisher", "<= 1.1x that of one", _cost_of_cursors),
    Target("cost of notification when nobody sleeps", "<= 1 ns", not_measured),
    Target(
        "sleeping receiver", "<= 1.1x a bare futex", _ratio_within(1.1, metric="asleep_vs_futex")
    ),
    Target("group, 2 consumers, runs of 8, leased and acked", "<= 40 ns a message", not_measured),
    Target(
        "open bus, topic, first message",
        "<= 2 ms",
        _p50_within(2, "ms", metric="open_to_first_message"),
    ),
    Target(
        "private memory of a process that joined",
        "<= 1024 KiB",
        _p50_within(1024, "KiB", metric="joined_memory"),
    ),
    Target("idle bus, 100 sleeping subscribers", "0.0 % CPU", not_measured),
    Target(
        "survivor blocked by a killed peer, no supervisor",
        "<= 60 ms",
        _p50_within(60, "ms", metric="recovery"),
    ),
    Target("survivor blocked by a killed peer, with a supervisor", "<= 2 ms", not_measured),
)


def verdicts(rows: tuple[Row, ...]) -> list[tuple[Target, str, Finding | None]]:
    """Each target with what was found, once a placement; without one when it was not measured."""
    looks = [Lookup(rows, placement) for placement in ("NEAR", "FAR", "")]
    lines = []
    for target in TARGETS:
        found = [
            (target, look.placement, finding) for look in looks if (finding := target.check(look))
        ]
        lines += found or [(target, "", None)]
    return lines
