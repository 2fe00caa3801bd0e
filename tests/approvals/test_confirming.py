"""A receipt that is confirmed or declined: by its person, once, and everything of it in one transaction."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from shop.tools.outcomes import Failed, Succeeded
from tests.approvals.conftest import asked
from tests.support.people import GIL, MARA, SOFIA, Assistant, ShopUnderTest, Visitor
from tests.support.state import (
    HOODIE,
    ONE_ENGINE,
    TEE,
    chains_hold,
    count_orders,
    order,
    receipt,
    stock,
    watching,
)


@pytest.mark.holds("I5", "I6", "I7", "ASI09")
def test_a_click_runs_exactly_what_was_shown(shop: ShopUnderTest, sofia: Visitor, waiting: str) -> None:
    """The order is what the receipt says; it says who placed it through what; the events tell who clicked and who acted."""
    with watching(shop) as seen:
        outcome = shop.gateway.approve(sofia.principal(), waiting)
    assert isinstance(outcome, Succeeded)
    result = outcome.for_model()["result"]
    assert (result["total"]["text"], result["placed_by"]) == ("€58.00", "the assistant, on behalf of you")
    stored, placed = receipt(shop, waiting), order(shop, result["number"])
    assert (stored.state, placed.placed_through) == ("approved", "client:shop-assistant")
    assert (placed.owner, placed.total, placed.confirmed_as) == (sofia.principal().subject, 5800, stored.pin)
    assert [(line.sku, line.quantity, line.unit_price) for line in placed.lines] == [(HOODIE, 1, 5800)]
    assert stock(shop, HOODIE) == 39
    assert seen.names == ["approval.approved", "order.placed", "tool_call.succeeded"]
    assert seen.changed == {"cart_lines", "carts", "order_lines", "orders", "receipts", "variants"}
    approved, _, succeeded = (event.content for event in seen.events)
    assert approved["actor"] is None and succeeded["actor"]["client"] == "client:shop-assistant"
    assert {event.content["subject"] for event in seen.events} == {stored.subject}
    assert {event.content["conversation"] for event in seen.events} == {stored.conversation}
    assert approved["facts"] == {"tool": "place_order", "pin": stored.pin}
    assert approved["tool_call"] == succeeded["tool_call"] == outcome.call_id
    assert chains_hold(shop)


@ONE_ENGINE
@pytest.mark.holds("I7")
def test_a_receipt_is_used_once(shop: ShopUnderTest, sofia: Visitor, waiting: str) -> None:
    """A double click, one after the other, buys once; the second is told so, and is on record."""
    shop.gateway.approve(sofia.principal(), waiting)
    with watching(shop) as seen:
        again = shop.gateway.approve(sofia.principal(), waiting)
    assert isinstance(again, Failed) and again.code == "approved"
    assert "nothing was done twice" in again.message
    assert (seen.changed, seen.names) == (set(), ["approval.refused"])
    assert (count_orders(shop), stock(shop, HOODIE)) == (4, 39)


@ONE_ENGINE
@pytest.mark.holds("I7")
def test_one_checkout_asked_for_in_two_conversations_is_one_order(
    shop: ShopUnderTest, sofia: Visitor, assistant: Assistant, waiting: str
) -> None:
    """Two receipts that show the very same cart: whoever is confirmed second finds the order of the first."""
    other = asked(sofia.assistant("transact"))
    first, second = (shop.gateway.approve(sofia.principal(), one) for one in (waiting, other))
    assert isinstance(first, Succeeded) and isinstance(second, Succeeded)
    assert first.for_model() == second.for_model()
    assert (count_orders(shop), stock(shop, HOODIE)) == (4, 39)


@ONE_ENGINE
@pytest.mark.holds("I7", "I13")
def test_the_same_again_is_another_order(
    shop: ShopUnderTest, sofia: Visitor, assistant: Assistant, waiting: str
) -> None:
    """Only the very same click is answered with the earlier order: the same goods in a new cart are bought anew."""
    first = shop.gateway.approve(sofia.principal(), waiting)
    assistant.call("add_to_cart", sku=HOODIE)
    second = shop.gateway.approve(sofia.principal(), asked(assistant))
    assert isinstance(first, Succeeded) and isinstance(second, Succeeded)
    assert first.for_model()["result"]["number"] != second.for_model()["result"]["number"]
    assert (count_orders(shop), stock(shop, HOODIE)) == (5, 38)


@ONE_ENGINE
@pytest.mark.holds("I7", "I6")
def test_not_now(shop: ShopUnderTest, sofia: Visitor, waiting: str) -> None:
    """A declined receipt does nothing, says so to the model, and cannot be confirmed afterwards."""
    with watching(shop) as seen:
        outcome = shop.gateway.decline(sofia.principal(), waiting)
    assert outcome.for_model() == {
        "outcome": "failed",
        "code": "declined",
        "message": "The person answered: not now.",
    }
    assert (seen.changed, seen.names) == ({"receipts"}, ["approval.declined"])
    assert receipt(shop, waiting).state == "declined"
    for decide in (shop.gateway.approve, shop.gateway.decline):
        again = decide(sofia.principal(), waiting)
        assert isinstance(again, Failed) and again.code == "declined"
    assert count_orders(shop) == 3


@pytest.mark.holds("I7", "I10", "I11", "M4", "I5")
def test_nobody_else_decides_a_receipt(shop: ShopUnderTest, sofia: Visitor, waiting: str) -> None:
    """A colleague who may order more, and somebody of another organization, know its id and are told that it is not there.

    Each try is recorded in the trail of whoever tried; the receipt stays open, and its own person can still confirm it.
    """
    for email in (MARA, GIL):
        other = shop.sign_in(email)
        for decide in (shop.gateway.approve, shop.gateway.decline):
            with watching(shop) as seen:
                outcome = decide(other.principal(), waiting)
                missing = decide(other.principal(), "rcp_00000000000000000000000000")
            assert isinstance(outcome, Failed) and outcome.code == "not_found"
            assert json.dumps(outcome.for_model()) == json.dumps(missing.for_model())
            assert (seen.changed, seen.names) == (set(), ["approval.refused"] * 2)
            assert {event.content["chain"] for event in seen.events} == {other.principal().organization}
        assert shop.gateway.receipt_desk.view(other.principal(), waiting) is None
    assert receipt(shop, waiting).state == "open"
    assert isinstance(shop.gateway.approve(sofia.principal(), waiting), Succeeded)


@pytest.mark.holds("I7", "M4")
def test_somebody_elses_lapsed_sign_in_does_not_void_a_receipt(
    shop: ShopUnderTest, sofia: Visitor, waiting: str
) -> None:
    """A stranger whose session has ended cannot take a receipt's force away, nor write into its conversation."""
    gil = shop.sign_in(GIL)
    stranger = gil.principal()
    gil.post("/sign-out")
    with watching(shop) as seen:
        outcome = shop.gateway.approve(stranger, waiting)
    assert isinstance(outcome, Failed) and outcome.code == "not_found"
    assert (seen.changed, seen.names) == (set(), ["approval.refused"])
    assert seen.events[0].content["chain"] == stranger.organization
    assert receipt(shop, waiting).state == "open"


