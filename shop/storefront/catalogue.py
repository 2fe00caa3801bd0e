"""The shop window and the product pages: public, plain queries, no principal and no audit."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from shop.services import services
from shop.store import catalogue
from shop.store.models import NotThere
from shop.tools.views import product_list, product_view

pages = Blueprint("catalogue", __name__)

_MOST_PRODUCTS = 60
_HIGHEST_PRICE = 9999


@pages.get("/")
def home() -> ResponseReturnValue:
    """All goods, or those that a search found. The whole search is in the address."""
    given = {name: request.args.get(name, "").strip()[:100] for name in ("q", "category", "colour", "size")}
    highest = request.args.get("max_price", "").strip()[:10]
    euros = int(highest) if highest.isdecimal() and int(highest) <= _HIGHEST_PRICE else None
    filters = catalogue.Filters(
        query=given["q"],
        category=given["category"] or None,
        colour=given["colour"] or None,
        size=given["size"] or None,
        max_price=euros * 100 if euros is not None else None,
        limit=_MOST_PRODUCTS,
    )
    with services().database.read() as db:
        found = product_list(catalogue.search(db, filters))
        categories = catalogue.categories(db)
        colours, sizes = catalogue.options(db)
    return render_template(
        "storefront/home.html",
        products=found.products,
        categories=categories,
        colours=colours,
        sizes=sizes,
        filters={**given, "max_price": euros if euros is not None else ""},
    )


@pages.get("/products/<slug>")
def product(slug: str) -> ResponseReturnValue:
    """One product; colour and size are in the address, so picture, price and stock follow."""
    with services().database.read() as db:
        try:
            found = catalogue.find_product(db, slug)
        except NotThere:
            abort(404)
        view = product_view(found, found.variants, details=True)
    return render_template(
        "storefront/product.html", product=view, colour=request.args.get("colour"), size=request.args.get("size")
    )
