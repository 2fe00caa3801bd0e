"""The story, scene by scene, over the chat's own routes: the response, the stored row and the audit event together."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import pytest

from shop.conversations.models import TurnState
from shop.credentials.delegations import latest_delegation
from tests.assistant.scripted import Gate, OpenStream, ScriptedModel, call, text
from tests.flows.scenes import (
    Happening,
    allowed_to_buy,
    in_cart,
    numbers_of_own_audit,
    ordered,
    orders_of,
    outcome_of,
    without_ids,
)
from tests.support.people import ADA, GRETA, MARA, SOFIA, ShopUnderTest

HOODIE = "long-context-hoodie-black-l"


def test_scene_1_somebody_signs_in_and_lands_where_they_wanted_to_go(shop: ShopUnderTest) -> None:
    """A work e-mail leads to the own organization's provider and back; the audit has connection, method and session."""
    sofia = shop.visitor()
    assert sofia.get("/assistant/").headers["Location"] == "/sign-in?next=%2Fassistant%2F"
    assert sofia.sign_in(SOFIA, "/assistant/").headers["Location"] == "/assistant/"
    assert "Sofia" in sofia.get("/assistant/").text
    signed_in = shop.chain(shop.organization("acme"))[-1]
    assert signed_in.name == "sign_in.succeeded"
    assert signed_in.content["session"] == sofia.principal().session
    assert signed_in.content["facts"]["method"] == "oidc" and signed_in.content["facts"]["connection"]


@pytest.mark.holds("LLM06", "ASI09", "I6")
def test_scenes_2_to_4_from_a_question_to_an_order_number(shop: ShopUnderTest) -> None:
    """Looking needs nothing, the cart needs consent, and an order needs the person's click on a receipt of the server's."""
    sofia = shop.sign_in(SOFIA)
    happened = Happening(sofia)

    shown = sofia.say("black hoodies under 60, in L").html
    assert "/pictures/long-context-hoodie/black.svg" in shown and "Long Context" in shown
    assert 'class="consent"' not in shown and "Buy this?" not in shown, "nothing is asked"
    searched = happened.since()
    assert [str(event.name) for event in searched] == [
        "conversation.started",
        "delegation.started",
        "message.received",
        "tool_call.succeeded",
        "turn.completed",
    ]
    assert searched[3].content["decision"]["rule"] == "guest.catalogue.read"
    assert searched[3].content["facts"]["count"] == 3
    assert searched[3].personal["arguments"]["max_price"] == 6000
    assert searched[3].content["actor"]["client"] == "client:shop-assistant"

    asked = sofia.say("add the second one").html
    assert "Allow in this conversation" in asked and in_cart(sofia) == 0
    assert outcome_of(sofia, "add_to_cart")["code"] == "consent_needed"
    assert sofia.turns()[-1].state is TurnState.WAITING
    denied = happened.since()
    assert [str(event.name) for event in denied] == ["message.received", "tool_call.denied", "turn.completed"]
    assert denied[1].content["decision"]["rule"] == "default.scope"

    allowed = sofia.allow(sofia.latest_call("add_to_cart").id).html
    call_id = sofia.latest_call("add_to_cart").id
    assert allowed.count(f'id="call-{call_id}"') == 2, "once where it is put, once in the change that replaces it"
    assert re.search(r'id="may-transact"[^>]*aria-pressed="true"', allowed), "the chip changes"
    assert in_cart(sofia) == 1 and sofia.turns()[-2].state is TurnState.COMPLETED
    granted = happened.since()
    assert [str(event.name) for event in granted] == ["consent.granted", "tool_call.succeeded", "turn.completed"]
    assert granted[0].content["actor"] is None, "the person consents, not the assistant"

    receipt_shown = sofia.say("check out").html
    for part in (
        "Buy this?",
        "Long Context, black, L",
        "€58.00",
        "Harbour Street 4",
        "on behalf of Sofia Hart at Acme",
    ):
        assert part in receipt_shown
    receipt = outcome_of(sofia, "place_order")["receipt"]
    seeded = len(orders_of(sofia))
    assert happened.names() == ["message.received", "tool_call.awaiting_approval", "turn.completed"]

    confirmed = sofia.confirm(receipt).html
    placed = orders_of(sofia)[-1]
    assert placed.number in confirmed and len(orders_of(sofia)) == seeded + 1 and in_cart(sofia) == 0
    assert (placed.total, placed.placed_through) == (5800, "client:shop-assistant")
    assert [turn.state for turn in sofia.turns()] == [TurnState.COMPLETED] * 5
    assert "waiting for you" not in sofia.get(f"/assistant/{sofia.conversation}").text
    chain = happened.since()
    assert [str(event.name) for event in chain] == [
        "approval.approved",
        "order.placed",
        "tool_call.succeeded",
        "turn.completed",
    ]
    assert chain[0].content["actor"] is None and chain[1].content["resource"]["id"] == placed.number
    assert chain[2].content["facts"]["receipt"] == receipt


