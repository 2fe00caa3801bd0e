"""A click is a call through the gateway, with the person as principal and no actor; and what a refused one looks like."""

from __future__ import annotations

from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from shop.access import principal
from shop.authorization.not_there import NOT_THERE
from shop.services import services
from shop.tools.outcomes import Denied, Failed, Outcome

_BACK = {"href": "/cart", "label": "To your cart"}
_TO_ORDERS = {"href": "/orders", "label": "To your orders"}
STATUS = {"not_found": 404, "invalid_arguments": 400, "unavailable": 503}
"""The status of a failure's page; what is not here is 409: it does not fit what is."""


def call(name: str, arguments: dict[str, Any], *, seen: str | None = None) -> Outcome:
    """One call of the person behind this request."""
    return services().gateway.call_tool(principal(), None, name, arguments, seen=seen)


def refused(outcome: Outcome) -> ResponseReturnValue:
    """A refusal as a page that a person can read. Not theirs and not there are the same page (invariant I10)."""
    if isinstance(outcome, Denied) and outcome.code != "not_found":
        back = _BACK if outcome.code == "over_limit" else None  # who may not have a cart is not sent to it
        page = render_template(
            "storefront/refused.html", title="This was not done", reason=outcome.reason, next_step="", back=back
        )
        return page, 403
    code = outcome.code if isinstance(outcome, Failed | Denied) else "unavailable"
    status = STATUS.get(code, 409)
    title = {"not_found": "There is nothing here", "cart_empty": "Your cart is empty"}.get(code, "That did not work")
    text = outcome.message if isinstance(outcome, Failed) else NOT_THERE
    action = _TO_ORDERS if request.path.startswith("/orders") else _BACK
    return render_template("storefront/error.html", code=status, title=title, text=text, action=action), status


def number(field: str, *, default: int) -> int:
    """A whole number from the form; what is not one becomes a value that the tool refuses with its own sentence."""
    text = request.form.get(field, str(default)).strip()
    digits = text.removeprefix("-")
    return int(text) if digits.isdecimal() and digits.isascii() and len(digits) <= 9 else -1
