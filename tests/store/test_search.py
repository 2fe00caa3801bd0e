"""Search: words, category, colour, size, price and what is sold out; and finding by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from shop.settings import ROOT
from shop.store import catalogue, vocabulary
from shop.store.catalogue import Filters
from shop.store.errors import NotThere
from shop.store.models import Product
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
    "accents do not matter": ({"query": "ídempótent"}, ["Idempotent"]),
    "plural and singular": ({"query": "beanies"}, ["Rate Limit", "Cold Start"]),
    "all words must fit": ({"query": "long context hoodie"}, ["Long Context"]),
    "small words do not count": ({"query": "a bearer for me please"}, ["Bearer"]),
    "a word that nothing has": ({"query": "submarine"}, []),
    "one known word does not make up for it": ({"query": "bearer submarine"}, []),
    "the beginning of the last word": ({"query": "rate lim"}, ["Rate Limit"]),
    "not the beginning of another word": ({"query": "rat limit"}, []),
    "a colour in the words": ({"query": "plum tee"}, ["Idempotent"]),
    "a percent sign is no wildcard": ({"query": "%"}, "everything"),
    "an asterisk is no wildcard": ({"query": "-tote bear*"}, ["Bearer"]),
    "the engines' own languages are words": ({"query": 'bearer" OR "hoodie'}, []),
    "brackets and operators": ({"query": "bearer & !tote | ((("}, ["Bearer"]),
    "a quote": ({"query": "bearer'"}, ["Bearer"]),
    "category in the singular": ({"category": "Tote"}, ["Bearer", "Payload"]),
    "category in the plural": ({"category": "totes"}, ["Bearer", "Payload"]),
    "a category that there is not": ({"category": "submarines"}, []),
    "colour": ({"colour": "plum", "category": "tees"}, ["Idempotent"]),
    "a colour as people call it": ({"colour": "White", "query": "bearer"}, ["Bearer"]),
    "a colour that there is not": ({"colour": "neon"}, []),
    "without a category": ({"query": "teapot", "without": ("mugs",)}, []),
    "without one, in the singular": ({"query": "rotation", "without": ("mug", "hoodie")}, ["Key Rotation"]),
    "without colours": ({"category": "beanies", "without": ("sky", "white", "plum")}, ["Rate Limit"]),
    "without a colour as people call it": ({"query": "resource owner", "without": ("blue",), "colour": "navy"}, []),
    "without words of a name": ({"category": "mugs", "without": ("Teapot",)}, ["Refresh Token"]),
    "without what there is not": ({"category": "mugs", "without": ("submarine", " ")}, ["Refresh Token", "Teapot"]),
    "price includes its bounds": ({"category": "hoodies", "min_price": 4900, "max_price": 4900}, ["Least Privilege"]),
    "no price is between": ({"category": "hoodies", "min_price": 4901, "max_price": 5399}, []),
    "price below the cheapest": ({"max_price": 1}, []),
    "one size": ({"size": "one size", "query": "bearer"}, ["Bearer"]),
    "size in lower case": ({"size": "l", "query": "zero trust"}, ["Zero Trust"]),
    "a size that it does not come in": ({"size": "L", "query": "bearer"}, []),
    "more words than anybody needs": ({"query": "bearer " * 28}, ["Bearer"]),
}


def test_a_search_finds(db: Session) -> None:
    """Every filter narrows; words are compared in the singular; nothing that is typed is a language of the engine's."""
    for case, (filters, expected) in FOUND.items():
        assert names(db, **filters) == (names(db) if expected == "everything" else expected), case


CORRECTED = {
    "hodie": "hoodie",
    "hodies": "hoodie",
    "notbook": "notebook",
    "beenie": "beanie",
    "stikcers": "sticker",
    "least privlege": "least privilege",
    "zero trsut hoodie": "zero trust hoodie",
}


def test_a_misspelt_word_is_corrected_and_said_so(db: Session) -> None:
    """What was meant is found, and the page says what was searched for; a word that is known is left alone."""
    for written, meant in CORRECTED.items():
        page = catalogue.search(db, Filters(query=written))
        assert page.corrected == meant, written
        assert page.matches and names(db, query=written) == names(db, query=meant), written
    for known in ("hoodies", "long context", "note", "rate lim", "", "%", "submarine", "red"):
        assert catalogue.search(db, Filters(query=known)).corrected is None, known


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


def test_words_in_the_name_come_first(shop: ShopUnderTest) -> None:
    """A product whose name says it stands before those that only mention it, wherever they are in the catalogue."""
    with shop.database.write() as db:
        first = db.get_one(Product, "unauthorized-hoodie")
        first.body += " bearer"
        db.flush()
        assert names(db, query="bearer") == ["Bearer", "Unauthorized"]
        first.body = ""
        db.flush()
        assert names(db, query="bearer") == ["Bearer"]


