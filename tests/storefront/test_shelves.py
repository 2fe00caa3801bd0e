"""The public pages: the first view, collections, searches that are narrowed, and products with their choices."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from shop.store.listing import name_key
from tests.storefront.reading import links, names, said
from tests.support.people import ShopUnderTest, Visitor
from tests.support.state import ONE_ENGINE, set_variant, watching

THREE = ["Unauthorized", "Long Context", "Least Privilege"]


@pytest.fixture
def anyone(shop: ShopUnderTest) -> Visitor:
    """Somebody who is not signed in."""
    return shop.visitor()


def test_the_first_view(shop: ShopUnderTest, anyone: Visitor) -> None:
    """Home says what this is and how buying through an assistant goes, and leads to every collection; nothing is written."""
    with watching(shop) as seen:
        page = anyone.get("/")
    assert "Goods for people who speak protocol." in said(page) and "buys nothing without your click" in said(page)
    assert "Your click buys exactly that, once." in said(page)
    collections = {href for href in links(page) if href.startswith("/collections/")}
    assert {"/collections/hoodies", "/collections/mugs", "/collections/posters"} <= collections
    for href in collections:
        assert anyone.get(href).status_code == 200
    assert not seen.changed and not seen.events


def test_a_search_is_narrowed_by_its_address(anyone: Visitor) -> None:
    """Colour, size, price and stock are words of the address; each choice shows how many things it would leave."""
    page = anyone.get("/search?q=hoodies&colour=black&size=L&max_price=60&in_stock=1")
    assert names(page) == THREE and "3 things" in said(page)
    assert re.search(r"Without black .*Without L .*Without up to €60 .*Without in stock", said(page))
    assert "/search?q=hoodies&size=L&max_price=60&in_stock=1" in links(page), "the chip leads out of the colour"
    assert "/search?q=hoodies&colour=navy&size=L&max_price=60&in_stock=1" in links(page)
    counts = dict(re.findall(r'id="colour-(\w+)".*?class="how-many">(\d+)', page.text, re.S))
    navy = anyone.get("/search?q=hoodies&colour=navy&size=L&max_price=60&in_stock=1")
    assert (counts["black"], counts["navy"]) == ("3", str(len(names(navy))))
    assert f"/products/long-context-hoodie?colour={quote('black')}&size=L" in links(page), "the choice comes along"


def test_addresses_from_before_find_what_they_found(anyone: Visitor) -> None:
    """Links to searches that lay on the first page still work, and so does every other address of the shop window."""
    for path in ("/?q=hoodies&colour=black&size=L&max_price=60", "/?category=hoodies&colour=black&max_price=60"):
        assert names(anyone.get(path)) == THREE, path
    assert "Goods for people who speak protocol." in said(anyone.get("/?utm_source=letter"))


@ONE_ENGINE
def test_prices_and_orders(anyone: Visitor) -> None:
    """From and up to, and by price, by name and newest first."""
    assert set(names(anyone.get("/search?min_price=50&max_price=58"))) >= {"Unauthorized", "Long Context"}
    assert "Least Privilege" not in names(anyone.get("/search?min_price=50"))
    cheap = anyone.get("/search?sort=price_up")
    prices = [int(cents) for cents in re.findall(r'class="money">€(\d+)\.00', cheap.text.partition("goods-found")[2])]
    assert prices == sorted(prices) and len(prices) > 10
    by_name = names(anyone.get("/search?sort=name"))
    assert by_name == sorted(by_name, key=name_key)


@ONE_ENGINE
def test_a_collection(anyone: Visitor) -> None:
    """One kind of goods under its own name; narrowing it stays in it; one that there is not is not there."""
    page = anyone.get("/collections/hoodies?colour=black&max_price=60")
    assert "<h1>Hoodies</h1>" in page.text and names(page) == THREE
    assert "/collections/hoodies?max_price=60" in links(page)
    for missing in ("/collections/submarines", "/collections/Hoodies", "/collections/%20", "/collections/" + "x" * 500):
        assert anyone.get(missing).status_code == 404, missing


@ONE_ENGINE
def test_nothing_found_leads_somewhere(anyone: Visitor) -> None:
    """No result is a page with a way on: the assistant with the same words, other filters, other goods."""
    page = anyone.get("/search?q=submarine")
    assert "Nothing on the shelves fits that." in said(page) and "/assistant/?ask=submarine" in links(page)
    others = {path for path in links(page) if path.startswith("/products/")}
    assert len(others) >= 3 and not any("submarine" in path for path in others)
    narrow = anyone.get("/collections/mugs?colour=navy")
    assert "Take something away from the filters" in said(narrow) and "/collections/mugs" in links(narrow)


@ONE_ENGINE
def test_a_page_beyond_the_last_is_the_first(anyone: Visitor) -> None:
    """Pages are bounded: an address of a page that is not there leads to the first one that is."""
    beyond = anyone.get("/search?q=hoodies&page=900")
    assert (beyond.status_code, beyond.headers["Location"]) == (302, "/search?q=hoodies")
    assert anyone.get("/search?q=submarine&page=900", follow_redirects=True).status_code == 200


def test_a_products_picture_price_and_stock_follow_the_choice(shop: ShopUnderTest, anyone: Visitor) -> None:
    """Each colour and size is a link; what is shown is that variant."""
    set_variant(shop, "long-context-hoodie-plum-xl", price=6400, stock=2)
    page = anyone.get("/products/long-context-hoodie?colour=plum&size=XL")
    assert 'id="picture" src="/pictures/long-context-hoodie/plum.svg"' in page.text
    assert "€64.00" in said(page) and "Only 2 left in XL" in said(page)
    assert {f"/products/long-context-hoodie?colour=plum&size={size}" for size in ("S", "M", "L", "XL")} <= links(page)
    assert "/products/long-context-hoodie?colour=black&size=XL" in links(page)
    assert f"/sign-in?next={quote('/products/long-context-hoodie?colour=plum&size=XL', safe='')}" in links(page)


@ONE_ENGINE
def test_sold_out_says_what_there_is_instead(anyone: Visitor) -> None:
    """A sold-out size cannot be bought; the page names the sizes and colours that can, and other goods."""
    page = anyone.get("/products/context-tee?colour=ink&size=XL")
    assert "Sold out in XL, ink." in said(page) and "disabled>Sold out</button>" in page.text
    assert "In ink there is still S , M , L ." in said(page) and "In XL there is still black , bone , rust ." in said(
        page
    )
    assert "Here instead" in said(page) and "/products/idempotent-tee" in links(page)


@ONE_ENGINE
def test_odd_choices_show_the_product(anyone: Visitor) -> None:
    """Whatever an address asks of a product, it is shown in something that exists."""
    for query in (
        "?colour=plaid",
        "?size=XXXXL",
        "?colour=&size=",
        "?colour=%F0%9F",
        "?colour=black&colour=ink",
        "?size='",
    ):
        page = anyone.get(f"/products/context-tee{query}")
        assert page.status_code == 200 and "The Context Tee" in said(page), query
