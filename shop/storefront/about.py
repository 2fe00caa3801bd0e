"""What a person should know before they trust this: the page of what it does not protect. Public."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from markdown_it import MarkdownIt
from markupsafe import Markup

from shop.settings import ROOT

pages = Blueprint("about", __name__)


@pages.get("/protect")
def protect() -> ResponseReturnValue:
    """The section of `docs/limits.md`, so that there is one text."""
    return render_template("storefront/protect.html", html=_section("What this does not protect"))


def _section(title: str) -> Markup:
    limits = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    _, _, after = limits.partition(f"## {title}\n")
    text = after.partition("\n## ")[0]
    return Markup(MarkdownIt("commonmark").enable("table").render(text))  # noqa: S704 - our own file
