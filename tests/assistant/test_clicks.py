"""The person's own clicks on the chat's cards: no assistant acts, and undoing has a true window."""

from __future__ import annotations

import json
import re

import pytest

from tests.assistant import upstream as wire
from tests.assistant.upstream import Upstream
from tests.support.people import FINN, SOFIA, ShopUnderTest, Visitor
from tests.support.state import ONE_ENGINE

MUG = "refresh-token-mug-ink"


def click(visitor: Visitor, action: str, **form: str) -> tuple[int, str]:
    answer = visitor.post(f"/assistant/{visitor.conversation}/{action}", **form)
    return answer.status_code, answer.text


@pytest.mark.holds("I1", "I6")
def test_a_click_on_a_card_is_the_persons_own(shop: ShopUnderTest) -> None:
    """It passes the gateway without an actor, needs no consent, and stands in the conversation's own chain."""
    sofia = shop.sign_in(SOFIA)
    sofia.say("a mug in ink")
    card = f"{sofia.latest_call('search_products').id}-1"
    status, html = click(sofia, "cart", sku=MUG, card=card)
    assert status == 200 and f'id="added-{card}"' in html and 'class="count"' in html
    event = shop.chain(str(sofia.conversation))[-1]
    assert (event.name, event.content["actor"]) == ("tool_call.succeeded", None)
    assert event.content["facts"]["sku"] == MUG and event.content["decision"]["rule"] == "shopper.cart.write"
    call = str(event.content["tool_call"])
    assert f'data-call="{call}"' in html and shop.gateway.enquiries.undoable(sofia.principal()) == call
    assert click(sofia, "undo", call=call, card=card)[0] == 200
    assert shop.gateway.enquiries.items_in_cart(sofia.principal()) == 0
    status, late = click(sofia, "undo", call=call, card=card)
    assert status == 409 and "Too late to undo." in late
    finn = shop.sign_in(FINN)
    finn.say("a mug in ink")
    assert "data-add" not in finn.get(f"/assistant/{finn.conversation}").text
    status, refused = click(finn, "cart", sku=MUG, card=card)
    assert status == 403 and "Your role (guest) may not fill a cart." in refused


@pytest.mark.holds("I12", "ASI09")
def test_what_a_person_took_back_is_told_to_the_model(talking: ShopUnderTest, upstream: Upstream) -> None:
    """Undo on the card of an assistant's change restores the cart; the card says so, and so does the model's memory."""
    sofia = talking.sign_in(SOFIA)
    upstream.will(wire.calls(("add_to_cart", {"sku": MUG, "quantity": 2})), wire.says("May I?"))
    sofia.say("two mugs")
    upstream.will(wire.says("They are in."))
    html = sofia.allow(sofia.latest_call("add_to_cart").id).html
    item = sofia.latest_call("add_to_cart").id
    assert f'data-call="{item}"' in html
    status, changed = click(sofia, "undo", call=item)
    assert status == 200 and "You took this change back." in changed
    assert talking.gateway.enquiries.items_in_cart(sofia.principal()) == 0
    assert (sofia.latest_call("add_to_cart").outcome or {})["undone"] is True
    upstream.will(wire.says("Yes."))
    sofia.say("and?")
    assert [output.get("undone") for output in upstream.outputs()][-1] == "The person took this change back afterwards."
    assert "undone" not in json.dumps(upstream.outputs()[:-1])


@ONE_ENGINE
def test_the_window_for_undoing_is_a_true_one(shop: ShopUnderTest) -> None:
    """Any later change of the cart, by hand on the cart's page too, closes it: the card hides its button on a reload."""
    sofia = shop.sign_in(SOFIA)
    sofia.say("a mug in ink")
    sofia.post(f"/assistant/{sofia.conversation}/consent", workflow="transact", allow="1")
    sofia.say("add it")
    item = sofia.latest_call("add_to_cart").id
    undo = re.compile(rf'class="undo" method="post" action="[^"]+" data-call="{item}"( hidden)?')
    page = f"/assistant/{sofia.conversation}"
    assert undo.findall(sofia.get(page).text) == [""]
    sofia.call("update_cart", sku=MUG, quantity=3)
    assert undo.findall(sofia.get(page).text) == [" hidden"]
    status, late = click(sofia, "undo", call=item)
    assert status == 409 and "changed your cart since" in late
    assert shop.gateway.enquiries.items_in_cart(sofia.principal()) == 3
    assert click(sofia, "cart", sku="no-such-thing")[0] == 409 and click(sofia, "undo")[0] == 409
