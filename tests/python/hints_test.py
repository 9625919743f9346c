"""The hints (_towpath.pyi) against the module, and docstrings for all that is public."""

from __future__ import annotations

import ast
import inspect
from importlib.resources import files
from pathlib import Path

import towpath
from towpath import _towpath

STUB = ast.parse((Path(str(files("towpath"))) / "_towpath.pyi").read_text(encoding="utf-8"))
CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}
OF_TYPING_ONLY = {"Attributes", "GroupOptions", "TopicOptions", "_Handle", "_Reading"}


def hinted(name: str) -> set[str]:
    node = CLASSES[name]
    own = {member.name for member in node.body
           if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef))}
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in CLASSES:
            own |= hinted(base.id)
    return {member for member in own if not member.startswith("__")}


def public(namespace) -> set[str]:
    return {name for name in dir(namespace) if not name.startswith("_")}


def test_hints_name_what_the_module_has():
    functions = {node.name for node in STUB.body if isinstance(node, ast.FunctionDef)}
    in_module = {name for name in public(_towpath)}
    assert (CLASSES.keys() - OF_TYPING_ONLY) | functions == in_module
    for name in CLASSES.keys() - OF_TYPING_ONLY:
        assert hinted(name) == public(getattr(_towpath, name)), name


def test_the_package_exports_what_is_public():
    assert set(towpath.__all__) == {
        name for name, value in vars(towpath).items()
        if not name.startswith("_") and not inspect.ismodule(value) and name != "annotations"
    } | {"__version__"}


def test_all_that_is_public_is_documented():
    for name in towpath.__all__:
        it = getattr(towpath, name)
        if name == "__version__":
            continue
        assert inspect.getdoc(it), name
        if inspect.isclass(it) and it.__module__ == "towpath._towpath":
            for member in public(it) - {"closed"}:
                assert inspect.getdoc(getattr(it, member)), f"{name}.{member}"


def test_fast_methods_have_signatures():
    take_batch = inspect.signature(towpath.Subscriber.take_batch)
    assert str(take_batch) == "(self, /, max=64, timeout=None)"
    assert str(inspect.signature(towpath.Publisher.publish)) == "(self, payload, /, **attributes)"
