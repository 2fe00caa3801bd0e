"""A tool says everything about itself: no other module knows it by its name, but to call it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from shop.settings import ROOT
from shop.tools.registry import TOOLS

CALLS = {"call", "call_tool", "show", "objection", "_is_visible", "_result"}
"""Functions that call a tool, or ask about a call: a page or a protocol that does names the tool as an argument."""
DECLARATIONS = "tools/workflows/"
EXCEPTIONS = {
    "companions/offline_model/": "a model chooses tools by their names, which it is told",
    "assistant/model/client.py": "the instructions to a model, which chooses tools by their names",
    "mcp/resources.py": "KINDS: the tool that reads each kind of resource",
    "tools/results/for_hosts.py": "the sentence that tells a model which tool to call next",
}
_WORDS = [name for name in TOOLS if "_" in name]
_IN_A_TEXT = re.compile(rf"\b({'|'.join(_WORDS)})\b")
"""Names of several words, also inside a longer text; `reorder` alone is a word of English."""


def names_in(source: str) -> Iterator[tuple[int, str]]:
    """The names of tools that stand in a module's strings, with their lines, except where it calls that tool."""
    tree = ast.parse(source)
    called = {
        id(argument)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in CALLS
        for argument in node.args
    }
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in called | docstrings:
            if node.value in TOOLS:
                yield node.lineno, node.value
            elif found := _IN_A_TEXT.search(node.value):
                yield node.lineno, found[0]


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the shop, by its path below `shop/`."""
    for path in sorted((ROOT / "shop").rglob("*.py")):
        yield path.relative_to(ROOT / "shop").as_posix(), path


def test_no_module_but_its_own_knows_a_tool_by_name() -> None:
    """Who adds a tool touches its module, its views, its tests and its row of the documentation, and nothing else."""
    found = {
        f"{name}:{line} {tool}"
        for name, path in modules()
        if not name.startswith((DECLARATIONS, *EXCEPTIONS))
        for line, tool in names_in(path.read_text(encoding="utf-8"))
    }
    assert not found


def test_each_exception_is_needed() -> None:
    """An exception whose module names no tool any more is taken off the list."""
    for exception in EXCEPTIONS:
        sources = [path.read_text(encoding="utf-8") for name, path in modules() if name.startswith(exception)]
        assert any(list(names_in(source)) for source in sources), exception


def test_the_walk_sees_what_it_should() -> None:
    """A verb of its own for a tool is found, and so is a tool's name in a sentence; a call, and a docstring, are not."""
    source = '''"""About place_order."""
VERBS = {"reorder": "again"}
WORDS = "then ask get_order"
gateway.call_tool(me, None, "add_to_cart", {})
'''
    assert sorted(names_in(source)) == [(2, "reorder"), (3, "get_order")]
