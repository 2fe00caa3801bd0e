"""The address book: the organization's addresses, and one's own beside them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from shop.storefront.cart import checkout_page, choose_address
from shop.storefront.clicks import call, refused
from shop.tools.outcomes import Failed, FailureCode, Succeeded

pages = Blueprint("addresses", __name__)


@pages.get("/addresses")
def addresses() -> ResponseReturnValue:
    return _page()


@pages.post("/addresses")
def save() -> ResponseReturnValue:
    """Keep an address, from the book or in the middle of a checkout; one that cannot be kept stays in its form."""
    typed = {"name": request.form.get("name", ""), "text": request.form.get("text", "")}
    is_checkout = request.form.get("next") == "/checkout"
    outcome = call("save_address", typed)
    if isinstance(outcome, Failed) and outcome.code == FailureCode.INVALID_ARGUMENTS:
        page = checkout_page if is_checkout else _page
        return page(address_typed=typed, address_error=outcome.message)
    if not isinstance(outcome, Succeeded):
        return refused(outcome)
    if is_checkout:
        choose_address(typed["name"].strip())
        return redirect("/checkout", 303)
    flash("The address is saved.", "allow")
    return redirect("/addresses", 303)


@pages.post("/addresses/remove")
def remove() -> ResponseReturnValue:
    outcome = call("remove_address", {"name": request.form.get("name", "")})
    if isinstance(outcome, Succeeded | Failed):
        said = "The address is removed." if isinstance(outcome, Succeeded) else outcome.message
        flash(said, "allow" if isinstance(outcome, Succeeded) else "deny")
        return redirect("/addresses", 303)
    return refused(outcome)


def _page(*, address_typed: dict[str, str] | None = None, address_error: str | None = None) -> ResponseReturnValue:
    outcome = call("list_addresses", {})
    if not isinstance(outcome, Succeeded):
        return refused(outcome)
    listed: list[dict[str, Any]] = outcome.result.model_dump()["addresses"]
    page = render_template(
        "storefront/addresses.html",
        addresses=listed,
        address_typed=address_typed or {},
        address_error=address_error,
    )
    return page, 400 if address_error else 200
