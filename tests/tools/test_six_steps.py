"""The gateway's six steps: wherever a call stops, the outcome is typed, nothing changed, and one event says why."""

from __future__ import annotations

import dataclasses
import json

import pytest

from shop.conversations import delegation
from shop.principal import Principal
from shop.tools.outcomes import AwaitingApproval, Denied, Failed, Succeeded
from tests.support.people import FINN, NOAH, SOFIA, Assistant, ShopUnderTest, Visitor
from tests.support.state import (
    COLLEAGUES_ORDER,
    HOODIE,
    NO_ORDER,
    ONE_ENGINE,
    SOLD_OUT,
    chains_hold,
    count_orders,
    receipt,
    stock,
    watching,
)


@ONE_ENGINE
@pytest.mark.holds("I5", "ASI02")
def test_find_a_name_that_no_tool_has(shop: ShopUnderTest, assistant: Assistant) -> None:
    """An unknown tool fails, naming what there is, and the event does not repeat what the model made up."""
    for name in ("", "drop_tables", "approve", "PLACE_ORDER", "place_order ", "x" * 10_000, "\ud800"):
        with watching(shop) as seen:
            outcome = assistant.propose(name, {})
        assert isinstance(outcome, Failed) and outcome.code == "unknown_tool"
        assert "search_products" in outcome.message and len(outcome.message) < 400
        assert (seen.changed, seen.names) == (set(), ["tool_call.failed"])
        assert seen.events[0].content["facts"] == {"tool": "unknown", "code": "unknown_tool"}


