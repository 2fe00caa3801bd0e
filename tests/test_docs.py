"""The documentation is tested: what exists is documented, what is documented exists, and what is shown works."""

from __future__ import annotations

import html
import re
import shlex
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import pytest

from shop.audit.events import EventName
from shop.authorization.permissions import Permission
from shop.demo.connections import read_connection
from shop.settings import ROOT, Settings, rate_limit_names, rate_limit_variable
from shop.tools.registry import TOOLS
from tests.support.documents import Document, document, documents
from tests.support.people import ShopUnderTest
from tests.support.state import ONE_ENGINE
from tests.support.worked_examples import steps

README = document("README.md")
REFERENCE = document("docs/reference.md")
CONFIGURATION = document("docs/configuration.md")
INVARIANTS = tomllib.loads((Path(__file__).parent / "invariants.toml").read_text(encoding="utf-8"))
QUESTIONS = "Questions that are asked first"
MOST_BYTES = 11_000
"""Of the README: what a newcomer reads before they know whether they want to."""


@pytest.mark.parametrize(
    ("section", "column", "names"),
    [("Tools", 0, TOOLS), ("Tools", 2, [tool.permission for tool in TOOLS.values()]), ("Permissions", 0, Permission)],
    ids=["tools", "permissions of tools", "permissions"],
)
def test_tools_and_permissions_are_documented(section: str, column: int, names: Any) -> None:
    """Each has a code span of its own in the reference's table, and the table names nothing else."""
    assert sorted(set(REFERENCE.column(section, column))) == sorted({str(name) for name in names})


def test_each_tool_stands_beside_its_own_permission() -> None:
    """The row of a tool names the permission that it asks for, and whether a human confirms."""
    rows = [line.strip("|").split("|") for line in REFERENCE.section("Tools").splitlines() if line.startswith("| `")]
    for row in rows:
        for name in re.findall(r"`([^`]+)`", row[0]):
            tool = TOOLS[name]
            assert f"`{tool.permission}`" in row[2] and row[1].strip().startswith(tool.workflow), name
            assert bool(row[3].strip()) == (tool.preview is not None), name


def test_every_event_is_documented() -> None:
    """Each audit event is named once, as a code span of its own, and nothing else is called one."""
    assert sorted(REFERENCE.column("Audit events", 1)) == sorted(EventName)


class Environment(dict[str, str]):
    """An environment that notes what is asked of it."""

    def __init__(self, **values: str) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


def test_every_setting_is_documented(tmp_path: Path) -> None:
    """Each environment variable that the settings read stands in a table of the configuration, and no other does."""
    environment = Environment(SHOP_DATA_DIR=str(tmp_path))
    Settings.from_environment(environment)
    titles = re.findall(r"^## (.+)$", CONFIGURATION.text, re.MULTILINE)
    assert sorted(name for title in titles for name in CONFIGURATION.column(title)) == sorted(environment.asked)


def test_the_limits_that_are_documented_are_in_force() -> None:
    """The defaults beside the names are those of the settings."""
    rows = [row.strip("|").split("|") for row in CONFIGURATION.section("Limits").splitlines() if row.startswith("| `")]
    told = {
        name: int(number)
        for row in rows
        for name, number in zip(re.findall(r"`([^`]+)`", row[0]), row[2].split(","), strict=True)
    }
    assert told == {rate_limit_variable(name): getattr(Settings(), name) for name in rate_limit_names()}


def commands_of(group: click.Group, before: str = "uv run flask") -> set[str]:
    """Every command below a group, as it is typed."""
    found: set[str] = set()
    for name, command in group.commands.items():
        typed = f"{before} {name}"
        found |= commands_of(command, typed) if isinstance(command, click.Group) else {typed}
    return found


@ONE_ENGINE
def test_every_command_is_documented(shop: ShopUnderTest) -> None:
    """Each command of `flask` that is ours begins a code span of the reference's table, and no other is promised there."""
    ours = commands_of(shop.app.cli)
    assert {"uv run flask reset", "uv run flask chat", "uv run flask oauth register"} <= ours
    spans = [span for span in REFERENCE.column("Commands") if span.startswith("uv run flask ")]
    begun = {command for command in ours for span in spans if f"{span} ".startswith(f"{command} ")}
    assert ours - begun == set()
    assert [span for span in spans if not any(f"{span} ".startswith(f"{command} ") for command in ours)] == []


@ONE_ENGINE
def test_every_command_in_a_document_is_one(shop: ShopUnderTest) -> None:
    """What a document tells to run is there: a file, a command of the shop, a module, or a program of the environment."""
    ours = commands_of(shop.app.cli)
    told = [
        (text.name, line.split(" #")[0].strip())
        for text in documents()
        for line in [*text.spans, *"\n".join(text.blocks("sh")).replace("\\\n", "").splitlines()]
        if "uv run " in line
    ]
    assert told
    for where, line in told:
        runs = line.partition("uv run ")[2]
        match shlex.split(runs):
            case ["app.py", *_]:
                is_there = (ROOT / "app.py").exists()
            case ["flask", *_]:
                is_there = any(f"uv run {runs} ".startswith(f"{command} ") for command in ours)
            case ["python", "-m", module, *_]:
                is_there = find_spec(module) is not None
            case [program, *_]:
                is_there = (Path(sys.prefix) / "bin" / program).exists()
            case _:
                is_there = False
        assert is_there, f"{where}: {line}"


