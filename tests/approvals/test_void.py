"""Between receipt and click, something changes: the receipt is void, nothing happens, and the record says why."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from shop.conversations import delegation
from shop.credentials.ledger import Authority
from shop.store.models import Address, Order, Product
from shop.tools.outcomes import Denied, Failed, Succeeded
from tests.approvals.conftest import asked
from tests.support.people import SOFIA, Assistant, ShopUnderTest, Visitor
from tests.support.state import (
    HOODIE,
    ONE_ENGINE,
    TEE,
    count_orders,
    order,
    receipt,
    set_variant,
    stock,
    watching,
)

Change = Callable[[ShopUnderTest, Visitor, Assistant], object]


def pause(shop: ShopUnderTest, visitor: Visitor) -> None:
    """A person pauses their assistants."""
    person = visitor.principal()
    with shop.database.write() as db:
        delegation.set_paused(db, person, True)


def set_authority(shop: ShopUnderTest, sofia: Visitor, **values: object) -> None:
    """Her organization gives her another limit, or other roles."""
    membership = sofia.principal().membership
    with shop.database.write() as db:
        db.execute(update(Authority).where(Authority.id == membership).values(**values))


def move_office(shop: ShopUnderTest) -> None:
    """The address of that name becomes another place."""
    with shop.database.write() as db:
        db.execute(update(Address).where(Address.name == "Office").values(text="Elsewhere 1, 10115 Berlin"))


def rename(shop: ShopUnderTest) -> None:
    """The shopkeeper renames the product."""
    with shop.database.write() as db:
        db.execute(update(Product).where(Product.slug == "long-context-hoodie").values(name="Short Context"))


def empty_and_fill(visitor: Visitor) -> None:
    """The same things are in the cart again, and it is another version of it."""
    visitor.call("update_cart", sku=HOODIE, quantity=0)
    visitor.call("add_to_cart", sku=HOODIE)


CHANGES: dict[str, tuple[str, Change]] = {
    "the price went up": ("changed", lambda shop, _s, _a: set_variant(shop, HOODIE, price=5900)),
    "the price went down": ("changed", lambda shop, _s, _a: set_variant(shop, HOODIE, price=100)),
    "the last one was sold": ("out_of_stock", lambda shop, _s, _a: set_variant(shop, HOODIE, stock=0)),
    "the address is another place": ("changed", lambda shop, _s, _a: move_office(shop)),
    "the product has another name": ("changed", lambda shop, _s, _a: rename(shop)),
    "one more is in the cart": ("changed", lambda _shop, sofia, _a: sofia.call("add_to_cart", sku=HOODIE)),
    "something else is in the cart": ("changed", lambda _shop, _s, assistant: assistant.call("add_to_cart", sku=TEE)),
    "the cart is empty": ("cart_empty", lambda _shop, sofia, _a: sofia.call("update_cart", sku=HOODIE, quantity=0)),
    "the cart was emptied and filled as before": ("changed", lambda _shop, sofia, _a: empty_and_fill(sofia)),
    "the limit was lowered": ("over_limit", lambda shop, sofia, _a: set_authority(shop, sofia, order_limit=5799)),
    "the limit was taken": ("over_limit", lambda shop, sofia, _a: set_authority(shop, sofia, order_limit=None)),
    "the role was taken": ("not_permitted", lambda shop, sofia, _a: set_authority(shop, sofia, roles=["shopper"])),
    "consent was withdrawn": ("consent_needed", lambda _shop, _s, assistant: assistant.withdraw("transact")),
    "the assistant was paused": ("paused", lambda shop, sofia, _a: pause(shop, sofia)),
}


@pytest.mark.parametrize(("code", "change"), CHANGES.values(), ids=CHANGES)
@pytest.mark.holds("I5", "I7", "I13")
def test_what_changed_before_the_click_voids_the_receipt(
    shop: ShopUnderTest, sofia: Visitor, assistant: Assistant, waiting: str, code: str, change: Change
) -> None:
    """Nothing is bought, the person is told, the receipt has lost its force for good, and two events say so."""
    change(shop, sofia, assistant)
    left = stock(shop, HOODIE)
    with watching(shop) as seen:
        outcome = shop.gateway.approve(sofia.principal(), waiting)
    assert isinstance(outcome, Failed | Denied) and outcome.code == code
    assert seen.changed == {"receipts"}
    assert seen.names == ["tool_call.denied" if isinstance(outcome, Denied) else "tool_call.failed", "approval.voided"]
    refused, voided = (event.content for event in seen.events)
    assert refused["facts"]["code"] == code and refused["facts"]["receipt"] == waiting
    assert (voided["facts"]["because"], voided["resource"]["id"]) == (code, waiting)
    stored = receipt(shop, waiting)
    assert stored.state == "voided" and stored.note
    assert (count_orders(shop), stock(shop, HOODIE)) == (3, left)
    again = shop.gateway.approve(sofia.principal(), waiting)
    assert isinstance(again, Failed) and again.code == "voided"


@ONE_ENGINE
@pytest.mark.holds("I7")
def test_a_change_that_was_taken_back_leaves_the_receipt_as_it_was(
    shop: ShopUnderTest, sofia: Visitor, waiting: str
) -> None:
    """The receipt is compared with the shop as it stands, not with its history: the same price again is the same price."""
    set_variant(shop, HOODIE, price=9900)
    set_variant(shop, HOODIE, price=5800)
    assert isinstance(shop.gateway.approve(sofia.principal(), waiting), Succeeded)


@pytest.mark.holds("I7")
def test_a_receipt_expires(shop: ShopUnderTest, sofia: Visitor, waiting: str) -> None:
    """One second before its end it can be confirmed, at its end it cannot; the click that came too late is recorded."""
    shop.clock.now = receipt(shop, waiting).expires_at
    with watching(shop) as seen:
        outcome = shop.gateway.approve(sofia.principal(), waiting)
    assert isinstance(outcome, Failed) and outcome.code == "expired"
    assert (seen.changed, sorted(seen.names)) == ({"receipts"}, ["approval.refused", "approval.voided"])
    assert next(e for e in seen.events if e.name == "approval.voided").content["facts"]["because"] == "expired"
    assert (receipt(shop, waiting).state, count_orders(shop)) == ("expired", 3)


@ONE_ENGINE
@pytest.mark.holds("I7")
def test_a_receipt_holds_until_its_end(shop: ShopUnderTest, sofia: Visitor, waiting: str) -> None:
    """Nine minutes and fifty-nine seconds later the click still buys."""
    shop.clock.pass_by(minutes=9, seconds=59)
    assert isinstance(shop.gateway.approve(sofia.principal(), waiting), Succeeded)


@pytest.mark.holds("I7")
def test_signing_out_everywhere_voids_what_waits(shop: ShopUnderTest, sofia: Visitor, waiting: str) -> None:
    """The receipt dies with the session it was asked under, at once; a click by the dead session or a new one buys nothing."""
    old = sofia.principal()
    with watching(shop) as seen:
        sofia.post("/sessions/end-all")
    assert receipt(shop, waiting).state == "voided"
    voided = next(event for event in seen.events if event.name == "approval.voided")
    assert voided.content["facts"]["because"] == "signed_out_everywhere"
    dead = shop.gateway.approve(old, waiting)
    assert isinstance(dead, Denied) and dead.code == "signed_out"
    fresh = shop.gateway.approve(shop.sign_in(SOFIA).principal(), waiting)
    assert isinstance(fresh, Failed) and fresh.code == "voided"
    assert count_orders(shop) == 3


@ONE_ENGINE
@pytest.mark.holds("I7")
def test_a_cancellation_is_void_once_the_order_went_on(
    shop: ShopUnderTest, sofia: Visitor, assistant: Assistant, waiting: str
) -> None:
    """An order that was shipped between receipt and click is not cancelled, and its stock does not come back."""
    placed = shop.gateway.approve(sofia.principal(), waiting)
    assert isinstance(placed, Succeeded)
    number = placed.for_model()["result"]["number"]
    cancellation = asked(assistant, "cancel_order", number=number)
    with shop.database.write() as db:
        db.execute(update(Order).where(Order.number == number).values(status="shipped"))
    with watching(shop) as seen:
        outcome = shop.gateway.approve(sofia.principal(), cancellation)
    assert isinstance(outcome, Failed) and outcome.code == "not_cancellable"
    assert (seen.changed, seen.names) == ({"receipts"}, ["tool_call.failed", "approval.voided"])
    assert (order(shop, number).status, stock(shop, HOODIE)) == ("shipped", 39)


@ONE_ENGINE
@pytest.mark.holds("I7")
def test_a_colleague_who_is_paused_does_not_matter(shop: ShopUnderTest, sofia: Visitor, waiting: str) -> None:
    """The control of the pause: another person's pause leaves this receipt alone."""
    mara = shop.sign_in("mara.voss@acme.example")
    pause(shop, mara)
    assert isinstance(shop.gateway.approve(sofia.principal(), waiting), Succeeded)
