"""The workflow *browse*: look at the catalogue. Nothing here is anybody's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy.orm import Session

from shop.authorization.conditions import Resource
from shop.authorization.permissions import Permission
from shop.principal import Principal, Workflow
from shop.store import catalogue
from shop.tools.permit import Permit
from shop.tools.presentation import Card, InWidget, PersonMay, Presentation, shortened_argument
from shop.tools.tool import Arguments, tool
from shop.tools.views import widgets
from shop.tools.views.goods import Comparison, ProductList, ProductView, comparison, product_list, product_view

_FEWEST_TO_COMPARE, _MOST_TO_COMPARE = 2, 4


class SearchProducts(Arguments):
    """Every filter is optional; leave out what the person did not say."""

    query: str = Field(default="", max_length=200, description="Words to look for in name and description.")
    category: str | None = Field(default=None, max_length=40, description="For instance hoodies, tees, mugs.")
    colour: str | None = Field(default=None, max_length=40)
    size: str | None = Field(default=None, max_length=20, description="For instance S, M, L, XL, A3.")
    max_price: int | None = Field(default=None, ge=0, le=10_000_000, description="Highest price, in euro cents.")
    min_price: int | None = Field(default=None, ge=0, le=10_000_000, description="Lowest price, in euro cents.")
    without: list[Annotated[str, Field(min_length=1, max_length=40)]] = Field(
        default_factory=list, max_length=4, description="What to leave out: categories, colours, or words of a name."
    )
    in_stock: bool = Field(default=True, description="Only what can be bought now.")
    sort: catalogue.Sort = Field(default="best", description="Best match first, or by price, newest or name.")
    limit: int = Field(default=6, ge=1, le=12, description="How many products to return.")
    offset: int = Field(default=0, ge=0, le=catalogue.FARTHEST, description="How many matches to leave out first.")


class GetProduct(Arguments):
    """Which product."""

    product: str = Field(min_length=1, max_length=100, description="The product's name, or its `product` id.")


class CompareProducts(Arguments):
    """Which products."""

    products: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        min_length=_FEWEST_TO_COMPARE,
        max_length=_MOST_TO_COMPARE,
        description="Names or `product` ids of the products.",
    )


def _the_catalogue(_db: Session, _principal: Principal, _arguments: Arguments) -> Resource:
    return Resource(kind="catalogue")


def _search_title(given: Mapping[str, Any], _result: Mapping[str, Any]) -> str:
    words = (given.get(name) for name in ("colour", "query", "category", "size"))
    wanted = " ".join(shortened_argument(word) for word in words if isinstance(word, str) and word)
    return f"Looked for {wanted}" if wanted else "Looked through the catalogue"


def _after_search(result: Mapping[str, Any], may: PersonMay) -> list[str]:
    found = len(result.get("products", []))
    add = ["Add the first one" if found > 1 else "Add it to my cart"] if found and may.fill_cart else []
    return [*add, *(["Compare them"] if _FEWEST_TO_COMPARE <= found <= _MOST_TO_COMPARE else [])]


@tool(
    title="Search the catalogue",
    workflow=Workflow.BROWSE,
    permission=Permission.CATALOGUE_READ,
    resource=_the_catalogue,
    read_only=True,
    presentation=Presentation(
        refusal_verb="look through the catalogue",
        call_title=_search_title,
        card=Card.PRODUCTS,
        can_be_undone=False,
        follow_ups=_after_search,
        in_widget=InWidget(
            widget=widgets.PRODUCTS, running="Looking through the shelves", done="Looked through the shelves"
        ),
        widgets_may_call=True,
    ),
)
def search_products(permit: Permit, arguments: SearchProducts) -> ProductList:
    """Search the shop's catalogue by words, category, colour, size and price, without what the person does not want.

    Returns the matching products with the variants that fit, their prices and whether they are in stock. The person
    sees the products as cards with pictures. A misspelt word is corrected: `corrected_query` says what was searched for.
    """
    filters = catalogue.Filters(
        query=arguments.query,
        category=arguments.category,
        colour=arguments.colour,
        size=arguments.size,
        max_price=arguments.max_price,
        min_price=arguments.min_price,
        without=tuple(arguments.without),
        in_stock=arguments.in_stock,
        sort=arguments.sort,
        limit=arguments.limit,
        offset=arguments.offset,
    )
    asked = arguments.model_dump(exclude_unset=True, exclude_none=True, exclude={"offset"})
    return product_list(catalogue.search(permit.db, filters), arguments.offset, asked)


def _product_title(given: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    return f"Looked at {result.get('name') or shortened_argument(given.get('product', 'a product'))}"


def _after_product(_result: Mapping[str, Any], may: PersonMay) -> list[str]:
    return ["Add it to my cart"] if may.fill_cart else []


@tool(
    title="Look at a product",
    workflow=Workflow.BROWSE,
    permission=Permission.CATALOGUE_READ,
    resource=_the_catalogue,
    read_only=True,
    presentation=Presentation(
        refusal_verb="look through the catalogue",
        call_title=_product_title,
        card=Card.PRODUCT,
        can_be_undone=False,
        follow_ups=_after_product,
        in_widget=InWidget(widget=widgets.PRODUCT, running="Fetching the product", done="Fetched the product"),
        widgets_may_call=True,
    ),
)
def get_product(permit: Permit, arguments: GetProduct) -> ProductView:
    """Get one product in full: description, all colours and sizes, prices and stock."""
    product = catalogue.find_product(permit.db, arguments.product)
    return product_view(product, product.variants, details=True)


def _comparison_title(_given: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    names = [str(product["name"]) for product in result.get("products", [])]
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
    return f"Compared {listed}" if names else "Compare products"


def _after_comparison(_result: Mapping[str, Any], may: PersonMay) -> list[str]:
    return ["Add the first one", "Add the second one"] if may.fill_cart else []


@tool(
    title="Compare products",
    workflow=Workflow.BROWSE,
    permission=Permission.CATALOGUE_READ,
    resource=_the_catalogue,
    read_only=True,
    presentation=Presentation(
        refusal_verb="look through the catalogue",
        call_title=_comparison_title,
        card=Card.COMPARISON,
        can_be_undone=False,
        follow_ups=_after_comparison,
        in_widget=InWidget(
            widget=widgets.COMPARISON, running="Setting them side by side", done="Set them side by side"
        ),
        widgets_may_call=True,
    ),
)
def compare_products(permit: Permit, arguments: CompareProducts) -> Comparison:
    """Set two to four products side by side: price, kind, colours, sizes, stock. The person sees a table."""
    found = {p.slug: p for p in (catalogue.find_product(permit.db, named) for named in arguments.products)}
    if len(found) < _FEWEST_TO_COMPARE:
        raise catalogue.NothingToCompare("These are one and the same product. Name two different ones.")
    return comparison(list(found.values()))
