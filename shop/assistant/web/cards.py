"""From a call's result to the cards that show it. A card shows what was true when the call was made.

What its buttons do is asked of the shop again, so a button never says what is possible, only what seems to be (`Seen`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shop.tools.registry import TOOLS
from shop.tools.results.widgets import OF_TOOLS, Widget

CART_CHANGES = frozenset({"add_to_cart", "update_cart", "reorder", "undo_cart_change"})
_CARTS = CART_CHANGES | {"view_cart"}
_ORDERS = frozenset({"get_order", "place_order", "cancel_order"})

ReceiptOf = Callable[[str], Mapping[str, Any] | None]
"""Finds what a receipt shows, by its id: given by the gateway, which knows whose it is."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a card depends on beyond what is stored: the moment, what can be undone now, what its person may do."""

    receipt_of: ReceiptOf
    at: datetime
    undoable: Callable[[], str | None]
    """The call that changed the cart last, if it can still be undone; asked only where something can be."""
    may_add: bool
    """Whether the person may put something into their cart themselves."""


def cards_of(tool: str, call: str, outcome: Mapping[str, Any], seen: Seen) -> dict[str, Any]:
    """The cards of a call, by the names that `_call.html` knows; None for each that it has not."""
    result: Mapping[str, Any] = outcome.get("told", {}).get("result") or {}
    return {
        "cards": _products(tool, result),
        "comparison": _comparison(result) if tool == "compare_products" and result else None,
        "cart": result if tool in _CARTS and result else None,
        "order": _order(result, seen) if tool in _ORDERS and result else None,
        "orders": result.get("orders") if tool == "list_orders" else None,
        "addresses": result.get("addresses") if tool == "list_addresses" else None,
        "undo": _undo(tool, call, outcome, seen),
        "widget": widget_of(tool, outcome),
    }


def widget_of(tool: str, outcome: Mapping[str, Any]) -> Widget | None:
    """The widget that other hosts would show a call's result in."""
    return OF_TOOLS.get(tool) if outcome.get("kind") in {"succeeded", "awaiting_approval"} else None


def has_effect(tool: str, outcome: Mapping[str, Any]) -> bool:
    """Whether a call changed something that still stands."""
    return (
        outcome.get("kind") == "succeeded" and tool in TOOLS and not TOOLS[tool].read_only and not outcome.get("undone")
    )


def _products(tool: str, result: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    if tool == "search_products":
        return [_product(product) for product in result.get("products", [])] or None
    return [_product(result)] if tool == "get_product" and result else None


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


def _order(order: Mapping[str, Any], seen: Seen) -> dict[str, Any]:
    """An order; while it can be cancelled, until when."""
    until = order.get("cancel_until")
    is_open = bool(until) and datetime.fromisoformat(str(until)) > seen.at
    return {**order, "cancel_until": until if is_open else None}


def _undo(tool: str, call: str, outcome: Mapping[str, Any], seen: Seen) -> dict[str, Any] | None:
    if tool not in CART_CHANGES - {"undo_cart_change"} or outcome.get("kind") != "succeeded":
        return None
    return {"call": call, "is_open": seen.undoable() == call, "done": bool(outcome.get("undone"))}
