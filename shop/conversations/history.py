"""The turns of a conversation, read in bounded parts: what a page, a turn or a model needs never grows with the conversation.

Pages are by keyset: the latest turns with a number below a given one, on the unique index of conversation and number. Only an
export and a deletion read a conversation as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shop.conversations.models import Item, Trigger, Turn

TURNS_ON_A_PAGE = 20
"""How many turns a page shows at once, and how many of the latest ones what stands around a conversation is made from."""

REMEMBERED_TURNS = 30
"""How many of the latest turns that still count go to a model again."""

_MOST_REPLACED = 100
"""Of the turns whose place others took: how many are looked at for what of them still stands."""


@dataclass(frozen=True)
class Part:
    """Some turns of a conversation in their order."""

    turns: list[Turn]
    earlier: int | None
    """The number that the page of earlier turns is asked with (`before`); None when these are the first."""
    is_latest: bool
    """Whether no later turns are left out."""
    context: list[Turn]
    """What a view of these turns depends on besides: the turns whose place they took, and the conversation's last one."""


def latest(db: Session, conversation_id: str, limit: int = TURNS_ON_A_PAGE) -> list[Turn]:
    """The latest turns, in their order."""
    return _below(db, conversation_id, None, limit)


def part(
    db: Session, conversation_id: str, *, before: int | None = None, around: str | None = None, limit: int
) -> Part:
    """The latest turns; or the latest with a number below `before`; or the part in which the turn with the id `around` stands."""
    shown = db.get(Turn, around) if around else None
    if shown is not None and shown.conversation_id == conversation_id:
        before = shown.number + limit // 2 + 1
    found = _below(db, conversation_id, before, limit + 1)
    turns = found[-limit:]
    last = latest(db, conversation_id, 1)
    return Part(
        turns=turns,
        earlier=turns[0].number if len(found) > limit else None,
        is_latest=not last or bool(turns and turns[-1].id == last[0].id),
        context=[*replaced_by(db, turns), *last],
    )


def context_of(db: Session, turn: Turn) -> list[Turn]:
    """What a view of one turn depends on besides: the turns whose place it took, and the conversation's last one."""
    return [*replaced_by(db, [turn]), *latest(db, turn.conversation_id, 1)]


def replaced_by(db: Session, turns: Sequence[Turn]) -> list[Turn]:
    """The turns whose place one of these took, in their order."""
    if not turns:
        return []
    query = select(Turn).where(Turn.replaced_by.in_([turn.id for turn in turns]))
    return list(reversed(db.scalars(query.order_by(Turn.number.desc()).limit(_MOST_REPLACED)).all()))


def remembered(db: Session, conversation_id: str) -> list[Turn]:
    """The latest turns that still count, in their order: what may go to a model again."""
    query = select(Turn).where(Turn.conversation_id == conversation_id, Turn.replaced_by.is_(None))
    return list(reversed(db.scalars(query.order_by(Turn.number.desc()).limit(REMEMBERED_TURNS)).all()))


def latest_exchange(db: Session, conversation_id: str) -> list[Turn]:
    """The last message that still counts, and all that followed from it: what its person may say anew."""
    counting = (Turn.conversation_id == conversation_id, Turn.replaced_by.is_(None))
    begins = db.scalar(select(func.max(Turn.number)).where(*counting, Turn.trigger == Trigger.MESSAGE))
    if begins is None:
        return []
    return list(db.scalars(select(Turn).where(*counting, Turn.number >= begins).order_by(Turn.number)))


def call_in(db: Session, conversation_id: str, call_id: str) -> Item | None:
    """A call by its id, if it was made in this conversation."""
    query = select(Item).join(Turn, Turn.id == Item.turn_id)
    return db.scalars(query.where(Item.id == call_id, Turn.conversation_id == conversation_id)).one_or_none()


def _below(db: Session, conversation_id: str, before: int | None, limit: int) -> list[Turn]:
    query = select(Turn).where(Turn.conversation_id == conversation_id)
    if before is not None:
        query = query.where(Turn.number < before)
    return list(reversed(db.scalars(query.order_by(Turn.number.desc()).limit(limit)).all()))
