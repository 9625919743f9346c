#!/usr/bin/env python3
"""Records what RabbitMQ does in each case, for comparisons without a broker.

    python record.py [--to DIR] [--times N] [CASE ...]

Each case is run N times (2). One whose transcripts differ, or which breaks off, is no case, and
fails.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from broker import Broker
from compare import RECORDED, difference
from runner import BROKEN_OFF, Target, all_cases, run
from transcript import line


def write(folder: Path, subject: str, transcripts: dict[str, list[list]]) -> None:
    """A file a subject, a line a note."""
    cases = []
    for case, notes in transcripts.items():
        notes = ",\n  ".join(map(line, notes))
        cases.append(f'"{case}": [\n  {notes}]')
    text = ",\n\n".join(cases)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{subject}.json").write_text(f"{{\n{text}}}\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=RECORDED, help="the folder to write to")
    parser.add_argument("--times", type=int, default=2, help="runs of each case (2)")
    parser.add_argument("cases", nargs="*", help="cases or subjects; all by default")
    args = parser.parse_args()

    cases, failed = all_cases(), []
    with Broker() as broker:
        recorded = {}
        for name, case in cases.items():
            subject, _, what = name.partition(".")
            path = args.to / f"{subject}.json"
            if subject not in recorded:
                old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
                recorded[subject] = {} if not args.cases else old
            if args.cases and not {name, subject} & set(args.cases):
                continue
            first, *others = (run(case, Target("pika", broker.port)) for _ in range(args.times))
            recorded[subject][what] = first
            if first[-1][0].startswith(BROKEN_OFF):
                failed.append(name)
                print(f"{name} breaks off: {line(first[-1])}")
            for other in others:
                if differs := difference(first, other, ("first run", "another run")):
                    failed.append(name)
                    print(f"{name} is not the same each time\n{differs}")
    for subject, transcripts in recorded.items():
        in_order = [n.partition(".")[2] for n in cases if n.startswith(f"{subject}.")]
        write(args.to, subject, {n: transcripts[n] for n in in_order if n in transcripts})
    print(f"{len(cases)} cases in {args.to}" + (f"; failed: {failed}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
