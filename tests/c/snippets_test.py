#!/usr/bin/env python3
"""What docs/c.md shows in C compiles without a warning, runs, and finds no fault."""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```c\n(.*?)^```$", re.DOTALL | re.MULTILINE)
HEAD = "#include <stdio.h>\n#include <towpath/towpath.h>\nint main(void) {\n"
given = None


class CSnippets(unittest.TestCase):
    def test_each_runs_without_a_fault(self):
        blocks = BLOCK.findall((ROOT / "docs/c.md").read_text())
        self.assertTrue(blocks, "docs/c.md shows no C at all")
        for block in blocks:
            with self.subTest(block), tempfile.TemporaryDirectory(dir="/dev/shm") as place:
                self.assertEqual(self.output_of(block, pathlib.Path(place)), "")

    def output_of(self, block, place):
        source, program = place / "snippet.c", place / "snippet"
        source.write_text(HEAD + block + "return 0;\n}\n")
        library = given.library.parent
        subprocess.run(
            [given.compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", source, "-o", program,
             "-I", ROOT / "bindings/c/include", "-L", library, f"-Wl,-rpath,{library}",
             "-ltowpath_c"], check=True)
        run = subprocess.run([program], env={**os.environ, "TOWPATH_DIR": str(place)}, check=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return run.stdout


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--library", required=True, type=pathlib.Path)
    given, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
