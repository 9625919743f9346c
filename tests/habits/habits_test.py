#!/usr/bin/env python3
"""Checks the habits of the whole tree.

First it checks itself against controls.py. Then every finding is one line: file:line: what and why.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True  # a test leaves the source tree as it was

import controls  # noqa: E402
import habits  # noqa: E402
from source import Source  # noqa: E402

SKIPPED_FOLDERS = {".git", ".cache", "build", "__pycache__"}
CODE_SUFFIXES = {".hpp", ".cpp", ".h", ".c", ".py", ".sh", ".cmake"}
CODE_NAMES = {"CMakeLists.txt", "dev", "run"}
# Prose is wrapped by its reader, so these habits are about code only.
CODE_HABITS = {habits.file_length, habits.line_shape}
MEMORY_MODEL = "docs/memory_model.md"
GTEST = re.compile(r"^\s*(?:TEST|TEST_F|TEST_P|TYPED_TEST)\s*\(\s*(\w+)\s*,\s*(\w+)", re.MULTILINE)


def read_tree(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
        for name in sorted(names):
            path = pathlib.Path(folder, name)
            try:
                yield Source(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
            except UnicodeDecodeError:
                continue  # not a text


def is_code(source):
    path = pathlib.PurePosixPath(source.path)
    return path.suffix in CODE_SUFFIXES or path.name in CODE_NAMES


def check_controls():
    """Yields what is wrong with the checks themselves."""
    for habit in habits.ALL:
        for path, text in controls.BAD[habit]:
            if not list(habit(Source(path, text))):
                yield f"{habit.__name__} does not catch {path}: {text[:120]!r}"
        for path, text in controls.GOOD[habit]:
            for _, complaint in habit(Source(path, text)):
                yield f"{habit.__name__} wrongly reports {path}: {text[:120]!r}: {complaint}"


def check_tree(sources):
    for source in sources:
        for habit in habits.ALL:
            if habit in CODE_HABITS and not is_code(source):
                continue
            for line, complaint in habit(source):
                yield f"{source.path}:{line}: {habit.__name__}: {complaint}"


def check_tests_are_built(root, sources, built):
    """Every *_test.cpp and *_fuzz.cpp is compiled into an executable that CTest knows."""
    for source in sources:
        if source.path.startswith("tests/") and source.path.endswith(("_test.cpp", "_fuzz.cpp")):
            if str(root / source.path) not in built:
                yield f"{source.path}:1: tests_are_built: in no executable (tests/CMakeLists.txt)"


def check_fuzzers_have_seeds(root, sources):
    """Every fuzz target keeps seeds, so that what was found once is tried for ever."""
    for source in sources:
        if match := re.fullmatch(r"tests/fuzz/(\w+)_fuzz\.cpp", source.path):
            corpus = root / "tests/fuzz/corpus" / match.group(1)
            if not corpus.is_dir() or not any(corpus.iterdir()):
                yield f"{source.path}:1: fuzzers_have_seeds: no seeds in {corpus.relative_to(root)}"


def check_tests_are_registered(sources, listing):
    """Every TEST in a file is one that CTest runs, under its own or a parametrised name, or in a
    folder that CTest runs as one test."""
    for source in sources:
        if not (source.path.startswith("tests/") and source.path.endswith("_test.cpp")):
            continue
        if re.search(rf": {source.path.split('/')[1]}$", listing, re.MULTILINE):
            continue
        for match in GTEST.finditer(source.code):
            suite, name = match.groups()
            if not re.search(rf"\b{suite}(/\w+)?\.{name}\b", listing):
                line = source.line_at(match.start(1))
                yield f"{source.path}:{line}: tests_are_registered: {suite}.{name} is never run"


def check_labels_are_argued(sources):
    """Each label of an ordered operation has a row in the memory model, each row its code."""
    used, argued = {}, set()
    for source in sources:
        if source.path.startswith(("shm/", "bus/")):
            for match in re.finditer(r"\[([A-Z]\d+)\]", source.text):
                place = f"{source.path}:{source.line_at(match.start())}"
                used.setdefault(match.group(1), place)
        elif source.path == MEMORY_MODEL:
            argued.update(re.findall(r"^\| \[([A-Z]\d+)\]", source.text, re.MULTILINE))
    for label, place in sorted(used.items()):
        if label not in argued:
            yield f"{place}: labels_are_argued: [{label}] has no row in {MEMORY_MODEL}"
    for label in sorted(argued - used.keys()):
        yield f"{MEMORY_MODEL}:1: labels_are_argued: [{label}] is no label of the code"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--built-tests", type=pathlib.Path, help="the test sources, one a line")
    parser.add_argument("--ctest-dir", help="a build directory whose tests are built")
    args = parser.parse_args()

    problems = list(check_controls())
    if problems:
        print("The checks fail their own controls:", *problems, sep="\n")
        return 1

    root = args.root.resolve()
    sources = list(read_tree(root))
    problems = [*check_tree(sources), *check_labels_are_argued(sources),
                *check_fuzzers_have_seeds(root, sources)]
    if args.built_tests:
        built = set(args.built_tests.read_text(encoding="utf-8").splitlines())
        problems += check_tests_are_built(root, sources, built)
    if args.ctest_dir:
        command = ["ctest", "-N", "--test-dir", args.ctest_dir]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        problems += check_tests_are_registered(sources, listing)

    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"{len(sources)} files, {len(habits.ALL)} habits, {len(problems)} findings")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
