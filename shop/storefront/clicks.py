"""A click is a call through the gateway, with the person as principal and no actor; and what a refused one looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from shop.access import principal
from shop.authorization.not_there import NOT_THERE
from shop.services import services
from shop.store.errors import CartEmpty
from shop.tools.outcomes import Code, Denied, Failed, FailureCode, Outcome

_BACK = {"href": "/cart", "label": "To your cart"}
_TO_ORDERS = {"href": "/orders", "label": "To your orders"}
STATUS: Mapping[str, int] = {Code.NOT_FOUND: 404, FailureCode.INVALID_ARGUMENTS: 400, FailureCode.UNAVAILABLE: 503}
"""The status of a failure's page; what is not here is 409: it does not fit what is."""


def call(name: str, arguments: dict[str, Any], *, seen: str | None = None) -> Outcome:
    """One call of the person behind this request."""
    return services().gateway.call_tool(principal(), None, name, arguments, seen=seen)


def refused(outcome: Outcome) -> ResponseReturnValue:
    """A refusal as a page that a person can read. Not theirs and not there are the same page (invariant I10)."""
    if isinstance(outcome, Denied) and outcome.code is not Code.NOT_FOUND:
        back = _BACK if outcome.code is Code.OVER_LIMIT else None  # who may not have a cart is not sent to it
        only_looked = request.method == "GET" and outcome.code is Code.NOT_PERMITTED
        title = "This page is not for your role" if only_looked else "This was not done"
        page = render_template("storefront/refused.html", title=title, reason=outcome.reason, next_step="", back=back)
        return page, 403
    code = outcome.code if isinstance(outcome, Failed | Denied) else FailureCode.UNAVAILABLE
    status = STATUS.get(code, 409)
    title = {Code.NOT_FOUND: "There is nothing here", CartEmpty.code: "Your cart is empty"}.get(
        code, "That did not work"
    )
    text = outcome.message if isinstance(outcome, Failed) else NOT_THERE
    action = _TO_ORDERS if request.path.startswith("/orders") else _BACK
    return render_template("storefront/error.html", code=status, title=title, text=text, action=action), status


def number(field: str, *, default: int) -> int:
    """A whole number from the form; what is not one becomes a value that the tool refuses with its own sentence."""
    text = request.form.get(field, str(default)).strip()
    digits = text.removeprefix("-")
    return int(text) if digits.isdecimal() and digits.isascii() and len(digits) <= 9 else -1