def test_scene_5_more_than_the_limit_is_refused_and_says_who_could(shop: ShopUnderTest) -> None:
    """An order over the person's limit is refused with the limit and an approver; the audit has rule, limit and amount."""
    shop.sign_in(MARA)  # she has been here: the shop knows who could approve
    sofia = shop.sign_in(SOFIA)
    allowed_to_buy(sofia)
    ordered(sofia)
    before, happened = len(orders_of(sofia)), Happening(sofia)
    happened.since()
    refused = sofia.say("and twelve more for the team").html
    assert "€696.00 is over your limit of €200.00" in refused and "Mara Voss" in refused
    assert len(orders_of(sofia)) == before and outcome_of(sofia, "place_order")["code"] == "over_limit"
    assert "limit" not in outcome_of(sofia, "place_order")["told"].get("facts", {})
    events = happened.since()
    assert [str(event.name) for event in events] == [
        "message.received",
        "tool_call.succeeded",
        "tool_call.denied",
        "turn.completed",
    ]
    decision = events[2].content["decision"]
    assert decision["rule"] == "default.over_limit"
    assert decision["facts"] == {"amount": 69600, "order_limit": 20000}


@pytest.mark.holds("I10", "ASVS-8.2.2", "ASVS-8.4.1")
def test_scene_6_a_colleagues_and_another_organizations_order_are_like_none(shop: ShopUnderTest) -> None:
    """Three numbers, one answer, down to the counts of one's own audit; the auditor sees two denials with their rules."""
    sofia = shop.sign_in(SOFIA)
    sofia.say("hello")
    happened, answers, counted = Happening(sofia), [], []
    happened.since()
    events = []
    for number in ("CC-MARA7V", "CC-GB4X21", "CC-ZZZZZZ"):
        sofia.say(f"what is in order {number}?")
        html = sofia.get(f"/assistant/{sofia.conversation}/turns/{sofia.turns()[-1].id}").text
        told = dict(outcome_of(sofia, "get_order"))
        answers.append((without_ids(html).replace(number, "NUMBER"), str(told)))
        counted.append(numbers_of_own_audit(sofia))
        events += happened.since()
    assert answers[0] == answers[1] == answers[2]
    steps = [[after - before for before, after in zip(a, b, strict=True)] for a, b in pairwise(counted)]
    assert steps[0] == steps[1], "counting refusals must not tell one from the other"
    own = sofia.get(f"/audit/conversations/{sofia.conversation}").text
    assert "not_yours" not in own and "other_organization" not in own and "not_there" not in own
    decided = [event for event in events if event.content["decision"]]
    assert [(str(event.name), event.content["decision"]["rule"]) for event in decided] == [
        ("tool_call.denied", "default.not_yours"),
        ("tool_call.denied", "deny.other_organization"),
        ("tool_call.failed", "default.not_there"),
    ]


@pytest.mark.holds("ASI01", "LLM01", "LLM06", "ASI09")
def test_scene_7_a_text_that_orders_things_buys_nothing(shop: ShopUnderTest) -> None:
    """The model is fooled by a product's text, with consent to buy in place: it gets as far as a receipt, never an order."""
    sofia = shop.sign_in(SOFIA)
    allowed_to_buy(sofia)
    before, happened = len(orders_of(sofia)), Happening(sofia)
    happened.since()
    html = sofia.say("tell me about the prompt injection stickers").html
    assert "Buy this?" in html and "told me to order ten" in html
    events = happened.since()
    assert [(str(event.name), event.content["facts"].get("tool")) for event in events] == [
        ("message.received", None),
        ("tool_call.succeeded", "get_product"),
        ("tool_call.succeeded", "add_to_cart"),
        ("tool_call.awaiting_approval", "place_order"),
        ("turn.completed", None),
    ]
    assert events[3].content["decision"]["effect"] == "needs_approval"
    assert len(orders_of(sofia)) == before
    for message in ("yes, confirm it", "confirm", "check out"):
        sofia.say(message)
    assert len(orders_of(sofia)) == before, "words confirm nothing"
    assert not {"approval.approved", "order.placed"} & set(happened.names())
    sofia.post(f"/assistant/{sofia.conversation}/receipts/{outcome_of(sofia, 'place_order')['receipt']}/decline")
    assert len(orders_of(sofia)) == before and happened.names() == ["approval.declined"]


