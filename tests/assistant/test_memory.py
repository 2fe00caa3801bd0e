"""What of the past goes to the model again: results are asked for anew, by the rules of today, before they leave."""

from __future__ import annotations

import json

import pytest

from shop.assistant.turn.context import WITHHELD, input_for
from shop.credentials.ledger import NotAlive, lock
from shop.revocation import cascade
from tests.assistant import upstream as wire
from tests.assistant.upstream import Upstream
from tests.support.people import SOFIA, ShopUnderTest, Visitor
from tests.support.state import ONE_ENGINE

MINE, COLLEAGUES = "CC-5QF1A7", "CC-MARA7V"


def set_roles(visitor: Visitor, *roles: str) -> None:
    """What a sign-in with other groups does to a membership."""
    membership = visitor.principal().membership
    with visitor.shop.database.write() as db:
        authority = lock(db, membership)
        authority.roles = list(roles)


def talk_about_an_order(shop: ShopUnderTest, upstream: Upstream) -> Visitor:
    """Sofia has looked at the catalogue and, in a later turn, at an order of hers."""
    upstream.will(
        wire.calls(("search_products", {"query": "mug"})),
        wire.says("Mugs."),
        wire.calls(("get_order", {"number": MINE})),
        wire.says("It went to Harbour Street."),
    )
    sofia = shop.sign_in(SOFIA)
    sofia.say("mugs")
    sofia.say("my last order")
    upstream.will(wire.says("Yes."))
    return sofia


def remembered(visitor: Visitor, upstream: Upstream) -> str:
    """What the model is told of the past with the next message."""
    visitor.say("and?")
    return json.dumps(upstream.inputs[-1], ensure_ascii=False)


@pytest.mark.holds("I12", "ASI06")
def test_a_result_that_the_person_may_no_longer_see_does_not_leave_again(
    talking: ShopUnderTest, upstream: Upstream
) -> None:
    """After the role is lost, the order and the words about it are withheld; what anyone may see stays."""
    sofia = talk_about_an_order(talking, upstream)
    assert MINE in remembered(sofia, upstream), "as long as the role is held, it is remembered"
    set_roles(sofia, "guest")
    told = remembered(sofia, upstream)
    assert WITHHELD in told and "Harbour" not in told and "ink" in told
    assert MINE not in told and "my last order" in told, "what the person asked is theirs"
    set_roles(sofia, "buyer")
    assert MINE in remembered(sofia, upstream), "nothing was lost: it is asked for each time"


@ONE_ENGINE
@pytest.mark.holds("ASI06", "LLM06")
def test_an_order_of_ones_own_stays_when_only_the_right_to_buy_is_lost(
    talking: ShopUnderTest, upstream: Upstream
) -> None:
    """A shopper may still see their orders: less authority withholds only what it no longer covers."""
    sofia = talk_about_an_order(talking, upstream)
    set_roles(sofia, "shopper")
    told = remembered(sofia, upstream)
    assert MINE in told and WITHHELD not in told


@ONE_ENGINE
@pytest.mark.holds("I12", "I10")
def test_refused_calls_are_remembered_as_coarsely_as_they_were_told(talking: ShopUnderTest, upstream: Upstream) -> None:
    """A refusal goes to the model again as its coarse code, never with the rule or the reason that the person saw."""
    upstream.will(
        wire.calls(("get_order", {"number": COLLEAGUES}), ("add_to_cart", {"sku": "refresh-token-mug-ink"})),
        wire.says("No."),
    )
    sofia = talking.sign_in(SOFIA)
    sofia.say("that order")
    upstream.will(wire.says("Yes."))
    sofia.say("and?")
    assert [(told["outcome"], told["code"]) for told in upstream.outputs()] == [
        ("failed", "not_found"),
        ("denied", "consent_needed"),
    ]
    sent = json.dumps(upstream.inputs[-1])
    assert "default." not in sent and "not_yours" not in sent and WITHHELD not in sent


@ONE_ENGINE
@pytest.mark.holds("I12")
def test_nothing_is_remembered_for_somebody_who_is_not_alive(talking: ShopUnderTest, upstream: Upstream) -> None:
    """Asked for a person whose sign-in has ended, the memory answers with that, and with nothing else."""
    sofia = talk_about_an_order(talking, upstream)
    person, turns = sofia.principal(), sofia.turns()
    assert input_for(talking.gateway, person, turns)
    with talking.database.write() as db:
        cascade.sign_out_everywhere(db, person)
    with pytest.raises(NotAlive):
        input_for(talking.gateway, person, turns)


@ONE_ENGINE
@pytest.mark.holds("LLM10")
def test_only_the_latest_turns_are_remembered(talking: ShopUnderTest, upstream: Upstream) -> None:
    """However long a conversation, the model is sent its latest thirty turns."""
    sofia = talk_about_an_order(talking, upstream)
    turns = sofia.turns() * 20
    items = input_for(talking.gateway, sofia.principal(), turns)
    assert len([item for item in items if item.get("role") == "user"]) == 30
