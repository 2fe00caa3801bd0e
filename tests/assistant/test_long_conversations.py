"""A conversation of two thousand turns: its page, a turn in it and the dock cost what they cost in a short one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.assistant import upstream as wire
from tests.assistant.upstream import Upstream
from tests.support.long import Fetched, add_events, add_turns, fetching
from tests.support.people import MARA, SOFIA, ShopUnderTest, Visitor
from tests.support.state import ONE_ENGINE

SHORT, LONG = 30, 2000
"""Turns: more than a page shows, and very many."""


def talked(shop: ShopUnderTest, turns: int) -> Visitor:
    """Sofia, in a conversation of so many turns, and what was said last."""
    sofia = shop.sign_in(SOFIA)
    sofia.say("hello")
    with shop.database.write() as db:
        add_turns(db, str(sofia.conversation), turns)
    return sofia


def messages(page: str) -> list[int]:
    """The numbers of the messages that a page shows."""
    return [int(number) for number in re.findall(r'"words">message number (\d+)<', page)]


def earlier(page: str) -> str | None:
    """Where the way to earlier messages leads."""
    found = re.search(r'<p class="earlier" id="earlier"><a href="([^"]+)"', page)
    return found.group(1) if found else None


@pytest.mark.holds("LLM10")
def test_pages_and_turns_do_not_grow_with_the_conversation(shop: ShopUnderTest) -> None:
    """Page, earlier part, dock, a turn and what a decision changes: the same statements, rows and bytes at 30 turns and at 2,000."""
    sofia, acme = talked(shop, SHORT), shop.organization("acme")
    with shop.database.write() as db:
        add_events(db, str(sofia.conversation), acme, 150)
    whole = f"/assistant/{sofia.conversation}"
    asks: dict[str, Callable[[], str]] = {
        "page": lambda: sofia.get(whole).text,
        "earlier": lambda: sofia.get(f"{whole}/earlier?before=25").text,
        "dock": lambda: sofia.get("/assistant/dock?page=/").text,
        "turn": lambda: sofia.say("hello").html,
        "audit": lambda: sofia.get(f"/audit/conversations/{sofia.conversation}").text,
        "list": lambda: sofia.get("/audit/").text,
    }

    def cost(ask: Callable[[], str]) -> tuple[Fetched, int]:
        ask()
        with fetching(shop.database) as fetched:
            return fetched, len(ask())

    before = {name: cost(ask) for name, ask in asks.items()}
    with shop.database.write() as db:
        add_turns(db, str(sofia.conversation), LONG)
        add_events(db, str(sofia.conversation), acme, LONG)
    for name, ask in asks.items():
        (was, was_long), (now, now_long) = before[name], cost(ask)
        assert was.rows > 0, name
        assert now.statements <= was.statements * 1.1, (name, was, now)
        assert now.rows <= was.rows * 1.1, (name, was, now)
        assert now_long <= was_long * 1.1, (name, was_long, now_long)


@ONE_ENGINE
def test_earlier_messages_come_page_by_page(shop: ShopUnderTest) -> None:
    """The newest part first; links lead to every earlier turn once, down to the first, and htmx gets the same parts."""
    sofia = talked(shop, 49)
    page = sofia.get(f"/assistant/{sofia.conversation}").text
    assert messages(page) == list(range(31, 51)) and "Latest messages" not in page
    seen = messages(page)
    while href := earlier(page):
        part = sofia.get(href.replace("?", "/earlier?")).text
        page = sofia.get(href).text
        assert messages(part) == messages(page) and earlier(part) == earlier(page)
        assert "<html" not in part and "Latest messages" in page
        seen = messages(page) + seen
    assert seen == list(range(2, 51)), "the first turn says hello"
    assert ">hello<" in page


@ONE_ENGINE
def test_a_link_to_a_turn_opens_the_part_in_which_it_stands(shop: ShopUnderTest) -> None:
    """The link that is copied, and the audit's, name the turn; somebody else's turn or none leads to the latest part."""
    sofia = talked(shop, 100)
    turn = sofia.turns()[9]
    page = sofia.get(f"/assistant/{sofia.conversation}?turn={turn.id}#turn-{turn.id}").text
    assert f'id="turn-{turn.id}"' in page and 10 in messages(page) and 100 not in messages(page)
    assert f'data-link="/assistant/{sofia.conversation}?turn={turn.id}#turn-{turn.id}"' in page
    assert f"/audit/conversations/{sofia.conversation}?turn={turn.id}#{turn.id}" in page
    mara = shop.sign_in(MARA)
    mara.say("hello")
    for stranger in (mara.turns()[0].id, "trn_none"):
        assert 101 in messages(sofia.get(f"/assistant/{sofia.conversation}?turn={stranger}").text)


@ONE_ENGINE
@pytest.mark.parametrize("before", ["", "x", "-1", "9" * 12, "²"])
def test_an_address_that_leads_to_no_part_is_answered_in_words(shop: ShopUnderTest, before: str) -> None:
    """What is no number of a turn is refused, on the page and for htmx, and says what to do."""
    sofia = talked(shop, 1)
    for path in ("", "/earlier"):
        answer = sofia.get(f"/assistant/{sofia.conversation}{path}", query_string={"before": before})
        assert answer.status_code == 400 and "There are no messages there." in answer.text


@ONE_ENGINE
@pytest.mark.holds("I10", "I11")
def test_nobody_else_gets_earlier_messages(shop: ShopUnderTest) -> None:
    """A colleague is answered as for a conversation that is not there."""
    sofia, mara = talked(shop, 30), shop.sign_in(MARA)
    answers = [mara.get(f"/assistant/{one}/earlier?before=9") for one in (sofia.conversation, "cnv_none")]
    assert [answer.status_code for answer in answers] == [404, 404] and "message number" not in answers[0].text


@ONE_ENGINE
@pytest.mark.holds("LLM10")
def test_the_model_gets_the_latest_turns(talking: ShopUnderTest, upstream: Upstream) -> None:
    """Thirty turns, the one that is asked now among them, in their order."""
    upstream.will(wire.says("Hello."))
    sofia = talked(talking, 60)
    upstream.will(wire.says("Yes."))
    sofia.say("and?")
    asked = [item["content"] for item in upstream.inputs[-1] if item.get("role") == "user"]
    assert asked == [*(f"message number {number}" for number in range(33, 62)), "and?"]


def test_a_question_far_above_is_still_answered_in_its_place(shop: ShopUnderTest) -> None:
    """Fifty turns later a person allows what a call asked for, and its card changes where it stands."""
    sofia = shop.sign_in(SOFIA)
    sofia.say("add a mug in ink")
    question = sofia.latest_call("add_to_cart")
    with shop.database.write() as db:
        add_turns(db, str(sofia.conversation), 50)
    answered = sofia.allow(question.id)
    assert answered.status == 200 and f'hx-target="#call-{question.id}"' in answered.html
    assert "You allowed your assistant to buy" in answered.html


@ONE_ENGINE
def test_a_receipt_far_above_can_be_opened_and_confirmed(shop: ShopUnderTest) -> None:
    """The page that a link to a receipt leads to shows it, and confirming it orders."""
    sofia = shop.sign_in(SOFIA)
    sofia.say("add a mug in ink")
    sofia.allow(sofia.latest_call("add_to_cart").id)
    sofia.say("check out")
    receipt = str((sofia.latest_call("place_order").outcome or {})["receipt"])
    with shop.database.write() as db:
        add_turns(db, str(sofia.conversation), 50)
    path = f"/assistant/{sofia.conversation}"
    assert receipt not in sofia.get(path).text and receipt in sofia.get(f"{path}?receipt={receipt}").text
    sofia.confirm(receipt)
    assert "order.placed" in sofia.events()
