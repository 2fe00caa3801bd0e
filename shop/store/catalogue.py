"""The public catalogue: search, facets and details. Plain queries, no principal, no audit (design §2).

The work of a request has bounds, however many goods there are: a search looks at the first few hundred matches that the
index gives it in the order asked for, counts as far as 200, and reads the variants of one page only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, not_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, contains_eager

from shop.store import search_index as index
from shop.store.errors import NotThere, StoreError
from shop.store.listing import name_key
from shop.store.models import Product, Term, TermKind, Variant
from shop.store.search_request import Filters, SearchRequest, Sort, understand
from shop.store.vocabulary import vocabulary

__all__ = [
    "FARTHEST",
    "MOST_COUNTED",
    "Collection",
    "Facet",
    "Facets",
    "Filters",
    "Match",
    "NothingToCompare",
    "Page",
    "Sort",
    "categories",
    "collections",
    "facets",
    "find_product",
    "find_variant",
    "options",
    "search",
]

Value = InstrumentedAttribute[str]
FARTHEST = 960
"""How far into the matches of one search anybody can turn the pages."""
MOST_COUNTED = 200
"""Matches are counted up to here, and called "200+" beyond."""
MOST_IN_FACET = 100
MOST_VALUES = 40


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
    """False: there are more than `count`."""


@dataclass(frozen=True, kw_only=True)
class Facets:
    """What a search could be narrowed to; each list leaves out its own filter, so that one can change it."""

    categories: list[Facet] = field(default_factory=list)
    colours: list[Facet] = field(default_factory=list)
    sizes: list[Facet] = field(default_factory=list)


@dataclass(frozen=True)
class Collection:
    """A category, how many products it has, and its first one."""

    category: str
    count: int
    cover: Product


class NothingToCompare(StoreError):
    """Fewer than two different products were named."""

    code = "invalid_arguments"


def search(db: Session, filters: Filters) -> Page:
    """Products with at least one variant that fits, best first: words that say what it is weigh most."""
    asked = understand(db, filters)
    reach = max(MOST_COUNTED + 1, filters.offset + filters.limit)
    slugs = _found(db, asked, reach)
    return Page(
        matches=_matches(db, asked, slugs[filters.offset : filters.offset + filters.limit]),
        count=min(len(slugs), MOST_COUNTED),
        is_exact=len(slugs) <= MOST_COUNTED,
        corrected=asked.corrected,
    )


def facets(db: Session, filters: Filters) -> Facets:
    """What the search could be narrowed to, in the order of the catalogue; nothing that would find nothing."""
    asked = understand(db, filters)
    return Facets(
        categories=_facet(db, replace(asked, categories=None), TermKind.CATEGORY, Product.category),
        colours=_facet(db, replace(asked, colours=None), TermKind.COLOUR, Variant.colour),
        sizes=_facet(db, replace(asked, sizes=None), TermKind.SIZE, Variant.size),
    )


def find_product(db: Session, slug_or_name: str) -> Product:
    """A product by its slug or its name, in any case, with or without an article. Raises `NotThere`."""
    wanted = slug_or_name.strip().lower()
    product = db.get(Product, wanted) or db.get(Product, re.sub(r"[^a-z0-9]+", "-", wanted).strip("-"))
    if product is None and wanted:
        named = select(Product).where(Product.name_key == name_key(wanted)).order_by(Product.position)
        product = db.scalars(named.limit(1)).one_or_none()
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
    return list(vocabulary(db).values[TermKind.CATEGORY])


def options(db: Session) -> tuple[list[str], list[str]]:
    """All colours and all sizes that some variant has, in the order of the catalogue."""
    known = vocabulary(db)
    return list(known.values[TermKind.COLOUR]), list(known.values[TermKind.SIZE])


def collections(db: Session) -> list[Collection]:
    """The categories with their first products, in the order of the catalogue; at most 40."""
    counts = vocabulary(db).values[TermKind.CATEGORY]
    firsts = select(func.min(Product.position)).group_by(Product.category)
    covers = {product.category: product for product in db.scalars(select(Product).where(Product.position.in_(firsts)))}
    return [Collection(category, count, covers[category]) for category, count in list(counts.items())[:MOST_VALUES]]


def _found(db: Session, asked: SearchRequest, reach: int) -> list[str]:
    """The slugs of the first matches, in the order asked for."""
    if asked.is_hopeless():
        return []
    fitting = _products(db, asked).order_by(*_ORDER[asked.filters.sort]).limit(reach)
    if asked.filters.sort == "best" and asked.words:
        return _best(db, asked, fitting, reach)
    if asked.filters.sort in {"price_up", "price_down"}:
        return _by_price(db, asked, fitting)
    return list(db.scalars(fitting))


_ORDER: dict[Sort, Sequence[Any]] = {
    "best": [Product.position],
    "price_up": [Product.lowest, Product.position],
    "price_down": [Product.lowest.desc(), Product.position],
    "newest": [Product.position.desc()],
    "name": [Product.name_key, Product.position],
}


def _best(db: Session, asked: SearchRequest, fitting: Select[str], reach: int) -> list[str]:
    """First those that are what the query says, word for word; then the others, by how many of the words they are."""
    slugs = list(db.scalars(fitting.where(index.contains(db, asked.words, in_head=True))))
    if len(slugs) < reach:
        others = db.execute(fitting.add_columns(Product.head)).all()
        ahead = set(slugs)
        scored = [(-_score(head, asked.words), slug) for slug, head in others if slug not in ahead]
        slugs += [slug for _, slug in sorted(scored, key=lambda found: found[0])]
    return slugs[:reach]


def _score(head: str, words: Sequence[Sequence[str]]) -> int:
    has = set(head.split())
    return sum(not has.isdisjoint(meant) for meant in words)


def _by_price(db: Session, asked: SearchRequest, fitting: Select[str]) -> list[str]:
    """By the lowest price among the variants that fit, which is the one that is shown."""
    price = select(func.min(Variant.price)).where(*_fits(asked)).correlate(Product).scalar_subquery()
    priced = db.execute(fitting.add_columns(price)).all()
    direction = 1 if asked.filters.sort == "price_up" else -1
    return [slug for slug, _ in sorted(priced, key=lambda found: direction * found[1])]


def _products(db: Session, asked: SearchRequest) -> Select[str]:
    """The slugs of all products that fit."""
    fits = select(literal(1)).where(*_fits(asked)).correlate(Product).exists()
    query = select(Product.slug).where(fits, *_in_range(asked), *_not_unwanted(db, asked))
    tokens = asked.tokens()
    return query.where(index.contains(db, tokens)) if tokens else query


def _fits(asked: SearchRequest) -> list[ColumnElement[bool]]:
    """That a variant of a product fits."""
    filters = asked.filters
    conditions: list[ColumnElement[bool]] = [Variant.product_slug == Product.slug]
    if asked.colours is not None:
        conditions.append(Variant.colour.in_(asked.colours))
    if asked.sizes is not None:
        conditions.append(Variant.size.in_(asked.sizes))
    if asked.unwanted_colours:
        conditions.append(Variant.colour.not_in(asked.unwanted_colours))
    if filters.min_price is not None:
        conditions.append(Variant.price >= filters.min_price)
    if filters.max_price is not None:
        conditions.append(Variant.price <= filters.max_price)
    if filters.in_stock:
        conditions.append(Variant.stock > 0)
    return conditions


def _not_unwanted(db: Session, asked: SearchRequest) -> list[ColumnElement[bool]]:
    """That a product is of no unwanted category, and is not called as what is unwanted."""
    called = [not_(index.contains(db, [[word] for word in words], in_head=True)) for words in asked.unwanted_words]
    return [Product.category.not_in(asked.unwanted_categories), *called] if asked.unwanted_categories else list(called)


def _in_range(asked: SearchRequest) -> list[ColumnElement[bool]]:
    """That some variant of a product can be in the range of prices: asked of the product, without its variants."""
    filters = asked.filters
    conditions: list[ColumnElement[bool]] = []
    if filters.min_price is not None:
        conditions.append(Product.highest >= filters.min_price)
    if filters.max_price is not None:
        conditions.append(Product.lowest <= filters.max_price)
    return conditions


def _matches(db: Session, asked: SearchRequest, slugs: list[str]) -> list[Match]:
    """These products with their fitting variants, in this order."""
    query = (
        select(Variant)
        .join(Variant.product)
        .where(Product.slug.in_(slugs), *_fits(asked))
        .order_by(Variant.position)
        .options(contains_eager(Variant.product).lazyload(Product.variants))
    )
    found: dict[str, Match] = {}
    for variant in db.scalars(query):
        found.setdefault(variant.product_slug, Match(variant.product, [])).variants.append(variant)
    return [found[slug] for slug in slugs]


def _facet(db: Session, asked: SearchRequest, kind: TermKind, value: Value) -> list[Facet]:
    """The values of one filter, each with its matches; at most 40, in the order of the catalogue."""
    if asked.is_hopeless():
        return []
    slugs = list(db.scalars(_products(db, asked).limit(MOST_COUNTED + 1)))
    few = len(slugs) <= MOST_COUNTED
    counts = _count_among(db, asked, value, slugs) if few else _count_each(db, asked, kind, value)
    frequent = sorted(counts, key=lambda name: -counts[name])[:MOST_VALUES]
    return [
        Facet(name, counts[name] if few else min(counts[name], MOST_IN_FACET), few or counts[name] <= MOST_IN_FACET)
        for name in vocabulary(db).values[kind]
        if name in frequent
    ]


def _count_among(db: Session, asked: SearchRequest, value: Value, slugs: list[str]) -> dict[str, int]:
    """How many of these products have each value."""
    counted = select(value, func.count(Product.slug.distinct())).where(Product.slug.in_(slugs), *_fits(asked))
    return {name: number for name, number in db.execute(counted.group_by(value))}


def _count_each(db: Session, asked: SearchRequest, kind: TermKind, value: Value) -> dict[str, int]:
    """How many products have each of the most frequent values, counted as far as just over 100."""
    has_value = [value == Term.value] if kind is not TermKind.CATEGORY else []  # a category is a product's: `also` asks
    fits = select(literal(1)).where(*_fits(asked), *has_value).correlate(Product, Term).exists()
    some = (
        select(literal(1))
        .select_from(Product)
        .where(index.contains(db, asked.tokens(), also=Term.lexeme), fits, *_in_range(asked))
        .correlate(Term)
        .limit(MOST_IN_FACET + 1)
    )
    count = select(func.count()).select_from(some.subquery()).scalar_subquery()
    frequent = select(Term.value).where(Term.kind == kind).order_by(Term.products.desc(), Term.position)
    counted = select(Term.value, count).where(Term.kind == kind, Term.value.in_(frequent.limit(MOST_VALUES)))
    return {name: number for name, number in db.execute(counted) if number}
