#!/usr/bin/env python3
"""Runs clang-tidy on the product, each folder's sources in one go.

Most of its time goes into the headers that a source includes, ours and others', and it spends that
time for each source anew. So the sources of a folder are read as one: a generated file includes
them all. Where two of them cannot be read together, say because both have a helper of one name, the
later one goes into a second file, and so on; in the end each was checked.

usage: tidy.py BUILD_DIRECTORY FOLDER...
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ERROR = re.compile(r"^(/\S+?):\d+:\d+: (?:fatal )?error:", re.MULTILINE)
INCLUDED = re.compile(r'^#include "(/[^"]+)"$', re.MULTILINE)
# What belongs to one output or to the launcher (-E), is gcc's own, or makes what a source forgot to
# include be there.
TAKES_VALUE = {"-o", "-MF", "-MT", "-E", "-include"}
DROPPED = {"-c", "-MD", "-Winvalid-pch", "-fpch-preprocess"}


def options_of(command):
    """What the language needs of a compiler's command line."""
    words, options = iter(shlex.split(command)), []
    for word in words:
        if word in TAKES_VALUE:
            next(words)
        elif word.startswith("-") and word not in DROPPED:
            options.append(word)
            if word == "-isystem":
                options.append(next(words))
    return options


def united_in(file):
    """The sources that a file of CMake's unity build includes; of any other file, itself."""
    if "/Unity/unity_" not in file:
        return [file]
    return INCLUDED.findall(pathlib.Path(file).read_text(encoding="utf-8"))


def sources_of(build, folder):
    """The sources of a folder's own target, each with its options."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        if f" -o {folder}/CMakeFiles/" in entry["command"] and "cmake_pch" not in entry["file"]:
            for source in united_in(entry["file"]):
                found[source] = options_of(entry["command"])
    return found


def run(command):
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def write_group(path, sources):
    path.write_text("".join(f'#include "{source}"  // NOLINT\n' for source in sources))


def read_together(path, sources, options):
    """Writes a file that includes as many sources as can be read together; returns the others."""
    group, others = sorted(sources), []
    while True:  # each round has fewer sources; one alone is taken as it is
        write_group(path, group)
        compiled = run(["clang++", "-fsyntax-only", "-w", "-ferror-limit=0", *options, path])
        if compiled.returncode == 0 or len(group) == 1:
            return others
        clashing = set(ERROR.findall(compiled.stderr)) & set(group[1:])
        # Errors elsewhere, as in a header, are nobody's: each by itself, then.
        clashing = clashing or set(group[1:])
        others += sorted(clashing)
        group = [source for source in group if source not in clashing]


def check(build, folder):
    """Returns how many sources were checked, in how many goes, and what clang-tidy says."""
    alike = collections.defaultdict(list)
    for source, options in sources_of(build, folder).items():
        alike[tuple(options)].append(source)
    goes, said = 0, []
    for options, rest in alike.items():
        while rest:
            goes += 1
            path = build / "tidy" / f"{folder}_{goes}.cpp"
            rest = read_together(path, rest, options)
            done = run(["clang-tidy", "--quiet", path, "--", *options])
            if done.returncode != 0:
                said.append(done.stdout + done.stderr)
    count = sum(map(len, alike.values()))
    if count == 0:
        said.append(f"tidy.py: {build} has no target of {folder}'s\n")
    return count, goes, said


def main():
    build, folders = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    (build / "tidy").mkdir(exist_ok=True)
    # It is looked for beside the file that is checked, and above.
    (build / "tidy" / ".clang-tidy").write_text((ROOT / ".clang-tidy").read_text())
    failed = False
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for folder, (count, goes, said) in zip(
                folders, pool.map(lambda folder: check(build, folder), folders)):
            print(f"{folder}: {count} sources in {goes} goes, {len(said)} with findings")
            print(*said, sep="", end="", flush=True)
            failed = failed or bool(said)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
