"""Drawing charts as SVG. The only file that needs matplotlib.

The same results give the same bytes: ids come from a fixed salt, and no date is written.
"""

import math
import pathlib

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from charts import Bars, Curve, Curves

STYLE = {
    "svg.hashsalt": "towpath",
    "svg.fonttype": "path",  # the same letters wherever it is shown
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.7,
    "xtick.minor.visible": False,
}
WIDTH = 9.2  # inches: at 72 points, about what GitHub has room for
LABEL_POINTS = 14.5  # from one name to the next
FLOOR_COLOUR, INK = "#555555", "#333333"


def spread(wanted: list[float], gap: float) -> list[float]:
    """The places nearest to the wanted ones, in their order, `gap` apart, between 0 and 1.

    `wanted` ascends. Neighbours that would collide are moved as one, by their mean.
    """
    blocks: list[tuple[float, int]] = []  # the mean of (place - rank * gap), and how many
    for rank, place in enumerate(wanted):
        mean, count = place - rank * gap, 1
        while blocks and blocks[-1][0] > mean:
            other, many = blocks.pop()
            mean, count = (mean * count + other * many) / (count + many), count + many
        blocks.append((mean, count))
    highest = 1 - (len(wanted) - 1) * gap
    flat = [max(0, min(mean, highest)) for mean, count in blocks for _ in range(count)]
    return [mean + rank * gap for rank, mean in enumerate(flat)]


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def time_text(value: float, unit: str) -> str:
    """Of a number on an axis; times are told in the unit in which they are short."""
    names = ["ns", "us", "ms", "s"]
    if unit not in names:
        return number(value)
    at = names.index(unit)
    while value >= 1000 and at < len(names) - 1:
        value, at = value / 1000, at + 1
    while value < 1 and at > 0:
        value, at = value * 1000, at - 1
    return f"{number(value)} {names[at]}"


def _figure(text_lines: float, left: float, right: float) -> tuple[Figure, Axes]:
    """High enough for so many lines of text, with room for names at both sides, in inches."""
    height = max(3.6, text_lines * LABEL_POINTS / 72 + 1.1)
    figure = Figure(figsize=(WIDTH, height), facecolor="white")
    bottom, top = 0.62 / height, 0.42 / height
    box = (left / WIDTH, bottom, 1 - (left + right) / WIDTH, 1 - bottom - top)
    return figure, figure.add_axes(box)


def _name_curves(axes: Axes, chart: Curves) -> None:
    """Writes each name beside an end of its curve, moved where two would collide."""
    at = 0 if chart.named_at_left else -1
    to_axes = axes.transData + axes.transAxes.inverted()

    def height(curve: Curve) -> float:
        return to_axes.transform(curve.points[at])[1]

    curves = sorted(chart.curves, key=height)
    points = axes.get_window_extent().height / axes.figure.dpi * 72
    places = spread([height(curve) for curve in curves], LABEL_POINTS / points)
    side, margin, align = (-1, -0.025, "right") if at == 0 else (1, 1.025, "left")
    for curve, place in zip(curves, places, strict=True):
        end = to_axes.transform(curve.points[at])
        axes.plot(
            [end[0], margin],
            [end[1], place],
            transform=axes.transAxes,
            clip_on=False,
            color=curve.look.colour,
            linewidth=0.7,
            alpha=0.7,
        )
        axes.text(
            margin + side * 0.005,
            place,
            curve.name,
            transform=axes.transAxes,
            va="center",
            ha=align,
            color=curve.look.colour,
            fontweight="bold" if curve.look.bold else "normal",
        )


