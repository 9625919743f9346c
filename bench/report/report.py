#!/usr/bin/env python3
"""Reports what the benchmark executables measured.

Writes one file of results, docs/benchmarks.md with its plots and the README's paragraph, and prints
a table.
"""

import argparse
import pathlib
import sys

sys.dont_write_bytecode = True  # reporting leaves the source tree as it was

import page  # noqa: E402
import plots  # noqa: E402
import readme  # noqa: E402
import results as stored  # noqa: E402
import terminal  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", nargs="*", type=pathlib.Path, metavar="RESULTS.json")
    parser.add_argument("--commit", help="of what was measured, if not as in the results")
    parser.add_argument("--compiler", help="that built it, if not as in the results")
    parser.add_argument(
        "--skipped", type=pathlib.Path, metavar="FILE", help="lines: who was not measured, and why"
    )
    parser.add_argument(
        "--from", dest="kept", type=pathlib.Path, metavar="FILE", help="report a kept result again"
    )
    parser.add_argument(
        "--root", type=pathlib.Path, default=ROOT, help="the tree to write into (default: this one)"
    )
    arguments = parser.parse_args()
    if bool(arguments.results) == bool(arguments.kept):
        parser.error("either RESULTS.json... or --from FILE")
    return arguments


def _merged(arguments: argparse.Namespace) -> stored.Results:
    skipped = arguments.skipped.read_text(encoding="utf-8") if arguments.skipped else ""
    lines = [line.strip() for line in skipped.splitlines() if line.strip()]
    given = {"commit": arguments.commit, "compiler": arguments.compiler}
    named = {field: value for field, value in given.items() if value}
    return stored.merge(arguments.results, lines, named)


def _write_readme(root: pathlib.Path, results: stored.Results) -> str:
    """Says what was done."""
    path, block = root / "README.md", readme.block(results)
    if block is None:
        return f"{path.name}: left alone, one way of 48 B was not measured"
    text = readme.replaced(path.read_text(encoding="utf-8"), block) if path.exists() else None
    if text is None:
        return f"{path.name}: left alone, it has no {readme.BEGIN} ... {readme.END}"
    path.write_text(text, encoding="utf-8")
    return f"{path.name}: its figures are new"


def _write(root: pathlib.Path, results: stored.Results, kept: pathlib.Path) -> None:
    docs = root / "docs"
    docs.mkdir(parents=True, exist_ok=True)
    drawn = plots.draw(results, docs / "plots")
    text = page.page(results, f"results/{kept.name}", drawn)
    (docs / "benchmarks.md").write_text(text, encoding="utf-8")
    print(f"results/{kept.name}")
    print(f"docs/benchmarks.md, with {len(drawn)} plots")
    print(_write_readme(root, results))


def main() -> int:
    arguments = _arguments()
    try:
        if arguments.kept:
            kept, results = arguments.kept, stored.load(arguments.kept)
        else:
            results = _merged(arguments)
            kept = arguments.root / "results" / stored.file_name(results.machine)
            stored.dump(results, kept)
        print(*terminal.lines(results), sep="\n")
        print()
        _write(arguments.root, results, kept)
    except (stored.BadResults, OSError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
