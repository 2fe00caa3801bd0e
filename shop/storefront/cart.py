"""The cart and its checkout. Each click is a call through the gateway; what a checkout shows is pinned until the click."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from shop.access import principal
from shop.services import services
from shop.store.errors import CartEmpty
from shop.store.money import euros
from shop.storefront.catalogue import ideas
from shop.storefront.clicks import STATUS, call, number, refused
from shop.tools.outcomes import Code, Denied, Failed, FailureCode, Outcome, Succeeded

pages = Blueprint("cart", __name__)

_CHOSEN = "address_chosen"
_MOST_SAID = 5


@pages.get("/cart")
def cart() -> ResponseReturnValue:
    outcome = call("view_cart", {})
    return _cart_page(outcome.result.model_dump()) if isinstance(outcome, Succeeded) else refused(outcome)


@pages.post("/cart/add")
def add() -> ResponseReturnValue:
    """With script the product's page stays and says what happened; without, the cart does."""
    outcome = call("add_to_cart", {"sku": request.form.get("sku", ""), "quantity": number("quantity", default=1)})
    if request.headers.get("HX-Request"):
        return _said(outcome)
    if isinstance(outcome, Succeeded):
        flash("It is in your cart.", "undo")
        return redirect("/cart", 303)
    return refused(outcome)


@pages.post("/cart/update")
def update() -> ResponseReturnValue:
    quantity = number("quantity", default=-1)
    outcome = call("update_cart", {"sku": request.form.get("sku", ""), "quantity": quantity})
    if isinstance(outcome, Failed):
        flash(outcome.message, "deny")
    elif isinstance(outcome, Succeeded) and quantity == 0:
        flash("Taken out of your cart.", "undo")
    return redirect("/cart", 303) if isinstance(outcome, Succeeded | Failed) else refused(outcome)


@pages.post("/cart/undo")
def undo() -> ResponseReturnValue:
    """Back to what was in the cart before its last change; what has sold out since is named."""
    outcome = call("undo_cart_change", {})
    if isinstance(outcome, Failed):
        flash(outcome.message, "deny")
        return redirect("/cart", 303)
    if not isinstance(outcome, Succeeded):
        return refused(outcome)
    flash("Your cart is as it was before.", "allow")
    say_skipped(outcome.result.model_dump())
    return redirect("/cart", 303)


def say_skipped(cart: dict[str, Any]) -> None:
    """Name what did not come (back) into the cart. Messages travel in a cookie, so there are only so many."""
    skipped = cart["skipped"]
    for one in skipped[:_MOST_SAID]:
        flash(f"{one['name']}: {one['why']}", "wait")
    if len(skipped) > _MOST_SAID:
        flash(f"And {len(skipped) - _MOST_SAID} more did not come along.", "wait")


def _cart_page(cart: dict[str, Any]) -> ResponseReturnValue:
    """The cart as a call returned it, and what would stand against checking out."""
    me, gateway = principal(), services().gateway
    return render_template(
        "storefront/cart.html",
        cart=cart,
        objection=gateway.enquiries.objection(me, "place_order", {}) if cart["lines"] else None,
        limit=_limit(cart),
        undoable=gateway.enquiries.undoable(me) is not None,
        ideas=[] if cart["lines"] else ideas(),
    )


@pages.get("/checkout")
def checkout() -> ResponseReturnValue:
    return checkout_page()


@pages.post("/checkout")
def place() -> ResponseReturnValue:
    """The person confirms what the page showed them; the pin that it showed goes with the click (invariant I7)."""
    address = request.form.get("address", "")
    seen = _pins(request.form.get("seen", "")).get(address, "")
    outcome = call("place_order", {"address": address}, seen=seen)
    if isinstance(outcome, Succeeded):
        session.pop(_CHOSEN, None)
        flash("Your order is placed.", "allow")
        return redirect(f"/orders/{outcome.result.model_dump()['number']}", 303)
    if isinstance(outcome, Failed) and outcome.code == FailureCode.CHANGED:
        changed = ["Something changed since this page was opened. This is what it is now."]
        return checkout_page(chosen=address, changed=changed)
    if isinstance(outcome, Failed) and outcome.code != CartEmpty.code:
        return checkout_page(chosen=address, error=outcome.message)
    return refused(outcome)


