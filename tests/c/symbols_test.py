"""The library shows exactly the functions that its header declares, each with the version TOW_1,
the walk (walk*.c, which Valgrind watches) calls each of them, and nulls_test.cpp gives each that
takes something nulls."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

#: Functions that have no handle and no pointer to refuse.
TAKING_NOTHING = {"tow_code_name", "tow_error_errno", "tow_error_text", "tow_version"}


def declared_in(header: str) -> set[str]:
    """Names of all functions that a program may call."""
    without_comments = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    # Each declaration that is exported begins with TOW_API and names one function.
    names = set(re.findall(r"^TOW_API\b[^;(]*?\b(tow_\w+)\(", without_comments, re.MULTILINE))
    inits = re.findall(r"^TOW_INIT\((tow_\w+)\);", without_comments, re.MULTILINE)
    return names | {f"{name}_init_sized" for name in inits}


def exported_by(library: Path) -> dict[str, str]:
    """Each symbol that the library defines for others, with its version."""
    listing = subprocess.run(["nm", "-D", "--defined-only", str(library)], check=True,
                             capture_output=True, text=True).stdout
    symbols = (line.split()[-1] for line in listing.splitlines())
    return dict(symbol.replace("@@", "@").partition("@")[::2] for symbol in symbols)


def main() -> int:
    """Exit status 1 and a line for each difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--header", type=Path, required=True)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--walk", type=Path, nargs="+", required=True, help="sources of the walk")
    parser.add_argument("--nulls", type=Path, required=True, help="the test that gives nulls")
    arguments = parser.parse_args()
    declared = declared_in(arguments.header.read_text(encoding="utf-8"))
    exported = exported_by(arguments.library)
    exported.pop("TOW_1", None)  # the version itself
    faults = [f"{name} is declared, but not exported" for name in declared - exported.keys()]
    faults += [f"{name} is exported, but not declared" for name in exported.keys() - declared]
    faults += [f"{name} has the version '{version}' in place of TOW_1"
               for name, version in exported.items() if version != "TOW_1"]
    walk = "".join(path.read_text(encoding="utf-8") for path in arguments.walk)
    called = set(re.findall(r"\btow_\w+(?=\()", walk))
    faults += [f"{name} is called by no source of the walk"
               for name in {name.removesuffix("_sized") for name in declared} - called]
    tried = set(re.findall(r"\btow_\w+(?=\))|\btow_\w+(?=\(nullptr)",
                           arguments.nulls.read_text(encoding="utf-8")))
    faults += [f"{name} is given no nulls by {arguments.nulls.name}"
               for name in declared - tried - TAKING_NOTHING]
    if len(declared) < 100:
        faults.append(f"only {len(declared)} declarations were found: this test reads them wrongly")
    for fault in sorted(faults):
        print(fault)
    print(f"{len(declared)} declared, {len(exported)} exported")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