@ONE_ENGINE
@pytest.mark.holds("I6", "I7", "ASI09")
def test_an_assistant_cannot_confirm(shop: ShopUnderTest, assistant: Assistant, waiting: str) -> None:
    """A principal with an actor decides nothing, not even its own person's receipt; the try is recorded."""
    for decide in (shop.gateway.approve, shop.gateway.decline):
        with watching(shop) as seen:
            outcome = decide(assistant.principal, waiting)
        assert isinstance(outcome, Failed) and outcome.code == "not_a_person"
        assert (seen.changed, seen.names) == (set(), ["approval.refused"])
    assert receipt(shop, waiting).state == "open"
    assert count_orders(shop) == 3


@pytest.mark.holds("I5", "I7", "I13")
def test_approval_effect_and_record_are_one_transaction(shop: ShopUnderTest, sofia: Visitor, waiting: str) -> None:
    """When the last event cannot be written, there is no order, no taken stock, no approval and no used receipt.

    A trigger of the database refuses the event `tool_call.succeeded`, after the approval and the order were written.
    """
    _refuse_success(shop)
    with watching(shop) as seen:
        outcome = shop.gateway.approve(sofia.principal(), waiting)
    assert isinstance(outcome, Failed) and outcome.code == "unavailable"
    assert "nothing was done" in outcome.message
    assert seen.changed == {"receipts"}
    assert seen.names == ["tool_call.failed", "approval.voided"]
    assert receipt(shop, waiting).state == "voided"
    assert (count_orders(shop), stock(shop, HOODIE)) == (3, 40)
    assert chains_hold(shop)


