"""What a call was, in a person's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shop.assistant.turn.context import arguments_of
from shop.conversations.models import Item
from shop.tools.registry import TOOLS
from shop.untrusted import one_line

_MOST_CHARACTERS = 40
"""Of an argument in a title: a model may have written anything."""


def tool_of(item: Item) -> str:
    """The name of a call's tool, for people: an invented one is foreign text, and is not repeated."""
    return item.tool if item.tool in TOOLS else "an unknown tool"


def title_of(item: Item, outcome: Mapping[str, Any]) -> str:
    """A call's title, from what it was asked with and what came back: one line of clean text."""
    return one_line(_title_of(item, outcome))


def _title_of(item: Item, outcome: Mapping[str, Any]) -> str:
    arguments = arguments_of(item)
    given = arguments if isinstance(arguments, dict) else {}
    result = outcome.get("told", {}).get("result") or {}
    match item.tool:
        case "search_products":
            about = _about(given)
            return f"Looked for {about}" if about else "Looked through the catalogue"
        case "get_product":
            return f"Looked at {result.get('name') or _short(given.get('product', 'a product'))}"
        case "compare_products":
            names = [str(product["name"]) for product in result.get("products", [])]
            return f"Compared {_listing(names)}" if names else "Compare products"
        case "add_to_cart":
            added = result.get("added")
            return (
                f"Put {added['quantity']} × {added['name']} into your cart" if added else "Put something into your cart"
            )
        case tool if tool in _TITLES:
            return _TITLES[tool].format(number=_short(given.get("number", ""))).rstrip()
        case tool:
            return TOOLS[tool].title if tool in TOOLS else f"Tried {tool_of(item)}"


_TITLES = {
    "cancel_order": "Cancel order {number}",
    "get_order": "Looked up order {number}",
    "list_addresses": "Looked up where to ship to",
    "list_orders": "Looked up your orders",
    "place_order": "Place the order",
    "reorder": "Put order {number} into your cart again",
    "undo_cart_change": "Took the last change of your cart back",
    "update_cart": "Changed your cart",
    "view_cart": "Looked into your cart",
    "what_may_i_do": "Checked what is allowed",
}


def _about(given: Mapping[str, Any]) -> str:
    words = (given.get(name) for name in ("colour", "query", "category", "size"))
    return " ".join(_short(word) for word in words if isinstance(word, str) and word)


def _short(value: object) -> str:
    return str(value)[:_MOST_CHARACTERS]


def _listing(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
