"""The person's own clicks on the chat's cards: calls through the gateway without an actor, as on the shop's pages."""

from __future__ import annotations

import re

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from shop.access import principal, refuse_handle
from shop.assistant.web.responses import notice, opened, page_of
from shop.audit.denials import Handle
from shop.conversations.models import Item, Turn
from shop.database import new_id
from shop.services import services
from shop.tools.outcomes import Denied, Outcome, Succeeded

_CARD = re.compile(r"itm_[0-9a-z]{26}-[0-9]{1,2}")
"""A card on the page: the call that showed it, and its place among that call's cards."""


def add_routes(chat: Blueprint) -> None:
    """Add these routes to the chat's blueprint, under its access rule."""

    @chat.post("/<conversation_id>/cart")
    def add(conversation_id: str) -> ResponseReturnValue:
        conversation, card = opened(conversation_id), request.form.get("card", "")
        call = new_id("call")
        arguments = {"sku": request.form.get("sku", ""), "quantity": 1}
        outcome = services().gateway.call_tool(principal(), conversation.id, "add_to_cart", arguments, call_id=call)
        if not isinstance(outcome, Succeeded):
            return _refused(outcome)
        page = page_of(conversation)
        added = outcome.result.model_dump()["added"]
        words = f"{added['name']}, {added['colour']}, {added['size']}: it is in your cart."
        return str(page.cart_changed() + (page.added(card, call, words) if _CARD.fullmatch(card) else ""))

    @chat.post("/<conversation_id>/undo")
    def undo(conversation_id: str) -> ResponseReturnValue:
        conversation, call, card = opened(conversation_id), request.form.get("call", ""), request.form.get("card", "")
        gateway = services().gateway
        if not call or gateway.enquiries.undoable(principal()) != call:
            refuse_handle(Handle.CART_CHANGE)
            return notice(409, "Too late to undo.", "Something has changed your cart since. You can change it by hand.")
        outcome = gateway.call_tool(principal(), conversation.id, "undo_cart_change", {"change": call})
        if not isinstance(outcome, Succeeded):
            return _refused(outcome)
        page = page_of(conversation)
        turn_id = _mark_undone(conversation.id, call)
        shown = page.item_changed(turn_id, call) if turn_id else page.added(card, None, "Taken back.")
        return str(page.cart_changed() + page.ways_on() + shown)


def _mark_undone(conversation_id: str, call: str) -> str | None:
    """Remember on an assistant's call that its person took it back, so that no model goes on from it. Returns its turn."""
    with services().database.write() as db:
        item = db.get(Item, call)
        turn = db.get(Turn, item.turn_id) if item else None
        if item is None or turn is None or turn.conversation_id != conversation_id:
            return None
        item.outcome = {**(item.outcome or {}), "undone": True}
        return turn.id


def _refused(outcome: Outcome) -> ResponseReturnValue:
    if isinstance(outcome, Denied):
        return notice(403, "This was not done.", outcome.reason)
    return notice(409, "That did not work.", getattr(outcome, "message", "Nothing was done. Please try again."))
