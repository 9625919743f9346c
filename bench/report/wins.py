"""Where somebody else is better than Towpath: the comparison in words."""

import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import wording
from measures import BETTER_BY, Comparison, comparisons, is_reference
from results import Row

MARGIN = f"more than {BETTER_BY * 100:.0f} %"


@dataclass(frozen=True)
class Standing:
    """All comparisons with peers, and those with peers and references that Towpath loses."""

    compared: int
    lost: list[Comparison]
    references: list[Comparison]  # references that are better


def standing(rows: tuple[Row, ...]) -> Standing:
    compared = 0
    lost: list[Comparison] = []
    references: list[Comparison] = []
    for comparison in comparisons(rows):
        reference = is_reference(comparison.other)
        compared += not reference
        if comparison.behind:
            (references if reference else lost).append(comparison)
    return Standing(compared, lost, references)


def _ours(comparison: Comparison, rows: tuple[Row, ...]) -> str:
    texts = []
    for row in rows:
        mode = wording.mode(row)
        texts.append(wording.value(comparison, row) + (f" ({mode})" if mode else ""))
    return ", ".join(texts)


def against(comparison: Comparison) -> str:
    """Towpath's figures that are worse and, if that is not all, the best of those that are not."""
    text = _ours(comparison, comparison.behind)
    if not comparison.ahead:
        return text
    best = min(comparison.ahead, key=comparison.value)
    return f"{text}; but {_ours(comparison, (best,))}"


def what(comparison: Comparison) -> str:
    return wording.place(wording.title(comparison.measure), comparison.placement)


def cells(comparison: Comparison) -> list[str]:
    """Who, what, which figure, theirs, Towpath's."""
    theirs = wording.value(comparison, comparison.other)
    return [
        wording.label(comparison.other),
        what(comparison),
        comparison.figure[0],
        theirs,
        against(comparison),
    ]


def verdict(found: Standing) -> str:
    """The same wherever the figures are shown."""
    if not found.compared:
        return "No peer was measured, so nothing is compared."
    if not found.lost:
        return (
            f"No peer is better than Towpath by {MARGIN} in any of {found.compared} compared "
            "figures."
        )
    outright = [comparison for comparison in found.lost if not comparison.ahead]
    partly = len(found.lost) - len(outright)
    counts = Counter(wording.system(comparison.other) for comparison in outright)
    names = ", ".join(f"{name} in {count}" for name, count in counts.most_common())
    text = (
        f"A peer is better than Towpath by {MARGIN} in {len(outright)} of {found.compared} "
        f"compared figures{': ' if names else ''}{names}."
    )
    if partly:
        text += (
            f" In {partly} more a peer is better than some way of using Towpath, but not than the "
            "best."
        )
    return text


def terminal_lines(rows: tuple[Row, ...], columns: int) -> Iterator[str]:
    found = standing(rows)
    yield from textwrap.wrap(verdict(found), columns)
    yield from _paragraphs(found.lost, columns)
    if found.references:
        yield "Bare references, which are no bus, are better here:"
        yield from _paragraphs(found.references, columns)


def _paragraphs(lost: list[Comparison], columns: int) -> Iterator[str]:
    """One for each row of somebody else: all its figures that are better."""
    texts: dict[str, list[str]] = {}
    for comparison in lost:
        who, measured, figure, theirs, ours = cells(comparison)
        text = f"{figure} {theirs}, Towpath {ours}"
        texts.setdefault(f"{who}: {measured}", []).append(text)
    for head, figures in texts.items():
        yield f"  {head}"
        for figure in figures:
            yield from textwrap.wrap(
                figure, columns, initial_indent=" " * 4, subsequent_indent=" " * 6
            )
