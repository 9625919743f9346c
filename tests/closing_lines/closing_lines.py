#!/usr/bin/env python3
"""What a run of tests says last: how much was killed, explored and attacked, how many tests passed,
and of those that failed the names and the ends of what they printed. Few enough lines that the end
of a long log is all that is needed.

usage: closing_lines.py [--lint LOG] [--pytest XML] BUILD_DIRECTORY...

Each directory has CTest's ctest.log and ctest.log.xml. LOG is what a lint that failed printed, XML
what pytest wrote.
"""

import argparse
import pathlib
import re
import sys
import xml.etree.ElementTree

MOST_LINES = 44  # of what failed, over all directories; the counts are a dozen more
MOST_OF_ONE, MOST_COLUMNS = 12, 180

# For each kind of test: a pattern of its lines, and what the numbers in it count, added up.
KINDS = {
    "schedule": (
        re.compile(r"; (\d+) interleavings \((\d+) with a death, (\d+) stale reads\)"),
        ("interleavings", "of them with a death", "stale reads"),
    ),
    "soak": (
        re.compile(r"^  (\d+) kills and (\d+) stops in", re.MULTILINE),
        ("kills of real processes", "stops"),
    ),
    "hostile": (
        re.compile(r"victims' operations (\d+) .*quiet topic (\d+) messages"),
        ("operations of the attacked", "messages of a topic that nobody may touch"),
    ),
}
# What GoogleTest prints of every test, and again at its end.
NOISE = re.compile(
    r"\s*$|\[[-= ]{10}\]|\[ RUN |\[ +(OK|PASSED|SKIPPED) |\[  FAILED  \] \d+ test|Running main\(\)"
    r"|Note: |Stack trace:| ?\d+ FAILED TEST")
# Where what is wrong is said first, if it is said so.
BEGINNING = re.compile(r": Failure$|ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|: runtime error: ")

# The runner's own list: a number, a name, and how it failed. It also lists what was skipped.
FAILED = re.compile(r"^\t *\d+ - (.*) \((?!Skipped|Disabled)([^()]+)\)$", re.MULTILINE)


def proof_counts(output):
    for line in re.findall(r"^crash: .*", output, re.MULTILINE):
        yield f"  {line}"
    for kind, (pattern, names) in KINDS.items():
        rows = [[int(number) for number in found] for found in pattern.findall(output)]
        if rows:
            sums = (f"{sum(column):,} {name}" for column, name in zip(zip(*rows), names))
            yield f"  {kind}: " + ", ".join(sums)


def telling_lines(output, most):
    """At most so many lines, from the first that says what is wrong, else from the end."""
    lines = [line[:MOST_COLUMNS] for line in output.splitlines() if not NOISE.match(line)]
    for number, line in enumerate(lines):
        if BEGINNING.search(line):
            return lines[number:number + most]
    return lines[-most:] if most > 0 else []


class Results:
    """What CTest wrote down of one directory's tests."""

    def __init__(self, directory):
        self.name = directory.name
        self.output, self.failed, self.verdict = "", [], ""
        try:
            log = (directory / "ctest.log").read_text(encoding="utf-8", errors="replace")
            verdicts = re.findall(r".*tests passed.*|No tests.*", log)
            self.verdict = verdicts[-1] if verdicts else "the test runner did not come to its end"
            cases = xml.etree.ElementTree.parse(directory / "ctest.log.xml").iter("testcase")
        except FileNotFoundError as error:
            self.verdict = self.verdict or f"no results: {error}"
            return
        outputs = {case.get("name"): case.findtext("system-out") or "" for case in cases}
        self.output = "\n".join(outputs.values())
        for name, why in FAILED.findall(log):
            plain = name.split("  # GetParam()")[0]
            self.failed.append((f"{plain} ({why})", outputs.get(name, "")))


class PytestResults:
    """What pytest wrote down."""

    def __init__(self, file):
        self.name, self.output, self.failed = "python", "", []
        try:
            cases = list(xml.etree.ElementTree.parse(file).iter("testcase"))
        except (FileNotFoundError, xml.etree.ElementTree.ParseError) as error:
            self.failed = [("pytest (no results)", str(error))]
            cases = []
        skipped = sum(1 for case in cases if case.find("skipped") is not None)
        for case in cases:
            faults = [fault for kind in ("failure", "error") for fault in case.findall(kind)]
            if faults:
                name = f"{case.get('classname')}.{case.get('name')}"
                self.failed.append((name, faults[0].text or faults[0].get("message", "")))
        passed = len(cases) - skipped - len(self.failed)
        self.verdict = f"{passed} passed, {len(self.failed)} failed, {skipped} skipped"


def print_failed(failed, most):
    """Each gets its share of the lines; where there are too many for that, their names do."""
    shown = failed[:most - 1] if len(failed) > most else failed
    share = min(MOST_OF_ONE, most // max(1, len(shown)) - 1)
    for name, output in shown:
        print(f"  FAILED: {name}"[:MOST_COLUMNS])
        for line in telling_lines(output, share):
            print(f"    {line}")
    if len(shown) < len(failed):
        print(f"  and {len(failed) - len(shown)} more")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lint", type=pathlib.Path, help="what a lint that failed printed")
    parser.add_argument("--pytest", type=pathlib.Path, help="what pytest wrote, as JUnit's XML")
    parser.add_argument("directories", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    results = [Results(directory) for directory in arguments.directories]
    if arguments.pytest is not None:
        results.insert(0, PytestResults(arguments.pytest))
    parts = sum(1 for result in results if result.failed) + (arguments.lint is not None)
    most = MOST_LINES // max(1, parts)
    if arguments.lint is not None:
        print("lint: FAILED")
        text = arguments.lint.read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines()[-most:]:
            print(f"  {line[:MOST_COLUMNS]}")
    for result in results:
        print(f"{result.name}:")
        for line in proof_counts(result.output):
            print(line)
        print_failed(result.failed, most)
        print(result.verdict)


if __name__ == "__main__":
    sys.exit(main())
