"""What a person decides in a conversation: allow a workflow or not, confirm a receipt or not. A decision may begin a turn."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from shop.assistant.beginning import Beginning, Begun, NotThere, Unanswerable
from shop.assistant.memory import arguments_of
from shop.assistant.turn import asks_person
from shop.conversations import delegation, threads, turns
from shop.conversations.models import Conversation, Item, ItemKind, Trigger, Turn, TurnState
from shop.database import moment
from shop.principal import Principal, Workflow
from shop.tools.outcomes import kept


class Deciding(Beginning):
    """The person's decisions on what their assistant asked for."""

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

        Raises `Denied`, `TurnRunning`, `TooManyTurns`, `Unanswerable` when the request was answered already.
        """
        with self._beginning(person) if allowed else self._database.write() as db:
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

        Raises `Denied`, `TurnRunning`, `TooManyTurns`, `Unanswerable`.
        """
        asked = self._question_of_receipt(person, conversation_id, receipt_id)
        with self._beginning(person) as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            begun = self._begin(db, person, conversation, Trigger.APPROVAL, None)
            again = turns.add_item(db, begun.turn.id, ItemKind.CALL, tool=asked.tool, arguments=asked.arguments)
        outcome = self._gateway.approve(person, receipt_id, turn=begun.turn.id, call_id=again.id)
        with self._database.write() as db:
            turns.settle(db, again.id, kept(outcome))  # also when the receipt itself was refused, and no call was made
            if item := db.get(Item, asked.id):  # gone when the conversation was deleted meanwhile
                item.settled = True
                self._settle_turn(db, item)
        return replace(begun, decided=again)

    def decline(self, person: Principal, conversation_id: str, receipt_id: str) -> Item:
        """A person answers a receipt with 'not now'. Returns the call that asked. Raises `Denied`, `Unanswerable`."""
        asked = self._question_of_receipt(person, conversation_id, receipt_id)
        outcome = self._gateway.decline(person, receipt_id)
        with self._database.write() as db:
            if item := db.get(Item, asked.id):
                item.outcome, item.settled = {**(item.outcome or {}), "told": outcome.for_model()}, True
                self._settle_turn(db, item)
        return asked

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