def test_the_index_is_part_of_the_transaction(shop: ShopUnderTest) -> None:
    """A change that is rolled back was never found by anybody; one that commits is found at once."""
    for fails in (True, False):
        with suppress(ZeroDivisionError), shop.database.write() as db:
            db.get_one(Product, "bearer-tote").head += " submarine"
            db.flush()
            assert names(db, query="submarine") == ["Bearer"]
            if fails:
                raise ZeroDivisionError
        with shop.database.read() as db:
            assert names(db, query="submarine") == ([] if fails else ["Bearer"])


def test_sorting(db: Session) -> None:
    """By price, by name, by newness, and always the same among equals; turning pages shows each match once."""
    everything = names(db, limit=100)
    by_price = catalogue.search(db, Filters(sort="price_up", limit=100)).matches
    prices = [min(variant.price for variant in match.variants) for match in by_price]
    assert prices == sorted(prices)
    falling = catalogue.search(db, Filters(sort="price_down", limit=100)).matches
    assert [min(v.price for v in match.variants) for match in falling] == sorted(prices, reverse=True)
    assert names(db, sort="newest", limit=100) == everything[::-1]
    by_name = names(db, sort="name", limit=100)
    assert by_name == sorted(everything, key=lambda name: name.lower().removeprefix("the "))
    pages = [names(db, sort="name", limit=4, offset=offset) for offset in range(0, len(everything), 4)]
    assert [name for page in pages for name in page] == by_name
    assert catalogue.search(db, Filters(limit=2, offset=4)).count == len(everything)


def test_facets_say_what_each_choice_would_find(db: Session) -> None:
    """Each value's count is that of the search with it; each list leaves its own filter out, and keeps all others."""
    for filters in (
        Filters(),
        Filters(query="hoodies", colour="black", in_stock=True),
        Filters(category="tees", colour="ink", size="XL", in_stock=True),
        Filters(query="hodie", max_price=6000),
    ):
        found = catalogue.facets(db, filters)
        for name, facets in (("category", found.categories), ("colour", found.colours), ("size", found.sizes)):
            assert [facet.value for facet in facets if facet.count == 0] == []
            for facet in facets:
                narrowed = replace(filters, **{name: facet.value})  # type: ignore[arg-type]
                if name == "colour":  # "blue" would also mean another name of it
                    assert catalogue.search(db, narrowed).count >= facet.count, (filters, facet)
                else:
                    assert catalogue.search(db, narrowed).count == facet.count, (filters, facet)
    assert catalogue.facets(db, Filters(category="submarines")).colours == []
    assert [f.value for f in catalogue.facets(db, Filters(category="hoodies")).sizes] == [
        "XS",
        "S",
        "M",
        "L",
        "XL",
        "XXL",
    ]


def test_collections_have_a_cover(db: Session) -> None:
    """Every category, in the order of the catalogue, with its number of products and its first one."""
    collections = catalogue.collections(db)
    assert [one.category for one in collections] == catalogue.categories(db)
    for one in collections:
        page = catalogue.search(db, Filters(category=one.category))
        assert (page.count, page.matches[0].product.slug) == (one.count, one.cover.slug)


@ONE_ENGINE
def test_every_process_sees_the_next_version(shop: ShopUnderTest, build_shop: Callable[[], ShopUnderTest]) -> None:
    """Once goods are published by one process, the other one corrects towards their words too."""
    other = build_shop()
    with other.database.read() as db:
        assert catalogue.search(db, Filters(query="submarin")).corrected is None
    with shop.database.write() as db:
        db.get_one(Product, "bearer-tote").head += " submarine"
        vocabulary.publish(db)
    with other.database.read() as db:
        assert names(db, query="submarien") == ["Bearer"]
        assert catalogue.search(db, Filters(query="submarien")).corrected == "submarine"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.text(max_size=60), sort=st.sampled_from(get_args(catalogue.Sort)))
def test_whatever_is_typed_has_an_answer(db: Session, said: str, sort: catalogue.Sort) -> None:
    """No text makes a search or its facets raise, as words, as a colour, as a size or as a category."""
    for filters in (
        Filters(query=said),
        Filters(query=f"hoodie {said}", colour=said),
        Filters(category=said, size=said),
    ):
        page = catalogue.search(db, replace(filters, sort=sort, limit=2))
        assert len(page.matches) == min(page.count, 2)
        catalogue.facets(db, filters)


def test_one_module_knows_the_engine() -> None:
    """Full-text search is the only exception in the store: no other module of it asks which database this is."""
    asking = {path.name for path in (ROOT / "shop" / "store").glob("*.py") if "dialect" in path.read_text("utf-8")}
    assert asking == {"search_index.py"}


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
