"""The documentation is tested: what exists is in the README, and what the README shows works."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from shop.audit.events import EventName
from shop.authorization.permissions import Permission
from shop.settings import ROOT, rate_limit_names, rate_limit_variable
from shop.tools.registry import TOOLS

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*TOOLS, *Permission, *EventName])
def test_every_tool_permission_and_event_is_documented(name: str) -> None:
    """A tool, permission or event that the README does not name fails the suite."""
    assert f"`{name}`" in README


def test_every_setting_is_documented() -> None:
    """Each environment variable that the settings read is in the README's table."""
    source = (ROOT / "shop" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'env\.get\("([A-Z_]+)"', source))
    assert read
    read |= {rate_limit_variable(name) for name in rate_limit_names()}
    assert {name for name in read if f"`{name}`" not in README} == set()


def test_every_command_is_documented() -> None:
    """Each command of `flask` that is ours is in the README."""
    sources = [(ROOT / "shop" / name).read_text(encoding="utf-8") for name in ("application.py", "commands.py")]
    names = re.findall(r'\bcommand\("([a-z-]+)"\)', "".join(sources))
    assert {"reset", "chat"} <= set(names)
    assert {name for name in names if f"`uv run flask {name}" not in README} == set()


def test_every_link_to_a_file_leads_somewhere() -> None:
    """A relative link of the README names a file or folder that exists."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_invariant_stands_in_the_readme_with_its_file_and_its_test() -> None:
    """The page that a reviewer reads first agrees with the table that the mutation tests run."""
    invariants = tomllib.loads((Path(__file__).parent / "invariants.toml").read_text(encoding="utf-8"))
    for identifier, invariant in invariants.items():
        row = next((line for line in README.splitlines() if line.startswith(f"| {identifier} |")), "")
        assert invariant["file"] in row
        assert invariant["test"].split("::")[0] in row
        assert invariant["proved_on"] in row, "each row says on which engine, and under what traffic, it was proved"


def test_no_committed_file_names_a_package_registry_or_a_machine() -> None:
    """Pins name no host, so that the project installs from whatever registry a machine is set up with."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "://" not in text


def test_each_package_says_what_it_owns_and_where_to_read_next() -> None:
    """Every package's docstring tells what it owns and where the next step is."""
    for init in sorted((ROOT / "shop").glob("*/__init__.py")):
        docstring = init.read_text(encoding="utf-8").split('"""')[1]
        assert "Owns" in docstring or "own" in docstring, init.parent.name
