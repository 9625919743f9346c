"""docs/benchmarks.md from results: fills benchmarks.template.md, where the prose is."""

import pathlib
import re
import statistics
from collections import Counter
from collections.abc import Iterator

import targets
import wins
import wording
from measures import KEPT_AT_LEAST, SECTIONS, is_comparable, is_towpath, measure_of
from plots import Plot
from results import Results, Row
from tables import Table, tables_of

TEMPLATE = pathlib.Path(__file__).with_name("benchmarks.template.md")
ABSENT = "Not measured in this run."


def markdown(headers: list[str], lines: list[list[str]]) -> str:
    grid = [headers, ["---"] + ["--:"] * (len(headers) - 1), *lines]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in grid)


def _texts(headers: list[str], lines: list[list[str]]) -> str:
    """A table whose columns are all text."""
    return markdown(headers, lines).replace("--:", "---")


def _table(table: Table) -> str:
    parts = [f"**{table.title}**"] if table.title else []
    parts.append(markdown(table.headers, table.lines))
    if table.note:
        parts.append(table.note)
    return "\n\n".join(parts)


def floors(rows: tuple[Row, ...]) -> dict[str, float]:
    """What a bare cache line took, of the rows that measure it against it, by placement."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if measure_of(row).section == "latency" and row.floor and is_comparable(row):
            found.setdefault(row.placement, []).append(row.floor)
    return {place: statistics.median(found[place]) for place in sorted(found, reverse=True)}


def machine_text(results: Results) -> str:
    """One clause: processor, kernel, compiler, commit, and how far apart the cores are."""
    machine = results.machine
    bare = " and ".join(
        f"{wording.figure(floor)} ns {place}" for place, floor in floors(results.rows).items()
    )
    text = (
        f"{machine.get('cpu')}, Linux {machine.get('kernel')}, {machine.get('compiler')}, "
        f"commit `{machine.get('commit')}`"
    )
    return f"{text}; a bare cache line takes {bare} from core to core" if bare else text


_HEADERS = ["who", "measure", "figure", "theirs", "Towpath's"]


def _lost(found: wins.Standing) -> str:
    if not found.lost:
        return ""
    lines = [wins.cells(comparison) for comparison in found.lost]
    return f"Where a peer is better:\n\n{_texts(_HEADERS, lines)}"


def _references(found: wins.Standing) -> str:
    if not found.references:
        return f"None of them is better by {wins.MARGIN}."
    lines = [wins.cells(comparison) for comparison in found.references]
    return f"They are better here:\n\n{_texts(_HEADERS, lines)}"


def _targets(rows: tuple[Row, ...]) -> str:
    lines, counts = [], Counter[str]()
    for target, placement, finding in targets.verdicts(rows):
        measured, result = "not measured here", ""
        if finding:
            measured, result = finding.measured, "reached" if finding.reached else "missed"
            counts[result] += 1
        bold = f"**{result}**" if result == "missed" else result
        lines.append([target.measure, target.wanted, placement, measured, bold])
    table = _texts(["measure", "target", "", "measured", ""], lines)
    return f"{counts['reached']} are reached, {counts['missed']} missed.\n\n{table}"


def _settings(rows: tuple[Row, ...]) -> str:
    """One item for each way in which a peer was set up."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        if row.settings and not is_towpath(row):
            found.setdefault((row.system, row.settings), {})[wording.title(measure_of(row))] = None
    several = [system for system, _ in found]
    lines = []
    for (system, settings), titles in found.items():
        where = f" ({', '.join(titles)})" if several.count(system) > 1 else ""
        lines.append(f"- **{system}**{where}: {settings}")
    return "\n".join(lines) or "All as they come."


def _skipped(results: Results) -> str:
    return "\n".join(f"- {line}" for line in wording.missing(results)) or "Nothing."


def _parts(results: Results, results_file: str, plots: list[Plot]) -> Iterator[tuple[str, str]]:
    found = wins.standing(results.rows)
    yield "results_file", results_file
    yield "summary", f"Measured on {machine_text(results)}. **{wins.verdict(found)}**"
    yield "lost", _lost(found)
    yield "references", _references(found)
    yield "kept_at_least", str(KEPT_AT_LEAST)
    yield "margin", wins.MARGIN
    for section in SECTIONS:
        drawn = [f"![{plot.text}](plots/{plot.name})" for plot in plots if plot.section == section]
        yield f"plots:{section}", "\n\n".join(drawn)
        tables = [_table(table) for table in tables_of(section, results.rows)]
        yield f"tables:{section}", "\n\n".join(tables) or ABSENT
    yield "targets", _targets(results.rows)
    yield "settings", _settings(results.rows)
    yield "skipped", _skipped(results)


def page(results: Results, results_file: str, plots: list[Plot]) -> str:
    text = TEMPLATE.read_text(encoding="utf-8")
    parts = dict(_parts(results, results_file, plots))
    text = re.sub(r"\{\{([\w:]+)\}\}", lambda match: parts[match[1]], text)
    return re.sub(r"\n{3,}", "\n\n", text)
