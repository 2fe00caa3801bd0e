"""A person's own clicks: each passes the gateway without an actor, and every mistake is a page with a sentence."""

from __future__ import annotations

import html
import re

import pytest
from sqlalchemy import update

from shop.store.models import Order
from tests.storefront.reading import checkout_page, flashed, pins_of, said
from tests.support.people import FINN, NOAH, ShopUnderTest, Visitor
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
    placed = sofia.post("/checkout", address="Office", seen=pins_of(page))
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
        shop.clock.pass_by(minutes=1)  # more of these within a minute would only be counted
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


def test_a_change_of_the_cart_is_undone(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Right after taking something out the page offers to undo it, once; the undoing is a call of its own."""
    sofia.post("/cart/add", sku=HOODIE, quantity="2")
    sofia.post("/cart/update", sku=HOODIE, quantity="0")
    page = sofia.get("/cart")
    assert "Taken out of your cart. Undo" in flashed(page) and "Undo: put it back" in said(page)
    with watching(shop) as seen:
        assert sofia.post("/cart/undo").headers["Location"] == "/cart"
    assert seen.names == ["tool_call.succeeded"] and seen.events[0].content["facts"]["tool"] == "undo_cart_change"
    assert {"carts", "cart_lines"} <= seen.changed
    page = sofia.get("/cart")
    assert "€116.00" in said(page) and "Undo" not in said(page)
    sofia.post("/cart/undo")
    assert "There is nothing to undo" in flashed(sofia.get("/cart"))


@ONE_ENGINE
def test_what_undoing_cannot_bring_back_is_named(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Somebody bought it meanwhile: the rest comes back, and the page says what did not."""
    sofia.post("/cart/add", sku=SCARCE, quantity="3")
    sofia.post("/cart/update", sku=SCARCE, quantity="0")
    set_variant(shop, SCARCE, stock=1)
    sofia.post("/cart/undo")
    page = sofia.get("/cart")
    assert "Long Context in bone, M: Only 1 left" in flashed(page) and "€58.00" in said(page)


@ONE_ENGINE
@pytest.mark.parametrize(
    ("form", "status", "sentence"),
    [
        ({"sku": HOODIE, "quantity": "2"}, 200, "In your cart: 2 × Long Context, black, L"),
        ({"sku": SCARCE, "quantity": "4"}, 409, "Only 3 left of Long Context in bone, M."),
        ({"sku": "no-such-thing"}, 404, "There is no such article."),
        ({"sku": HOODIE, "quantity": "x"}, 400, "quantity"),
    ],
)
def test_with_script_the_products_page_says_what_happened(
    sofia: Visitor, form: dict[str, str], status: int, sentence: str
) -> None:
    """The answer is a piece for the page that asked, with its refusal too, and the cart in the header anew."""
    answer = sofia.post("/cart/add", **form, headers={"HX-Request": "true"})
    assert answer.status_code == status and sentence in said(answer) and "<html" not in answer.text
    assert 'hx-target="#cart-link"' in answer.text


@ONE_ENGINE
def test_with_script_an_error_is_shown_as_a_page(shop: ShopUnderTest) -> None:
    """Whose session has ended is told so in the middle of the page, not inside the piece that asked."""
    answer = shop.visitor().post("/cart/add", sku=HOODIE, headers={"HX-Request": "true"})
    assert answer.status_code == 401 and "You are not signed in" in answer.text
    assert (answer.headers["HX-Retarget"], answer.headers["HX-Reselect"]) == ("#main", "#main")


@ONE_ENGINE
def test_the_limit_is_shown_before_it_refuses(shop: ShopUnderTest, sofia: Visitor) -> None:
    """The cart says how much of the limit it takes, and from where on and why checking out would be refused; unrecorded."""
    sofia.post("/cart/add", sku=HOODIE, quantity="3")
    page = said(sofia.get("/cart"))
    assert "Your limit for one order €200.00" in page and "€26.00 to spare" in page
    sofia.post("/cart/update", sku=HOODIE, quantity="4")
    with watching(shop) as seen:
        page = said(sofia.get("/cart"))
    assert "€32.00 over it" in page and "Mara Voss (up to €2,000.00) could order it" in page and "Check out" not in page
    assert seen.names == ["tool_call.succeeded"], "looking into the cart; nothing was tried, so nothing was refused"
    noah = shop.sign_in(NOAH)
    noah.post("/cart/add", sku=HOODIE)
    assert "Your role (shopper) may not place orders." in said(noah.get("/cart"))


def test_the_same_again(shop: ShopUnderTest, sofia: Visitor) -> None:
    """An earlier order goes into the cart by one click, at today's price; what is gone is named; only one's own."""
    set_variant(shop, TEE, price=2600)
    with watching(shop) as seen:
        assert sofia.post(f"/orders/{OWN_ORDER}/reorder").headers["Location"] == "/cart"
    assert {"carts", "cart_lines"} <= seen.changed and seen.names == ["tool_call.succeeded"]
    assert "€26.00" in said(sofia.get("/cart"))
    set_variant(shop, TEE, stock=0)
    sofia.post(f"/orders/{OWN_ORDER}/reorder")
    assert "The Context Tee in ink, M: Sold out." in flashed(sofia.get("/cart"))
    for number in (COLLEAGUES_ORDER, FOREIGN_ORDER, NO_ORDER):
        assert sofia.post(f"/orders/{number}/reorder").status_code == 404


@ONE_ENGINE
def test_an_orders_way_and_the_time_to_cancel(shop: ShopUnderTest, sofia: Visitor) -> None:
    """The page shows what happened when, and offers to cancel for as long as that is possible."""
    sofia.post("/cart/add", sku=HOODIE)
    _, pins = checkout_page(sofia)
    path = sofia.post("/checkout", address="Office", seen=pins).headers["Location"]
    page = said(sofia.get(path))
    assert "Placed and on record" in page and "You can still cancel. Until" in page and "Cancel this order" in page
    shop.clock.pass_by(minutes=29)
    assert "Cancel this order" in said(sofia.get(path))
    shop.clock.pass_by(minutes=2)
    page = said(sofia.get(path))
    assert "Cancel this order" not in page and "The 30 minutes in which it could be cancelled are over" in page
    assert sofia.post(f"{path}/cancel").status_code == 409 and order(shop, path.rpartition("/")[2]).status == "pending"
    assert "Delivered at your door" in said(sofia.get(f"/orders/{OWN_ORDER}"))


@ONE_ENGINE
@pytest.mark.holds("I10")
def test_an_invoice(sofia: Visitor) -> None:
    """A sheet with the company, the lines and the total; of other people's orders there is none."""
    sheet = said(sofia.get(f"/orders/{OWN_ORDER}/invoice"))
    for words in (
        "Acme",
        "Harbour Street 4, 20457 Hamburg",
        "The Context Tee",
        TEE,
        "Total in euros €24.00",
        "Sofia Hart",
    ):
        assert words in sheet, words
    for number in (COLLEAGUES_ORDER, FOREIGN_ORDER, NO_ORDER):
        assert sofia.get(f"/orders/{number}/invoice").status_code == 404
