"""A conversation in portions, for a file that holds it: so many turns and so many characters at most, the latest ones first."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shop.conversations.models import Item, Turn

MOST_TURNS = 500
MOST_CHARACTERS = 1_000_000
"""Of messages, answers and arguments. A single turn that is longer is a portion of its own."""

_LAST = 2**31 - 1
"""The greatest number that a turn can have."""


@dataclass(frozen=True)
class Portion:
    """Some turns in their order, of so many in all; `before` is what to ask for the portion before it, if there is one."""

    turns: list[Turn]
    in_all: int
    before: int | None


def portion(db: Session, conversation_id: str, before: int | None = None) -> Portion:
    """The latest turns of a conversation, or the latest before the turn of a number. The caller has asked the policy."""
    of_it = Turn.conversation_id == conversation_id
    end = before if before and 0 < before <= _LAST else _LAST
    written = func.coalesce(func.sum(func.length(Item.text) + func.length(Item.arguments)), 0)
    sizes = (
        select(Turn.number, func.coalesce(func.length(Turn.message), 0) + written)
        .outerjoin(Item, Item.turn_id == Turn.id)
        .where(of_it, Turn.number < end)
        .group_by(Turn.id)
        .order_by(Turn.number.desc())
        .limit(MOST_TURNS)
    )
    numbers: list[int] = []
    characters = 0
    for number, size in db.execute(sizes):
        characters += size
        if numbers and characters > MOST_CHARACTERS:
            break
        numbers.append(number)
    first = min(numbers, default=1)
    turns = list(db.scalars(select(Turn).where(of_it, Turn.number.between(first, end - 1)).order_by(Turn.number)))
    in_all = db.scalar(select(func.count()).select_from(Turn).where(of_it)) or 0
    has_more = db.scalar(select(Turn.id).where(of_it, Turn.number < first).limit(1)) is not None
    return Portion(turns, in_all, first if has_more else None)