@ONE_ENGINE
@pytest.mark.holds("I5", "ASVS-8.3.1")
def test_authorize_a_workflow_that_was_not_allowed(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Without consent the call is denied with the workflow to allow; the event has rule and policy version."""
    assistant = sofia.assistant()
    with watching(shop) as seen:
        outcome = assistant.call("add_to_cart", sku=HOODIE)
    assert isinstance(outcome, Denied)
    assert outcome.for_model() == {
        "outcome": "denied",
        "code": "consent_needed",
        "workflow": "transact",
        "message": "The person has not allowed this in this conversation. They see a button to allow it.",
    }
    assert (seen.changed, seen.names) == (set(), ["tool_call.denied"])
    decision = seen.events[0].content["decision"]
    assert (decision["effect"], decision["rule"], decision["code"]) == ("deny", "default.scope", "consent_needed")
    assert decision["policy_version"] == shop.services.policy.version


@ONE_ENGINE
@pytest.mark.holds("I5", "ASVS-8.3.1")
def test_authorize_what_the_role_does_not_allow(shop: ShopUnderTest) -> None:
    """A shopper's order and a guest's cart are denied, whatever their assistants were allowed."""
    noah, finn = shop.sign_in(NOAH), shop.sign_in(FINN)
    for visitor, tool, arguments in (
        (noah, "place_order", {}),
        (finn, "add_to_cart", {"sku": HOODIE}),
        (finn, "view_cart", {}),
    ):
        for calls in (visitor.assistant("transact").call, visitor.call):
            with watching(shop) as seen:
                outcome = calls(tool, **arguments)
            assert isinstance(outcome, Denied) and outcome.code == "not_permitted"
            assert "may not" in outcome.reason and "Your role" not in json.dumps(outcome.for_model())
            assert seen.names[-1] == "tool_call.denied" and "orders" not in seen.changed
            assert not {"carts", "cart_lines", "receipts"} & seen.changed


@ONE_ENGINE
@pytest.mark.holds("I5")
def test_authorize_an_order_over_the_limit(shop: ShopUnderTest, sofia: Visitor, assistant: Assistant) -> None:
    """Over her limit no receipt is made; the model learns that there is a limit, only the person which."""
    assert assistant.call("add_to_cart", sku=HOODIE, quantity=4).kind == "succeeded"
    with watching(shop) as seen:
        outcome = assistant.call("place_order")
    assert isinstance(outcome, Denied) and outcome.code == "over_limit"
    assert "€232.00 is over your limit of €200.00" in outcome.reason
    assert "200" not in json.dumps(outcome.for_model())
    assert (seen.changed, seen.names) == (set(), ["tool_call.denied"])
    assert seen.events[0].content["decision"]["facts"] == {"amount": 23200, "order_limit": 20000}


@ONE_ENGINE
@pytest.mark.holds("I5")
def test_authorize_when_nobody_is_alive(shop: ShopUnderTest, sofia: Visitor, assistant: Assistant) -> None:
    """Paused, then signed out: each call is denied with the credential that lapsed, and changes nothing."""
    person = sofia.principal()
    with shop.database.write() as db:
        delegation.set_paused(db, person, True)
    paused = assistant.call("add_to_cart", sku=HOODIE)
    own = sofia.call("add_to_cart", sku=HOODIE)
    assert isinstance(paused, Denied) and paused.code == "paused"
    assert isinstance(own, Succeeded), "a pause stops assistants, not the person"
    with shop.database.write() as db:
        delegation.set_paused(db, person, False)
    sofia.post("/sign-out")
    with watching(shop) as seen:
        for call in (assistant.call, sofia.call):
            outcome = call("add_to_cart", sku=HOODIE)
            assert isinstance(outcome, Denied) and outcome.code == "signed_out"
    assert (seen.changed, seen.names) == (set(), ["tool_call.denied"] * 2)
    assert seen.events[0].content["decision"]["rule"] == "credential.session.ended"


@pytest.mark.holds("I2", "I11")
def test_a_principal_that_names_no_living_rows_is_nobody(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Ids that fit no row authenticate nobody, for any tool, public reads included."""
    real = sofia.principal()
    for field in ("organization", "membership", "session"):
        forged: Principal = dataclasses.replace(real, **{field: getattr(real, field)[:4] + "0" * 26})
        for tool, arguments in (("search_products", {}), ("view_cart", {}), ("add_to_cart", {"sku": HOODIE})):
            with watching(shop) as seen:
                outcome = shop.gateway.call_tool(forged, None, tool, arguments)
            assert isinstance(outcome, Denied), field
            assert (seen.changed, seen.names) == (set(), ["tool_call.denied"])
            assert seen.events[0].content["decision"]["rule"].endswith(".unknown")


@pytest.mark.holds("I6", "ASI09")
def test_approve_an_assistants_order_stops_with_a_receipt(
    shop: ShopUnderTest, sofia: Visitor, assistant: Assistant
) -> None:
    """The receipt is made by the server from stored rows; nothing is bought; the model gets no handle to approve with."""
    assistant.call("add_to_cart", sku=HOODIE, quantity=2)
    with watching(shop) as seen:
        outcome = assistant.call("place_order", address="office")
    assert isinstance(outcome, AwaitingApproval)
    assert seen.changed == {"receipts"}
    assert seen.names == ["tool_call.awaiting_approval"]
    stored = receipt(shop, outcome.receipt_id)
    assert stored.shown["title"] == "Buy this?"
    assert stored.shown["rows"] == [
        {"label": "Long Context, black, L × 2", "amount": "€116.00"},
        {"label": "Delivery to Office, Harbour Street 4, 20457 Hamburg", "amount": "€0.00"},
    ]
    assert stored.shown["total"] == {"label": "Total, to the company's invoice", "amount": "€116.00"}
    event = seen.events[0]
    assert event.content["decision"]["effect"] == "needs_approval"
    assert event.personal["shown"] == stored.shown
    assert outcome.receipt_id not in json.dumps(outcome.for_model())
    assert set(outcome.for_model()) == {"outcome", "message"}


@pytest.mark.holds("I5")
def test_act_and_record_an_effect_and_its_event(shop: ShopUnderTest, assistant: Assistant) -> None:
    """What succeeded is stored and recorded: who, for whom, in which conversation, by which rule."""
    with watching(shop) as seen:
        outcome = assistant.call("add_to_cart", sku=HOODIE, quantity=2)
    assert isinstance(outcome, Succeeded)
    assert seen.changed == {"carts", "cart_lines"}
    assert seen.names == ["tool_call.succeeded"]
    event = seen.events[0].content
    assert event["subject"] == assistant.principal.subject
    assert event["actor"]["client"] == "client:shop-assistant"
    assert (event["conversation"], event["chain"]) == (assistant.conversation.id, assistant.conversation.id)
    assert (event["action"], event["decision"]["rule"]) == ("cart:write", "shopper.cart.write")
    assert event["facts"]["total"] == 11600 and event["tool_call"] == outcome.call_id
    assert seen.events[0].personal["arguments"] == {"sku": HOODIE, "quantity": 2}
    assert chains_hold(shop)


@pytest.mark.holds("I5")
def test_act_what_cannot_be_done_is_rolled_back_and_recorded(
    shop: ShopUnderTest, sofia: Visitor, assistant: Assistant
) -> None:
    """Allowed but impossible: nothing of it stays, and the failure is on record."""
    for tool, arguments, code in (
        ("add_to_cart", {"sku": SOLD_OUT}, "out_of_stock"),
        ("add_to_cart", {"sku": "no-such-thing"}, "not_found"),
        ("update_cart", {"sku": HOODIE, "quantity": 1}, "not_found"),
        ("get_product", {"product": "Perpetual Motion"}, "not_found"),
        ("place_order", {}, "cart_empty"),
        ("cancel_order", {"number": "CC-5QF1A7"}, "not_cancellable"),
        ("cancel_order", {"number": NO_ORDER}, "not_found"),
        ("cancel_order", {"number": COLLEAGUES_ORDER}, "not_found"),
    ):
        with watching(shop) as seen:
            told = assistant.propose(tool, arguments).for_model()
        assert (told["outcome"], told["code"]) == ("failed", code), tool
        assert seen.changed == set(), tool
        assert len(seen.events) == 1 and seen.events[0].content["facts"]["code"] == code


@ONE_ENGINE
@pytest.mark.holds("I6")
def test_a_person_cannot_confirm_without_having_been_shown(shop: ShopUnderTest, sofia: Visitor) -> None:
    """A click that pins nothing, or something else, buys nothing: also without an assistant."""
    sofia.call("add_to_cart", sku=HOODIE)
    for seen_pin in (None, "", "0" * 64):
        with watching(shop) as seen:
            outcome = sofia.call("place_order", seen_pin)
        assert isinstance(outcome, Failed) and outcome.code == "changed"
        assert (seen.changed, seen.names) == (set(), ["tool_call.failed"])
    assert (count_orders(shop), stock(shop, HOODIE)) == (3, 40)


@ONE_ENGINE
@pytest.mark.holds("I6", "I7")
def test_an_assistant_stops_even_with_the_pin_of_what_its_person_saw(sofia: Visitor, assistant: Assistant) -> None:
    """A pin is no approval: an assistant that knows it gets a receipt, not an order."""
    assistant.call("add_to_cart", sku=HOODIE)
    shown = sofia.shop.gateway.show(sofia.principal(), "place_order", {"address": "Office"})
    assert isinstance(shown, tuple)
    outcome = sofia.shop.gateway.call_tool(
        assistant.principal, assistant.conversation.id, "place_order", {"address": "Office"}, seen=shown[1]
    )
    assert isinstance(outcome, AwaitingApproval)
    assert count_orders(sofia.shop) == 3


@ONE_ENGINE
@pytest.mark.holds("I11")
def test_a_delegation_is_for_one_conversation(shop: ShopUnderTest, assistant: Assistant) -> None:
    """The assistant of one conversation cannot act in, or write into the record of, another one."""
    other = shop.sign_in(SOFIA).assistant("transact")
    with watching(shop) as seen, pytest.raises(ValueError, match="one conversation"):
        shop.gateway.call_tool(assistant.principal, other.conversation.id, "add_to_cart", {"sku": HOODIE})
    assert (seen.changed, seen.names) == (set(), [])