@pytest.mark.parametrize("text", documents(), ids=lambda text: text.name)
def test_every_link_leads_somewhere(text: Document) -> None:
    """A relative link names a file or folder that exists; its anchor is a heading there."""
    for link in text.links:
        path, _, anchor = link.partition("#")
        target = (text.path.parent / path).resolve() if path else text.path
        assert target.exists(), f"{text.name}: {link}"
        if anchor:
            assert anchor in Document(target).anchors, f"{text.name}: {link}"


@pytest.mark.parametrize("text", documents(), ids=lambda text: text.name)
def test_every_path_that_is_named_exists(text: Document) -> None:
    """A code span that looks like a path of the project, with or without a function there, names a file or folder, or a pattern
    that finds some; a worked example also names what it makes.
    """
    made = {step.path for step in steps(text) if step.how == "new"}
    for span in text.spans:
        found = re.fullmatch(r"((?:shop|tests|templates|seed_data|docs)/[\w./*-]*)(?::[\w.]+)?", span)
        if found and found[1] not in made:
            assert list(ROOT.glob(found[1].rstrip("/"))), f"{text.name}: {span}"


def test_the_answers_to_first_questions_are_right() -> None:
    """Each function that an answer names is defined in the file that it names."""
    answers = re.findall(
        r"\[`(shop/[\w/]+\.py)`\]\([^)]+\): ((?:`\w+`(?:, )?)+)", document("docs/code-map.md").section(QUESTIONS)
    )
    assert len(answers) > 10
    for path, functions in answers:
        source = (ROOT / path).read_text(encoding="utf-8")
        for function in re.findall(r"\w+", functions):
            assert re.search(rf"^ *def {function}\b", source, re.MULTILINE), f"{path}: {function}"


def test_the_code_map_leaves_no_package_out() -> None:
    """Each package of `shop/` stands in the table of the rooms, and nothing else does. (What is named there exists: above.)"""
    packages = {f"{init.parent.relative_to(ROOT).as_posix()}/" for init in (ROOT / "shop").rglob("__init__.py")}
    assert sorted(document("docs/code-map.md").column("The rooms")) == sorted(packages - {"shop/"})


def test_the_readme_is_short() -> None:
    """Someone gets the point in a minute; the rest is in `docs/`."""
    assert len(README.text.encode()) <= MOST_BYTES


def test_every_document_can_be_reached_from_the_readme() -> None:
    """Nobody has to guess that there is a page."""
    reached, waiting = set(), [README.path]
    while waiting:
        path = waiting.pop()
        if path.suffix == ".md" and path not in reached:
            reached.add(path)
            waiting += [(path.parent / link.partition("#")[0]).resolve() for link in Document(path).links]
    assert [text.name for text in documents() if text.path not in reached] == []


def test_every_invariant_stands_in_its_table_with_its_file_and_its_test() -> None:
    """The page that a reviewer reads first agrees with the table that the mutation tests run; the README has a line of each."""
    lines = document("docs/invariants.md").text.splitlines()
    for identifier, invariant in INVARIANTS.items():
        row = next((line for line in lines if line.startswith(f"| {identifier} |")), "")
        assert f"`{invariant['file']}`" in row
        path, _, test = invariant["test"].partition("::")
        assert f"[`{test.partition('[')[0]}`](../{path})" in row
        assert invariant["proved_on"] in row, "each row says on which engine, and under what traffic, it was proved"
    assert re.findall(r"^- \*\*(I\d+)\*\* .+$", README.text, re.MULTILINE) == [f"I{number}" for number in range(1, 16)]


@ONE_ENGINE
def test_the_shop_shows_its_limits_as_they_are_written(shop: ShopUnderTest) -> None:
    """The public page holds every paragraph of the section, and no link that would lead nowhere there."""
    limits = document("docs/limits.md").section("What this does not protect")
    page = html.unescape(shop.visitor().get("/protect").text)
    titles = re.findall(r"^\* \*\*(.+?)\*\*", limits, re.MULTILINE)
    assert len(titles) > 10
    assert [title for title in titles if f"<strong>{title}</strong>" not in page] == []
    assert "](" not in limits


def names_of_tests(path: Path) -> set[str]:
    """The names of the tests in a file."""
    return set(re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_tests_that_security_names_are_there() -> None:
    """Each threat names its controls, and a test that is linked to the file in which it stands."""
    named = re.findall(r"\[`(test_\w+)`\]\(([^)]+)\)", document("SECURITY.md").text)
    assert len(named) > 20
    assert [name for name, path in named if name not in names_of_tests(ROOT / path)] == []


def test_the_connection_that_is_shown_can_be_read() -> None:
    """The example of an organization's own identity provider is a connection, with what it says."""
    (shown,) = document("docs/own-identity-provider.md").blocks("toml")
    read = read_connection({"slug": "acme", **tomllib.loads(shown)["organization"]})
    assert (read.issuer, read.client_id) == ("https://login.acme.example", "0oa1b2c3")


def test_no_committed_file_names_a_package_registry_or_a_machine() -> None:
    """Pins name no host, so that the project installs from whatever registry a machine is set up with."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "://" not in text


def test_each_package_says_what_it_owns_and_where_to_read_next() -> None:
    """Every package's docstring tells what it owns and where the next step is."""
    for init in sorted((ROOT / "shop").glob("*/__init__.py")):
        docstring = init.read_text(encoding="utf-8").split('"""')[1]
        assert re.search(r"\bowns?\b", docstring, re.IGNORECASE), init.parent.name
