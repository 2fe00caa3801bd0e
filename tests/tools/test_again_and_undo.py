"""Ordering the same again, taking the last change of the cart back, and the time in which an order can be cancelled."""

from __future__ import annotations

from typing import Any

import pytest

from shop.tools.outcomes import Denied, Failed, Succeeded
from tests.support.people import SOFIA, Assistant, ShopUnderTest, Visitor
from tests.support.state import (
    COLLEAGUES_ORDER,
    FOREIGN_ORDER,
    HOODIE,
    NO_ORDER,
    ONE_ENGINE,
    OWN_ORDER,
    TEE,
    order,
    set_variant,
    stock,
    watching,
)

TOTE = "bearer-tote-bone"


def lines(who: Visitor | Assistant) -> list[tuple[str, int]]:
    """What is in the person's cart."""
    cart = who.call("view_cart").for_model()["result"]
    return [(line["sku"], line["quantity"]) for line in cart["lines"]]


def bought(sofia: Visitor, **cart: int) -> str:
    """The number of an order of these things, by clicks."""
    for sku, quantity in cart.items():
        sofia.call("add_to_cart", sku=sku, quantity=quantity)
    shown = sofia.shop.gateway.show(sofia.principal(), "place_order", {})
    assert isinstance(shown, tuple)
    placed = sofia.call("place_order", shown[1])
    assert isinstance(placed, Succeeded)
    return str(placed.for_model()["result"]["number"])


@pytest.mark.holds("I5", "I6")
def test_an_earlier_order_goes_into_the_cart_at_todays_price(
    shop: ShopUnderTest, sofia: Visitor, assistant: Assistant
) -> None:
    """Its lines join what is there, today's price counts, and nothing is ordered."""
    set_variant(shop, TEE, price=2600)
    sofia.call("add_to_cart", sku=TOTE)
    with watching(shop) as seen:
        outcome = assistant.call("reorder", number=OWN_ORDER.lower())
    cart = outcome.for_model()["result"]
    assert (lines(sofia), cart["skipped"]) == ([(TOTE, 1), (TEE, 1)], [])
    assert cart["lines"][1]["unit_price"]["text"] == "€26.00"
    assert seen.changed == {"carts", "cart_lines"} and seen.names == ["tool_call.succeeded"]


