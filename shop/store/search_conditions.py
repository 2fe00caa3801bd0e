"""An understood search as conditions of a query: which products fit, and which of their variants."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, literal, not_, select
from sqlalchemy.orm import Session

from shop.store import search_index as index
from shop.store.models import Product, Variant
from shop.store.search_request import SearchRequest

MOST_COUNTED = 200
"""Matches are counted up to here, and called "200+" beyond."""


def products_of(db: Session, request: SearchRequest) -> Select[str]:
    """The slugs of all products that fit."""
    fits = select(literal(1)).where(*variant_conditions(request)).correlate(Product).exists()
    query = select(Product.slug).where(fits, *price_range_conditions(request), *_not_unwanted(db, request))
    tokens = request.tokens()
    return query.where(index.contains(db, tokens)) if tokens else query


def variant_conditions(request: SearchRequest) -> list[ColumnElement[bool]]:
    """That a variant of a product fits."""
    filters = request.filters
    conditions: list[ColumnElement[bool]] = [Variant.product_slug == Product.slug]
    if request.colours is not None:
        conditions.append(Variant.colour.in_(request.colours))
    if request.sizes is not None:
        conditions.append(Variant.size.in_(request.sizes))
    if request.unwanted_colours:
        conditions.append(Variant.colour.not_in(request.unwanted_colours))
    if filters.min_price is not None:
        conditions.append(Variant.price >= filters.min_price)
    if filters.max_price is not None:
        conditions.append(Variant.price <= filters.max_price)
    if filters.in_stock:
        conditions.append(Variant.stock > 0)
    return conditions


def _not_unwanted(db: Session, request: SearchRequest) -> list[ColumnElement[bool]]:
    """That a product is of no unwanted category, and is not called as what is unwanted."""
    called = [not_(index.contains(db, [[word] for word in words], in_head=True)) for words in request.unwanted_words]
    return (
        [Product.category.not_in(request.unwanted_categories), *called] if request.unwanted_categories else list(called)
    )


def price_range_conditions(request: SearchRequest) -> list[ColumnElement[bool]]:
    """That some variant of a product can be in the range of prices: asked of the product, without its variants."""
    filters = request.filters
    conditions: list[ColumnElement[bool]] = []
    if filters.min_price is not None:
        conditions.append(Product.highest >= filters.min_price)
    if filters.max_price is not None:
        conditions.append(Product.lowest <= filters.max_price)
    return conditions
