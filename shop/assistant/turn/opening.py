"""What every way to begin a turn shares: one transaction opens the assistant's delegation and stores what began the turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shop.audit.denials import record_denial
from shop.audit.events import EventName
from shop.conversations import delegation, turns
from shop.conversations.models import Conversation, Item, Trigger, Turn
from shop.conversations.turns import CapOf, Caps, TooManyTurns
from shop.database import Database
from shop.principal import Principal, Workflow
from shop.settings import Settings


class Unanswerable(Exception):
    """This cannot be decided or tried again (any more); the message is for the person."""


class NotThere(Unanswerable):
    """There is no such answer, question or receipt in this conversation. `is_recorded`: that it was refused is on record already."""

    def __init__(self, text: str, *, is_recorded: bool = False) -> None:
        super().__init__(text)
        self.is_recorded = is_recorded


@dataclass(frozen=True)
class Begun:
    """A turn that has begun, for whom; where a decision began it, the calls that it already ran, and those that had asked."""

    conversation: Conversation
    assistant: Principal
    turn: Turn
    decided: tuple[Item, ...] = ()
    answered: tuple[Item, ...] = ()


class TurnOpening:
    """Opens turns: one transaction that takes a place under the caps, the assistant's delegation, and the stored turn."""

    def __init__(
        self, database: Database, is_full: Callable[[], bool], settings: Settings, build: Mapping[str, str]
    ) -> None:
        """`is_full`: whether this process has no thread for one more turn."""
        self._database, self._is_full, self._build = database, is_full, build
        self._caps = Caps(person=settings.turns_per_person, organization=settings.turns_per_organization)
        self._lifetime = settings.delegation_lifetime

    @contextmanager
    def transaction(self, person: Principal) -> Iterator[Session]:
        """The transaction in which a turn may begin. Raises `TooManyTurns`, recorded, before anything is stored."""
        try:
            if self._is_full():
                raise TooManyTurns(CapOf.PROCESS)
            with self._database.write() as db:
                turns.take_turn_lock(db, person)
                turns.require_room(db, person, self._caps)
                yield db
        except TooManyTurns as refused:
            facts = {"because": "too_many_turns", "of": refused.of, "limit": refused.cap}
            record_denial(
                self._database,
                EventName.MESSAGE_REFUSED,
                f"too_many_turns {refused.of}",
                principal=person,
                outcome="refused",
                facts=facts,
            )
            raise

    def begin(
        self,
        db: Session,
        person: Principal,
        conversation: Conversation,
        trigger: Trigger,
        message: str | None,
        page: turns.Page | None = None,
    ) -> Begun:
        assistant = self.assistant(db, person, conversation)
        turn = turns.begin(
            db,
            conversation,
            trigger=trigger,
            message=message,
            page=page,
            delegation=str(assistant.delegation),
            build=dict(self._build),
        )
        return Begun(conversation, assistant, turn)

    def assistant(self, db: Session, person: Principal, conversation: Conversation) -> Principal:
        return delegation.assistant_for(
            db,
            person,
            conversation,
            build=str(self._build["digest"]),
            lifetime=self._lifetime,
        )

    def set_consent(
        self, db: Session, person: Principal, conversation: Conversation, workflow: Workflow, allowed: bool
    ) -> None:
        """Allow the assistant a workflow in a conversation, or take it back. Raises `AccessDenied`."""
        delegation.set_consent(
            db,
            person,
            conversation,
            workflow,
            allowed,
            build=str(self._build["digest"]),
            lifetime=self._lifetime,
        )
