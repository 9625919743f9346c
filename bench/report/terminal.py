"""The final table on the terminal: 100 columns, grouped by what is measured."""

from collections.abc import Iterator

import wins
import wording
from measures import SECTIONS
from results import Results
from tables import Table, tables_of

_COLUMNS = 100
_NAME_COLUMNS = 30  # at least, so that tables of a section look alike


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield table.title
    grid = [table.headers, *table.lines]
    widths = [max(len(line[column]) for line in grid) for column in range(len(table.headers))]
    widths[0] = max(widths[0], _NAME_COLUMNS)
    for line in grid:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(max(width, 7)) for cell, width in zip(line[1:], widths[1:])]
        yield ("  " + "  ".join(cells)).rstrip()
    if table.note:
        yield f"  {table.note}"
    yield ""


def lines(results: Results) -> Iterator[str]:
    machine = results.machine
    yield (
        f"{machine.get('cpu')}, Linux {machine.get('kernel')}, {machine.get('compiler')}, "
        f"commit {machine.get('commit')}"
    )
    yield ""
    for section, heading in SECTIONS.items():
        tables = tables_of(section, results.rows)
        if not tables:
            continue
        yield heading
        yield "-" * len(heading)
        for table in tables:
            yield from _table(table)
    yield "Comparison"
    yield "----------"
    yield from wins.terminal_lines(results.rows, _COLUMNS)
    if missing := list(wording.missing(results)):
        yield ""
        yield "Not measured"
        yield "------------"
        yield from missing