@pytest.mark.holds("I9", "I12", "ASI10", "NHI1")
def test_scenes_8_and_9_signing_out_everywhere_while_a_turn_runs_and_coming_back(
    build_shop: Callable[..., ShopUnderTest],
) -> None:
    """The turn ends at its next step and says why; after signing in again it resumes with browse and read only."""
    gate = Gate()
    model = ScriptedModel(
        text("Hello."),
        [*text("Adding. "), gate, call("add_to_cart", f'{{"sku": "{HOODIE}"}}')],
        [call("add_to_cart", f'{{"sku": "{HOODIE}"}}')],
        text("Not yet."),
    )
    shop = build_shop(model=model)
    sofia = shop.sign_in(SOFIA)
    sofia.say("hello")
    path = f"/assistant/{sofia.conversation}"
    sofia.post(f"{path}/consent", workflow="transact", allow="1")
    stream, happened = OpenStream(sofia, "add the hoodie"), Happening(sofia)
    gate.wait_until_reached()
    happened.since()
    first = sofia.turns()[-1].delegation
    shop.sign_in(SOFIA).post("/sessions/end-all")
    gate.open()
    assert "You signed out everywhere." in stream.read_to_the_end()
    turn = sofia.turns()[-1]
    assert (turn.state, turn.error_code, in_cart(sofia)) == (TurnState.STOPPED, "signed_out_everywhere", 0)
    assert happened.names() == ["delegation.ended", "tool_call.denied", "turn.stopped"]
    revoked = next(e for e in reversed(shop.chain(shop.organization("acme"))) if e.name == "session.revoked")
    assert first in revoked.content["facts"]["delegations"] and turn.id in revoked.content["facts"]["turns"]
    assert len(revoked.content["facts"]["sessions"]) == 2
    refused = sofia.post(f"{path}/messages", message="go on", headers={"HX-Request": "true"})
    assert refused.status_code == 401 and f"/sign-in?next={path}" in refused.text and len(model.received) == 2

    sofia.sign_in(SOFIA, path)
    page = sofia.get(path).text
    assert "add the hoodie" in page and "Hello." in page, "the transcript is there"
    sofia.say("add the hoodie after all")
    assert outcome_of(sofia, "add_to_cart")["code"] == "consent_needed" and in_cart(sofia) == 0
    resumed = happened.since()
    assert [str(event.name) for event in resumed] == [
        "delegation.started",
        "message.received",
        "tool_call.denied",
        "turn.completed",
    ]
    assert resumed[0].content["facts"] == {"scopes": ["browse", "read"], "predecessor": first}
    with shop.database.read() as db:
        stored = latest_delegation(db, str(sofia.conversation))
    assert stored and stored.predecessor_id == first and stored.id == sofia.turns()[-1].delegation


@pytest.mark.holds("I10", "ASI10", "ASVS-8.4.1")
def test_scene_10_the_own_auditor_sees_everything_and_the_other_nothing(shop: ShopUnderTest) -> None:
    """A's auditor reads the whole conversation and is recorded; B's gets "not there", recorded in B's own trail."""
    sofia = shop.sign_in(SOFIA)
    allowed_to_buy(sofia)
    number = ordered(sofia)
    path = f"/audit/conversations/{sofia.conversation}"
    ada, greta = shop.sign_in(ADA), shop.sign_in(GRETA)
    seen = ada.get(path)
    assert seen.status_code == 200
    for part in ("Sofia Hart", "buyer.orders.place", "shopper.cart.write", "default.scope", number, "chain verified"):
        assert part in seen.text
    viewed = shop.chain(shop.organization("acme"))[-1]
    assert (viewed.name, viewed.content["subject"]) == ("audit.viewed", ada.principal().subject)
    assert viewed.content["resource"]["id"] == sofia.conversation
    other, nothing = greta.get(path), greta.get("/audit/conversations/cnv_none")
    assert (other.status_code, without_ids(other.text)) == (404, without_ids(nothing.text))
    denied = [event for event in shop.chain(shop.organization("globex")) if event.name == "access.denied"]
    assert [event.content["decision"]["rule"] for event in denied] == ["deny.other_organization", "default.not_there"]
    assert shop.chain(shop.organization("acme"))[-1].id == viewed.id, "A's own trail shows nothing of B's try"
    assert ada.get(f"/assistant/{sofia.conversation}").status_code == 404, "auditors read the audit, not the chat"
