"""Requirements and tests are linked both ways, by id."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

TESTS = Path(__file__).parent
REQUIREMENTS = tomllib.loads((TESTS / "requirements.toml").read_text(encoding="utf-8"))


def ids_named_by_tests() -> dict[str, list[str]]:
    """Id → the tests that say they hold it, read from the source, so that running a part of the suite changes nothing."""
    named: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.holds":
                    for argument in decorator.args:
                        named.setdefault(ast.literal_eval(argument), []).append(
                            f"{path.relative_to(TESTS)}::{node.name}"
                        )
    return named


def test_every_requirement_has_a_test() -> None:
    """An id in the table is held by at least one test."""
    assert sorted(set(REQUIREMENTS) - set(ids_named_by_tests())) == []


def test_no_test_names_an_unknown_requirement() -> None:
    """A test cannot claim a requirement that the table does not know."""
    assert sorted(set(ids_named_by_tests()) - set(REQUIREMENTS)) == []