@ONE_ENGINE
@pytest.mark.holds("I7", "ASI09")
def test_cancelling_waits_for_a_click_like_ordering(
    shop: ShopUnderTest, sofia: Visitor, assistant: Assistant, waiting: str
) -> None:
    """An assistant's cancellation stops with a receipt that shows the order; the click cancels it and returns the stock."""
    placed = shop.gateway.approve(sofia.principal(), waiting)
    assert isinstance(placed, Succeeded)
    number = placed.for_model()["result"]["number"]
    cancellation = asked(assistant, "cancel_order", number=number)
    shown = receipt(shop, cancellation).shown
    assert shown["title"] == f"Cancel order {number}?" and shown["total"]["amount"] == "€58.00"
    assert (order(shop, number).status, stock(shop, HOODIE)) == ("pending", 39)
    with watching(shop) as seen:
        outcome = shop.gateway.approve(sofia.principal(), cancellation)
    assert isinstance(outcome, Succeeded) and outcome.for_model()["result"]["status"] == "cancelled"
    assert seen.names == ["approval.approved", "order.cancelled", "tool_call.succeeded"]
    assert (order(shop, number).status, stock(shop, HOODIE)) == ("cancelled", 40)


@ONE_ENGINE
@pytest.mark.holds("I7")
def test_a_receipt_shows_its_person_what_it_is_and_where_it_stands(
    shop: ShopUnderTest, sofia: Visitor, waiting: str
) -> None:
    """In any browser of the same person; past its time it shows as expired before anybody clicked."""
    elsewhere = shop.sign_in(SOFIA)
    view = shop.gateway.receipt_desk.view(elsewhere.principal(), waiting)
    assert view is not None and (view["state"], view["confirm_label"]) == ("open", "Confirm €58.00")
    assert "pin" not in view and "version" not in view
    shop.clock.pass_by(minutes=11)
    late = shop.gateway.receipt_desk.view(sofia.principal(), waiting)
    assert late is not None and late["state"] == "expired"


@ONE_ENGINE
@pytest.mark.holds("I7")
def test_a_newer_receipt_takes_the_place_of_an_older_one(
    shop: ShopUnderTest, sofia: Visitor, assistant: Assistant, waiting: str
) -> None:
    """Only what was shown last can be confirmed; the older one is void, and the event says that it was superseded."""
    assistant.call("add_to_cart", sku=TEE)
    with watching(shop) as seen:
        newer = asked(assistant)
    assert seen.names == ["approval.voided", "tool_call.awaiting_approval"]
    assert seen.events[0].content["facts"] == {"because": "superseded", "tool": "place_order"}
    old = shop.gateway.approve(sofia.principal(), waiting)
    assert isinstance(old, Failed) and old.code == "voided"
    assert count_orders(shop) == 3
    new = shop.gateway.approve(sofia.principal(), newer)
    assert isinstance(new, Succeeded) and new.for_model()["result"]["total"]["minor"] == 5800 + 2400


def _refuse_success(shop: ShopUnderTest) -> None:
    when = "NEW.name = 'tool_call.succeeded'"
    statements = (
        [f"CREATE TRIGGER refuse BEFORE INSERT ON audit_events WHEN {when} BEGIN SELECT RAISE(ABORT, 'refused'); END"]
        if shop.engine == "sqlite"
        else [
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$",
            f"CREATE TRIGGER refuse BEFORE INSERT ON audit_events FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION refuse()",
        ]
    )
    with shop.database.write() as db:
        for statement in statements:
            db.execute(text(statement))
