"""What shop/static/vendor holds is what its manifest says, and what pages fetch is all the shop's own."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "shop" / "static"
VENDOR = STATIC / "vendor"
TEMPLATES = ROOT / "templates"
LISTED: list[dict[str, Any]] = tomllib.loads((VENDOR / "manifest.toml").read_text("utf-8"))["file"]
ALL_TEMPLATES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))
OWN_CSS_LIMIT = 40_000  # bytes, uncompressed, of one page


@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: str(entry["path"]))
def test_listed_file_is_unchanged(entry: dict[str, Any]) -> None:
    """A listed file is there, byte for byte as it was in the package, or as its commands built it."""
    assert hashlib.sha256((VENDOR / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]


def test_every_vendored_file_is_listed() -> None:
    """No file stands among the vendored ones without its package, version, licence and hash."""
    present = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()} - {"manifest.toml"}
    assert present == {entry["path"] for entry in LISTED}
    assert all(
        entry.keys() - {"built"} == {"path", "package", "version", "source", "licence", "sha256"} for entry in LISTED
    )


def test_a_file_that_was_built_says_how_and_of_what() -> None:
    """Its commands pin each package that is in it and the tool that made it, name the file, and fetch from no named host."""
    for entry in LISTED:
        if "built" not in entry:
            continue
        assert entry["built"].keys() == {"commands", "with"}
        install, *_, last = entry["built"]["commands"]
        assert f"{entry['package']}@{entry['version']}" in install and last.endswith(f"--outfile={entry['path']}")
        assert all(re.fullmatch(r"@?[\w/-]+@\d+(\.\d+)+", word) for word in install.split() if "@" in word)
        assert not any("://" in command for command in entry["built"]["commands"])


def test_every_package_comes_with_its_licence() -> None:
    """Each vendored package, those inside a built file too, brings its licence, of the very version."""
    inside = {name for entry in LISTED for name in entry.get("built", {}).get("with", [])}
    packages = {f"{entry['package']}@{entry['version']}" for entry in LISTED} | inside
    licences = [entry for entry in LISTED if entry["path"].startswith("licences/")]
    assert packages == {f"{entry['package']}@{entry['version']}" for entry in licences}


@pytest.mark.parametrize("sheet", sorted(path.name for path in STATIC.glob("*.css")))
def test_own_css_of_a_page_stays_small(sheet: str) -> None:
    """What a page loads of the shop's own CSS, app.css and the page's own sheets, stays under its limit."""
    shared = {"app.css", "storefront.css"} if sheet in {"shelves.css", "customer.css"} else {"app.css"}
    assert sum((STATIC / name).stat().st_size for name in shared | {sheet}) < OWN_CSS_LIMIT


def test_css_fetches_only_what_is_vendored() -> None:
    """Every address in the CSS is a file beside it, none is elsewhere."""
    for sheet in STATIC.glob("*.css"):
        for address in re.findall(r"url\(([^)]*)\)", sheet.read_text("utf-8")):
            assert (STATIC / address.strip("\"'")).is_file(), f"{sheet.name} asks for {address}"


def _markup(template: str) -> str:
    return re.sub(r"{#.*?#}", "", (TEMPLATES / template).read_text("utf-8"), flags=re.S)


@pytest.mark.parametrize("template", [name for name in ALL_TEMPLATES if name != "mcp/widget.html"])
def test_template_keeps_the_content_security_policy(template: str) -> None:
    """A page has no inline style, script or handler, and loads nothing from another origin. (A widget is no page of ours: one
    document with all that it needs, shown by a host in a sandboxed frame; `tests/mcp/test_widgets.py` says what holds for it.)
    """
    markup = _markup(template)
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=", markup, flags=re.I)
    assert not re.search(r"\b(?:src|href|action)=[\"'](?:https?:)?//", markup, flags=re.I)


@pytest.mark.parametrize("template", ALL_TEMPLATES)
def test_template_asks_for_files_that_are_there(template: str) -> None:
    """Every static file that a template names is served."""
    for name in re.findall(r"asset\('([^']+)'\)|filename='([^']+)'", _markup(template)):
        assert (STATIC / "".join(name)).is_file(), f"{template} asks for {name}"
