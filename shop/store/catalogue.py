"""The public catalogue: search and details. Plain queries, no principal, no audit (design §2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from shop.store.models import NotThere, Product, StoreError, Variant

Sort = Literal["best", "price_up", "price_down", "newest", "name"]
FARTHEST = 960
"""How far into the matches of one search anybody can turn the pages."""
MOST_COUNTED = 200
"""Matches are counted up to here, and called "200+" beyond."""

_SAME_COLOUR = {"white": ("bone",), "blue": ("navy",), "green": ("moss",), "red": ("rust",)}
"""What people call a colour, to the colours that the shop has."""
_NOISE = frozenset({"a", "an", "and", "any", "for", "in", "me", "of", "or", "please", "some", "the", "with"})


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a search asks for; each None or empty value means: any. Prices are in minor units.

    `limit` and `offset` say which of the matches are wanted.
    """

    query: str = ""
    category: str | None = None
    colour: str | None = None
    size: str | None = None
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool = False
    sort: Sort = "best"
    limit: int = 24
    offset: int = 0


@dataclass(frozen=True)
class Match:
    """A product with those of its variants that fit."""

    product: Product
    variants: list[Variant]


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some of the matches of a search, in its order."""

    matches: list[Match]
    count: int
    is_exact: bool = True
    """False: there are more than `count`."""
    corrected: str | None = None
    """The query that was searched for, when a misspelt word of it was corrected."""


@dataclass(frozen=True)
class Facet:
    """A value that a search could be narrowed to, and how many matches it would then have."""

    value: str
    count: int
    is_exact: bool = True


@dataclass(frozen=True, kw_only=True)
class Facets:
    """What a search could be narrowed to; each list leaves out its own filter, so that one can change it."""

    categories: list[Facet] = field(default_factory=list)
    colours: list[Facet] = field(default_factory=list)
    sizes: list[Facet] = field(default_factory=list)


class NothingToCompare(StoreError):
    """Fewer than two different products were named."""

    code = "invalid_arguments"


def search(db: Session, filters: Filters) -> Page:
    """Products with at least one variant that fits, best first: words in the name weigh most."""
    found = _all_matches(db, filters)
    shown = found[filters.offset : filters.offset + filters.limit]
    return Page(matches=shown, count=min(len(found), MOST_COUNTED), is_exact=len(found) <= MOST_COUNTED)


def facets(db: Session, filters: Filters) -> Facets:
    """What the search could be narrowed to, most matches first."""

    def counted(values: list[str]) -> list[Facet]:
        return [Facet(value, values.count(value)) for value in dict.fromkeys(values)]

    by_category = _all_matches(db, replace(filters, category=None))
    by_colour = _all_matches(db, replace(filters, colour=None))
    by_size = _all_matches(db, replace(filters, size=None))
    return Facets(
        categories=counted([match.product.category for match in by_category]),
        colours=counted([colour for match in by_colour for colour in {v.colour for v in match.variants}]),
        sizes=counted([size for match in by_size for size in {v.size for v in match.variants}]),
    )


def _all_matches(db: Session, filters: Filters) -> list[Match]:
    query = select(Variant).join(Variant.product).options(contains_eager(Variant.product))
    if filters.category:
        query = query.where(Product.category == plural(filters.category))
    if filters.colour:
        colour = filters.colour.strip().lower()
        query = query.where(Variant.colour.in_(_SAME_COLOUR.get(colour, (colour,))))
    if filters.size:
        query = query.where(Variant.size == filters.size.strip().upper().replace("ONE SIZE", "one size"))
    if filters.max_price is not None:
        query = query.where(Variant.price <= filters.max_price)
    if filters.min_price is not None:
        query = query.where(Variant.price >= filters.min_price)
    if filters.in_stock:
        query = query.where(Variant.stock > 0)
    words = words_of(filters.query)
    for word in words:
        query = query.where(Product.words.contains(word, autoescape=True))
    found: dict[str, Match] = {}
    for variant in db.scalars(query.order_by(Product.position, Variant.position)):
        found.setdefault(variant.product_slug, Match(variant.product, [])).variants.append(variant)
    return sorted(found.values(), key=lambda match: _order(match, words, filters.sort))


def find_product(db: Session, slug_or_name: str) -> Product:
    """A product by its slug or its name, in any case. Raises `NotThere`."""
    wanted = slug_or_name.strip().lower()
    product = db.get(Product, wanted) or db.get(Product, re.sub(r"[^a-z0-9]+", "-", wanted).strip("-"))
    if product is None:
        named = db.scalars(select(Product).order_by(Product.position))
        product = next((p for p in named if wanted and wanted in {p.name.lower(), f"the {p.name}".lower()}), None)
    if product is None:
        raise NotThere("There is no such product.")
    return product


def find_variant(db: Session, sku: str) -> Variant:
    """A variant by its SKU. Raises `NotThere`."""
    variant = db.get(Variant, sku.strip().lower())
    if variant is None:
        raise NotThere("There is no such article.")
    return variant


def categories(db: Session) -> list[str]:
    """All categories, in the order of the catalogue."""
    return list(dict.fromkeys(db.scalars(select(Product.category).order_by(Product.position))))


def options(db: Session) -> tuple[Sequence[str], Sequence[str]]:
    """All colours and all sizes that some variant has, in the order of the catalogue."""
    rows = db.execute(
        select(Variant.colour, Variant.size).join(Variant.product).order_by(Product.position, Variant.position)
    ).all()
    return list(dict.fromkeys(row.colour for row in rows)), list(dict.fromkeys(row.size for row in rows))


def words_of(text: str) -> list[str]:
    """The words that search compares: lower case, without noise, in the singular."""
    return [singular(w) for w in re.findall(r"[^\W_]+", text.lower()) if w not in _NOISE]


def singular(word: str) -> str:
    """A plural's singular, as far as the catalogue's words need it."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-1] if word.endswith("dies") or word.endswith("nies") else word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 2 else word


def plural(category: str) -> str:
    """A category as the catalogue writes it: plural, lower case."""
    word = category.strip().lower()
    return word if word.endswith("s") else f"{word}s"


def searchable(product: Product, variants: Sequence[Variant]) -> str:
    """The text that search looks through, in lower case."""
    colours = {v.colour for v in variants} | {
        name for name, same in _SAME_COLOUR.items() for v in variants if v.colour in same
    }
    parts = [product.name, product.category, product.tagline, product.description, product.slug, *sorted(colours)]
    return " ".join(parts).lower()


def _order(match: Match, words: list[str], sort: Sort) -> tuple[int | str, int]:
    product, price = match.product, min(variant.price for variant in match.variants)
    name = f"{product.name} {product.category}".lower()
    keys: dict[Sort, int | str] = {
        "best": -sum(word in name for word in words),
        "price_up": price,
        "price_down": -price,
        "newest": -product.position,
        "name": product.name.casefold(),
    }
    return keys[sort], product.position
