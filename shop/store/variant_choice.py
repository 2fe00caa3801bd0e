"""From a product, and what somebody said of its colour and size, to the one variant that they mean.

What was left open and comes in one kind only needs no question. What comes in several is not guessed: `Undecided` says
between which, so that whoever asked can let a person choose.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from shop.store.catalogue import find_product
from shop.store.errors import NotThere, OutOfStock, StoreError
from shop.store.models import Variant

_MOST_TOLD = 12
"""Colours that a sentence names; a thing that comes in more is better looked at."""


class Undecided(StoreError):
    """Several variants in stock fit. `options`: what there is to choose from for whatever was left open."""

    code = "choice_needed"

    def __init__(self, fitting: Sequence[Variant]) -> None:
        super().__init__(f"{_in_stock(fitting)} Which one shall it be?")
        values = {
            "colour": list(dict.fromkeys(variant.colour for variant in fitting)),
            "size": list(dict.fromkeys(variant.size for variant in fitting)),
        }
        self.options = {name: found for name, found in values.items() if len(found) > 1}


def choose(db: Session, product: str, colour: str | None, size: str | None, quantity: int) -> Variant:
    """The variant that is meant. One that is named in full is the answer even where too few are left: that is the cart's to say.

    Raises `NotThere`, `OutOfStock`, `Undecided`.
    """
    found = find_product(db, product)
    named = [one for one in found.variants if _is(one.colour, colour) and _is(one.size, size)]
    fitting = [one for one in named if one.stock >= quantity]
    if len(fitting) > 1:
        raise Undecided(fitting)
    if fitting or len(named) == 1:
        return (fitting or named)[0]
    if named:
        raise OutOfStock(f"There are not {quantity} of one kind of {found.name} left." if quantity > 1 else "Sold out.")
    others = [one for one in found.variants if one.stock >= quantity]
    wanted = ", ".join(value for value in (colour, size) if value)
    raise NotThere(f"{found.name} does not come in {wanted}. {_in_stock(others)}".strip())


def _is(value: str, said: str | None) -> bool:
    return not said or value.casefold() == said.casefold()


def _in_stock(variants: Sequence[Variant]) -> str:
    """What there is, as a sentence: sizes by colour, where there are several, since not each colour comes in each."""
    sizes: dict[str, list[str]] = {}
    for variant in variants:
        sizes.setdefault(variant.colour, []).append(variant.size)
    is_one_size = len({variant.size for variant in variants}) == 1
    told = [
        colour if is_one_size else f"{colour} ({', '.join(of_colour)})"
        for colour, of_colour in list(sizes.items())[:_MOST_TOLD]
    ]
    more = [f"{len(sizes) - _MOST_TOLD} more colours"] if len(sizes) > _MOST_TOLD else []
    return f"{variants[0].product.name} is in stock in {', '.join([*told, *more])}." if variants else ""
