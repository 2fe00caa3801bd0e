"""Small words that sentences are made of: numbers, lists, money, variants."""

from collections.abc import Iterable
from typing import Any, Final

from shop.companions.offline_model.conversation import Json
from shop.companions.offline_model.memory import amount_of

_NUMBERS: Final = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]


def number(count: int) -> str:
    """Up to twelve in words, as one writes them."""
    return _NUMBERS[count] if 0 <= count < len(_NUMBERS) else str(count)


def listing(words: Iterable[str], joint: str) -> str:
    """`black, bone or moss`."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} {joint} {last}" if first else last


def money(amount: Any) -> str:
    """The text of a `{"minor", "text"}` amount: the shop formats money, the model only repeats it."""
    return str(amount.get("text", "")) if isinstance(amount, dict) else ""


def lowest(products: list[Json]) -> str:
    """The lowest price among products."""
    return money(min(products, key=amount_of, default={}).get("price"))


def items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"


def variant(thing: Json) -> str:
    """` (black, L)` behind a name; nothing where there is nothing to choose."""
    parts = [str(part) for part in (thing.get("colour"), thing.get("size")) if part and part != "one size"]
    return f" ({', '.join(parts)})" if parts else ""


def wish(colour: str | None, size: str | None) -> str:
    """`in black, size L`, `in L`, or nothing."""
    size = None if size == "one size" else size
    if colour and size:
        return f"in {colour}, size {size}"
    return f"in {colour or size}" if colour or size else ""
