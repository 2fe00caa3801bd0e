"""The address book and the checkout that adds to it: every change is a call, and a mistake loses nothing that was typed."""

from __future__ import annotations

import html

from sqlalchemy import select

from shop.store.models import Address
from tests.storefront.reading import checkout_page, flashed, said
from tests.support.people import FINN, GIL, MARA, ShopUnderTest, Visitor
from tests.support.state import HOODIE, ONE_ENGINE, order, watching

HOME = {"name": "Home", "text": "Lime Street 7, 20457 Hamburg"}


def own_addresses(shop: ShopUnderTest) -> list[tuple[str, str]]:
    """The stored addresses that are somebody's own."""
    with shop.database.read() as db:
        return [(a.name, a.text) for a in db.scalars(select(Address).where(Address.owner != ""))]


def test_an_address_of_ones_own(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Saved and removed by clicks through the gateway; only its person sees it."""
    with watching(shop) as seen:
        assert sofia.post("/addresses", **HOME).headers["Location"] == "/addresses"
    assert own_addresses(shop) == [("Home", "Lime Street 7, 20457 Hamburg")]
    assert seen.changed == {"addresses"} and seen.names == ["tool_call.succeeded"]
    event = seen.events[0].content
    assert (event["action"], event["subject"], event["actor"]) == ("addresses:write", sofia.principal().subject, None)
    assert "Lime Street 7" in said(sofia.get("/addresses"))
    for other in (shop.sign_in(MARA), shop.sign_in(GIL)):
        assert "Lime Street" not in other.get("/addresses").text
    with watching(shop) as seen:
        sofia.post("/addresses/remove", name="home")
    assert (own_addresses(shop), seen.names) == ([], ["tool_call.succeeded"])


def test_an_address_is_added_in_the_middle_of_a_checkout(shop: ShopUnderTest, sofia: Visitor) -> None:
    """It stands chosen afterwards, the click pins it, and the order goes there."""
    sofia.post("/cart/add", sku=HOODIE)
    assert sofia.post("/addresses", **HOME, next="/checkout").headers["Location"] == "/checkout"
    page, pins = checkout_page(sofia)
    assert 'value="Home" required checked' in page.text
    placed = sofia.post("/checkout", address="Home", seen=pins)
    stored = order(shop, placed.headers["Location"].rpartition("/")[2])
    assert (stored.address_name, stored.address_text) == ("Home", "Lime Street 7, 20457 Hamburg")
    sofia.post("/cart/add", sku=HOODIE)
    assert 'value="Office" required checked' in sofia.get("/checkout").text, "the next order begins with the usual one"


@ONE_ENGINE
def test_what_cannot_be_saved_stays_in_its_form(shop: ShopUnderTest, sofia: Visitor) -> None:
    """The page says why, on the book and in the checkout, with what was typed; nothing is stored, the refusal is recorded."""
    sofia.post("/cart/add", sku=HOODIE)
    for form in (
        {"name": "Office", "text": "Elsewhere 1"},
        {"name": "Den", "text": ""},
        {"name": "Den", "text": "a\nb"},
    ):
        for next_path, heading in (("/addresses", "Your addresses"), ("/checkout", "Check out")):
            with watching(shop) as seen:
                page = sofia.post("/addresses", **form, next=next_path)
            assert page.status_code == 400 and f"<h1>{heading}</h1>" in page.text and 'role="alert"' in page.text
            assert f'name="name" value="{html.escape(form["name"])}"' in page.text
            assert not seen.changed and "tool_call.failed" in seen.names
    assert own_addresses(shop) == []


@ONE_ENGINE
def test_an_address_leads_nowhere_else(sofia: Visitor) -> None:
    """The form's `next` is one of two pages of ours, whatever it says."""
    for next_path in ("https://elsewhere.example", "//elsewhere.example", "/orders", ""):
        assert sofia.post("/addresses", **HOME, next=next_path).headers["Location"] == "/addresses"


@ONE_ENGINE
def test_what_is_not_ones_own_stays(shop: ShopUnderTest, sofia: Visitor) -> None:
    """The organization's address and one that is not there are not removed, and the page says why."""
    for name, sentence in (("Office", "your organization's"), ("Nowhere", "There is no saved address")):
        sofia.post("/addresses/remove", name=name)
        assert sentence in flashed(sofia.get("/addresses"))
    assert "Harbour Street 4" in said(sofia.get("/addresses"))
    finn = shop.sign_in(FINN)
    refused = finn.get("/addresses")
    assert refused.status_code in {200, 403} and "<h1>" in refused.text
