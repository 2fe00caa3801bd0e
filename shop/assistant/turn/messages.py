"""A person sends a message, replaces their last one, tries an answer again or stops it; and what is accepted as a message.

Each begins in one transaction that checks the person, opens the assistant's delegation, stores what began the turn, and
records it (`opening.py`).
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from shop.assistant.turn.opening import Begun, NotThere, TurnOpening, Unanswerable
from shop.audit.denials import record_denial
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.conversations import history, threads, turns
from shop.conversations.models import Conversation, Trigger, Turn, TurnState
from shop.credentials.ledger import live
from shop.database import Database
from shop.principal import Principal
from shop.revocation.conversations import lapse_receipts_of
from shop.tools.gateway import Gateway
from shop.untrusted import clean_text

RETRYABLE = frozenset({TurnState.FAILED, TurnState.STOPPED, TurnState.INTERRUPTED})

MOST_PAGE_CHARACTERS = 300
"""Of a page's path, as it is stored with a turn."""


class Unacceptable(Exception):
    """This is no message; title and text are for the person. `status` is what HTTP calls it."""

    def __init__(self, status: int, title: str, text: str) -> None:
        super().__init__(f"{title} {text}")
        self.status, self.title, self.text = status, title, text


def accepted(database: Database, person: Principal, text: str, *, limit: int) -> str:
    """The message as it is kept. Raises `Unacceptable`; a message over the limit is recorded as refused."""
    text = clean_text(text).strip()
    if not text:
        raise Unacceptable(400, "The message is empty.", "Write what you would like, then send it.")
    if len(text) > limit:
        facts = {"characters": len(text), "limit": limit}
        record_denial(database, EventName.MESSAGE_REFUSED, "too_long", principal=person, outcome="refused", facts=facts)
        raise Unacceptable(
            413,
            "This message is too long.",
            f"It has {len(text)} characters; the limit is {limit}. Shorten it, then send it again.",
        )
    return text


class Messages:
    """What a person says, and how a turn that failed is tried again."""

    def __init__(self, database: Database, gateway: Gateway, opening: TurnOpening) -> None:
        self._database, self._gateway, self._opening = database, gateway, opening

    def send(self, person: Principal, conversation_id: str | None, text: str, *, about: str | None = None) -> Begun:
        """A person says something; without a conversation, a new one is opened. Raises `AccessDenied`, `TurnRunning`,
        `TooManyTurns`.

        `about` is the path of the shop's page that the message is about; one that its person may not see says nothing.
        """
        page = self._page(person, about)
        with self._opening.transaction(person) as db:
            conversation = (
                threads.opened(db, self._gateway.policy, person, conversation_id)
                if conversation_id
                else threads.start(db, self._gateway.policy, person, text)
            )
            return self._say(db, person, conversation, text, page)

    def edit(self, person: Principal, conversation_id: str, turn_id: str, text: str) -> Begun:
        """A person says their last message anew. What the earlier one did stays done; what it still asked for lapses.

        The earlier turns stay in the record and on the page; a model gets the new message in their place.
        Raises `AccessDenied`, `TurnRunning`, `TooManyTurns`, `NotThere`, `Unanswerable`.
        """
        page = self._page(person, self._said_about(person, conversation_id, turn_id))
        with self._opening.transaction(person) as db:
            me = live(db, person)
            conversation = threads.opened(db, self._gateway.policy, me, conversation_id)
            turns.hold(db, conversation)
            earlier = history.latest_exchange(db, conversation.id)
            if not earlier or earlier[0].id != turn_id:
                raise Unanswerable("Only your latest message can be changed.")
            voided = lapse_receipts_of(db, replace(me, conversation=conversation.id), earlier)
            begun = self._say(db, person, conversation, text, page)
            turns.replace_by(db, earlier, begun.turn)
            record(
                db,
                EventName.MESSAGE_EDITED,
                principal=replace(person, conversation=conversation.id),
                turn=begun.turn.id,
                facts={"replaced": [turn.id for turn in earlier], "receipts": voided},
            )
        return begun

    def retry(self, person: Principal, conversation_id: str, turn_id: str) -> Begun:
        """Go on from a turn that failed: what it had done stands and is not done twice.

        Raises `AccessDenied`, `TurnRunning`, `TooManyTurns`, `Unanswerable`.
        """
        with self._opening.transaction(person) as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            turn = self._turn_of(db, conversation, turn_id)
            (last,) = history.latest(db, conversation.id, 1)
            if last.id != turn.id or (last.state not in RETRYABLE and not turns.is_stale(db, last)):
                raise Unanswerable(
                    "Only the latest answer can be tried again, and only when it did not come to its end."
                )
            return self._opening.begin(db, person, conversation, Trigger.RETRY, None)

    def stop(self, person: Principal, conversation_id: str, turn_id: str) -> None:
        """Ask a running turn to stop. Raises `AccessDenied`, `NotThere`."""
        with self._database.write() as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            turns.request_stop(db, self._turn_of(db, conversation, turn_id).id, conversation.id)

    def _say(
        self, db: Session, person: Principal, conversation: Conversation, text: str, page: turns.Page | None
    ) -> Begun:
        begun = self._opening.begin(db, person, conversation, Trigger.MESSAGE, text, page)
        record(
            db,
            EventName.MESSAGE_RECEIVED,
            principal=replace(person, conversation=conversation.id),
            turn=begun.turn.id,
            facts={"characters": len(text), "delegation": begun.assistant.delegation},
            personal={"message": text} | ({"page": page.words} if page else {}),
        )
        return begun

    def _page(self, person: Principal, path: str | None) -> turns.Page | None:
        """The page that a message is about, looked up by the server; None when it is none that its person may see."""
        if not path or len(path) > MOST_PAGE_CHARACTERS:
            return None
        words = self._gateway.enquiries.page_in_words(person, path)
        return turns.Page(path, words) if words else None

    def _said_about(self, person: Principal, conversation_id: str, turn_id: str) -> str | None:
        """The page that a turn's message was about. Raises `AccessDenied`, `NotThere`."""
        with self._database.read() as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            return self._turn_of(db, conversation, turn_id).page_path

    def _turn_of(self, db: Session, conversation: Conversation, turn_id: str) -> Turn:
        turn = db.get(Turn, turn_id)
        if turn is None or turn.conversation_id != conversation.id:
            raise NotThere("There is no such answer in this conversation.")
        return turn
