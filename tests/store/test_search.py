"""Search: words, category, colour, size, price and what is sold out; and finding by name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from shop.store import catalogue
from shop.store.catalogue import Filters
from shop.store.models import NotThere, Product
from tests.support.people import ShopUnderTest
from tests.support.state import ONE_ENGINE


@pytest.fixture
def db(shop: ShopUnderTest) -> Iterator[Session]:
    """A transaction that reads."""
    with shop.database.read() as session:
        yield session


def names(db: Session, **filters: object) -> list[str]:
    """Names of the products that a search finds, in its order."""
    return [match.product.name for match in catalogue.search(db, Filters(**filters)).matches]  # type: ignore[arg-type]


FOUND: dict[str, tuple[dict[str, object], list[str] | str]] = {
    "a word of a name": ({"query": "idempotent"}, ["Idempotent"]),
    "case does not matter": ({"query": "IDEMPOTENT"}, ["Idempotent"]),
    "plural and singular": ({"query": "beanies"}, ["Rate Limit", "Cold Start"]),
    "all words must fit": ({"query": "long context hoodie"}, ["Long Context"]),
    "small words do not count": ({"query": "a mug for me please"}, ["Refresh Token", "Teapot"]),
    "a word that nothing has": ({"query": "submarine"}, []),
    "a percent sign is no wildcard": ({"query": "%"}, "everything"),
    "category in the singular": ({"category": "Mug"}, ["Refresh Token", "Teapot"]),
    "category in the plural": ({"category": "totes"}, ["Bearer", "Payload"]),
    "colour": ({"colour": "plum", "category": "tees"}, ["Idempotent"]),
    "a colour as people call it": ({"colour": "white", "category": "mugs"}, ["Refresh Token"]),
    "a colour that there is not": ({"colour": "neon"}, []),
    "price includes its bound": ({"category": "hoodies", "max_price": 4900}, ["Least Privilege"]),
    "price below the cheapest": ({"max_price": 599}, []),
    "one size": ({"size": "one size", "category": "totes"}, ["Bearer", "Payload"]),
    "size in lower case": ({"size": "l", "query": "zero trust"}, ["Zero Trust"]),
}


@ONE_ENGINE
def test_a_search_finds(db: Session) -> None:
    """Every filter narrows; words are compared in the singular; the order is that of the catalogue."""
    for case, (filters, expected) in FOUND.items():
        assert names(db, **filters) == (names(db) if expected == "everything" else expected), case


def test_the_story_s_search(db: Session) -> None:
    """Black hoodies under €60 in L: three of them, each with exactly the variant that fits, on both engines."""
    wanted = Filters(query="hoodies", colour="black", size="L", max_price=6000, in_stock=True)
    found = catalogue.search(db, wanted).matches
    assert [match.product.name for match in found] == ["Unauthorized", "Long Context", "Least Privilege"]
    assert [[v.sku for v in match.variants] for match in found] == [
        ["unauthorized-hoodie-black-l"],
        ["long-context-hoodie-black-l"],
        ["least-privilege-hoodie-black-l"],
    ]


@ONE_ENGINE
def test_words_in_the_name_come_first(shop: ShopUnderTest) -> None:
    """A product whose name says it stands before those that only mention it, wherever they are in the catalogue."""
    with shop.database.write() as db:
        first = db.get_one(Product, "unauthorized-hoodie")
        first.words += " not a bearer"
        db.flush()
        assert names(db, query="bearer") == ["Bearer", "Unauthorized"]


@ONE_ENGINE
def test_what_is_sold_out_is_left_out_on_request(db: Session) -> None:
    """With `in_stock`, variants of which none are left are not found; without, they are."""
    ink_xl = {"query": "context tee", "colour": "ink", "size": "XL"}
    assert names(db, **ink_xl) == ["The Context Tee"]
    assert names(db, **ink_xl, in_stock=True) == []


@ONE_ENGINE
def test_a_product_is_found_by_id_or_name(db: Session) -> None:
    """By its id or its name, in any case, with or without an article; a part of a name, or a SKU, is not a product."""
    for said in ("bearer-tote", "Bearer Tote", " BEARER-TOTE ", "bearer", "The Bearer"):
        assert catalogue.find_product(db, said).slug == "bearer-tote", said
    for said in ("", " ", "bear", "bearer-tote-bone", "bearer/../tote-bone", "x" * 5000):
        with pytest.raises(NotThere):
            catalogue.find_product(db, said)


@ONE_ENGINE
def test_an_article_that_is_not_there(db: Session) -> None:
    """An unknown SKU, or only the product's id, is no article."""
    for said in ("no-such-sku", "bearer-tote", "", " ", "x" * 5000):
        with pytest.raises(NotThere):
            catalogue.find_variant(db, said)
