"""What a plot shows, before it is drawn: named curves or bars, and how each system looks."""

from collections.abc import Iterable
from dataclasses import dataclass

from measures import is_peer, is_reference, is_towpath
from results import Row

TOWPATH_COLOURS = {"one": "#0072B2", "many": "#3FA0DB"}
REFERENCE_COLOUR = "#8A8A8A"
# After Okabe and Ito: the colour-blind can tell them apart. Dashes mark a second and third round.
PEER_COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#B8860B", "#6A3D9A", "#222222")
DOTTED = {"ring of bare lines", "memcpy in and out"}  # two references share each plot
DASHES = ("solid", "dashed", "dotted")


@dataclass(frozen=True)
class Look:
    colour: str
    dash: str = "solid"
    width: float = 1.5
    bold: bool = False


@dataclass(frozen=True)
class Curve:
    name: str
    points: list[tuple[float, float]]
    look: Look


@dataclass(frozen=True)
class Curves:
    """Curves on two logarithmic axes; each is named at one end."""

    title: str
    x_name: str
    y_unit: str  # ns, us, or empty for plain numbers
    curves: list[Curve]
    x_ticks: list[tuple[float, str]]
    floor: tuple[str, float] | None = None  # a level line and what it is
    named_at_left: bool = False


@dataclass(frozen=True)
class Bars:
    """A group of bars for each name, one for each key, on a logarithmic axis."""

    title: str
    keys: list[str]
    names: list[str]  # from top to bottom
    values: dict[tuple[str, str], float]  # by name and key
    colours: dict[str, str]  # by key
    bold: set[str]


class Looks:
    """One look a system, the same in all plots of a report."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._peers = sorted({row.system for row in rows if is_peer(row)})

    def of(self, row: Row) -> Look:
        if is_towpath(row):
            kind = "many" if row.mode.startswith("many") else "one"
            return Look(TOWPATH_COLOURS[kind], width=3.0, bold=True)
        if is_reference(row):
            return Look(REFERENCE_COLOUR, "dotted" if row.system in DOTTED else "dashed")
        turn, at = divmod(self._peers.index(row.system), len(PEER_COLOURS))
        return Look(PEER_COLOURS[at], DASHES[turn % len(DASHES)])
