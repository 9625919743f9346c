"""Every public name of the C++ headers has a row in docs/c.md: what it is in C, or why it is not.

A name is a class, an enumeration, a public function of a class, or a free function. Members of
structs of options and information are those of the C structs of the same name.
"""

import argparse
import re
import sys
from pathlib import Path

OPENING = re.compile(r"^(?:class|struct|enum class) (?:\[\[\w+\]\] )?(\w+)(?:<\w+>)?(?: final)?"
                     r"(?: :[^;]*)?\s*\{")
FUNCTION = re.compile(r"^  (?! )[^(/=]*?(?<![\w:.~])(?!operator)(\w+)\(")
FREE = re.compile(r"^(?!\s|return|class|struct|template|using|inline constexpr|friend|#|//)"
                  r"[\w:<>&*, ]+ (\w+)\(")
ROW = re.compile(r"^\| (`.+?) \| (.+) \|$", re.MULTILINE)


def names_of_class(name: str, lines: list[str], is_struct: bool) -> set[str]:
    """The class and its public functions, without constructors and operators."""
    names, public = {name}, is_struct
    for line in lines:
        if access := re.match(r"^ (public|protected|private):", line):
            public = access[1] == "public"
        elif public and (found := FUNCTION.match(line)) and "operator" not in line:
            function = found[1]
            if function != name and not function.startswith("_"):
                names.add(f"{name}::{function}")
    return names


def public_names(header: str) -> set[str]:
    """All names that a program may use."""
    names: set[str] = set()
    lines = header.splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        if opened := OPENING.match(line):
            last = number
            while not re.match(r"\};|.*\{.*\};$" if last == number else r"\};", lines[last]):
                last += 1
            names |= names_of_class(opened[1], lines[number + 1:last],
                                    line.startswith(("struct", "enum")))
            number = last
        elif found := FREE.match(line):
            names.add(found[1])
        number += 1
    return names


def main() -> int:
    """Exit status 1 and a line for each fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--headers", type=Path, required=True, help="folder of the C++ headers")
    parser.add_argument("--c-header", type=Path, required=True)
    parser.add_argument("--document", type=Path, required=True)
    given = parser.parse_args()
    names = set().union(*(public_names(path.read_text(encoding="utf-8"))
                          for path in given.headers.glob("*.hpp")))
    document = given.document.read_text(encoding="utf-8")
    rows = {name: meaning for cell, meaning in ROW.findall(document)
            for name in re.findall(r"`([\w:]+)`", cell)}
    c_header = given.c_header.read_text(encoding="utf-8")
    declared = set(re.findall(r"\btow_\w+(?=\()", c_header)) - {"tow_handler"}
    declared |= {f"{name}_init" for name in re.findall(r"^TOW_INIT\((\w+)\)", c_header, re.M)}
    told = set(re.findall(r"\b(?:tow|TOW)_\w+", " ".join(rows.values())))
    faults = [f"{name} has no row" for name in names - rows.keys()]
    faults += [f"{name} has a row, but no header knows it" for name in rows.keys() - names]
    faults += [f"{name} is in no row" for name in declared - told]
    faults += [f"{name} is in a row, but not in the C header"
               for name in told if not re.search(rf"\b{name}\b", c_header) and name not in declared]
    for fault in sorted(faults):
        print(f"{given.document}: {fault}")
    if len(names) < 150:
        print(f"only {len(names)} names were found: this test reads the headers wrongly")
        return 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
