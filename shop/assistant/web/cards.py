"""From a call's result to the cards that show it. A card shows what was true when the call was made.

What its buttons do is asked of the shop again, so a button never says what is possible, only what seems to be (`CardContext`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shop.tools.outcomes import OutcomeKind
from shop.tools.presentation import Card, Widget
from shop.tools.registry import TOOLS
from shop.tools.results.widgets import OF_TOOLS

ReceiptOf = Callable[[str], Mapping[str, Any] | None]
"""Finds what a receipt shows, by its id: given by the gateway, which knows whose it is."""


@dataclass(frozen=True, kw_only=True)
class CardContext:
    """What a card depends on beyond what is stored: the moment, what can be undone now, what its person may do."""

    receipt_of: ReceiptOf
    at: datetime
    undoable: Callable[[], str | None]
    """The call that changed the cart last, if it can still be undone; asked only where something can be."""
    may_add: bool
    """Whether the person may put something into their cart themselves."""


def cards_of(tool: str, call: str, outcome: Mapping[str, Any], card_context: CardContext) -> dict[str, Any]:
    """The cards of a call, by the names that `_call.html` knows; None for each that it has not."""
    result: Mapping[str, Any] = outcome.get("told", {}).get("result") or {}
    card = TOOLS[tool].presentation.card if tool in TOOLS and result else None
    return {
        "cards": _products(card, result),
        "comparison": _comparison(result) if card is Card.COMPARISON else None,
        "cart": result if card is Card.CART else None,
        "order": _order(result, card_context) if card is Card.ORDER else None,
        "orders": result.get("orders") if card is Card.ORDERS else None,
        "addresses": result.get("addresses") if card is Card.ADDRESSES else None,
        "undo": _undo(tool, call, outcome, card_context),
        "widget": widget_of(tool, outcome),
    }


def widget_of(tool: str, outcome: Mapping[str, Any]) -> Widget | None:
    """The widget that other hosts would show a call's result in."""
    shown = (
        OF_TOOLS.get(tool) if outcome.get("kind") in {OutcomeKind.SUCCEEDED, OutcomeKind.AWAITING_APPROVAL} else None
    )
    return shown.widget if shown else None


def has_effect(tool: str, outcome: Mapping[str, Any]) -> bool:
    """Whether a call changed something that still stands."""
    return (
        outcome.get("kind") == OutcomeKind.SUCCEEDED
        and tool in TOOLS
        and not TOOLS[tool].read_only
        and not outcome.get("undone")
    )


def _products(card: Card | None, result: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    if card is Card.PRODUCTS:
        return [_product(product) for product in result.get("products", [])] or None
    return [_product(result)] if card is Card.PRODUCT else None


def _product(product: Mapping[str, Any]) -> dict[str, Any]:
    """A product with what can be chosen of it: the first that is in stock is chosen already."""
    variants = [_variant(product, variant) for variant in product.get("variants") or []]
    chosen = next((variant for variant in variants if variant["in_stock"]), variants[0] if variants else None)
    return {**product, "variants": variants, "chosen": chosen, "picture": (chosen or product)["picture"]}


def _variant(product: Mapping[str, Any], variant: Mapping[str, Any]) -> dict[str, Any]:
    folder, _, name = str(product["picture"]).rpartition("/")
    is_by_colour = name == f"{product['variants'][0]['colour']}.svg"
    return {
        "sku": variant["sku"],
        "colour": variant["colour"],
        "size": variant["size"],
        "price": variant["price"]["text"],
        "in_stock": variant["in_stock"],
        "picture": f"{folder}/{variant['colour']}.svg" if is_by_colour else product["picture"],
    }


def _comparison(result: Mapping[str, Any]) -> dict[str, Any]:
    return {"products": result["products"], "rows": result["rows"]}


def _order(order: Mapping[str, Any], card_context: CardContext) -> dict[str, Any]:
    """An order; while it can be cancelled, until when."""
    until = order.get("cancel_until")
    is_open = bool(until) and datetime.fromisoformat(str(until)) > card_context.at
    return {**order, "cancel_until": until if is_open else None}


def _undo(tool: str, call: str, outcome: Mapping[str, Any], card_context: CardContext) -> dict[str, Any] | None:
    if tool not in TOOLS or not TOOLS[tool].presentation.can_be_undone or outcome.get("kind") != OutcomeKind.SUCCEEDED:
        return None
    return {"call": call, "is_open": card_context.undoable() == call, "done": bool(outcome.get("undone"))}
