"""The options of compare.py."""

from __future__ import annotations

import sys

import pytest

sys.dont_write_bytecode = True  # a test leaves the source tree as it was


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--recorded", metavar="DIR", help="compare with transcripts recorded there")
    parser.addoption("--only", choices=["pika"], help="leave towpath.pika out")
