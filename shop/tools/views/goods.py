"""What may be told of goods."""

from __future__ import annotations

from typing import Any

from shop.store.catalogue import Page
from shop.store.models import Product, Variant
from shop.store.money import euros
from shop.tools.tool import Result
from shop.tools.views.amounts import Money, money


class VariantView(Result):
    """One colour and size; `stock` is told with a product's details only."""

    sku: str
    colour: str
    size: str
    price: Money
    in_stock: bool
    stock: int | None = None


class ProductView(Result):
    """A product with its fitting variants."""

    product: str
    name: str
    category: str
    tagline: str
    description: str | None = None
    colours: list[str]
    sizes: list[str]
    price: Money
    variants: list[VariantView]
    picture: str
    page: str

    def audit_facts(self) -> dict[str, Any]:
        return {"product": self.product}


class ProductList(Result):
    """Some of the matches of a search, from `offset` on, and how many there are in all."""

    count: int
    count_is_exact: bool
    """False: there are more than `count`, and nobody counted further."""
    products: list[ProductView]
    search: dict[str, str | int | bool | list[str]] = {}
    """What was asked for, as arguments of `search_products`: the same with another `offset` are other matches."""
    corrected_query: str | None = None
    """What was searched for, when a word of the query is in no product but is close to one that is."""
    offset: int = 0

    def audit_facts(self) -> dict[str, Any]:
        return {"count": self.count}


class ComparedRow(Result):
    """What one line of a comparison is about, and its value for each product, in their order."""

    label: str
    values: list[str]


class Comparison(Result):
    """Two to four products, without their descriptions, and what can be set side by side."""

    products: list[ProductView]
    rows: list[ComparedRow]

    def audit_facts(self) -> dict[str, Any]:
        return {"products": [product.product for product in self.products]}


def product_view(product: Product, variants: list[Variant], *, details: bool = False) -> ProductView:
    """A product with some of its variants; with `details` also its description and stock."""
    return ProductView(
        product=product.slug,
        name=product.name,
        category=product.category,
        tagline=product.tagline,
        description=product.description if details else None,
        colours=list(dict.fromkeys(variant.colour for variant in variants)),
        sizes=list(dict.fromkeys(variant.size for variant in variants)),
        price=money(min(variant.price for variant in variants)),
        variants=[_variant_view(variant, details) for variant in variants],
        picture=variants[0].picture,
        page=f"/products/{product.slug}",
    )


def product_list(
    page: Page, offset: int = 0, search: dict[str, str | int | bool | list[str]] | None = None
) -> ProductList:
    """What a search found, from `offset` on."""
    return ProductList(
        count=page.count,
        count_is_exact=page.is_exact,
        products=[product_view(match.product, match.variants) for match in page.matches],
        search=search or {},
        corrected_query=page.corrected,
        offset=offset,
    )


def comparison(products: list[Product]) -> Comparison:
    """Products side by side. With descriptions, four are more than a host takes, and one would be cut off (`rendering`)."""
    views = [
        product_view(product, product.variants, details=True).model_copy(update={"description": None})
        for product in products
    ]
    rows: dict[str, list[str]] = {
        "Price": [_price_range(view.variants) for view in views],
        "Kind": [view.category for view in views],
        "Colours": [", ".join(view.colours) for view in views],
        "Sizes": [", ".join(view.sizes) for view in views],
        "In stock": [_availability(view.variants) for view in views],
        "In short": [view.tagline for view in views],
    }
    return Comparison(products=views, rows=[ComparedRow(label=label, values=values) for label, values in rows.items()])


def _price_range(variants: list[VariantView]) -> str:
    lowest, highest = min(v.price.minor for v in variants), max(v.price.minor for v in variants)
    return euros(lowest) if lowest == highest else f"{euros(lowest)} to {euros(highest)}"


def _availability(variants: list[VariantView]) -> str:
    available = sum(variant.in_stock for variant in variants)
    if available in {0, len(variants)}:
        return "yes" if available else "sold out"
    return f"{available} of {len(variants)} choices"


def _variant_view(variant: Variant, details: bool) -> VariantView:
    return VariantView(
        sku=variant.sku,
        colour=variant.colour,
        size=variant.size,
        price=money(variant.price),
        in_stock=variant.stock > 0,
        stock=variant.stock if details else None,
    )
