"""Ways to begin and ways to go on: by what the person may do and what just came of it, few, and none while something waits."""

from __future__ import annotations

from typing import Any

import pytest

from shop.assistant.web.suggestions import MOST_FOLLOW_UPS, May, follow_ups, starters
from shop.conversations.models import Item, ItemKind, Trigger, Turn, TurnState
from tests.support.people import ADA, FINN, INES, SOFIA, TARIQ, ShopUnderTest

NOTHING = May(fill_cart=False, order=False, see_orders=False, audit=False, support=False, administer=False)
BUYER = May(fill_cart=True, order=True, see_orders=True, audit=False, support=False, administer=False)
SHOPPER = May(fill_cart=True, order=False, see_orders=True, audit=False, support=False, administer=False)
CART = {"lines": [{"sku": "a"}]}


def turn_after(tool: str, result: dict[str, Any], *, kind: str = "succeeded", **changed: Any) -> Turn:
    outcome = {"kind": kind, "told": {"outcome": kind, "result": result}}
    item = Item(id="itm_1", turn_id="trn_1", position=1, kind=ItemKind.CALL, tool=tool, outcome=outcome, text="")
    given: dict[str, Any] = {
        "trigger": Trigger.MESSAGE,
        "message": "something",
        "state": TurnState.COMPLETED,
        "replaced_by": None,
    }
    return Turn(id="trn_1", items=[item], **(given | changed))


@pytest.mark.parametrize(
    ("may", "tool", "result", "offered"),
    [
        (BUYER, "search_products", {"products": [1, 2, 3]}, ["Add the first one", "Compare them"]),
        (BUYER, "search_products", {"products": [1]}, ["Add it to my cart"]),
        (BUYER, "search_products", {"products": []}, []),
        (NOTHING, "search_products", {"products": [1, 2]}, ["Compare them"]),
        (BUYER, "add_to_cart", CART, ["Check out", "What's in my cart?"]),
        (SHOPPER, "add_to_cart", CART, ["What's in my cart?"]),
        (BUYER, "view_cart", CART, ["Check out"]),
        (BUYER, "place_order", {}, ["Where is it?", "Cancel it"]),
        (BUYER, "get_order", {"can_cancel": False}, []),
        (BUYER, "what_may_i_do", {}, []),
    ],
)
def test_what_came_of_it_says_how_to_go_on(may: May, tool: str, result: dict[str, Any], offered: list[str]) -> None:
    """After each kind of outcome at most a few, and never what the person may not do."""
    assert follow_ups([turn_after(tool, result)], may) == offered
    assert len(offered) <= MOST_FOLLOW_UPS


@pytest.mark.parametrize(
    "turn",
    [
        turn_after("add_to_cart", CART, state=TurnState.WAITING),
        turn_after("add_to_cart", CART, state=TurnState.FAILED),
        turn_after("add_to_cart", CART, state=TurnState.RUNNING),
        turn_after("add_to_cart", {}, kind="denied"),
        turn_after("view_cart", CART, message="check out!"),
        turn_after("view_cart", CART, replaced_by="trn_2"),
    ],
    ids=["waiting", "failed", "running", "refused", "said already", "edited"],
)
def test_there_are_times_to_offer_nothing(turn: Turn) -> None:
    """Not while something waits, runs or went wrong, and never what was just said."""
    assert follow_ups([turn], BUYER) == [] and follow_ups([], BUYER) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_starters_are_by_what_somebody_may_do_and_the_assistant_understands_them(shop: ShopUnderTest) -> None:
    """Everybody is offered four; an auditor and others with a duty are led to it; what is offered to say leads to a call."""
    kinds = {}
    for email in (SOFIA, ADA, FINN, TARIQ, INES):
        visitor = shop.sign_in(email)
        offered = starters(May.of(shop.gateway, visitor.principal()))
        kinds[email] = [starter.kind for starter in offered]
        for starter in offered:
            if starter.href:
                assert visitor.get(starter.href).status_code == 200
                continue
            visitor.conversation = None
            visitor.say(starter.text)
            calls = [item for item in visitor.turns()[-1].items if item.kind is ItemKind.CALL]
            assert calls and all((call.outcome or {})["kind"] == "succeeded" for call in calls), starter.text
    assert kinds == {
        SOFIA: ["Find", "Get an idea", "Keep track", "Ask"],
        ADA: ["Review", "Find", "Get an idea", "Ask"],
        FINN: ["Find", "Get an idea", "Ask", "Look around"],
        TARIQ: ["Support", "Find", "Get an idea", "Ask"],
        INES: ["Administer", "Find", "Get an idea", "Ask"],
    }