def _scale_curves(axes: Axes, chart: Curves) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    places = [place for place, _ in chart.x_ticks]
    pad = (places[-1] / places[0]) ** 0.012
    axes.set_xlim(places[0] / pad, places[-1] * pad)
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([name for _, name in chart.x_ticks])
    low, high = axes.get_ylim()
    if chart.floor:
        low = min(low, chart.floor[1] * 0.6)
    axes.set_ylim(low, high)
    in_words = FuncFormatter(lambda value, _: time_text(value, chart.y_unit))
    axes.yaxis.set_major_formatter(in_words)
    few = high / low < 30  # powers of ten alone would leave the axis without numbers
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,), numticks=20))
    axes.yaxis.set_minor_formatter(NullFormatter())
    if chart.named_at_left:
        axes.yaxis.tick_right()
        axes.spines["right"].set_visible(True)
        axes.spines["left"].set_visible(False)


def _draw_floor(axes: Axes, chart: Curves) -> None:
    if chart.floor is None:
        return
    name, level = chart.floor
    axes.axhline(level, color=FLOOR_COLOUR, linewidth=1.0, linestyle=(0, (6, 3)), zorder=1)
    axes.annotate(
        f"{name}, p50 {time_text(level, chart.y_unit)}",
        (0.99, level),
        xycoords=("axes fraction", "data"),
        xytext=(0, -4),
        textcoords="offset points",
        va="top",
        ha="right",
        color=FLOOR_COLOUR,
        fontsize=10,
    )


def _draw_curves(chart: Curves) -> Figure:
    names, numbers = 1.95, 0.85
    left, right = (names, numbers) if chart.named_at_left else (numbers, names)
    figure, axes = _figure(max(len(chart.curves) + 1.5, 15), left, right)
    for curve in chart.curves:
        xs, ys = zip(*curve.points, strict=True)
        axes.plot(
            xs,
            ys,
            color=curve.look.colour,
            linestyle=curve.look.dash,
            linewidth=curve.look.width,
            marker="o" if len(xs) < 8 else "",
            markersize=4,
            zorder=4 if curve.look.bold else 3,
        )
    _scale_curves(axes, chart)
    _draw_floor(axes, chart)
    axes.set_xlabel(chart.x_name)
    axes.set_title(chart.title)
    _name_curves(axes, chart)
    return figure


def _draw_group(axes: Axes, chart: Bars, at: int, start: float) -> None:
    """The bars of one name, one below the other around its place."""
    name = chart.names[at]
    keys = [key for key in chart.keys if (name, key) in chart.values]
    thick = 0.8 / max(len(chart.keys), 1)
    for turn, key in enumerate(keys):
        value = chart.values[name, key]
        place = at + (turn - (len(keys) - 1) / 2) * thick
        axes.barh(place, value - start, left=start, height=thick * 0.92, color=chart.colours[key])
        axes.annotate(
            f"{value:.3g}",
            (value, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
            color=INK,
        )


def _draw_bars(chart: Bars) -> Figure:
    figure, axes = _figure(len(chart.names) * len(chart.keys) * 1.1, left=1.95, right=0.3)
    axes.set_xscale("log")
    start = 10 ** math.floor(math.log10(min(chart.values.values()) * 0.9))
    for at in range(len(chart.names)):
        _draw_group(axes, chart, at, start)
    axes.set_xlim(start, max(chart.values.values()) * 2)
    axes.set_ylim(len(chart.names) - 0.45, -0.55)
    axes.set_yticks(range(len(chart.names)), chart.names)
    axes.tick_params(axis="y", length=0)
    for label, name in zip(axes.get_yticklabels(), chart.names, strict=True):
        label.set_fontweight("bold" if name in chart.bold else "normal")
    axes.grid(False, axis="y")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    patches = [Patch(color=chart.colours[key], label=key) for key in chart.keys]
    axes.legend(handles=patches, loc="lower right", frameon=False)
    axes.set_title(chart.title, x=-1.8 / (WIDTH - 2.25))
    return figure


def draw(chart: Curves | Bars, path: pathlib.Path) -> None:
    with matplotlib.rc_context(STYLE):
        figure = _draw_curves(chart) if isinstance(chart, Curves) else _draw_bars(chart)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
