"""Beginning a turn: by a message, by the person's decision on an earlier call, or by trying again.

Each begins in one transaction that checks the person, opens the assistant's delegation, stores what began the turn, and
records it. What follows is `turn.py`, in a thread of its own: a lost connection is not Stop (design §5).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextvars import copy_context
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from shop.assistant.memory import arguments_of
from shop.assistant.model import Model
from shop.assistant.turn import Progress, TurnLoop, asks_person
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.conversations import delegation, threads, turns
from shop.conversations.models import Conversation, Item, ItemKind, Trigger, Turn, TurnState
from shop.database import Database, moment
from shop.principal import Principal, Workflow
from shop.settings import Settings
from shop.tools.gateway import Gateway
from shop.tools.outcomes import kept


class Unanswerable(Exception):
    """This cannot be decided or tried again (any more); the message is for the person."""


class NotThere(Unanswerable):
    """There is no such answer, question or receipt in this conversation."""


@dataclass(frozen=True)
class Begun:
    """A turn that has begun, for whom, and the call that a decision already ran."""

    conversation: Conversation
    assistant: Principal
    turn: Turn
    decided: Item | None = None


class Conversing:
    """All ways to begin a turn, and running it."""

    def __init__(self, database: Database, gateway: Gateway, model: Model, settings: Settings) -> None:
        self._database, self._gateway, self._settings = database, gateway, settings
        self.model = model
        self._loop = TurnLoop(database, gateway, model, tool_call_limit=settings.tool_call_limit)
        self._build = model.build(gateway.policy.version)

    def message(self, person: Principal, conversation_id: str | None, text: str) -> Begun:
        """A person says something; without a conversation, a new one is opened. Raises `Denied`, `TurnRunning`."""
        with self._database.write() as db:
            conversation = (
                threads.opened(db, self._gateway.policy, person, conversation_id)
                if conversation_id
                else threads.start(db, self._gateway.policy, person, text)
            )
            begun = self._begin(db, person, conversation, Trigger.MESSAGE, text)
            record(
                db,
                EventName.MESSAGE_RECEIVED,
                principal=replace(person, conversation=conversation.id),
                turn=begun.turn.id,
                facts={"characters": len(text), "delegation": begun.assistant.delegation},
                personal={"message": text},
            )
        return begun

    def consent(self, person: Principal, conversation_id: str, workflow: Workflow, allowed: bool) -> Conversation:
        """A person allows a workflow in a conversation, or takes it back. Raises `Denied`."""
        with self._database.write() as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            delegation.set_consent(
                db,
                person,
                conversation,
                workflow,
                allowed,
                build=str(self._build["digest"]),
                lifetime=self._settings.delegation_lifetime,
            )
        return conversation

    def consented(self, person: Principal, conversation_id: str, call_id: str, allowed: bool) -> Begun | None:
        """The answer to a call's request in place. When allowed, the call is made again, and the turn goes on from there.

        Raises `Denied`, `TurnRunning`, `Unanswerable` when the request was answered already.
        """
        with self._database.write() as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            asked = self._open_question(db, conversation, call_id, "consent_needed")
            workflow = Workflow(str((asked.outcome or {})["workflow"]))
            answer = (
                f"You allowed your assistant to {workflow} in this conversation."
                if allowed
                else "You answered: not now."
            )
            asked.outcome, asked.settled = {**(asked.outcome or {}), "answer": answer}, True
            self._settle_turn(db, asked)
            if not allowed:
                return None
            delegation.set_consent(
                db,
                person,
                conversation,
                workflow,
                True,
                build=str(self._build["digest"]),
                lifetime=self._settings.delegation_lifetime,
            )
            begun = self._begin(db, person, conversation, Trigger.CONSENT, None)
            again = turns.add_item(db, begun.turn.id, ItemKind.CALL, tool=asked.tool, arguments=asked.arguments)
        self._gateway.call_tool(
            begun.assistant,
            conversation.id,
            again.tool,
            arguments_of(again),
            turn=begun.turn.id,
            call_id=again.id,
        )
        return replace(begun, decided=again)

    def confirm(self, person: Principal, conversation_id: str, receipt_id: str) -> Begun:
        """A person confirms a receipt: the gateway runs the pinned call, and the turn goes on from its outcome.

        Raises `Denied`, `TurnRunning`, `Unanswerable`.
        """
        asked = self._question_of_receipt(person, conversation_id, receipt_id)
        with self._database.write() as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            begun = self._begin(db, person, conversation, Trigger.APPROVAL, None)
            again = turns.add_item(db, begun.turn.id, ItemKind.CALL, tool=asked.tool, arguments=asked.arguments)
        outcome = self._gateway.approve(person, receipt_id, turn=begun.turn.id, call_id=again.id)
        with self._database.write() as db:
            turns.settle(db, again.id, kept(outcome))  # also when the receipt itself was refused, and no call was made
            item = db.get_one(Item, asked.id)
            item.settled = True
            self._settle_turn(db, item)
        return replace(begun, decided=again)

    def decline(self, person: Principal, conversation_id: str, receipt_id: str) -> Item:
        """A person answers a receipt with 'not now'. Returns the call that asked. Raises `Denied`, `Unanswerable`."""
        asked = self._question_of_receipt(person, conversation_id, receipt_id)
        outcome = self._gateway.decline(person, receipt_id)
        with self._database.write() as db:
            item = db.get_one(Item, asked.id)
            item.outcome, item.settled = {**(item.outcome or {}), "told": outcome.for_model()}, True
            self._settle_turn(db, item)
        return item

    def retry(self, person: Principal, conversation_id: str, turn_id: str) -> Begun:
        """Go on from a turn that failed: what it had done stands and is not done twice. Raises `Denied`, `Unanswerable`."""
        with self._database.write() as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            past = threads.turns_of(db, conversation.id)
            if all(turn.id != turn_id for turn in past):
                raise NotThere("There is no such answer in this conversation.")
            last = past[-1]
            if last.id != turn_id or (last.state not in RETRYABLE and not turns.is_stale(db, last)):
                raise Unanswerable(
                    "Only the latest answer can be tried again, and only when it did not come to its end."
                )
            return self._begin(db, person, conversation, Trigger.RETRY, None)

    def stop(self, person: Principal, conversation_id: str, turn_id: str) -> None:
        """Ask a running turn to stop. Raises `Denied`, `NotThere`."""
        with self._database.write() as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            turn = db.get(Turn, turn_id)
            if turn is None or turn.conversation_id != conversation.id:
                raise NotThere("There is no such answer in this conversation.")
            turns.request_stop(db, turn_id, conversation.id)

    def run(self, begun: Begun) -> Iterator[Progress]:
        """Run a turn in a thread of its own, from now on; its progress, for as long as somebody listens."""
        progress: queue.SimpleQueue[Progress | None] = queue.SimpleQueue()

        def work() -> None:
            try:
                for step in self._loop.run(begun.assistant, begun.turn, begun.decided):
                    progress.put(step)
            finally:
                progress.put(None)

        threading.Thread(target=copy_context().run, args=(work,), name=begun.turn.id, daemon=True).start()
        return iter(progress.get, None)

    def _begin(
        self, db: Session, person: Principal, conversation: Conversation, trigger: Trigger, message: str | None
    ) -> Begun:
        assistant = delegation.assistant_for(
            db,
            person,
            conversation,
            build=str(self._build["digest"]),
            lifetime=self._settings.delegation_lifetime,
        )
        turn = turns.begin(
            db,
            conversation,
            trigger=trigger,
            message=message,
            delegation=str(assistant.delegation),
            build=dict(self._build),
        )
        return Begun(conversation, assistant, turn)

    def _open_question(self, db: Session, conversation: Conversation, call_id: str, code: str) -> Item:
        item = db.get(Item, call_id)
        turn = db.get(Turn, item.turn_id) if item else None
        if item is None or turn is None or turn.conversation_id != conversation.id:
            raise NotThere("There is no such question in this conversation.")
        if item.settled or not item.outcome or item.outcome.get("code") != code:
            raise Unanswerable("This was answered already.")
        return item

    def _question_of_receipt(self, person: Principal, conversation_id: str, receipt_id: str) -> Item:
        """The call of this conversation that a receipt was made for. Raises `NotThere`, and notes who tried."""
        with self._database.read() as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            items = [item for turn in threads.turns_of(db, conversation.id) for item in turn.items]
        found = next((item for item in items if item.outcome and item.outcome.get("receipt") == receipt_id), None)
        if found is None:
            self._gateway.refuse_unknown_receipt(person, receipt_id)
            raise NotThere("There is no such receipt in this conversation.")
        return found

    def _settle_turn(self, db: Session, item: Item) -> None:
        """A turn that waits for nothing any more is complete."""
        turn = db.get_one(Turn, item.turn_id)
        open_questions = [i for i in turn.items if i.outcome and not i.settled and asks_person(i.outcome)]
        if turn.state == TurnState.WAITING and not open_questions:
            turn.state, turn.ended_at = TurnState.COMPLETED, moment(db)


RETRYABLE = frozenset({TurnState.FAILED, TurnState.STOPPED, TurnState.INTERRUPTED})