def test_what_is_gone_is_skipped_and_said(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Sold out, nearly sold out, or as many as a cart holds: each with its reason, and the rest goes in."""
    number = bought(sofia, **{HOODIE: 1, TOTE: 2, TEE: 2})
    set_variant(shop, HOODIE, stock=0)
    set_variant(shop, TOTE, stock=1)
    cart = sofia.call("reorder", number=number).for_model()["result"]
    assert lines(sofia) == [(TOTE, 1), (TEE, 2)]
    assert [(one["name"].partition(" in ")[0], one["why"]) for one in cart["skipped"]] == [
        ("Long Context", "Sold out."),
        ("Bearer", "Only 1 left."),
    ]
    before = sofia.call("view_cart").for_model()
    set_variant(shop, TEE, stock=2)
    again = sofia.call("reorder", number=number).for_model()["result"]
    assert len(again["skipped"]) == 3 and again["lines"] == before["result"]["lines"]


@pytest.mark.holds("I10", "ASVS-8.2.2")
def test_only_ones_own_order_can_be_ordered_again(shop: ShopUnderTest, assistant: Assistant) -> None:
    """A colleague's, another organization's and none at all are one answer, and the cart stays empty."""
    with watching(shop) as seen:
        outcomes = [assistant.call("reorder", number=n) for n in (COLLEAGUES_ORDER, FOREIGN_ORDER, NO_ORDER)]
    assert all(isinstance(o, Denied) and o.code == "not_found" for o in outcomes)
    assert len({str(o.for_model()) for o in outcomes}) == 1
    assert seen.changed == set()


def test_the_last_change_of_a_cart_is_taken_back(shop: ShopUnderTest, sofia: Visitor, assistant: Assistant) -> None:
    """Whoever made it: adding, changing, taking out, ordering again. Then there is nothing left to undo."""
    sofia.call("add_to_cart", sku=TOTE, quantity=2)
    changes: list[tuple[str, dict[str, Any]]] = [
        ("add_to_cart", {"sku": HOODIE}),
        ("add_to_cart", {"sku": TOTE, "quantity": 3}),
        ("update_cart", {"sku": TOTE, "quantity": 1}),
        ("update_cart", {"sku": TOTE, "quantity": 0}),
        ("reorder", {"number": OWN_ORDER}),
    ]
    for tool, arguments in changes:
        changed = assistant.call(tool, **arguments)
        assert shop.gateway.enquiries.undoable(sofia.principal()) == changed.call_id
        with watching(shop) as seen:
            undone = sofia.call("undo_cart_change")
        assert isinstance(undone, Succeeded) and lines(sofia) == [(TOTE, 2)], tool
        assert "carts" in seen.changed and seen.names == ["tool_call.succeeded"]
    assert shop.gateway.enquiries.undoable(sofia.principal()) is None
    again = assistant.call("undo_cart_change")
    assert isinstance(again, Failed) and again.code == "nothing_to_undo"


@ONE_ENGINE
def test_undo_brings_back_only_what_is_still_there(shop: ShopUnderTest, sofia: Visitor) -> None:
    """A line that was taken out returns as far as there is stock; one that was left alone stays, however low the stock."""
    sofia.call("add_to_cart", sku=HOODIE, quantity=5)
    sofia.call("add_to_cart", sku=TOTE, quantity=4)
    sofia.call("update_cart", sku=TOTE, quantity=0)
    set_variant(shop, HOODIE, stock=1)
    set_variant(shop, TOTE, stock=3)
    cart = sofia.call("undo_cart_change").for_model()["result"]
    assert lines(sofia) == [(HOODIE, 5), (TOTE, 3)]
    assert [one["why"] for one in cart["skipped"]] == ["Only 3 left."]


def test_checking_out_ends_undo(shop: ShopUnderTest, sofia: Visitor) -> None:
    """What was ordered is not put back into the cart; an order is cancelled, not undone."""
    bought(sofia, **{HOODIE: 1})
    assert shop.gateway.enquiries.undoable(sofia.principal()) is None
    with watching(shop) as seen:
        outcome = sofia.call("undo_cart_change")
    assert isinstance(outcome, Failed) and "nothing to undo" in outcome.message
    assert (seen.changed, seen.names) == (set(), ["tool_call.failed"])
    assert stock(shop, HOODIE) == 39


@pytest.mark.holds("I7")
def test_an_order_can_be_cancelled_for_thirty_minutes(shop: ShopUnderTest, sofia: Visitor) -> None:
    """The order says until when; a minute before it still works, at the minute it does not, and says why."""
    first, second = bought(sofia, **{HOODIE: 1}), bought(sofia, **{TEE: 1})
    told = sofia.call("get_order", number=first).for_model()["result"]
    assert told["can_cancel"] and told["cancel_until"] > told["placed_at"]
    shop.clock.pass_by(minutes=29)
    shown = shop.gateway.show(sofia.principal(), "cancel_order", {"number": first})
    assert isinstance(shown, tuple) and isinstance(sofia.call("cancel_order", shown[1], number=first), Succeeded)
    shown = shop.gateway.show(sofia.principal(), "cancel_order", {"number": second})
    assert isinstance(shown, tuple)
    shop.clock.pass_by(minutes=1)
    late = sofia.call("cancel_order", shown[1], number=second)
    assert isinstance(late, Failed) and late.code == "not_cancellable" and "30 minutes" in late.message
    told = sofia.call("get_order", number=second).for_model()["result"]
    assert (told["can_cancel"], told["cancel_until"], order(shop, second).status) == (False, None, "pending")


@pytest.mark.holds("I7")
def test_a_receipt_to_cancel_is_void_once_the_time_is_over(
    shop: ShopUnderTest, sofia: Visitor, assistant: Assistant
) -> None:
    """Asked for in time and confirmed too late: nothing is cancelled, and the receipt says why."""
    number = bought(sofia, **{HOODIE: 1})
    shop.clock.pass_by(minutes=25)
    waiting = assistant.call("cancel_order", number=number)
    shop.clock.pass_by(minutes=6)
    outcome = shop.gateway.approve(sofia.principal(), waiting.receipt_id)  # type: ignore[union-attr]
    assert isinstance(outcome, Failed) and outcome.code == "not_cancellable"
    assert (order(shop, number).status, stock(shop, HOODIE)) == ("pending", 39)


@ONE_ENGINE
def test_an_order_tells_its_way(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Placed, shipped, delivered with their moments; a cancelled one ends there; a new one has its way before it."""

    def way(number: str) -> list[tuple[str, bool]]:
        steps = sofia.call("get_order", number=number).for_model()["result"]["timeline"]
        assert [step["at"] for step in steps if step["at"]] == sorted(step["at"] for step in steps if step["at"])
        return [(step["label"], step["done"]) for step in steps]

    assert way(OWN_ORDER) == [("Placed", True), ("Shipped", True), ("Delivered", True)]
    number = bought(sofia, **{HOODIE: 1})
    assert way(number) == [("Placed", True), ("Shipped", False), ("Delivered", False)]
    shown = shop.gateway.show(sofia.principal(), "cancel_order", {"number": number})
    sofia.call("cancel_order", shown[1], number=number)  # type: ignore[index]
    assert way(number) == [("Placed", True), ("Cancelled", True)]


@ONE_ENGINE
def test_comparing(assistant: Assistant) -> None:
    """Side by side in the order they were named, by name or id; one and the same product twice is no comparison."""
    told = assistant.call("compare_products", products=["zero-trust-hoodie", "the Context Tee"]).for_model()["result"]
    assert [product["name"] for product in told["products"]] == ["Zero Trust", "The Context Tee"]
    rows = {row["label"]: row["values"] for row in told["rows"]}
    assert rows["Price"] == ["€72.00", "€24.00"] and rows["Kind"] == ["hoodies", "tees"]
    assert rows["In stock"][1] == "15 of 16 choices"
    same = assistant.call("compare_products", products=["bearer", "bearer-tote"])
    assert isinstance(same, Failed) and "two different ones" in same.message
    missing = assistant.call("compare_products", products=["bearer", "submarine"])
    assert isinstance(missing, Failed) and missing.code == "not_found"


def test_undo_is_ones_own(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Nobody else's last change is undone, and a pause of the assistant does not take the person's own undo."""
    sofia.call("add_to_cart", sku=HOODIE)
    other = shop.sign_in("mara.voss@acme.example")
    assert isinstance(other.call("undo_cart_change"), Failed)
    assert lines(shop.sign_in(SOFIA)) == [(HOODIE, 1)]


@ONE_ENGINE
def test_a_change_that_is_named_is_the_only_one_that_is_undone(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Who asks to take back one exact change never takes back another that came in between."""
    meant, other = sofia.call("add_to_cart", sku=HOODIE), sofia.call("add_to_cart", sku=TEE)
    late = sofia.call("undo_cart_change", change=meant.call_id)
    assert isinstance(late, Failed) and late.code == "nothing_to_undo"
    assert lines(sofia) == [(HOODIE, 1), (TEE, 1)]
    assert isinstance(sofia.call("undo_cart_change", change=other.call_id), Succeeded)
    assert lines(sofia) == [(HOODIE, 1)]
