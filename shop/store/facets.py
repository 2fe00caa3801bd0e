"""What a search could be narrowed to: categories, colours and sizes, each with how many matches it would have.

Counting has bounds, however many goods there are: products as far as 200, each value as far as 100, and at most 40 values.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sqlalchemy import func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from shop.store import search_index as index
from shop.store.models import Product, Term, TermKind, Variant
from shop.store.search_conditions import MOST_COUNTED, price_range_conditions, products_of, variant_conditions
from shop.store.search_request import Filters, SearchRequest, understand
from shop.store.vocabulary import vocabulary

Value = InstrumentedAttribute[str]
MOST_IN_FACET = 100
MOST_VALUES = 40


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


def find_facets(db: Session, filters: Filters) -> Facets:
    """What the search could be narrowed to, in the order of the catalogue; nothing that would find nothing."""
    request = understand(db, filters)
    return Facets(
        categories=_facet(db, replace(request, categories=None), TermKind.CATEGORY, Product.category),
        colours=_facet(db, replace(request, colours=None), TermKind.COLOUR, Variant.colour),
        sizes=_facet(db, replace(request, sizes=None), TermKind.SIZE, Variant.size),
    )


def _facet(db: Session, request: SearchRequest, kind: TermKind, value: Value) -> list[Facet]:
    """The values of one filter, each with its matches; at most 40, in the order of the catalogue."""
    if request.is_hopeless():
        return []
    slugs = list(db.scalars(products_of(db, request).limit(MOST_COUNTED + 1)))
    few = len(slugs) <= MOST_COUNTED
    counts = _count_among(db, request, value, slugs) if few else _count_each(db, request, kind, value)
    frequent = sorted(counts, key=lambda name: -counts[name])[:MOST_VALUES]
    return [
        Facet(name, counts[name] if few else min(counts[name], MOST_IN_FACET), few or counts[name] <= MOST_IN_FACET)
        for name in vocabulary(db).values[kind]
        if name in frequent
    ]


def _count_among(db: Session, request: SearchRequest, value: Value, slugs: list[str]) -> dict[str, int]:
    """How many of these products have each value."""
    counted = select(value, func.count(Product.slug.distinct())).where(
        Product.slug.in_(slugs), *variant_conditions(request)
    )
    return {name: number for name, number in db.execute(counted.group_by(value))}


def _count_each(db: Session, request: SearchRequest, kind: TermKind, value: Value) -> dict[str, int]:
    """How many products have each of the most frequent values, counted as far as just over 100."""
    has_value = [value == Term.value] if kind is not TermKind.CATEGORY else []  # a category is a product's: `also` asks
    fits = select(literal(1)).where(*variant_conditions(request), *has_value).correlate(Product, Term).exists()
    some = (
        select(literal(1))
        .select_from(Product)
        .where(index.contains(db, request.tokens(), also=Term.lexeme), fits, *price_range_conditions(request))
        .correlate(Term)
        .limit(MOST_IN_FACET + 1)
    )
    count = select(func.count()).select_from(some.subquery()).scalar_subquery()
    frequent = select(Term.value).where(Term.kind == kind).order_by(Term.products.desc(), Term.position)
    counted = select(Term.value, count).where(Term.kind == kind, Term.value.in_(frequent.limit(MOST_VALUES)))
    return {name: number for name, number in db.execute(counted) if number}
