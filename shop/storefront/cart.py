"""Cart, checkout and orders: each click is a call through the gateway, with the person as principal and no actor."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from shop.access import principal
from shop.services import services
from shop.tools.outcomes import Denied, Failed, Outcome, Succeeded

pages = Blueprint("cart", __name__)


@pages.get("/cart")
def cart() -> ResponseReturnValue:
    outcome = _call("view_cart", {})
    return (
        render_template("storefront/cart.html", cart=outcome.result)
        if isinstance(outcome, Succeeded)
        else _refused(outcome)
    )


@pages.post("/cart/add")
def add() -> ResponseReturnValue:
    sku = request.form.get("sku", "")
    outcome = _call("add_to_cart", {"sku": sku, "quantity": _number("quantity", default=1)})
    if isinstance(outcome, Succeeded):
        flash("It is in your cart.", "allow")
        return redirect("/cart", 303)
    return _refused(outcome)


@pages.post("/cart/update")
def update() -> ResponseReturnValue:
    outcome = _call("update_cart", {"sku": request.form.get("sku", ""), "quantity": _number("quantity", default=-1)})
    if isinstance(outcome, Failed):
        flash(outcome.message, "deny")
    return redirect("/cart", 303) if isinstance(outcome, Succeeded | Failed) else _refused(outcome)


@pages.get("/checkout")
def checkout() -> ResponseReturnValue:
    return _checkout_page(changed=[], error=None)


@pages.post("/checkout")
def place() -> ResponseReturnValue:
    """The person confirms what the page showed them; the pin that it showed goes with the click (invariant I7)."""
    address = request.form.get("address", "")
    seen = _pins(request.form.get("seen", "")).get(address, "")
    outcome = _call("place_order", {"address": address}, seen=seen)
    if isinstance(outcome, Succeeded):
        flash("Your order is placed.", "allow")
        return redirect(f"/orders/{outcome.result.model_dump()['number']}", 303)
    if isinstance(outcome, Failed) and outcome.code == "changed":
        return _checkout_page(
            changed=["Something changed since this page was opened. This is what it is now."], error=None
        )
    if isinstance(outcome, Failed) and outcome.code != "cart_empty":
        return _checkout_page(changed=[], error=outcome.message)
    return _refused(outcome)


@pages.get("/orders")
def orders() -> ResponseReturnValue:
    outcome = _call("list_orders", {"limit": 50})
    if not isinstance(outcome, Succeeded):
        return _refused(outcome)
    listed = outcome.result.model_dump()
    heading = "Your organization's orders" if listed["whose"] == "organization" else None
    return render_template("storefront/orders.html", orders=listed["orders"], heading=heading)


@pages.get("/orders/<number>")
def order(number: str) -> ResponseReturnValue:
    outcome = _call("get_order", {"number": number})
    return (
        render_template("storefront/order.html", order=outcome.result)
        if isinstance(outcome, Succeeded)
        else _refused(outcome)
    )


@pages.post("/orders/<number>/cancel")
def cancel(number: str) -> ResponseReturnValue:
    """The order's page showed what is cancelled; the click pins it as it stands in this very request."""
    arguments = {"number": number}
    shown = services().gateway.show(principal(), "cancel_order", arguments)
    if not isinstance(shown, tuple):
        return _refused(shown)
    outcome = _call("cancel_order", arguments, seen=shown[1])
    if not isinstance(outcome, Succeeded):
        return _refused(outcome)
    flash("Your order is cancelled.", "allow")
    return redirect(f"/orders/{number}", 303)


def _call(name: str, arguments: dict[str, Any], *, seen: str | None = None) -> Outcome:
    return services().gateway.call_tool(principal(), None, name, arguments, seen=seen)


def _checkout_page(*, changed: list[str], error: str | None) -> ResponseReturnValue:
    """What would be ordered, for each saved address, with the pin of each."""
    outcome = _call("view_cart", {})
    if not isinstance(outcome, Succeeded):
        return _refused(outcome)
    cart = outcome.result.model_dump()
    if not cart["lines"]:
        return redirect("/cart", 303)
    pins: dict[str, str] = {}
    for address in cart["addresses"]:
        shown = services().gateway.show(principal(), "place_order", {"address": address["name"]})
        if isinstance(shown, tuple):
            pins[address["name"]] = shown[1]
        elif isinstance(shown, Denied):
            return _refused(shown)
        elif isinstance(shown, Failed):
            error = error or shown.message
    page = render_template("storefront/checkout.html", cart=cart, seen=json.dumps(pins), changed=changed, error=error)
    return page, 409 if changed or error else 200


def _refused(outcome: Outcome) -> ResponseReturnValue:
    """A refusal as a page that a person can read. Not theirs and not there are the same page (invariant I10)."""
    if isinstance(outcome, Denied) and outcome.code != "not_found":
        back = _BACK if outcome.code == "over_limit" else None  # who may not have a cart is not sent to it
        page = render_template(
            "storefront/refused.html", title="This was not done", reason=outcome.reason, next_step="", back=back
        )
        return page, 403
    code = outcome.code if isinstance(outcome, Failed | Denied) else "unavailable"
    status = {"not_found": 404, "invalid_arguments": 400, "unavailable": 503}.get(code, 409)
    title = {"not_found": "There is nothing here", "cart_empty": "Your cart is empty"}.get(code, "That did not work")
    text = outcome.message if isinstance(outcome, Failed) else "There is nothing under that number or name."
    action = _TO_ORDERS if request.path.startswith("/orders") else _BACK
    return render_template("storefront/error.html", code=status, title=title, text=text, action=action), status


_BACK = {"href": "/cart", "label": "To your cart"}
_TO_ORDERS = {"href": "/orders", "label": "To your orders"}


def _number(field: str, *, default: int) -> int:
    """A whole number from the form; what is not one becomes a value that the tool refuses with its own sentence."""
    text = request.form.get(field, str(default)).strip()
    digits = text.removeprefix("-")
    return int(text) if digits.isdecimal() and digits.isascii() and len(digits) <= 9 else -1


def _pins(text: str) -> dict[str, str]:
    try:
        pins = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {str(name): str(pin) for name, pin in pins.items()} if isinstance(pins, dict) else {}
