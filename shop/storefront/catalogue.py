"""The shop window, collections, search and the product pages: public, plain queries, no principal and no audit."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from shop.services import services
from shop.store import catalogue
from shop.store.catalogue import Facet, Facets, Filters
from shop.store.errors import NotThere
from shop.storefront.addressed import SORTS, Addressed
from shop.storefront.choice import ONE_SIZE, choose
from shop.tools.views.goods import ProductView, product_list, product_view

pages = Blueprint("catalogue", __name__)

_ON_A_PAGE = 24
_COLLECTIONS = 14
_PICKS = 8
_AMONG_THE_NEWEST = 40
_RELATED = 4
_SIZES = ("XS", "S", "M", "L", "XL", "XXL")
_IN_THE_WINDOW = 3
_WINDOW = ("hoodies", "mugs", "posters")
"""Collections whose first things stand in the window together, as far as they are there."""


@pages.get("/")
def home() -> ResponseReturnValue:
    """The first view. Addresses of searches from when they were here still find what they found."""
    if any(request.args.get(name) for name in ("q", "category", "colour", "size", "max_price")):
        return _results(Addressed.read(request.args))
    with services().database.read() as db:
        kinds = catalogue.facets(db, Filters()).categories[:_COLLECTIONS]
        firsts = {kind.value: _products(db, Filters(category=kind.value, in_stock=True, limit=1)) for kind in kinds}
        picks = _one_of_each_kind(db)
    found = {name: products[0] for name, products in firsts.items() if products}
    window = [found[name] for name in (*_WINDOW, *found) if name in found]
    return render_template(
        "storefront/home.html",
        shown=list({product.product: product for product in window}.values())[:_IN_THE_WINDOW],
        collections=[
            {"name": kind.value, "count": _counted(kind), "picture": found[kind.value].picture}
            for kind in kinds
            if kind.value in found
        ],
        picks=picks[:_PICKS],
    )


@pages.get("/search")
def search() -> ResponseReturnValue:
    """Everything, or what a search found. The whole search is in the address."""
    return _results(Addressed.read(request.args))


@pages.get("/collections/<category>")
def collection(category: str) -> ResponseReturnValue:
    """One kind of goods, narrowed like any search."""
    address = Addressed.read(request.args, category)
    with services().database.read() as db:
        if category not in catalogue.categories(db):
            abort(404)
    return _results(address)


@pages.get("/products/<slug>")
def product(slug: str) -> ResponseReturnValue:
    """One product; colour and size are in the address, so picture, price and stock follow."""
    with services().database.read() as db:
        try:
            found = catalogue.find_product(db, slug)
        except NotThere:
            abort(404)
        view = product_view(found, found.variants, details=True)
        related = _related(db, view)
    choice = choose(view, request.args.get("colour"), request.args.get("size"))
    return render_template("storefront/product.html", product=view, choice=choice, related=related)


def ideas() -> list[ProductView]:
    """A few things to begin with, for a page that has nothing else to show."""
    with services().database.read() as db:
        return _one_of_each_kind(db)[:_RELATED]


def _one_of_each_kind(db: Session) -> list[ProductView]:
    """The newest of each kind that can be had, newest first."""
    newest = _products(db, Filters(sort="newest", in_stock=True, limit=_AMONG_THE_NEWEST))
    return list(reversed({product.category: product for product in reversed(newest)}.values()))


def _results(address: Addressed) -> ResponseReturnValue:
    offset = min((address.page - 1) * _ON_A_PAGE, catalogue.FARTHEST)
    with services().database.read() as db:
        page = catalogue.search(db, address.filters(limit=_ON_A_PAGE, offset=offset))
        facets = catalogue.facets(db, address.filters())
    if not page.matches and address.page > 1:
        return redirect(address.but(page=1).path)  # the shelf became shorter than the address remembers
    found = product_list(page, offset)
    last = -(-found.count // _ON_A_PAGE) if found.count_is_exact else None
    has_more = offset + len(found.products) < found.count or not found.count_is_exact
    is_last = offset + _ON_A_PAGE > catalogue.FARTHEST or len(found.products) < _ON_A_PAGE
    return render_template(
        "storefront/results.html",
        found=found,
        address=address,
        facets=_facets(address, facets),
        chips=_chips(address),
        sorts=SORTS,
        previous=address.but(page=address.page - 1).path if address.page > 1 else None,
        next=address.but(page=address.page + 1).path if has_more and not is_last else None,
        last=last,
        ideas=[] if found.products else ideas(),
        searched=address.q,
    )


def _facets(address: Addressed, facets: Facets) -> list[dict[str, Any]]:
    """Each choice with how much it leads to; one that is made leads back out of it."""

    def choices(name: str, found: list[Facet]) -> list[dict[str, Any]]:
        chosen = getattr(address, name)
        return [
            {
                "value": facet.value,
                "label": facet.value.capitalize() if facet.value.islower() else facet.value,
                "count": _counted(facet),
                "active": facet.value == chosen,
                "href": address.but(**{name: "" if facet.value == chosen else facet.value}).path,
            }
            for facet in found
        ]

    sizes = sorted((facet for facet in facets.sizes if facet.value != ONE_SIZE), key=_size_order)
    return [
        {"name": "category", "label": "Kind", "choices": choices("category", facets.categories)},
        {"name": "colour", "label": "Colour", "choices": choices("colour", facets.colours)},
        {"name": "size", "label": "Size", "choices": choices("size", sizes)},
    ]


def _counted(facet: Facet) -> str:
    return f"{facet.count}" if facet.is_exact else f"{facet.count}+"


def _size_order(facet: Facet) -> tuple[int, str]:
    """Garments from small to large, then whatever else has sizes."""
    return (_SIZES.index(facet.value) if facet.value in _SIZES else len(_SIZES), facet.value)


def _chips(address: Addressed) -> list[dict[str, str]]:
    """What narrows the search now, each with the address without it."""
    chips: list[tuple[str, dict[str, Any]]] = []
    if address.q and address.category:  # else it is a collection, and stands above as its name
        chips.append((address.category, {"category": ""}))
    chips += [(value, {name: ""}) for name in ("colour", "size") if (value := getattr(address, name))]
    if address.min_price is not None:
        chips.append((f"from €{address.min_price}", {"min_price": None}))
    if address.max_price is not None:
        chips.append((f"up to €{address.max_price}", {"max_price": None}))
    if address.in_stock:
        chips.append(("in stock", {"in_stock": False}))
    return [{"label": label, "href": address.but(**without).path} for label, without in chips]


def _products(db: Session, filters: Filters) -> list[ProductView]:
    return product_list(catalogue.search(db, filters)).products


def _related(db: Session, view: ProductView) -> list[ProductView]:
    """Others of its kind, then whatever else there is; nothing that is sold out."""
    same = _products(db, Filters(category=view.category, in_stock=True, limit=_RELATED + 1))
    others = _products(db, Filters(in_stock=True, sort="newest", limit=_RELATED + 1))
    unique = {product.product: product for product in (*same, *others) if product.product != view.product}
    return list(unique.values())[:_RELATED]
