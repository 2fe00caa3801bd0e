"""The public catalogue: search, details and collections. Plain queries, no principal, no audit (design §2).

What a search could be narrowed to is in `facets.py`; what both ask of the database is in `search_conditions.py`.

The work of a request has bounds, however many goods there are: a search looks at the first few hundred matches that the
index gives it in the order asked for, counts as far as 200, and reads the variants of one page only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, contains_eager

from shop.store import search_index as index
from shop.store.errors import NotThere, StoreError
from shop.store.listing import name_key
from shop.store.models import Product, TermKind, Variant
from shop.store.search_conditions import MOST_COUNTED, products_of, variant_conditions
from shop.store.search_request import Filters, SearchRequest, Sort, understand
from shop.store.vocabulary import vocabulary

__all__ = [
    "FARTHEST",
    "Collection",
    "Filters",
    "Match",
    "NothingToCompare",
    "Page",
    "Sort",
    "categories",
    "collections",
    "find_product",
    "find_variant",
    "options",
    "search",
]

FARTHEST = 960
"""How far into the matches of one search anybody can turn the pages."""
MOST_COLLECTIONS = 40


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
    request = understand(db, filters)
    reach = max(MOST_COUNTED + 1, filters.offset + filters.limit)
    slugs = _found(db, request, reach)
    return Page(
        matches=_matches(db, request, slugs[filters.offset : filters.offset + filters.limit]),
        count=min(len(slugs), MOST_COUNTED),
        is_exact=len(slugs) <= MOST_COUNTED,
        corrected=request.corrected,
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
    return [
        Collection(category, count, covers[category]) for category, count in list(counts.items())[:MOST_COLLECTIONS]
    ]


def _found(db: Session, request: SearchRequest, reach: int) -> list[str]:
    """The slugs of the first matches, in the order asked for."""
    if request.is_hopeless():
        return []
    fitting = products_of(db, request).order_by(*_ORDER[request.filters.sort]).limit(reach)
    if request.filters.sort == "best" and request.words:
        return _best(db, request, fitting, reach)
    if request.filters.sort in {"price_up", "price_down"}:
        return _by_price(db, request, fitting)
    return list(db.scalars(fitting))


_ORDER: dict[Sort, Sequence[Any]] = {
    "best": [Product.position],
    "price_up": [Product.lowest, Product.position],
    "price_down": [Product.lowest.desc(), Product.position],
    "newest": [Product.position.desc()],
    "name": [Product.name_key, Product.position],
}


def _best(db: Session, request: SearchRequest, fitting: Select[str], reach: int) -> list[str]:
    """First those that are what the query says, word for word; then the others, by how many of the words they are."""
    slugs = list(db.scalars(fitting.where(index.contains(db, request.words, in_head=True))))
    if len(slugs) < reach:
        others = db.execute(fitting.add_columns(Product.head)).all()
        ahead = set(slugs)
        scored = [(-_score(head, request.words), slug) for slug, head in others if slug not in ahead]
        slugs += [slug for _, slug in sorted(scored, key=lambda found: found[0])]
    return slugs[:reach]


def _score(head: str, words: Sequence[Sequence[str]]) -> int:
    has = set(head.split())
    return sum(not has.isdisjoint(meant) for meant in words)


def _by_price(db: Session, request: SearchRequest, fitting: Select[str]) -> list[str]:
    """By the lowest price among the variants that fit, which is the one that is shown."""
    price = select(func.min(Variant.price)).where(*variant_conditions(request)).correlate(Product).scalar_subquery()
    priced = db.execute(fitting.add_columns(price)).all()
    direction = 1 if request.filters.sort == "price_up" else -1
    return [slug for slug, _ in sorted(priced, key=lambda found: direction * found[1])]


def _matches(db: Session, request: SearchRequest, slugs: list[str]) -> list[Match]:
    """These products with their fitting variants, in this order."""
    query = (
        select(Variant)
        .join(Variant.product)
        .where(Product.slug.in_(slugs), *variant_conditions(request))
        .order_by(Variant.position)
        .options(contains_eager(Variant.product).lazyload(Product.variants))
    )
    found: dict[str, Match] = {}
    for variant in db.scalars(query):
        found.setdefault(variant.product_slug, Match(variant.product, [])).variants.append(variant)
    return [found[slug] for slug in slugs]
