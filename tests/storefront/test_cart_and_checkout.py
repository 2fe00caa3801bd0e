"""A person's own clicks: each passes the gateway without an actor, and every mistake is a page with a sentence."""

from __future__ import annotations

import html
import re

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from shop.store.models import Order
from tests.support.people import FINN, NOAH, SOFIA, ShopUnderTest, Visitor
from tests.support.state import (
    COLLEAGUES_ORDER,
    FOREIGN_ORDER,
    HOODIE,
    NO_ORDER,
    ONE_ENGINE,
    OWN_ORDER,
    SCARCE,
    SOLD_OUT,
    TEE,
    count_orders,
    order,
    set_variant,
    stock,
    watching,
)


@pytest.fixture
def sofia(shop: ShopUnderTest) -> Visitor:
    """Sofia in her browser, signed in."""
    return shop.sign_in(SOFIA)


def checkout_page(visitor: Visitor) -> tuple[TestResponse, str]:
    """The checkout page, and the pins in its form."""
    page = visitor.get("/checkout")
    found = re.search(r'name="seen" value="([^"]*)"', page.text)
    assert found, page.text
    return page, html.unescape(found.group(1))


def said(page: TestResponse) -> str:
    """What a page says, without its tags."""
    main = page.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


@pytest.mark.holds("I1", "I2", "I5", "I7", "ASI09")
def test_a_purchase_by_pages(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Cart, checkout, order: three calls through the gateway, as the person, without an actor, in her organization's trail."""
    with watching(shop) as seen:
        assert sofia.post("/cart/add", sku=HOODIE, quantity="2").headers["Location"] == "/cart"
        assert "€116.00" in said(sofia.get("/cart"))
        page, pins = checkout_page(sofia)
        assert "Confirm €116.00" in said(page)
        placed = sofia.post("/checkout", address="Warehouse", seen=pins)
    assert placed.status_code == 303
    number = placed.headers["Location"].rpartition("/")[2]
    assert re.fullmatch(r"CC-[0-9A-HJKMNP-TV-Z]{6}", number)
    stored = order(shop, number)
    assert (stored.owner, stored.placed_through, stored.total) == (sofia.principal().subject, None, 11600)
    assert (stored.address_name, stored.address_text) == ("Warehouse", "Quay Road 19, 27568 Bremerhaven")
    assert "placed by you" in said(sofia.get(f"/orders/{number}"))
    assert {"carts", "order_lines", "orders", "variants"} <= seen.changed
    effects = [event for event in seen.events if event.content["action"] in {"cart:write", "orders:place"}]
    assert [event.content["facts"]["tool"] for event in effects] == ["add_to_cart", "place_order"]
    assert "order.placed" in seen.names
    for event in seen.events:
        assert event.content["subject"] == sofia.principal().subject
        assert event.content["actor"] is None and event.content["delegation"] is None
        assert event.content["chain"] == sofia.principal().organization
        assert event.content["request_id"].startswith("req_")


@pytest.mark.holds("I7", "I13")
def test_sending_the_checkout_twice_is_one_order(shop: ShopUnderTest, sofia: Visitor) -> None:
    """A double click, or a reload of the answer, leads to the same order; what was put into the cart since stays in it."""
    sofia.post("/cart/add", sku=HOODIE)
    _, pins = checkout_page(sofia)
    first = sofia.post("/checkout", address="Office", seen=pins)
    sofia.post("/cart/add", sku=TEE)
    again = sofia.post("/checkout", address="Office", seen=pins)
    assert first.headers["Location"] == again.headers["Location"]
    assert sofia.get(first.headers["Location"]).text.count("<h1>") == 1
    assert (count_orders(shop), stock(shop, HOODIE), stock(shop, TEE)) == (4, 39, 7)
    assert sofia.call("view_cart").for_model()["result"]["items"] == 1


@pytest.mark.holds("I7", "ASI09")
def test_a_checkout_page_that_has_become_old_buys_nothing(shop: ShopUnderTest, sofia: Visitor) -> None:
    """A new price since the page was opened: the page shows what it is now, and only a second click buys at that."""
    sofia.post("/cart/add", sku=HOODIE)
    _, pins = checkout_page(sofia)
    set_variant(shop, HOODIE, price=6100)
    with watching(shop) as seen:
        page = sofia.post("/checkout", address="Office", seen=pins)
    assert page.status_code == 409
    assert "Something changed. Nothing was bought." in said(page) and "Confirm €61.00" in said(page)
    assert not {"orders", "variants"} & seen.changed
    assert seen.events[0].content["facts"]["code"] == "changed"
    fresh = re.search(r'name="seen" value="([^"]*)"', page.text)
    assert fresh
    placed = sofia.post("/checkout", address="Office", seen=html.unescape(fresh.group(1)))
    assert order(shop, placed.headers["Location"].rpartition("/")[2]).total == 6100


@ONE_ENGINE
@pytest.mark.holds("I7")
def test_the_pin_of_one_address_does_not_confirm_another(shop: ShopUnderTest, sofia: Visitor) -> None:
    """What was shown for the office cannot be sent to the warehouse."""
    sofia.post("/cart/add", sku=HOODIE)
    _, pins = checkout_page(sofia)
    office = re.search(r'"Office": "(\w+)"', pins)
    assert office
    page = sofia.post("/checkout", address="Warehouse", seen=f'{{"Warehouse": "{office.group(1)}"}}')
    assert (page.status_code, count_orders(shop)) == (409, 3)


@ONE_ENGINE
@pytest.mark.holds("I7")
def test_pins_that_are_none(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Whatever stands in the form's field: no pin, no order, and a page that shows the checkout as it is."""
    sofia.post("/cart/add", sku=HOODIE)
    for pins in ("", "null", "[]", "{", '{"Office": 5}', '{"Office": null}', "[" * 50_000, "0" * 64):
        page = sofia.post("/checkout", address="Office", seen=pins)
        assert page.status_code == 409 and "Nothing was bought" in said(page), pins[:20]
    assert count_orders(shop) == 3


@ONE_ENGINE
def test_an_address_that_is_not_saved(shop: ShopUnderTest, sofia: Visitor) -> None:
    """An order goes to a saved address that was shown, or nowhere."""
    sofia.post("/cart/add", sku=HOODIE)
    _, pins = checkout_page(sofia)
    for address in ("Nowhere", "", "x" * 500, "\x00"):
        page = sofia.post("/checkout", address=address, seen=pins)
        assert page.status_code == 409 and "alert" in page.text, address
    assert count_orders(shop) == 3


@ONE_ENGINE
@pytest.mark.holds("ASI02")
def test_quantities_that_are_none(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Nothing is put into the cart or changed in it, and the page says so in a sentence."""
    quantities = ("-1", "1000000", "9" * 400, "abc", "", " ", "1.5", "١", "1e3", "\x00")
    for quantity in ("0", *quantities):
        with watching(shop) as seen:
            page = sofia.post("/cart/add", sku=HOODIE, quantity=quantity)
        assert page.status_code == 400 and "That did not work" in said(page), quantity
        assert not {"carts", "cart_lines"} & seen.changed
        assert seen.names == ["tool_call.failed"]
    sofia.post("/cart/add", sku=HOODIE)
    for quantity in quantities:
        assert sofia.post("/cart/update", sku=HOODIE, quantity=quantity).headers["Location"] == "/cart"
        page = sofia.get("/cart")
        assert "€58.00" in said(page) and "quantity: Input should be" in html.unescape(page.text), quantity
    assert sofia.call("view_cart").for_model()["result"]["items"] == 1


@ONE_ENGINE
def test_a_line_is_changed_and_taken_out(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Update and Remove on the cart's page; the empty cart's page says what to do."""
    sofia.post("/cart/add", sku=HOODIE)
    sofia.post("/cart/update", sku=HOODIE, quantity="3")
    assert "€174.00" in said(sofia.get("/cart"))
    sofia.post("/cart/update", sku=HOODIE, quantity="0")
    assert "Nothing in it yet." in said(sofia.get("/cart"))
    assert sofia.get("/checkout").headers["Location"] == "/cart"


NOT_ADDED = [
    ("no-such-thing", 404, "There is no such article."),
    ("no-such-thing\x00", 400, "sku"),
    ("", 400, "sku"),
    ("x" * 5000, 400, "sku"),
    ("'; DROP TABLE carts; --", 404, "There is no such article."),
    (SOLD_OUT, 409, "Sold out: The Context Tee in ink, XL."),
]


def test_articles_that_cannot_be_added(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Unknown, malformed or sold out: the same pages on both engines, and nothing in the cart."""
    for sku, status, sentence in NOT_ADDED:
        page = sofia.post("/cart/add", sku=sku)
        assert page.status_code == status and sentence in said(page), sku
    assert sofia.call("view_cart").for_model()["result"]["items"] == 0


@ONE_ENGINE
def test_more_than_there_are(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Four of three, at once or one after the other, are refused with how many are left."""
    assert "Only 3 left" in said(sofia.post("/cart/add", sku=SCARCE, quantity="4"))
    sofia.post("/cart/add", sku=SCARCE, quantity="3")
    assert "Only 3 left" in said(sofia.post("/cart/add", sku=SCARCE, quantity="1"))


@ONE_ENGINE
def test_sold_out_between_cart_and_checkout(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Somebody else took the last one: the checkout page says so instead of failing, and no order is placed."""
    sofia.post("/cart/add", sku=SCARCE)
    _, pins = checkout_page(sofia)
    set_variant(shop, SCARCE, stock=0)
    for page in (sofia.post("/checkout", address="Office", seen=pins), sofia.get("/checkout")):
        assert page.status_code == 409 and "Sold out: Long Context in bone, M." in said(page)
    assert count_orders(shop) == 3


@ONE_ENGINE
def test_over_the_limit(shop: ShopUnderTest, sofia: Visitor) -> None:
    """The checkout of too dear a cart is a refusal that names the limit; nothing is bought."""
    sofia.post("/cart/add", sku=HOODIE, quantity="4")
    page = sofia.get("/checkout")
    assert page.status_code == 403 and "€232.00 is over your limit of €200.00" in said(page)
    assert sofia.post("/checkout", address="Office", seen="{}").status_code == 403
    assert count_orders(shop) == 3


@ONE_ENGINE
@pytest.mark.holds("ASVS-8.3.1")
def test_roles_that_may_not(shop: ShopUnderTest) -> None:
    """A shopper fills a cart and may not check out; a guest may not even have one. Both are told why."""
    noah, finn = shop.sign_in(NOAH), shop.sign_in(FINN)
    assert noah.post("/cart/add", sku=HOODIE).status_code == 303
    for refused in (noah.get("/checkout"), finn.post("/cart/add", sku=HOODIE), finn.get("/cart"), finn.get("/orders")):
        assert refused.status_code == 403 and "Your role" in said(refused)
    assert count_orders(shop) == 3


@pytest.mark.holds("I10", "ASVS-8.2.2")
def test_other_peoples_orders_are_not_there(shop: ShopUnderTest, sofia: Visitor) -> None:
    """A colleague's, another organization's, a missing and a malformed number are the same page."""
    numbers = (COLLEAGUES_ORDER, FOREIGN_ORDER, NO_ORDER, "CC-%27OR1", "x")
    pages = [sofia.get(f"/orders/{number}") for number in numbers]
    assert {page.status_code for page in pages} == {404}
    assert len({said(page) for page in pages}) == 1
    assert "There is nothing under that number or name." in said(pages[0])
    assert sofia.get(f"/orders/{OWN_ORDER.lower()}").status_code == 200
    assert re.findall(r"CC-[0-9A-Z]{6}", said(sofia.get("/orders"))) == [OWN_ORDER]


def test_numbers_that_are_none(sofia: Visitor) -> None:
    """Whatever is asked for as a number, seen or cancelled, is a page of 400 or 404 on both engines."""
    for number in (NO_ORDER, "\x00", "x" * 41, "%2e%2e", "é", "%F0%9F"):
        for page in (sofia.get(f"/orders/{number}"), sofia.post(f"/orders/{number}/cancel")):
            assert page.status_code in {400, 404} and "<h1>" in page.text, number


@pytest.mark.holds("I7", "I13")
def test_an_order_is_cancelled_once_by_clicks(shop: ShopUnderTest, sofia: Visitor) -> None:
    """The first click cancels and returns the stock; the second says that it is cancelled; a shipped order stays."""
    sofia.post("/cart/add", sku=HOODIE)
    _, pins = checkout_page(sofia)
    number = sofia.post("/checkout", address="Office", seen=pins).headers["Location"].rpartition("/")[2]
    with watching(shop) as seen:
        assert sofia.post(f"/orders/{number}/cancel").headers["Location"] == f"/orders/{number}"
        again = sofia.post(f"/orders/{number}/cancel")
    assert again.status_code == 409 and "only a pending order can be cancelled" in said(again)
    assert seen.names.count("order.cancelled") == 1
    assert (order(shop, number).status, stock(shop, HOODIE)) == ("cancelled", 40)
    with shop.database.write() as db:
        db.execute(update(Order).where(Order.number == OWN_ORDER).values(status="shipped"))
    assert sofia.post(f"/orders/{OWN_ORDER}/cancel").status_code == 409
    assert order(shop, OWN_ORDER).status == "shipped"


def test_the_shop_window_survives_any_address(shop: ShopUnderTest) -> None:
    """A search that makes no sense is a page too, on both engines."""
    for query in ("max_price=" + "9" * 5000, "max_price=abc", "colour=%00", "q=%F0%9F", "size=x", "category=%00"):
        page = shop.visitor().get(f"/?{query}")
        assert page.status_code in {200, 404} and "<h1" in page.text, query
