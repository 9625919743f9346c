"""How measures, rows and figures are put into words: the same on the terminal and in the page."""

import re
from collections.abc import Iterable, Iterator

from measures import TOUCHES, Comparison, Measure, is_towpath, measure_of, without_figures
from results import Results, Row

_AROUND = {
    "open_to_first_message": "first message from nothing",
    "joined_memory": "private memory, joined process",
    "daemon_memory": "memory of its daemon",
    "dev_shm": "files in /dev/shm",
}
_TOUCHED = {
    "whole": "written and read whole",
    "head": "only its head touched",
    "untouched": "untouched",
}


def size(count: int) -> str:
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit and count % unit == 0:
            return f"{count // unit} {name}"
    return f"{count} B"


def figure(value: float) -> str:
    """Three digits, as many as anybody can use."""
    if value < 0.0995:
        return f"{value:.2g}"
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def times(value: float) -> str:
    if value == 0:
        return "-"
    return f"{value:.2f}x" if value < 9.995 else f"{value:,.0f}x"


def unit_of(row: Row) -> str:
    """Nanoseconds of payloads that are touched whole are told in microseconds."""
    unit = row.unit.removesuffix("/message")  # the title says that it is for each message
    return "us" if unit == "ns" and measure_of(row).variant == "whole" else unit


def amount(value: float, row: Row) -> str:
    """A figure of the row, in the unit above."""
    return figure(value / 1000 if unit_of(row) == "us" and row.unit == "ns" else value)


def title(measure: Measure) -> str:
    payload = size(measure.payload_class)
    match measure.section:
        case "latency":
            ends = "" if measure.publishers == 1 else f", {measure.publishers} publishers"
            return f"{payload} one way{ends}"
        case "large":
            return f"{payload} one way, {_TOUCHED[measure.variant]}"
        case "stream":
            return f"stream of {payload}"
        case "fan" if measure.metric == "fan_out":
            return f"{payload} to {_many(measure.subscribers, 'subscriber')}"
        case "fan":
            return f"{payload} from {_many(measure.publishers, 'publisher')}"
        case "asleep" if measure.metric == "burst_after_idle":
            return f"64 messages of {payload} at once after idleness"
        case "asleep":
            return f"{payload} to a sleeping receiver"
        case "publisher":
            readers = _many(measure.subscribers, "subscriber")
            return f"publishing {payload}, {readers}, {measure.variant}"
        case "around" if measure.metric == "recovery":
            return f"survivor's wait, {measure.variant}"
    name = _AROUND.get(measure.metric, measure.metric.replace("_", " "))
    return name if measure.section == "around" else f"{name}, {payload}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def system(row: Row) -> str:
    return "Towpath" if is_towpath(row) else row.system


def mode(row: Row) -> str:
    """What is left of the mode when the measure's title has said its part."""
    if row.metric == "recovery":
        return ""
    parts = re.split(r", ", row.mode)
    said = {*TOUCHES, "subscribers idle"}
    return ", ".join(part for part in parts if part not in said)


def label(row: Row) -> str:
    return f"{system(row)}, {mode(row)}" if mode(row) else system(row)


def other_payloads(rows: Iterable[Row]) -> str:
    """Names those whose payload is not the one in the title."""
    found = {
        f"{system(row)} {size(row.payload_bytes)}": None
        for row in rows
        if row.payload_bytes != measure_of(row).payload_class
    }
    return ", ".join(found)


def value(comparison: Comparison, row: Row) -> str:
    """The compared figure of a row with its unit."""
    number = comparison.value(row)
    if comparison.figure[1] == "ratio":
        return times(number)
    return f"{amount(number, row)} {unit_of(row)}"


def place(title_text: str, placement: str) -> str:
    return f"{title_text}, {placement}" if placement else title_text


def missing(results: Results) -> Iterator[str]:
    """A line for each peer that was skipped, and for each row of which too little was kept."""
    yield from results.skipped
    for row in without_figures(results.rows):
        subject = f"{label(row)}, {title(measure_of(row))}"
        yield f"{subject}: only {row.samples} samples kept, {row.discarded} discarded"
