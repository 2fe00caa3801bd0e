"""The permissions: one enum, each named by a rule and asked by some tool or page, and by nothing in between."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from shop.authorization.permissions import Permission
from shop.settings import ROOT
from shop.tools.registry import TOOLS
from shop.tools.tool import Tool
from tests.authorization.cases import POLICY


@cache
def asked_in_code() -> frozenset[str]:
    """The members of the enum that code outside the package `authorization` names."""
    found = set()
    for path in (ROOT / "shop").rglob("*.py"):
        if path.parent.name == "authorization":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Permission":
                found.add(node.attr)
    return frozenset(found)


@pytest.mark.parametrize("permission", Permission)
def test_every_permission_is_named_by_a_rule(permission: Permission) -> None:
    """A permission that no rule allows is one that nobody can have."""
    assert POLICY.roles_that_allow(permission)


@pytest.mark.holds("ASVS-8.2.1")
@pytest.mark.parametrize("permission", Permission)
def test_every_permission_is_asked_by_a_tool_or_a_page(permission: Permission) -> None:
    """A permission that nothing asks for protects nothing."""
    assert permission.name in asked_in_code()


@pytest.mark.holds("ASVS-8.2.1")
@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_a_tools_workflow_is_the_scope_that_its_rules_ask_for(tool: Tool) -> None:
    """What the page says a workflow allows is what the policy allows under that scope."""
    workflows = {rule.workflow for rule in POLICY.rules if rule.permission == tool.permission}
    assert tool.workflow in workflows


def test_the_enum_is_sorted_and_follows_its_grammar() -> None:
    """Resource, colon, action, both plain words; the name of the member says the same."""
    values = [str(permission) for permission in Permission]
    assert values == sorted(values)
    for permission in Permission:
        assert re.fullmatch(r"[a-z]+:[a-z]+", permission)
        assert permission.name == permission.value.replace(":", "_").upper()
