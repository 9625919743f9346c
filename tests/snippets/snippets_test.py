#!/usr/bin/env python3
"""README's C++ is cut from the examples: what lies there between [snippet] and [/snippet], which CI
builds and runs. Line breaks and blanks may differ, and where the bus lies."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```cpp\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CUT = re.compile(r"^ *// \[snippet\]\n(.*?)^ *// \[/snippet\]$", re.DOTALL | re.MULTILINE)


def squeezed(code):
    return re.sub(r'Bus::open\((path|"[^"]*")\)', "Bus::open()", re.sub(r"\s", "", code))


def snippet_of(source):
    """All that an example marks, in one piece; empty when it marks nothing."""
    return squeezed("".join(CUT.findall(source)))


class Snippets(unittest.TestCase):
    def setUp(self):
        self.blocks = [squeezed(b) for b in BLOCK.findall((ROOT / "README.md").read_text())]
        sources = sorted((ROOT / "examples").glob("*.cpp"))
        marked = {source.name: snippet_of(source.read_text()) for source in sources}
        self.snippets = {name: code for name, code in marked.items() if code}

    def test_each_block_of_the_readme_is_cut_from_an_example(self):
        self.assertTrue(self.blocks, "README.md has no C++ at all")
        for block in self.blocks:
            self.assertIn(block, self.snippets.values(), "README.md: no example has this code")

    def test_each_snippet_of_an_example_is_in_the_readme(self):
        for name, code in self.snippets.items():
            self.assertIn(code, self.blocks, f"examples/{name}: README.md shows another snippet")

    def test_a_snippet_that_differs_is_noticed(self):
        source = "// [snippet]\na();\n// [/snippet]\nb();\n // [snippet]\n c();\n // [/snippet]\n"
        self.assertEqual(snippet_of(source), "a();c();")
        self.assertNotEqual(snippet_of(source.replace("c()", "d()")), "a();c();")


if __name__ == "__main__":
    unittest.main()
