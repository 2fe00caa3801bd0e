"""Turns: begun, as many at once as may run; grown item by item; ended once; stopped by a stored flag (design §5).

The caps on running turns, of one person and of one organization, count in all processes together: turns are counted in the
database, where each is stored before its model is asked. A turn whose browser has gone still counts. One whose process gave no
sign of life within `LEASE` does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, case, func, select, update
from sqlalchemy.orm import Session

from shop.conversations.models import Conversation, Item, ItemKind, Trigger, Turn, TurnState
from shop.credentials import fair_locks
from shop.credentials.end_reasons import EndReason
from shop.database import moment, new_id
from shop.principal import Principal

LEASE = timedelta(seconds=90)
"""A running turn whose process gave no sign of life for this long was interrupted."""


class TurnRunning(Exception):
    """The conversation's last turn is still running: one at a time."""


@dataclass(frozen=True)
class Caps:
    """The most turns that run at once."""

    person: int
    organization: int


class CapOf(StrEnum):
    """Whose cap on running turns it is. The spellings stand in audit events."""

    PERSON = "person"
    ORGANIZATION = "organization"
    PROCESS = "process"


class TooManyTurns(Exception):
    """As many turns run as may. `of` is whose cap it is; the message is for the person."""

    def __init__(self, of: CapOf, cap: int | None = None) -> None:
        super().__init__(_SENTENCES[of].format(cap=cap))
        self.of, self.cap = of, cap


_SENTENCES = {
    CapOf.PERSON: "Your assistant is busy with {cap} answers in other conversations, as many as it may be. "
    "Wait until one of them has ended, or press Stop there.",
    CapOf.ORGANIZATION: "The assistants of your organization are busy with {cap} answers, as many as they may be. "
    "Try again in a moment.",
    CapOf.PROCESS: "All assistants of the shop are busy. Try again in a moment.",
}


@dataclass(frozen=True)
class Page:
    """The page of the shop that a message is about: its path, and in the words that its person may see of it."""

    path: str
    words: str


def take_turn_lock(db: Session, person: Principal) -> None:
    """Let the turns of one organization begin one after the other, so that two do not both take the last place.

    To be called first in a transaction. On an engine whose advisory locks do nothing, a few turns more than the cap may run.
    """
    fair_locks.take_named(db, f"turns of {person.organization}")


def require_room(db: Session, person: Principal, caps: Caps) -> None:
    """Raise `TooManyTurns` when one more turn of this person would be one too many."""
    bound = {"organization": person.organization, "subject": person.subject, "since": moment(db) - LEASE}
    everybodys, theirs = db.connection().execute(_RUNNING, bound).one()
    if theirs >= caps.person:
        raise TooManyTurns(CapOf.PERSON, caps.person)
    if everybodys >= caps.organization:
        raise TooManyTurns(CapOf.ORGANIZATION, caps.organization)


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
    newest = select(Turn.id, Turn.number, Turn.state, Turn.beat_at).where(Turn.conversation_id == conversation.id)
    last = db.execute(newest.order_by(Turn.number.desc()).limit(1)).one_or_none()
    if last and last.state is TurnState.RUNNING:  # one at a time, so no earlier one runs
        if moment(db) - last.beat_at < LEASE:
            raise TurnRunning
        finish(db, last.id, TurnState.INTERRUPTED)
    turn = Turn(
        id=new_id("trn"),
        conversation_id=conversation.id,
        number=last.number + 1 if last else 1,
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
    conversation.active_at = turn.started_at
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


_RUNNING = (
    select(func.count(), func.count(case((Conversation.subject == bindparam("subject"), 1))))
    .select_from(Turn)
    .join(Conversation, Conversation.id == Turn.conversation_id)
    .where(
        Conversation.organization == bindparam("organization"),
        Turn.state == TurnState.RUNNING,
        Turn.beat_at > bindparam("since"),
    )
)
"""Of an organization, and of one person of it. Built once: it is on the way to the first word of every answer."""
