"""Many at the same moment, on both engines: the last ones are sold once, an order is placed once and cancelled once."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from shop.store import orders
from shop.store.errors import NotCancellable, OutOfStock
from shop.store.models import Order, OrderStatus, Variant
from shop.tools.outcomes import Failed, Succeeded
from tests.store.shelf import buy, cancel, checkout, fill, left, sold
from tests.support.at_once import at_once
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import HOODIE, SCARCE, TEE, count_orders, set_variant, stock, watching


@pytest.mark.holds("I13")
def test_the_last_three_are_sold_to_three(shop: ShopUnderTest) -> None:
    """Twelve people check out at once what there are three of: three orders, nine refusals, none left, none owed."""
    acme = shop.organization("acme")
    people = [f"usr_{number}" for number in range(12)]
    for person in people:
        fill(shop, acme, person, SCARCE, 1)

    def attempt(person: str) -> bool:
        try:
            checkout(shop, acme, person)
        except OutOfStock:
            return False
        return True

    bought = at_once([partial(attempt, person) for person in people])
    assert (sum(bought), left(shop, SCARCE), sold(shop, SCARCE, acme)) == (3, 0, 3)


@pytest.mark.holds("I13")
def test_crossing_carts_wait_for_each_other_without_deadlock(shop: ShopUnderTest) -> None:
    """Carts that hold the same goods in opposite order are all bought: stock is locked in one order for everyone."""
    acme = shop.organization("acme")
    for number in range(8):
        for sku in (HOODIE, TEE)[:: 1 if number % 2 else -1]:
            set_variant(shop, sku, stock=20)
            fill(shop, acme, f"usr_{number}", sku, 2)
    placed = at_once([partial(checkout, shop, acme, f"usr_{number}") for number in range(8)])
    assert len({order.number for order in placed}) == 8
    assert (left(shop, HOODIE), left(shop, TEE)) == (4, 4)


@pytest.mark.holds("I13", "I7")
def test_one_cart_is_ordered_once(shop: ShopUnderTest) -> None:
    """Eight clicks at once on the same checkout page are one order, and each click is answered with it."""
    sofia = shop.sign_in(SOFIA)
    sofia.call("add_to_cart", sku=HOODIE, quantity=2)
    person = sofia.principal()
    shown = shop.gateway.show(person, "place_order", {"address": "Office"})
    assert isinstance(shown, tuple)
    click = partial(shop.gateway.call_tool, person, None, "place_order", {"address": "Office"}, seen=shown[1])
    with watching(shop) as seen:
        outcomes = at_once([click] * 8)
    numbers = {o.for_model()["result"]["number"] for o in outcomes if isinstance(o, Succeeded)}
    assert all(isinstance(outcome, Succeeded) for outcome in outcomes) and len(numbers) == 1
    assert (seen.names.count("order.placed"), count_orders(shop), stock(shop, HOODIE)) == (1, 4, 38)


@pytest.mark.holds("I13")
def test_a_version_of_a_cart_has_at_most_one_order(shop: ShopUnderTest) -> None:
    """Were everything above to fail, the database itself refuses a second order of the same version of a cart."""
    acme = shop.organization("acme")
    fill(shop, acme, "usr_1", HOODIE, 1)
    first = checkout(shop, acme, "usr_1")
    fill(shop, acme, "usr_1", HOODIE, 1)
    with shop.database.write() as db:
        second = buy(db, acme, "usr_1")
        second.cart_version = first.cart_version
        with pytest.raises(IntegrityError):
            db.flush()


@pytest.mark.holds("I13")
def test_stock_is_never_negative(shop: ShopUnderTest) -> None:
    """The database itself refuses to owe goods, whatever statement tries."""
    with shop.database.write() as db, pytest.raises(IntegrityError):
        db.execute(update(Variant).where(Variant.sku == SCARCE).values(stock=Variant.stock - 4))
    assert left(shop, SCARCE) == 3


@pytest.mark.holds("I13")
def test_a_cancelled_order_returns_its_stock_once(shop: ShopUnderTest) -> None:
    """Six cancellations at once: one returns the stock, five find that it was cancelled already."""
    acme = shop.organization("acme")
    fill(shop, acme, "usr_1", HOODIE, 3)
    number = checkout(shop, acme, "usr_1").number

    def attempt() -> bool:
        try:
            cancel(shop, number)
        except NotCancellable:
            return False
        return True

    assert sum(at_once([attempt] * 6)) == 1
    assert left(shop, HOODIE) == 40


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.holds("I13")
def test_an_order_that_is_locked_is_read_anew(shop: ShopUnderTest) -> None:
    """What a transaction saw before it had the lock does not decide: another one may have cancelled meanwhile."""
    acme = shop.organization("acme")
    fill(shop, acme, "usr_1", HOODIE, 1)
    number = checkout(shop, acme, "usr_1").number
    with shop.database.write() as db:
        seen_before = orders.find_order(db, number)
        assert seen_before is not None and seen_before.status is OrderStatus.PENDING
        at_once([partial(cancel, shop, number)])
        locked = orders.find_order(db, number, for_change=True)
        assert isinstance(locked, Order)
        with pytest.raises(NotCancellable):
            orders.cancel(db, locked)
    assert left(shop, HOODIE) == 40


@pytest.mark.holds("I13")
def test_two_tabs_fill_a_new_cart_at_once(shop: ShopUnderTest) -> None:
    """The first things that somebody puts into their cart, from several tabs at once, are all in it."""
    sofia = shop.sign_in(SOFIA)
    person = sofia.principal()
    skus = [HOODIE, TEE, "bearer-tote-bone", "key-pair-socks-navy"]
    outcomes = at_once([partial(shop.gateway.call_tool, person, None, "add_to_cart", {"sku": sku}) for sku in skus])
    assert [o.code for o in outcomes if isinstance(o, Failed)] == []
    lines = sofia.call("view_cart").for_model()["result"]["lines"]
    assert sorted(line["sku"] for line in lines) == sorted(skus)
