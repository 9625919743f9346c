"""What the documents show in Python runs, from the first snippet of a document to its last, as one
program; a comment `# prints TEXT` behind a line says what it prints."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PRINTS = re.compile(r"# prints (.*)$", re.MULTILINE)
DOCUMENTS = ["README.md", "docs/python.md", "docs/from_rabbitmq.md"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_snippets_of_a_document_run(name: str, tmp_path: pathlib.Path) -> None:
    blocks = BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))
    assert blocks, f"{name} shows no Python at all"
    program = tmp_path / "snippets.py"
    program.write_text("\n".join(blocks))
    run = subprocess.run([sys.executable, "-W", "error", program], capture_output=True, text=True,
                         env={**os.environ, "TOWPATH_DIR": str(tmp_path)}, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    expected = [text for block in blocks for text in PRINTS.findall(block)]
    assert [line for line in run.stdout.splitlines() if line in expected] == expected
