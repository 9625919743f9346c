"""Adds up what the tests that kill, explore and attack say of how much they did.

usage: proof_counts.py CTEST_JUNIT_FILE
"""

import re
import sys

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


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        text = file.read().replace("&apos;", "'")
    for line in re.findall(r"^crash: .*", text, re.MULTILINE):
        print(f"  {line}")
    for kind, (pattern, names) in KINDS.items():
        rows = [[int(number) for number in found] for found in pattern.findall(text)]
        if rows:
            sums = (f"{sum(column):,} {name}" for column, name in zip(zip(*rows), names))
            print(f"  {kind}: " + ", ".join(sums))


if __name__ == "__main__":
    main()
