"""The ABI of the C library against bindings/c/abi/towpath_c.abi, by abidiff of libabigail.

What is compared is a library of the header's functions with empty bodies: the real one is compiled
against the same header, exports the same symbols (symbols_test.py), and its own types are nobody's
business. TOWPATH_UPDATE_DOCS=1 writes the dump anew.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ABI_CHANGE = 4
CHANGES: dict[str, Callable[[str], str]] = {
    "a function that is gone": lambda header: header.replace(
        "TOW_API const char* tow_version(void);", ""),
    "a parameter of another type": lambda header: header.replace(
        "tow_delivery_retry(tow_delivery* delivery, int64_t after_ns)",
        "tow_delivery_retry(tow_delivery* delivery, int32_t after_ns)"),
    "a member in the middle": lambda header: header.replace(
        "  const void* data;\n", "  const void* data;\n  int more;\n", 1),
    "an enumerator of another value": lambda header: header.replace(
        "TOW_NOT_FOUND = 1,", "TOW_NOT_FOUND = 101,"),
}


def build(header: str, compiler: str, version_script: Path, directory: Path) -> Path:
    """Compiles the functions of `header`, with bodies that do nothing."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"(?<!define )(TOW_API(?:[^;{}#]|##)*\))\s*;", r"\1 { __builtin_trap(); }", text)
    source, library = directory / "towpath.c", directory / "libtowpath_c.so"
    source.write_text(text, encoding="utf-8")
    subprocess.run([compiler, "-std=c11", "-g", "-O0", "-shared", "-fPIC", "-w", source.name,
                    "-o", library.name, "-Wl,-soname,libtowpath_c.so.1",
                    f"-Wl,--version-script={version_script}"], check=True, cwd=directory)
    return library


def dump(library: Path, to: Path) -> None:
    """Writes what abidw says of it, without what depends on this machine."""
    subprocess.run(["abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs",
                    "--no-elf-needed", "--out-file", str(to), str(library)], check=True)


def difference(old: Path, new: Path) -> tuple[bool, str]:
    """Whether anything changed, and what; both are dumps, as their readers differ in details."""
    done = subprocess.run(["abidiff", str(old), str(new)], capture_output=True, text=True)
    if done.returncode & ~(ABI_CHANGE | 8):
        sys.exit(f"abidiff cannot read them: {done.stdout}{done.stderr}")
    return done.returncode != 0, done.stdout


def main() -> int:
    """Exit status 1 with abidiff's words when the header and the dump differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("header", "map", "dump"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--compiler", required=True)
    given = parser.parse_args()
    header = given.header.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        new = directory / "new.abi"
        dump(build(header, given.compiler, given.map, directory), new)
        if os.environ.get("TOWPATH_UPDATE_DOCS"):
            given.dump.write_bytes(new.read_bytes())
        changed, report = difference(given.dump, new)
        if changed:
            print(report, "Programs that are out there must go on working: what was removed or "
                  "changed comes back, or gets a new name. If all that is new are functions, "
                  "enumerators, or members at the ends of structs that carry their size, run this "
                  "test with TOWPATH_UPDATE_DOCS=1.", sep="\n")
            return 1
        for what, change in CHANGES.items():
            if change(header) == header:
                sys.exit(f"{what}: the header no longer has what this test changes")
            dump(build(change(header), given.compiler, given.map, directory), new)
            if not difference(given.dump, new)[0]:
                sys.exit(f"{what} goes unnoticed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
