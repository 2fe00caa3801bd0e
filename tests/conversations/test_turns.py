"""Turns: one at a time in a conversation, ended once, stopped by a stored flag."""

from __future__ import annotations

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from shop.conversations import turns
from shop.conversations.models import Conversation, ItemKind, Trigger, Turn, TurnState
from shop.conversations.turns import LEASE, TurnRunning
from shop.credentials.end_reasons import EndReason
from tests.support.clock import TestClock
from tests.support.people import SOFIA, Assistant, ShopUnderTest


@pytest.fixture
def assistant(shop: ShopUnderTest) -> Assistant:
    """An assistant in a conversation without turns."""
    return shop.sign_in(SOFIA).assistant()


def begin(db: Session, assistant: Assistant, message: str = "hello") -> Turn:
    conversation = db.get_one(Conversation, assistant.conversation.id)
    return turns.begin(
        db,
        conversation,
        trigger=Trigger.MESSAGE,
        message=message,
        delegation=str(assistant.principal.delegation),
        build={"digest": "test"},
    )


def state_of(shop: ShopUnderTest, turn: Turn) -> TurnState:
    with shop.database.read() as db:
        return db.get_one(Turn, turn.id).state


def test_one_turn_runs_at_a_time(shop: ShopUnderTest, assistant: Assistant) -> None:
    """While one runs no other begins; once it has ended, the next one gets the next number."""
    with shop.database.write() as db:
        first = begin(db, assistant)
    with pytest.raises(TurnRunning), shop.database.write() as db:
        begin(db, assistant)
    with shop.database.write() as db:
        assert turns.finish(db, first.id, TurnState.COMPLETED)
    with shop.database.write() as db:
        assert (first.number, begin(db, assistant).number) == (1, 2)


def test_a_turn_ends_once(shop: ShopUnderTest, assistant: Assistant) -> None:
    """The first end holds: a later one changes nothing, and is told so."""
    with shop.database.write() as db:
        turn = begin(db, assistant)
    with shop.database.write() as db:
        assert turns.finish(db, turn.id, TurnState.STOPPED, error=("person", "You stopped it."))
    with shop.database.write() as db:
        assert not turns.finish(db, turn.id, TurnState.COMPLETED)
    assert state_of(shop, turn) is TurnState.STOPPED


@pytest.mark.holds("I13")
def test_a_turn_without_a_sign_of_life_gives_way(shop: ShopUnderTest, assistant: Assistant, clock: TestClock) -> None:
    """Just before its lease is over a turn still counts; after it another begins, and the old one may do nothing more."""
    with shop.database.write() as db:
        old = begin(db, assistant)
    clock.pass_by(seconds=LEASE.total_seconds() - 1)
    with pytest.raises(TurnRunning), shop.database.write() as db:
        begin(db, assistant)
    clock.pass_by(seconds=2)
    with shop.database.read() as db:
        assert turns.is_stale(db, db.get_one(Turn, old.id))
    with shop.database.write() as db:
        new = begin(db, assistant)
    assert (state_of(shop, old), state_of(shop, new)) == (TurnState.INTERRUPTED, TurnState.RUNNING)
    with shop.database.write() as db:
        assert turns.beat(db, old.id) is EndReason.GIVEN_UP and turns.beat(db, new.id) is None
    with shop.database.write() as db:
        assert not turns.finish(db, old.id, TurnState.COMPLETED)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_beat_keeps_a_turn_alive_and_stores_what_has_grown(
    shop: ShopUnderTest, assistant: Assistant, clock: TestClock
) -> None:
    """Each sign of life moves the lease on, and brings the text that a reload would show."""
    with shop.database.write() as db:
        turn = begin(db, assistant)
        item = turns.add_item(db, turn.id, ItemKind.TEXT)
    for _ in range(3):
        clock.pass_by(seconds=60)
        with shop.database.write() as db:
            assert turns.beat(db, turn.id, [(item.id, "so far")]) is None
    with shop.database.read() as db:
        found = db.get_one(Turn, turn.id)
        assert not turns.is_stale(db, found) and [item.text for item in found.items] == ["so far"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_flag_of_another_version_stops_a_turn_too(shop: ShopUnderTest, assistant: Assistant) -> None:
    """A reason that only a newer process knows is read as it is stored, and ends the turn."""
    with shop.database.write() as db:
        turn = begin(db, assistant)
        db.execute(update(Turn).where(Turn.id == turn.id).values(stop_requested="left_the_company"))
        because = turns.beat(db, turn.id)
    assert because == "left_the_company" and because is not None and because.ends_turn


def test_a_turn_that_a_deletion_ended_stores_nothing_any_more(shop: ShopUnderTest, assistant: Assistant) -> None:
    """Its process learns at its next sign of life that it was given up, and what it would have stored is dropped."""
    with shop.database.write() as db:
        turn = begin(db, assistant)
        item = turns.add_item(db, turn.id, ItemKind.TEXT)
    with shop.database.write() as db:
        ended = turns.end_running(db, assistant.conversation.id, EndReason.CONVERSATION_DELETED)
        assert [one.id for one in ended] == [turn.id] and not turns.end_running(
            db, assistant.conversation.id, EndReason.CONVERSATION_DELETED
        )
    with shop.database.write() as db:
        assert turns.beat(db, turn.id, [(item.id, "late words")]) is EndReason.GIVEN_UP
    with shop.database.read() as db:
        found = db.get_one(Turn, turn.id)
        assert (found.state, found.error_text, found.items[0].text) == (
            TurnState.STOPPED,
            "You deleted this conversation.",
            "",
        )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_stop_is_a_flag_that_only_a_running_turn_of_this_conversation_gets(
    shop: ShopUnderTest, assistant: Assistant
) -> None:
    """Stop with another conversation's id does nothing; with its own, the next beat says why to stop."""
    with shop.database.write() as db:
        turn = begin(db, assistant)
    with shop.database.write() as db:
        turns.request_stop(db, turn.id, "cnv_other")
        assert turns.beat(db, turn.id) is None
        turns.request_stop(db, turn.id, assistant.conversation.id)
        assert turns.beat(db, turn.id) == "person"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_items_come_back_in_the_order_they_came(shop: ShopUnderTest, assistant: Assistant) -> None:
    """Text and calls keep their places."""
    with shop.database.write() as db:
        turn = begin(db, assistant)
        for kind, tool in ((ItemKind.TEXT, ""), (ItemKind.CALL, "view_cart"), (ItemKind.TEXT, "")):
            turns.add_item(db, turn.id, kind, tool=tool)
    with shop.database.read() as db:
        items = db.get_one(Turn, turn.id).items
    assert [(item.position, item.tool) for item in items] == [(1, ""), (2, "view_cart"), (3, "")]
