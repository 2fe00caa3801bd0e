"""Turns: begun, grown item by item, ended once; stopped by a stored flag (design §5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shop.conversations.models import Conversation, Item, ItemKind, Trigger, Turn, TurnState
from shop.credentials.end_reasons import EndReason
from shop.database import moment, new_id

LEASE = timedelta(seconds=90)
"""A running turn whose process gave no sign of life for this long was interrupted."""


class TurnRunning(Exception):
    """The conversation's last turn is still running: one at a time."""


@dataclass(frozen=True)
class Page:
    """The page of the shop that a message is about: its path, and in the words that its person may see of it."""

    path: str
    words: str


def hold(db: Session, conversation: Conversation) -> None:
    """Lock a conversation until the transaction ends: what begins, replaces or deletes turns takes its turn."""
    db.scalars(select(Conversation).where(Conversation.id == conversation.id).with_for_update()).one()


def begin(
    db: Session,
    conversation: Conversation,
    *,
    trigger: Trigger,
    message: str | None,
    delegation: str,
    build: dict[str, Any],
    page: Page | None = None,
) -> Turn:
    """Begin a turn. Raises `TurnRunning`."""
    hold(db, conversation)
    running = db.scalars(select(Turn).where(Turn.conversation_id == conversation.id, Turn.state == TurnState.RUNNING))
    for turn in running:
        if moment(db) - turn.beat_at < LEASE:
            raise TurnRunning
        turn.state, turn.ended_at = TurnState.INTERRUPTED, moment(db)
    last = db.scalar(select(func.max(Turn.number)).where(Turn.conversation_id == conversation.id)) or 0
    turn = Turn(
        id=new_id("trn"),
        conversation_id=conversation.id,
        number=last + 1,
        trigger=trigger,
        message=message,
        page_path=page.path if page else None,
        page_words=page.words if page else None,
        delegation=delegation,
        build=build,
        state=TurnState.RUNNING,
        started_at=moment(db),
        beat_at=moment(db),
        items=[],
    )
    db.add(turn)
    db.execute(update(Conversation).where(Conversation.id == conversation.id).values(active_at=moment(db)))
    db.flush()
    return turn


def add_item(
    db: Session, turn_id: str, kind: ItemKind, *, tool: str = "", arguments: str = "", call_id: str = ""
) -> Item:
    """Append an item to a turn."""
    position = (db.scalar(select(func.max(Item.position)).where(Item.turn_id == turn_id)) or 0) + 1
    item = Item(
        id=call_id or new_id("itm"),
        turn_id=turn_id,
        position=position,
        kind=kind,
        text="",
        tool=tool[:80],
        arguments=arguments,
    )
    db.add(item)
    db.flush()
    return item


def beat(db: Session, turn_id: str, texts: Iterable[tuple[str, str]] = ()) -> EndReason | None:
    """Store what has grown and give a sign of life. Returns why the turn should stop, if it should.

    A turn that was given up on while its process slept (`interrupted`), or that was deleted, has no life left to give a
    sign of: what it would go on to do, another one may have done by now, and what it would store is not wanted.
    """
    is_running = Turn.state == TurnState.RUNNING
    beaten = db.execute(
        update(Turn).where(Turn.id == turn_id, is_running).values(beat_at=moment(db)).returning(Turn.stop_requested)
    ).one_or_none()
    if beaten is None:
        return EndReason.GIVEN_UP
    for item_id, text in texts:
        db.execute(update(Item).where(Item.id == item_id).values(text=text))
    return EndReason(beaten.stop_requested) if beaten.stop_requested else None


def settle(db: Session, item_id: str, outcome: dict[str, Any]) -> None:
    """Store a call's outcome."""
    db.execute(update(Item).where(Item.id == item_id).values(outcome=outcome))


def finish(db: Session, turn_id: str, state: TurnState, *, error: tuple[str, str] | None = None) -> bool:
    """End a running turn. Returns whether this call ended it."""
    ended = db.execute(
        update(Turn)
        .where(Turn.id == turn_id, Turn.state == TurnState.RUNNING)
        .values(
            state=state,
            ended_at=moment(db),
            error_code=error[0] if error else None,
            error_text=error[1] if error else None,
        )
        .returning(Turn.id)
    ).one_or_none()
    return ended is not None


def request_stop(db: Session, turn_id: str, conversation_id: str) -> None:
    """Ask a running turn of a conversation to stop: the flag behind the Stop button."""
    db.execute(
        update(Turn)
        .where(Turn.id == turn_id, Turn.conversation_id == conversation_id, Turn.state == TurnState.RUNNING)
        .values(stop_requested=EndReason.STOPPED_BY_PERSON.value)
    )


def stop_below(db: Session, delegations: list[str], because: EndReason) -> list[str]:
    """Ask the running turns of delegations that ended to stop. Returns their ids."""
    stopped = db.execute(
        update(Turn)
        .where(Turn.delegation.in_(delegations), Turn.state == TurnState.RUNNING)
        .values(stop_requested=because.value)
        .returning(Turn.id)
    )
    return [identifier for (identifier,) in stopped]


def exchange_of(past: list[Turn]) -> list[Turn]:
    """The last message that still counts, and all that followed from it: what its person may say anew."""
    counting = [turn for turn in past if turn.replaced_by is None]
    begins = [place for place, turn in enumerate(counting) if turn.trigger is Trigger.MESSAGE]
    return counting[begins[-1] :] if begins else []


def replace_by(db: Session, earlier: list[Turn], turn: Turn) -> None:
    """Let a turn take the place of earlier ones. What they still asked their person for is not open any more."""
    for replaced in earlier:
        replaced.replaced_by = turn.id
        for item in replaced.items:
            item.settled = True
        if replaced.state is TurnState.WAITING:
            replaced.state, replaced.ended_at = TurnState.COMPLETED, moment(db)
    db.flush()


def end_running(db: Session, conversation_id: str, because: EndReason) -> list[Turn]:
    """End the running turns of a conversation here and now, whatever their processes are at. Returns them."""
    running = select(Turn).where(Turn.conversation_id == conversation_id, Turn.state == TurnState.RUNNING)
    error = because, because.for_turn
    return [turn for turn in db.scalars(running) if finish(db, turn.id, TurnState.STOPPED, error=error)]


def is_stale(db: Session, turn: Turn) -> bool:
    """Whether a turn says it runs, but its process is gone."""
    return turn.state == TurnState.RUNNING and moment(db) - turn.beat_at >= LEASE
