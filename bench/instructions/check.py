#!/usr/bin/env python3
"""Counts the instructions of the hottest paths and compares them with expected.json.

Counts do not depend on what else the machine does, so a slower path shows without a clock. They
depend on the compiler: with another one than expected.json names they are shown, not compared.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

EXPECTED = pathlib.Path(__file__).with_name("expected.json")
# Generous: a few instructions more may be the price of something, and no clock sees them.
MAY_GROW = 0.10
COLLECTED = re.compile(r"Collected\s*:\s*(\d+)")


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"check.py: {' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done


def count(program, path, operations):
    """Instructions of one operation."""
    done = run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                "--toggle-collect=*measured<*", program, path])
    found = COLLECTED.search(done.stderr)
    if not found or int(found[1]) == 0:
        sys.exit(f"check.py: callgrind saw no instructions of {path!r}:\n{done.stderr[-2000:]}")
    return int(found[1]) / operations


def count_all(program):
    operations, *paths = run([program]).stdout.splitlines()
    return {path: round(count(program, path, int(operations)), 1) for path in paths}


def compare(counted, expected):
    """Prints a line for each path; returns those that grew too much or are not expected."""
    worse = []
    print(f"{'instructions of one operation':<32}{'expected':>10}{'counted':>10}")
    for path, now in counted.items():
        before = expected.get(path)
        verdict = "not in expected.json" if before is None else f"{now / before - 1:+.1%}"
        if before is None or now > before * (1 + MAY_GROW):
            worse.append(path)
            verdict += "  REGRESSION" if before is not None else ""
        print(f"{path:<32}{before if before is not None else '-':>10}{now:>10}  {verdict}")
    return worse


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="hot_paths, built as it is to be judged")
    parser.add_argument("--compiler", required=True, help="its name and version")
    parser.add_argument("--update", action="store_true", help="write expected.json anew")
    arguments = parser.parse_args()
    counted = count_all(arguments.program)
    if arguments.update:
        expected = {"compiler": arguments.compiler, "instructions": counted}
        EXPECTED.write_text(json.dumps(expected, indent=2) + "\n", encoding="utf-8")
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))
    worse = compare(counted, expected["instructions"])
    if expected["compiler"] != arguments.compiler:
        print(f"not compared: expected.json was counted with {expected['compiler']}, "
              f"this is {arguments.compiler}")
        return 0
    if worse:
        print(f"slower than expected: {'; '.join(worse)}. If that is the price of something, "
              "accept it: ./dev bench --check --update")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
