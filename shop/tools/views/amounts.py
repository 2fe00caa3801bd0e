"""An amount, as every result tells it."""

from __future__ import annotations

from shop.store.money import euros
from shop.tools.tool import Result


class Money(Result):
    """An amount in EUR: `minor` is in cents, `text` is how people read it."""

    minor: int
    text: str


def money(minor: int) -> Money:
    """An amount, both ways."""
    return Money(minor=minor, text=euros(minor))