def checkout_page(
    *,
    chosen: str | None = None,
    changed: list[str] | None = None,
    error: str | None = None,
    address_typed: dict[str, str] | None = None,
    address_error: str | None = None,
) -> ResponseReturnValue:
    """What would be ordered, for each saved address, with the pin of each."""
    outcome = call("view_cart", {})
    if not isinstance(outcome, Succeeded):
        return refused(outcome)
    cart = outcome.result.model_dump()
    if not cart["lines"]:
        return redirect("/cart", 303)
    pins: dict[str, str] = {}
    objection: str | None = None
    for address in cart["addresses"]:
        shown = services().gateway.show(principal(), "place_order", {"address": address["name"]})
        if isinstance(shown, tuple):
            pins[address["name"]] = shown[1]
        elif isinstance(shown, Denied):
            if shown.code is not Code.OVER_LIMIT:
                return refused(shown)
            objection = shown.reason
            break  # it is the amount: every other address would be refused, and recorded, for the same reason
        elif isinstance(shown, Failed):
            error = error or shown.message
    page = render_template(
        "storefront/checkout.html",
        cart=cart,
        chosen=_chosen(cart, chosen),
        own=_own_addresses(),
        seen=json.dumps(pins),
        changed=changed,
        error=error,
        objection=objection,
        limit=_limit(cart),
        address_typed=address_typed or {},
        address_error=address_error,
    )
    return page, 403 if objection else 400 if address_error else 409 if changed or error else 200


def choose_address(name: str) -> None:
    """Remember what this browser's next checkout is addressed to, until it is ordered."""
    session[_CHOSEN] = name


def _chosen(cart: dict[str, Any], name: str | None) -> str | None:
    """The address that stands chosen: as asked or remembered, if it is saved, else the usual one."""
    saved = [address["name"] for address in cart["addresses"]]
    wanted = [name, session.get(_CHOSEN), cart["address"] and cart["address"]["name"]]
    return next((one for one in wanted if one in saved), None)


def _own_addresses() -> list[str]:
    outcome = call("list_addresses", {})
    if not isinstance(outcome, Succeeded):
        return []
    return [address["name"] for address in outcome.result.model_dump()["addresses"] if address["whose"] == "yours"]


def _limit(cart: dict[str, Any]) -> dict[str, Any] | None:
    """How much of the person's limit for one order a cart takes, for people to see before it refuses."""
    limit, total = principal().order_limit, cart["total"]["minor"]
    if limit is None or not cart["lines"]:
        return None
    over = total - limit
    return {
        "text": euros(limit),
        "percent": min(100, total * 100 // limit) if limit else 100,
        "rest": euros(-over),
        "over": euros(over) if over > 0 else None,
    }


def _said(outcome: Outcome) -> ResponseReturnValue:
    """What the product's page says in the place that asked."""
    if isinstance(outcome, Succeeded):
        return render_template("storefront/_added.html", added=outcome.result.model_dump()["added"])
    code = outcome.code if isinstance(outcome, Failed | Denied) else FailureCode.UNAVAILABLE
    reason = outcome.reason if isinstance(outcome, Denied) else getattr(outcome, "message", "That did not work.")
    status = 403 if isinstance(outcome, Denied) else STATUS.get(code, 409)
    return render_template("storefront/_added.html", added=None, refused=reason, what_now=None), status


def _pins(text: str) -> dict[str, str]:
    try:
        pins = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {str(name): str(pin) for name, pin in pins.items()} if isinstance(pins, dict) else {}
