"""A person's orders: the list, each one with its way, the same again, its invoice, and its end."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template
from flask.typing import ResponseReturnValue

from shop.access import principal
from shop.services import services
from shop.storefront.cart import say_skipped
from shop.storefront.clicks import call, refused
from shop.tools.outcomes import Succeeded

pages = Blueprint("orders", __name__)


@pages.get("/orders")
def orders() -> ResponseReturnValue:
    outcome = call("list_orders", {"limit": 50})
    if not isinstance(outcome, Succeeded):
        return refused(outcome)
    listed = outcome.result.model_dump()
    heading = "Your organization's orders" if listed["whose"] == "organization" else None
    return render_template("storefront/orders.html", orders=listed["orders"], count=listed["count"], heading=heading)


@pages.get("/orders/<number>")
def order(number: str) -> ResponseReturnValue:
    return _page_of("storefront/order.html", number)


@pages.get("/orders/<number>/invoice")
def invoice(number: str) -> ResponseReturnValue:
    return _page_of("storefront/invoice.html", number)


@pages.post("/orders/<number>/reorder")
def reorder(number: str) -> ResponseReturnValue:
    """The same again, at today's prices; the cart's page names what did not come along."""
    outcome = call("reorder", {"number": number})
    if not isinstance(outcome, Succeeded):
        return refused(outcome)
    flash(f"What was in {number.upper()} is in your cart, at today's prices.", "undo")
    say_skipped(outcome.result.model_dump())
    return redirect("/cart", 303)


@pages.post("/orders/<number>/cancel")
def cancel(number: str) -> ResponseReturnValue:
    """The order's page showed what is cancelled; the click pins it as it stands in this very request."""
    arguments = {"number": number}
    shown = services().gateway.show(principal(), "cancel_order", arguments)
    if not isinstance(shown, tuple):
        return refused(shown)
    outcome = call("cancel_order", arguments, seen=shown[1])
    if not isinstance(outcome, Succeeded):
        return refused(outcome)
    flash("Your order is cancelled.", "allow")
    return redirect(f"/orders/{number}", 303)


def _page_of(template: str, number: str) -> ResponseReturnValue:
    outcome = call("get_order", {"number": number})
    if not isinstance(outcome, Succeeded):
        return refused(outcome)
    order = outcome.result.model_dump()
    return render_template(template, order=order, own=order["placed_by"].endswith("you"))
