"""The caps on running turns: of one person, and of one organization, in all processes together.

Running turns are counted in the database, where each is stored before its model is asked. A turn whose browser has gone still
counts. A turn whose process gave no sign of life within `turns.LEASE` does not.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.orm import Session

from shop.conversations.models import Conversation, Turn, TurnState
from shop.conversations.turns import LEASE
from shop.credentials import fair_locks
from shop.database import moment
from shop.principal import Principal


@dataclass(frozen=True)
class Caps:
    """The most turns that run at once."""

    person: int
    organization: int


class TooManyTurns(Exception):
    """As many turns run as may. `of` is whose cap it is: `person`, `organization`, or `process`; the message is for the person."""

    def __init__(self, of: str, cap: int | None = None) -> None:
        super().__init__(_SENTENCES[of].format(cap=cap))
        self.of, self.cap = of, cap


_SENTENCES = {
    "person": "Your assistant is busy with {cap} answers in other conversations, as many as it may be. "
    "Wait until one of them has ended, or press Stop there.",
    "organization": "The assistants of your organization are busy with {cap} answers, as many as they may be. "
    "Try again in a moment.",
    "process": "All assistants of the shop are busy. Try again in a moment.",
}


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
        raise TooManyTurns("person", caps.person)
    if everybodys >= caps.organization:
        raise TooManyTurns("organization", caps.organization)


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
