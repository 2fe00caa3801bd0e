"""How much goes to a model at once: bounded by size, and shortened when a model says that it was too much.

Sizes are bytes of JSON in UTF-8: no server's tokens can be counted here, and four bytes are about one. What is left out is
the oldest, an exchange at a time: a message and all that followed from it, so that no call ever loses its output.
"""

from __future__ import annotations

import json
from typing import Any

from shop.tools.results.for_model import size

Items = list[dict[str, Any]]

EARLIER = {"role": "developer", "content": "The earlier part of this conversation is left out, because it is too long."}
_OUTPUT_LEFT_OUT = json.dumps({"outcome": "left_out", "message": "This result was too long to be kept in mind."})


def size_of(items: Items) -> int:
    """How large a model's input is, in bytes."""
    return sum(size(item) for item in items)


def fitted(items: Items, most: int) -> Items:
    """The latest of a model's input that is not larger than `most` bytes. The last exchange stays, if need be without the
    results of its earlier calls.
    """
    if size_of(items) <= most:
        return items
    *earlier, last = _exchanges(items)
    kept, left = last, most - size_of(last)
    for exchange in reversed(earlier):
        left -= size_of(exchange)
        if left < 0:
            break
        kept = [*exchange, *kept]
    shorter = [EARLIER, *kept] if len(kept) < len(items) else kept
    return shorter if left >= 0 or kept is not last else _without_outputs(shorter, most)


def shortened(items: Items) -> Items | None:
    """About half of a model's input, the latest; None when nothing can be left out."""
    shorter = fitted(items, size_of(items) // 2)
    return shorter if size_of(shorter) < size_of(items) * 0.95 else None


def _without_outputs(items: Items, most: int) -> Items:
    """The same items, with the oldest results left out until it fits; the newest result stays."""
    kept, outputs = list(items), [n for n, item in enumerate(items) if item.get("type") == "function_call_output"]
    for place in outputs[:-1]:
        if size_of(kept) <= most:
            break
        kept[place] = {**kept[place], "output": _OUTPUT_LEFT_OUT}
    return kept


def _exchanges(items: Items) -> list[Items]:
    """The items, cut before each message of the person, and before the page that it is about."""
    exchanges: list[Items] = []
    for place, item in enumerate(items):
        is_about = place > 0 and items[place - 1].get("role") == "developer"
        begins = item.get("role") == "developer" or (item.get("role") == "user" and not is_about)
        if begins or not exchanges:
            exchanges.append([])
        exchanges[-1].append(item)
    return exchanges
