"""The page on which a person decides what an external assistant asked for.

A link brings them here and carries no authority: they sign in here themselves, and only the person whose assistant asked
finds anything. Whoever else opens it is told that there is nothing, and their try is recorded (invariants I7, I10, I11).
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template
from flask.typing import ResponseReturnValue

from shop.access import not_there, principal, signed_in
from shop.credentials.agents import agent_of
from shop.services import services

pages = Blueprint("approval", __name__, url_prefix="/approvals")


@pages.get("/<receipt_id>")
def page(receipt_id: str) -> ResponseReturnValue:
    """What would happen, and the two answers; once it is decided, what became of it."""
    view = services().gateway.receipt_desk.open_page(principal(), receipt_id)
    if view is None:
        return _nothing_here()
    if not view["is_external"]:
        return redirect(f"/assistant/{view['conversation']}#receipt-{receipt_id}")
    return render_template("storefront/approval.html", receipt={**view, "intro": _intro(view["client_id"])})


@pages.post("/<receipt_id>/confirm")
def confirm(receipt_id: str) -> ResponseReturnValue:
    """Do it, once. Whatever comes of it, the receipt's own page says so."""
    services().gateway.approve(principal(), receipt_id)
    return _decided(receipt_id)


@pages.post("/<receipt_id>/decline")
def decline(receipt_id: str) -> ResponseReturnValue:
    """Answer: not now."""
    services().gateway.decline(principal(), receipt_id)
    return _decided(receipt_id)


def _decided(receipt_id: str) -> ResponseReturnValue:
    is_there = services().gateway.receipt_desk.view(principal(), receipt_id) is not None
    return redirect(f"/approvals/{receipt_id}", 303) if is_there else _nothing_here()


def _intro(client_id: str) -> str:
    me = signed_in()
    if me is None:
        raise LookupError("nobody comes here who is not signed in")
    with services().database.read() as db:
        client = agent_of(db, me.principal.organization, client_id)
    name = client.name if client else client_id
    publisher = f" (published by {client.publisher})" if client and client.publisher else ""
    return f"{name}{publisher} asks, on behalf of {me.name} at {me.organization_name}."


def _nothing_here() -> ResponseReturnValue:
    text = (
        "This link leads nowhere, or it is for somebody else. If an assistant gave it to you, sign in as the person "
        "that it acts for."
    )
    return not_there("There is nothing to decide here", text, href="/", label="To the shop")
