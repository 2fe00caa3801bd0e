"""A search and its address: one says the other, and nonsense in an address is left out."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from shop.storefront.addressed import Addressed

EVERYTHING = Addressed(
    q="long context",
    category="hoodies",
    colour="black",
    size="L",
    min_price=20,
    max_price=60,
    in_stock=True,
    sort="price_up",
    page=3,
)

PATHS = [
    (Addressed(), "/search"),
    (Addressed(category="mugs"), "/collections/mugs"),
    (Addressed(category="a/b & c"), "/collections/a%2Fb%20%26%20c"),
    (Addressed(category="mugs", colour="bone", page=2), "/collections/mugs?colour=bone&page=2"),
    (Addressed(category="mugs", q="tea"), "/search?q=tea&category=mugs"),
    (Addressed(min_price=0), "/search?min_price=0"),
    (
        EVERYTHING,
        "/search?q=long+context&category=hoodies&colour=black&size=L&min_price=20&max_price=60&in_stock=1&sort=price_up&page=3",
    ),
]

NONSENSE = [
    {"min_price": "-1", "max_price": "1e3", "page": "0"},
    {"min_price": "9" * 5000, "max_price": "١", "page": "-2"},
    {"min_price": "abc", "max_price": "10000", "page": "x"},
    {"sort": "cheapest", "in_stock": "yes", "page": " "},
    {"q": "  ", "colour": "", "unknown": "word"},
]


@pytest.mark.parametrize(("address", "path"), PATHS)
def test_an_address_says_the_search_and_nothing_else(address: Addressed, path: str) -> None:
    """The path that is written is read back as the same search; what is as usual is not in it."""
    assert address.path == path
    split = urlsplit(path)
    category = address.category if split.path.startswith("/collections/") else ""
    assert Addressed.read(dict(parse_qsl(split.query)), category) == address


@pytest.mark.parametrize("args", NONSENSE)
def test_nonsense_is_left_out(args: dict[str, str]) -> None:
    """Whatever stands in an address, the search is one that makes sense: here, everything."""
    assert Addressed.read(args) == Addressed()


def test_the_catalogue_is_asked_in_cents() -> None:
    """People type euros; the catalogue knows minor units."""
    filters = EVERYTHING.filters(limit=24, offset=48)
    assert (filters.min_price, filters.max_price, filters.limit, filters.offset) == (2000, 6000, 24, 48)
    assert Addressed(min_price=0).filters().min_price == 0 and Addressed().filters().min_price is None


def test_a_change_begins_again_at_the_first_page() -> None:
    """Another colour of page three would be a page that may not be there; a form carries all but what it asks for."""
    assert EVERYTHING.but(colour="bone").path.count("page=") == 0
    assert EVERYTHING.but(page=4).page == 4
    assert EVERYTHING.bare() == Addressed(q="long context", category="hoodies", sort="price_up")
    assert dict(EVERYTHING.kept("min_price", "max_price", "page")).keys() == {
        "q",
        "category",
        "colour",
        "size",
        "in_stock",
        "sort",
    }
    assert EVERYTHING.choice() == {"colour": "black", "size": "L"} and Addressed().choice() == {}
