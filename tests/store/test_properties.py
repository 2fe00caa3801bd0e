"""Arithmetic of carts, stock and orders, for any sequence of what people do; and of money."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.orm import Session

from shop.store import carts, orders
from shop.store.errors import NothingToUndo, StoreError
from shop.store.models import Order, Variant
from shop.store.money import euros
from tests.store.shelf import buy
from tests.support.people import ShopUnderTest
from tests.support.state import HOODIE, ONE_ENGINE, SCARCE, SOLD_OUT, TEE

SKUS = (HOODIE, SCARCE, TEE, SOLD_OUT)
PEOPLE = ("usr_1", "usr_2")
Kind = Literal["add", "change", "buy", "cancel", "reorder", "undo"]
KINDS: tuple[Kind, ...] = ("add", "change", "buy", "cancel", "reorder", "undo")
Step = tuple[Kind, str, str, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.sampled_from(PEOPLE),
        st.sampled_from(SKUS),
        st.integers(0, 110),
    ),
    max_size=30,
)
QUICKLY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class TakenBack(Exception):
    """Ends an example's transaction, so that the next one begins with the same shop."""


class Shelf:
    """What the sequences do, and what must hold after each of their steps."""

    def __init__(self, db: Session, organization: str) -> None:
        self.db, self.organization = db, organization
        self.first = {sku: self.stock(sku) for sku in SKUS}
        self.placed: list[Order] = []
        self.undoable: dict[str, list[tuple[str, int]]] = {}
        """What was in a cart before its last change, as long as that can be undone."""

    def take(self, step: Step) -> None:
        """One step; what the store refuses changes nothing that a later check would miss."""
        what, person, sku, number = step
        cart = carts.cart_of(self.db, self.organization, person, for_change=True)
        before = self.lines(person)
        match what:
            case "add":
                line = carts.add(self.db, cart, sku, number + 1, by="call_test")
                assert line.quantity == dict(before).get(sku, 0) + number + 1
                self.undoable[person] = before
            case "change":
                carts.change(self.db, cart, sku, number, by="call_test")
                assert dict(self.lines(person)).get(sku, 0) == number
                self.undoable[person] = before
            case "buy":
                self.placed.append(buy(self.db, self.organization, person))
                assert not cart.lines
                self.undoable.pop(person, None)
            case "cancel" if self.placed:
                orders.cancel(self.db, self.placed[number % len(self.placed)])
            case "reorder" if self.placed:
                self.reorder(person, self.placed[number % len(self.placed)])
            case "undo":
                self.undo(person)

    def reorder(self, person: str, order: Order) -> None:
        """An earlier order's lines join the cart; what did not fit is told, line by line."""
        cart = carts.cart_of(self.db, self.organization, person, for_change=True)
        before = self.lines(person)
        skipped = carts.refill(self.db, cart, order.lines, by="call_test")
        had, has = dict(before), dict(self.lines(person))
        missing = 0
        for line in order.lines:
            more = has.get(line.sku, 0) - had.get(line.sku, 0)
            assert 0 <= more <= line.quantity
            assert more == 0 or has[line.sku] <= self.stock(line.sku)
            missing += more < line.quantity
        assert len(skipped) == missing
        if has != had:
            self.undoable[person] = before

    def undo(self, person: str) -> None:
        """The cart is exactly what it was before its last change, but for what is no longer in stock."""
        cart = carts.cart_of(self.db, self.organization, person, for_change=True)
        now, expected = dict(self.lines(person)), self.undoable.pop(person, None)
        if expected is None:
            with pytest.raises(NothingToUndo):
                carts.undo(self.db, cart)
            return
        skipped = carts.undo(self.db, cart)
        kept = [(sku, min(number, max(self.stock(sku), now.get(sku, 0)))) for sku, number in expected]
        assert self.lines(person) == [(sku, number) for sku, number in kept if number]
        assert len(skipped) == sum(kept[place] != line for place, line in enumerate(expected))

    def check(self) -> None:
        """Stock and standing orders add up to what there was; no line, total or stock is out of bounds."""
        for sku in SKUS:
            standing = sum(
                line.quantity
                for order in self.placed
                if order.status == "pending"
                for line in order.lines
                if line.sku == sku
            )
            assert 0 <= self.stock(sku) == self.first[sku] - standing
        for order in self.placed:
            assert order.total == order.delivery + sum(line.unit_price * line.quantity for line in order.lines)
        for person in PEOPLE:
            cart = carts.cart_of(self.db, self.organization, person)
            assert all(0 < line.quantity <= carts.MOST_OF_ONE for line in cart.lines)
            with suppress(StoreError):
                quote = carts.quote(self.db, cart, None)
                assert quote.total == sum(line.variant.price * line.quantity for line in cart.lines)

    def stock(self, sku: str) -> int:
        """In stock, as the database has it."""
        return self.db.get_one(Variant, sku, populate_existing=True).stock

    def lines(self, person: str) -> list[tuple[str, int]]:
        """In somebody's cart, in its order."""
        cart = carts.cart_of(self.db, self.organization, person)
        return [(line.sku, line.quantity) for line in cart.lines]


@ONE_ENGINE
@QUICKLY
@given(steps=STEPS)
@pytest.mark.holds("I13")
def test_nothing_is_lost_or_sold_twice_in_any_sequence(shop: ShopUnderTest, steps: list[Step]) -> None:
    """Whatever two people add, change, buy, cancel, order again and undo: stock plus standing orders is what there was."""
    acme = shop.organization("acme")
    with suppress(TakenBack), shop.database.write() as db:
        shelf = Shelf(db, acme)
        for step in steps:
            with suppress(StoreError):
                shelf.take(step)
            shelf.check()
        raise TakenBack


@ONE_ENGINE
@QUICKLY
@given(price=st.integers(0, 10_000_000), quantity=st.integers(1, 99), later=st.integers(0, 10_000_000))
@pytest.mark.holds("I6")
def test_an_order_keeps_the_price_that_it_was_placed_at(
    shop: ShopUnderTest, price: int, quantity: int, later: int
) -> None:
    """The total is price times quantity in whole cents, and a later price leaves it alone."""
    acme = shop.organization("acme")
    with suppress(TakenBack), shop.database.write() as db:
        db.execute(update(Variant).where(Variant.sku == HOODIE).values(price=price, stock=99))
        carts.add(db, carts.cart_of(db, acme, "usr_1", for_change=True), HOODIE, quantity, by="call_test")
        order = buy(db, acme, "usr_1")
        db.execute(update(Variant).where(Variant.sku == HOODIE).values(price=later))
        db.refresh(order)
        assert (order.total, order.lines[0].unit_price) == (price * quantity, price)
        raise TakenBack


@given(minor=st.integers(-(10**15), 10**15))
def test_money_reads_back_as_what_it_was(minor: int) -> None:
    """No cent is lost or rounded on the way to a person: the text has two decimals and gives the same number back."""
    text = euros(minor)
    sign, digits = text[: text.index("€")], text[text.index("€") + 1 :].replace(",", "").replace(".", "")
    assert int(sign + digits) == minor
    assert text[-3] == "."


@pytest.mark.parametrize(
    ("minor", "text"),
    [
        (0, "€0.00"),
        (5, "€0.05"),
        (-5, "-€0.05"),
        (5800, "€58.00"),
        (105_800, "€1,058.00"),
        (-123_456_789, "-€1,234,567.89"),
    ],
)
def test_money_as_people_read_it(minor: int, text: str) -> None:
    """Whole cents, a thousands separator, a sign before the currency."""
    assert euros(minor) == text
