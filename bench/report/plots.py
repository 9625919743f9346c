"""The plots of docs/benchmarks.md: which rows each shows. Without matplotlib there are none."""

import pathlib
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import wording
from charts import TOWPATH_COLOURS, Bars, Curve, Curves, Looks
from measures import USUAL_BYTES, Measure, is_comparable, is_towpath, measure_of
from results import Results, Row

Pick = Callable[[Measure, Row], bool]


@dataclass(frozen=True)
class Plot:
    section: str
    name: str  # of the file
    text: str  # for who cannot see it


class Rows:
    """The rows of one placement that say enough to be drawn."""

    def __init__(self, results: Results, placement: str) -> None:
        self.placement = placement
        self.curve_at = results.curve_at
        self.looks = Looks(results.rows)
        self._rows = [
            row for row in results.rows if row.placement == placement and is_comparable(row)
        ]

    def best(self, pick: Pick) -> list[Row]:
        """Of each system, and of each kind of Towpath's topics, the fastest at each point."""
        found: dict[tuple[str, Measure], Row] = {}
        for row in self._rows:
            measure = measure_of(row)
            if not pick(measure, row):
                continue
            key = name_of(row), measure
            if key not in found or row.p50 < found[key].p50:
                found[key] = row
        return list(found.values())

    def curves(self, rows: list[Row], point: Callable[[Row], tuple[float, float]]) -> list[Curve]:
        """One curve a system, through a point of each of its rows."""
        points: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            points.setdefault(name_of(row), []).append(point(row))
        looks = {name_of(row): self.looks.of(row) for row in rows}
        return [Curve(name, sorted(points[name]), looks[name]) for name in points]


def name_of(row: Row) -> str:
    if not is_towpath(row):
        return row.system
    if row.mode.endswith(" deep"):
        return "Towpath, deep"
    kind = row.mode.split(" ")[0]
    return f"Towpath, {kind}" if kind in TOWPATH_COLOURS else "Towpath"


def _latency(rows: Rows) -> Curves:
    """Distributions. The axis ends where the curves do: p100 would be infinitely far."""
    small = rows.best(
        lambda measure, row: measure.section == "latency"
        and (measure.publishers, measure.payload_class) == (1, USUAL_BYTES)
        and len(row.curve) == len(rows.curve_at)
        and "take()" not in row.mode
    )
    xs = [1 / (1 - fraction) for fraction in rows.curve_at]
    curves = [
        Curve(name_of(row), list(zip(xs, row.curve, strict=True)), rows.looks.of(row))
        for row in small
    ]
    floors = [row.floor for row in small if row.floor]
    ticks = [(1, "p0"), (2, "p50"), (10, "p90"), (100, "p99"), (1e3, "p99.9"), (1e4, "p99.99")]
    floor = ("bare cache line", statistics.median(floors)) if floors else None
    title = f"48 B one way, cores {rows.placement}"
    return Curves(title, "percentile of messages", "ns", curves, ticks, floor, named_at_left=True)


def _streams(rows: Rows) -> Bars:
    best = rows.best(lambda measure, row: measure.section == "stream" and "batch" not in row.mode)
    best.sort(key=lambda row: row.p50)
    sizes = sorted({measure_of(row).payload_class for row in best})
    keys = [wording.size(count) for count in sizes]
    first = [name_of(row) for row in best if measure_of(row).payload_class == USUAL_BYTES]
    names = list(dict.fromkeys(first + [name_of(row) for row in best]))
    values = {
        (name_of(row), wording.size(measure_of(row).payload_class)): 1000 / row.p50 for row in best
    }
    colours = dict(zip(keys, ("#0072B2", "#E69F00", "#009E73", "#CC79A7"), strict=False))
    title = f"Streams, one to one, cores {rows.placement}: million messages a second"
    ours = {name_of(row) for row in best if is_towpath(row)}
    return Bars(title, keys, names, values, colours, ours)


def _fan_out(rows: Rows) -> Curves:
    best = rows.best(lambda measure, _: measure.metric == "fan_out")
    counts = sorted({measure_of(row).subscribers for row in best})

    def point(row: Row) -> tuple[float, float]:
        subscribers = measure_of(row).subscribers
        return subscribers, 1000 * subscribers / row.p50

    return Curves(
        f"Fan-out of 48 B, cores {rows.placement}: million deliveries a second",
        "subscribers",
        "",
        rows.curves(best, point),
        [(count, str(count)) for count in counts],
    )


def _large(rows: Rows, variant: str, title: str) -> Curves:
    best = rows.best(lambda measure, _: (measure.section, measure.variant) == ("large", variant))
    sizes = sorted({row.payload_bytes for row in best})
    return Curves(
        f"{title}, p50, cores {rows.placement}",
        "payload",
        "us",
        rows.curves(best, lambda row: (row.payload_bytes, row.p50 / 1000)),
        [(count, wording.size(count)) for count in sizes],
    )


def _charts(rows: Rows) -> Iterator[tuple[str, str, Curves | Bars]]:
    """Section, name, chart."""
    yield "latency", "latency", _latency(rows)
    yield "stream", "stream", _streams(rows)
    yield "fan", "fan_out", _fan_out(rows)
    yield "large", "large_whole", _large(rows, "whole", "Payload written and read whole")
    yield "large", "large_head", _large(rows, "head", "Only the head of a payload written and read")


def _is_empty(chart: Curves | Bars) -> bool:
    names = [curve.name for curve in chart.curves] if isinstance(chart, Curves) else chart.names
    return not any(name.startswith("Towpath") for name in names)


def draw(results: Results, folder: pathlib.Path) -> list[Plot]:
    """Draws what has rows, and removes what an earlier run has drawn."""
    try:
        import canvas
    except ImportError:
        print("plots: skipped, no matplotlib for this Python (Debian: python3-matplotlib)")
        return []
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    drawn = []
    for placement in ("NEAR", "FAR"):
        for section, name, chart in _charts(Rows(results, placement)):
            if _is_empty(chart):
                continue
            plot = Plot(section, f"{name}_{placement.lower()}.svg", chart.title)
            canvas.draw(chart, folder / plot.name)
            drawn.append(plot)
    return drawn
