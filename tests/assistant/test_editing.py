"""Saying the last message anew: what the earlier one did stays, in the shop and in the record; a model gets the new one."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.assistant import upstream as wire
from tests.assistant.scripted import Gate, OpenStream, ScriptedModel, text
from tests.assistant.upstream import Upstream
from tests.support.people import MARA, SOFIA, ShopUnderTest, Visitor
from tests.support.state import ONE_ENGINE

MUG = "refresh-token-mug-ink"


def in_cart(visitor: Visitor) -> int:
    return visitor.shop.gateway.enquiries.items_in_cart(visitor.principal())


@pytest.mark.holds("I12", "I13", "ASI06")
def test_an_edited_message_takes_the_place_of_the_earlier_one(talking: ShopUnderTest, upstream: Upstream) -> None:
    """What the earlier message and the decision after it did stays; the model is told of neither, and the page says so."""
    sofia = talking.sign_in(SOFIA)
    upstream.will(wire.calls(("add_to_cart", {"sku": MUG, "quantity": 1})), wire.says("May I?"))
    sofia.say("add a mug")
    upstream.will(wire.says("A mug is in."))
    sofia.allow(sofia.latest_call("add_to_cart").id)
    asked, allowed = sofia.turns()
    upstream.will(wire.says("A tee, then."))
    answered = sofia.edit(asked.id, "add a tee")
    page = answered.html
    assert answered.status == 200 and "What your earlier message did stays done: Put 1 × Refresh Token" in page
    assert f'hx-target="#turn-{asked.id}"' in page and f'hx-target="#turn-{allowed.id}" hx-swap="delete"' in page
    *earlier, now = sofia.turns()
    assert [turn.replaced_by for turn in earlier] == [now.id, now.id] and now.replaced_by is None
    assert [turn.message for turn in earlier] == ["add a mug", None] and in_cart(sofia) == 1
    assert sofia.events()[-3:] == ["message.received", "message.edited", "turn.completed"]
    edited = talking.chain(str(sofia.conversation))[-2]
    assert edited.content["facts"] == {"replaced": [asked.id, allowed.id], "receipts": []}
    upstream.will(wire.says("Yes."))
    sofia.say("and?")
    sent = json.dumps(upstream.inputs[-1])
    assert "add a tee" in sent and "mug" not in sent and MUG not in sent
    reloaded = sofia.get(f"/assistant/{sofia.conversation}").text
    assert reloaded.count('<details class="edited"') == 1 and "add a mug" in reloaded


@pytest.mark.holds("I7")
def test_what_the_earlier_message_still_asked_for_lapses(shop: ShopUnderTest) -> None:
    """A receipt that waited is void, a request in place is answered, and neither can be decided any more."""
    sofia = shop.sign_in(SOFIA)
    sofia.say("add a mug in ink")
    question = sofia.latest_call("add_to_cart")
    sofia.edit(sofia.turns()[-1].id, "add a mug in ink, please")
    assert sofia.allow(question.id).status == 409, "the earlier question is closed"
    sofia.allow(sofia.latest_call("add_to_cart").id)
    sofia.say("check out")
    receipt = str((sofia.latest_call("place_order").outcome or {})["receipt"])
    sofia.edit(sofia.turns()[-1].id, "what is in my cart?")
    assert "lost its force" in sofia.confirm(receipt).html
    voided = [event for event in shop.chain(str(sofia.conversation)) if event.name == "approval.voided"]
    assert [event.content["facts"]["because"] for event in voided] == ["message_edited"]
    assert "order.placed" not in sofia.events()


@ONE_ENGINE
@pytest.mark.holds("I10")
def test_only_ones_own_latest_message_can_be_changed(shop: ShopUnderTest) -> None:
    """An earlier message, an edited one, somebody else's, an empty and a far too long one are refused, each in words."""
    sofia = shop.sign_in(SOFIA)
    sofia.say("hello")
    sofia.say("thanks")
    first, second = (turn.id for turn in sofia.turns())
    assert sofia.edit(first, "x").status == 409 and sofia.edit("trn_none", "x").status == 404
    assert sofia.edit(second, " ").status == 400 and sofia.edit(second, "x" * 5000).status == 413
    assert sofia.edit(second, "what do you sell?").status == 200
    assert sofia.edit(second, "again").status == 409, "it was replaced already"
    mara = shop.sign_in(MARA)
    mara.conversation = sofia.conversation
    assert mara.edit(sofia.turns()[-1].id, "x").status == 404
    assert len(sofia.turns()) == 3


@ONE_ENGINE
def test_a_message_is_not_changed_while_its_answer_runs(build_shop: Callable[..., ShopUnderTest]) -> None:
    """One turn at a time: the person waits for it, or presses Stop first; nothing of the running one lapses."""
    gate = Gate()
    sofia = build_shop(model=ScriptedModel([gate, *text("Hello.")])).sign_in(SOFIA)
    stream = OpenStream(sofia, "hello")
    gate.wait_until_reached()
    assert sofia.edit(stream.turn, "hello?").status == 409
    gate.open()
    stream.read_to_the_end()
    assert [turn.replaced_by for turn in sofia.turns()] == [None]
