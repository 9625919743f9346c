"""Measures Towpath's Python package beside pyzmq and multiprocessing, and beside C++, in one run;
writes a table for people, docs/benchmarks_python.md, and every percentile to a file.

    ./dev bench-python [--seconds S] [--rounds N] [--only NAME] [--write]
"""

from __future__ import annotations

import argparse
import json
import pathlib
import platform
import subprocess
import sys
import tempfile
from typing import Any, Dict, List, Optional

import links
import measure

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOWBENCH = ROOT / "build/release/bench/towbench"
PAGE = ROOT / "docs/benchmarks_python.md"
CPP = "C++, Subscriber::take()"
PERCENTILES = (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0))


def percentile(values: List[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def in_cpp(seconds: float) -> Optional[Dict[str, Any]]:
    """The same latency between two C++ processes on the same cores, now."""
    if not TOWBENCH.exists():
        return None
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        subprocess.run(
            [TOWBENCH, "--only", "one_way_48_many_take", "--seconds", str(seconds), "--json",
             file.name], check=True, stdout=subprocess.DEVNULL)
        return json.loads(pathlib.Path(file.name).read_text())


def run(kinds: List[str], rounds: int, seconds: float, only: Optional[str]) -> Dict[str, Any]:
    """All links take turns, so that what else the machine does meets each of them."""
    results: Dict[str, Any] = {kind: {} for kind in kinds}
    for number in range(rounds):
        for kind in kinds:
            for link in links.links(kind, only):
                values = measure.measure(link, kind, seconds, swap=number % 2 == 1)
                results[kind].setdefault(link.name, []).append(values)
                print(f"  {number + 1}/{rounds} {kind:8} {link.name:24} "
                      f"{percentile(values, 0.5):14,.0f}", file=sys.stderr)
    return results


def all_of(rounds: List[List[float]]) -> List[float]:
    return [value for values in rounds for value in values]


def latency_rows(results: Dict[str, Any], first: str, scale: float, digits: int) -> List[str]:
    reference = percentile(all_of(results[first]), 0.5) if first in results else None
    rows = []
    for name, rounds in results.items():
        values = all_of(rounds)
        cells = [f"{percentile(values, share) / scale:.{digits}f}" for _, share in PERCENTILES]
        ratio = f"{percentile(values, 0.5) / reference:.1f}" if reference else ""
        rows.append("| " + " | ".join([name, *cells, ratio]) + " |")
    return rows


def table(head: List[str], rows: List[str]) -> List[str]:
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *rows, ""]


def page(results: Dict[str, Any], cpp: Optional[float], placement: str) -> str:
    lines = [
        "# Towpath from Python, measured", "",
        "Written by `./dev bench-python --write`. Two processes, each on a core of its own, all "
        "libraries in turn in one run, both directions; machines like this one are shared, so look "
        "at the ratios. How each is used: [bench/python/links.py](../bench/python/links.py).", "",
        f"{machine()}; Python {platform.python_version()}; {placement}.", ""]
    if "latency" in results:
        lines += ["## One way, 48 bytes, microseconds", ""]
        lines += table(["", *(name for name, _ in PERCENTILES), "p50 / Towpath"],
                       latency_rows(results["latency"], links.Towpath.name, 1e3, 2))
        if cpp is not None:
            lines += [f"{CPP} in the same run: {cpp / 1e3:.2f} us at the median.", ""]
    if "rate" in results:
        lines += ["## Messages of 64 bytes a second, in thousands (median, lowest, highest)", ""]
        rows = []
        for name, rounds in results["rate"].items():
            values = all_of(rounds)
            cells = [f"{value / 1e3:,.0f}" for value in
                     (percentile(values, 0.5), min(values), max(values))]
            rows.append("| " + " | ".join([name, *cells]) + " |")
        lines += table(["", "median", "lowest", "highest"], rows)
    if "frames" in results:
        lines += ["## Frames of 8 MiB, until the receiver has the array, microseconds", "",
                  "The receiver sleeps before each frame, and has to wake.", ""]
        lines += table(["", *(name for name, _ in PERCENTILES), "p50 / Towpath"],
                       latency_rows(results["frames"], links.Towpath.name, 1e3, 1))
    return "\n".join(lines).rstrip() + "\n"


def machine() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip() + f", Linux {platform.release()}"
    return platform.machine() + f", Linux {platform.release()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="of each rate's run")
    parser.add_argument("--rounds", type=int, default=6, help="times that each is run")
    parser.add_argument("--only", help="links whose names contain this")
    parser.add_argument("--kind", action="append", choices=["latency", "rate", "frames"])
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks_python.md")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "build/bench_python.json")
    given = parser.parse_args()
    kinds = given.kind or ["latency", "rate", "frames"]
    reference = in_cpp(max(1.0, given.seconds)) if "latency" in kinds else None
    row = reference["rows"][0] if reference else None
    results = run(kinds, given.rounds, given.seconds, given.only)
    text = page(results, row and row["p50"], f"placement {row['placement']}" if row else "")
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(
        {kind: {name: [{label: percentile(values, share) for label, share in PERCENTILES}
                       for values in rounds] for name, rounds in each.items()}
         for kind, each in results.items()}, indent=1))
    if given.write:
        PAGE.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
