"""How a product is listed: what the catalogue computes of it, so that it can be found, filtered and sorted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypedDict

from shop.store.word_forms import lexeme, names_of_colours, words_of


class Goods(Protocol):
    """What a listing reads of a product."""

    @property
    def slug(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def tagline(self) -> str: ...
    @property
    def description(self) -> str: ...


class Choice(Protocol):
    """What a listing reads of a variant."""

    @property
    def colour(self) -> str: ...
    @property
    def size(self) -> str: ...
    @property
    def price(self) -> int: ...


class Entry(TypedDict):
    """The computed columns of a product."""

    name_key: str
    head: str
    body: str
    lowest: int
    highest: int


def entry(goods: Goods, choices: Sequence[Choice]) -> Entry:
    """The computed columns of a product with these variants; it has at least one."""
    colours, sizes = {choice.colour for choice in choices}, {choice.size for choice in choices}
    prices = [choice.price for choice in choices]
    head = (goods.name, goods.category, *names_of_colours(colours), *sizes)
    body = words_of(" ".join((goods.slug, goods.tagline, goods.description)))
    filters = [
        lexeme("category", goods.category),
        *(lexeme("colour", colour) for colour in colours),
        *(lexeme("size", size) for size in sizes),
    ]
    return Entry(
        name_key=name_key(goods.name),
        head=" ".join(sorted(set(words_of(" ".join(head))))),
        body=" ".join(sorted({*body, *filters})),
        lowest=min(prices),
        highest=max(prices),
    )


def name_key(name: str) -> str:
    """A name as it is looked up and sorted: without case, article and spaces too many."""
    return " ".join(name.casefold().split()).removeprefix("the ")[:80]
