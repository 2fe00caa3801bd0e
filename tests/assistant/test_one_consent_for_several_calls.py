"""Several calls that wait for one consent: one answer settles them all, and each is made once, in order."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from shop.assistant.model.response_events import ProposedCall
from shop.conversations.models import Item, ItemKind, TurnState
from tests.assistant.scripted import Gate, OpenStream, ScriptedModel, call, text
from tests.support.at_once import at_once
from tests.support.people import SOFIA, ShopUnderTest, Visitor
from tests.support.providers import BASE_URL
from tests.support.state import HOODIE, ONE_ENGINE, TEE, chains_hold

MUG = "refresh-token-mug-ink"
Building = Callable[..., ShopUnderTest]


def add(sku: str) -> ProposedCall:
    """A proposal to put one into the cart."""
    return call("add_to_cart", f'{{"sku": "{sku}"}}')


def asking(build_shop: Building) -> Visitor:
    """Sofia, whose assistant wanted to add three things at once, and to look at her orders, and was refused the three."""
    model = ScriptedModel([add(MUG), add(TEE), call("list_orders"), add(HOODIE)], text("May I?"), text("Added."))
    sofia = build_shop(model=model).sign_in(SOFIA)
    sofia.say("add a mug, a tee and a hoodie")
    assert [item.settled for item in requests(sofia)] == [False] * 3
    return sofia


def requests(visitor: Visitor) -> list[Item]:
    """The calls that asked for a consent."""
    items = [item for turn in visitor.turns() for item in turn.items]
    return [item for item in items if item.outcome and item.outcome.get("code") == "consent_needed"]


def added(visitor: Visitor) -> list[str]:
    """What was put into the cart, in order, as the record says it."""
    events = visitor.shop.chain(str(visitor.conversation))
    done = [event for event in events if event.name == "tool_call.succeeded"]
    return [event.personal["arguments"]["sku"] for event in done if event.content["facts"]["tool"] == "add_to_cart"]


def all_is_settled(visitor: Visitor) -> None:
    """Each call was made once and in order, nothing asks any more, and the record says so."""
    assert added(visitor) == [MUG, TEE, HOODIE]
    assert visitor.shop.gateway.enquiries.items_in_cart(visitor.principal()) == 3
    assert [item.settled for item in requests(visitor)] == [True] * 3
    first, second = visitor.turns()
    assert (first.state, second.state) == (TurnState.COMPLETED, TurnState.COMPLETED)
    assert [item.tool for item in second.items if item.kind is ItemKind.CALL] == ["add_to_cart"] * 3
    page = visitor.get(f"/assistant/{visitor.conversation}").text
    assert "May your assistant buy here?" not in page and "waiting for you" not in page
    assert visitor.events().count("consent.granted") == 1 and chains_hold(visitor.shop)


def press_chip(visitor: Visitor, allow: str = "1") -> str:
    """Allow or take back above the conversation."""
    form = {"workflow": "transact", "allow": allow, "call": ""}
    answer = visitor.post(f"/assistant/{visitor.conversation}/consent", **form)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


@pytest.mark.holds("I13", "ASI09")
@pytest.mark.parametrize("pressed", [0, 1, 2])
def test_one_answer_makes_all_calls_of_the_turn(build_shop: Building, pressed: int) -> None:
    """Whichever of the three cards is answered, and however often after that."""
    sofia = asking(build_shop)
    html = sofia.allow(requests(sofia)[pressed].id).html
    assert html.count("You allowed your assistant to buy") >= 3 and "Added." in html
    for item in requests(sofia):
        again = sofia.post(f"/assistant/{sofia.conversation}/consent", workflow="transact", allow="1", call=item.id)
        assert again.status_code == 409 and "answered already" in again.text
    all_is_settled(sofia)


@pytest.mark.holds("I13")
def test_allowing_above_the_conversation_is_the_same_answer(build_shop: Building) -> None:
    """The chip makes the calls that wait, once; pressed again, or off and on again, it makes none."""
    sofia = asking(build_shop)
    chip = sofia.get(f"/assistant/{sofia.conversation}").text.partition('id="may-transact"')[0].rpartition("<form")[2]
    assert "data-stream" in chip
    html = press_chip(sofia)
    assert "Added." in html and "May your assistant buy here?" not in html
    all_is_settled(sofia)
    press_chip(sofia)
    all_is_settled(sofia)
    press_chip(sofia, allow="0")
    press_chip(sofia)
    assert added(sofia) == [MUG, TEE, HOODIE] and len(sofia.turns()) == 2


@pytest.mark.holds("I13")
def test_two_tabs_and_a_chip_at_the_same_moment_add_nothing_twice(build_shop: Building) -> None:
    """Double clicks in several tabs, on cards and on the chip: one answer counts, the others find it answered."""
    sofia = asking(build_shop)
    base, token = f"/assistant/{sofia.conversation}/consent", sofia.csrf_token()
    name = sofia.shop.app.config["SESSION_COOKIE_NAME"]
    cookie = sofia.client.get_cookie(name, domain="127.0.0.1")
    assert cookie
    forms = [{"call": item.id} for item in requests(sofia)] * 2 + [{"call": ""}] * 2

    def pressed(form: dict[str, str]) -> Callable[[], int]:
        tab = sofia.shop.app.test_client()
        tab.set_cookie(name, cookie.value, domain="127.0.0.1")  # the same browser

        def press() -> int:
            data = {"workflow": "transact", "allow": "1", "csrf_token": token, **form}
            answer = tab.post(base, base_url=BASE_URL, headers={"Referer": BASE_URL}, data=data)
            answer.get_data()
            return int(answer.status_code)

        return press

    answers = at_once([pressed(form) for form in forms])
    assert set(answers) <= {200, 409} and 200 in answers
    all_is_settled(sofia)


@ONE_ENGINE
def test_not_now_answers_all_of_the_turn_too(build_shop: Building) -> None:
    """Nothing is made, nothing asks any more, and every card on the page says so."""
    sofia = asking(build_shop)
    form = {"workflow": "transact", "allow": "0", "call": requests(sofia)[1].id}
    html = sofia.post(f"/assistant/{sofia.conversation}/consent", **form).get_data(as_text=True)
    assert html.count("You answered: not now.") == 3
    assert [item.settled for item in requests(sofia)] == [True] * 3 and added(sofia) == []
    assert [turn.state for turn in sofia.turns()] == [TurnState.COMPLETED]


@ONE_ENGINE
def test_a_request_of_long_ago_asks_no_more_and_is_not_made(build_shop: Building) -> None:
    """The answer to the latest one settles it: what somebody asked for before they went on is not done behind their back."""
    model = ScriptedModel([add(MUG)], text("May I?"), [add(TEE)], text("May I?"), text("Added."))
    sofia = build_shop(model=model).sign_in(SOFIA)
    sofia.say("a mug")
    sofia.say("no, a tee")
    old, new = requests(sofia)
    html = sofia.allow(new.id).html
    assert "You have allowed this since." in html and "May your assistant buy here?" not in html
    assert added(sofia) == [TEE]
    again = sofia.post(f"/assistant/{sofia.conversation}/consent", workflow="transact", allow="1", call=old.id)
    assert again.status_code == 409 and added(sofia) == [TEE]


@ONE_ENGINE
def test_allowing_while_the_turn_still_runs_makes_nothing_twice(build_shop: Building) -> None:
    """The model may propose the call again by itself; its first request asks no more, and is not made besides."""
    gate = Gate()
    model = ScriptedModel([add(MUG)], [*text("Shall I? "), gate], [add(MUG)], text("Added."))
    sofia = build_shop(model=model).sign_in(SOFIA)
    stream = OpenStream(sofia, "a mug")
    gate.wait_until_reached()
    assert "You have allowed this since." in press_chip(sofia)
    gate.open()
    stream.read_to_the_end()
    assert added(sofia) == [] and sofia.turns()[0].state is TurnState.COMPLETED
    sofia.say("yes, please")
    assert added(sofia) == [MUG] and len(requests(sofia)) == 1


@ONE_ENGINE
def test_in_a_terminal_one_answer_is_enough_too(build_shop: Building) -> None:
    """`/allow` makes all calls that wait for it; there is nothing more to decide, and nothing went wrong."""
    model = ScriptedModel([add(MUG), add(TEE)], text("May I?"), text("Added."))
    shop = build_shop(model=model)
    command = ["chat", "--as", "sofia", "--script", "-", "--json"]
    played = shop.app.test_cli_runner().invoke(args=command, input="a mug and a tee\n/allow transact\n/decline\n")
    turns = [json.loads(line) for line in played.stdout.splitlines()]
    assert [[found["outcome"] for found in turn["calls"]] for turn in turns] == [["denied"] * 2, ["succeeded"] * 2]
    assert played.exit_code == 1 and "There is nothing to decide" in played.stderr
