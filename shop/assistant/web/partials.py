"""Pieces of the chat page, and where each goes.

A piece is rendered without what frames a whole page (navigation, account, cart), which would otherwise be computed anew for
each token of a stream.
"""

from __future__ import annotations

from typing import Any

from flask import current_app
from markupsafe import Markup


def piece(template: str, **context: Any) -> Markup:
    """A template's HTML, from this context alone."""
    return Markup(current_app.jinja_env.get_template(template).render(context))  # noqa: S704 - a rendered template


def partial(target: str, swap: str, html: str) -> Markup:
    """One place of the page, and what to put there. `html` comes from templates, or is sanitised."""
    return piece("assistant/_partial.html", target=target, swap=swap, html=Markup(html))  # noqa: S704 - see above


def replacement(target: str, html: str) -> Markup:
    """What takes the place of an element of the page."""
    return partial(target, "outerHTML", html)
