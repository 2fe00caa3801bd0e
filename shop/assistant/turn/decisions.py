"""What a person decides in a conversation: allow a workflow or not, confirm a receipt or not. A decision may begin a turn."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.assistant.turn.context import arguments_of
from shop.assistant.turn.loop import asks_for, asks_person
from shop.assistant.turn.opening import Begun, NotThere, TurnOpening, Unanswerable
from shop.conversations import history, threads, turns
from shop.conversations.models import Conversation, Item, ItemKind, Trigger, Turn, TurnState
from shop.database import Database, moment
from shop.principal import Principal, Workflow
from shop.tools.gateway import Gateway
from shop.tools.outcomes import for_memory
from shop.workflow_words import WORDS

_ALLOWED_SINCE = "You have allowed this since. Ask for it again, and it can be done."
"""Said where a request was asked long ago, or is still talked about: it asks no more, and nothing is done that nobody expects."""


class Decisions:
    """The person's decisions on what their assistant asked for."""

    def __init__(self, database: Database, gateway: Gateway, opening: TurnOpening) -> None:
        self._database, self._gateway, self._opening = database, gateway, opening

    def consent(self, person: Principal, conversation_id: str, workflow: Workflow, allowed: bool) -> Begun | None:
        """A person allows a workflow in a conversation, or takes it back. Raises `AccessDenied`.

        Allowing it answers what still asks for it: the calls of the latest turn are made, and the turn goes on from there. None
        when there is none, or that turn still runs: its model has been told of the refusal, and may propose the call again.
        Raises `TooManyTurns` when those calls have to wait; the consent stands.
        """
        with self._database.write() as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            self._opening.set_consent(db, person, conversation, workflow, allowed)
            if not allowed or not self._open_requests(db, conversation, workflow):
                return None
        # A transaction of its own: a cap on turns never holds off what the person allows or takes back.
        with self._opening.transaction(person) as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            turns.hold(db, conversation)
            requests = self._open_requests(db, conversation, workflow)
            latest = threads.latest_turn(db, conversation.id)
            is_over = latest is not None and (latest.state is not TurnState.RUNNING or turns.is_stale(db, latest))
            asked = [item for item in requests if is_over and latest and item.turn_id == latest.id]
            self._answer(db, [item for item in requests if item not in asked], _ALLOWED_SINCE)
            if not asked:
                return None
            begun = self._begin_again(db, person, conversation, workflow, asked)
        return self._made(begun)

    def answer_request(self, person: Principal, conversation_id: str, call_id: str, allowed: bool) -> Begun | None:
        """The answer to a call's request in place, and to all requests of that turn for the same workflow.

        When allowed, each of their calls is made again, once and in order, and the turn goes on from there.
        Raises `AccessDenied`, `TurnRunning`, `TooManyTurns`, `Unanswerable` when the request was answered already.
        """
        with self._opening.transaction(person) if allowed else self._database.write() as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            workflow = self._asked_for(db, conversation, call_id)
            if allowed:
                self._opening.set_consent(db, person, conversation, workflow, True)
            turns.hold(db, conversation)  # a second click waits here, and then finds the request answered
            requests = self._open_requests(db, conversation, workflow)
            turn_id = next((item.turn_id for item in requests if item.id == call_id), None)
            if turn_id is None:
                raise Unanswerable("This was answered already.")
            asked = [item for item in requests if item.turn_id == turn_id]
            if not allowed:
                self._answer(db, asked, "You answered: not now.")
                return None
            self._answer(db, [item for item in requests if item not in asked], _ALLOWED_SINCE)
            begun = self._begin_again(db, person, conversation, workflow, asked)
        return self._made(replace(begun, answered=tuple(requests)))

    def confirm(self, person: Principal, conversation_id: str, receipt_id: str) -> Begun:
        """A person confirms a receipt: the gateway runs the pinned call, and the turn goes on from its outcome.

        Raises `AccessDenied`, `TurnRunning`, `TooManyTurns`, `Unanswerable`.
        """
        asked = self._question_of_receipt(person, conversation_id, receipt_id)
        with self._opening.transaction(person) as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            begun = self._opening.begin(db, person, conversation, Trigger.APPROVAL, None)
            again = turns.add_item(db, begun.turn.id, ItemKind.CALL, tool=asked.tool, arguments=asked.arguments)
        outcome = self._gateway.approve(person, receipt_id, turn=begun.turn.id, call_id=again.id)
        with self._database.write() as db:
            # Also when the receipt itself was refused, and no call was made.
            turns.settle(db, again.id, for_memory(outcome))
            if item := db.get(Item, asked.id):  # gone when the conversation was deleted meanwhile
                item.settled = True
                self._settle_turn(db, item)
        return replace(begun, decided=(again,), answered=(asked,))

    def decline(self, person: Principal, conversation_id: str, receipt_id: str) -> Item:
        """A person answers a receipt with 'not now'. Returns the call that asked. Raises `AccessDenied`, `Unanswerable`."""
        asked = self._question_of_receipt(person, conversation_id, receipt_id)
        outcome = self._gateway.decline(person, receipt_id)
        with self._database.write() as db:
            if item := db.get(Item, asked.id):
                item.outcome, item.settled = {**(item.outcome or {}), "told": outcome.for_model()}, True
                self._settle_turn(db, item)
        return asked

    def _asked_for(self, db: Session, conversation: Conversation, call_id: str) -> Workflow:
        """The workflow that a call asks its person for, answered or not. Raises `NotThere`, `Unanswerable`."""
        item = db.get(Item, call_id)
        turn = db.get(Turn, item.turn_id) if item else None
        if item is None or turn is None or turn.conversation_id != conversation.id:
            raise NotThere("There is no such question in this conversation.")
        workflow = asks_for(item.outcome or {})
        if workflow is None:
            raise Unanswerable("This was answered already.")
        return workflow

    def _open_requests(self, db: Session, conversation: Conversation, workflow: Workflow) -> list[Item]:
        """The calls that still ask for a workflow, in order, as they are now; the conversation is held."""
        query = (
            select(Item)
            .join(Turn, Turn.id == Item.turn_id)
            .where(Turn.conversation_id == conversation.id, Item.kind == ItemKind.CALL, Item.settled.is_(False))
            .order_by(Turn.number, Item.position)
            .execution_options(populate_existing=True)
        )
        found = [(item, item.outcome or {}) for item in db.scalars(query)]
        return [item for item, outcome in found if asks_for(outcome) == workflow]

    def _begin_again(
        self, db: Session, person: Principal, conversation: Conversation, workflow: Workflow, asked: list[Item]
    ) -> Begun:
        """Answer requests for a workflow that was allowed, and begin a turn that makes their calls again. Raises `TurnRunning`."""
        self._answer(db, asked, f"You allowed your assistant to {WORDS[workflow].chip} in this conversation.")
        begun = self._opening.begin(db, person, conversation, Trigger.CONSENT, None)
        again = [
            turns.add_item(db, begun.turn.id, ItemKind.CALL, tool=item.tool, arguments=item.arguments) for item in asked
        ]
        return replace(begun, decided=tuple(again), answered=tuple(asked))

    def _made(self, begun: Begun) -> Begun:
        """The calls that a turn begins with, made in their order. Each passes the gateway by itself."""
        for item in begun.decided:
            self._gateway.call_tool(
                begun.assistant,
                begun.conversation.id,
                item.tool,
                arguments_of(item),
                turn=begun.turn.id,
                call_id=item.id,
            )
        return begun

    def _answer(self, db: Session, requests: list[Item], answer: str) -> None:
        for item in requests:
            item.outcome, item.settled = {**(item.outcome or {}), "answer": answer}, True
        db.flush()
        for item in requests:
            self._settle_turn(db, item)

    def _question_of_receipt(self, person: Principal, conversation_id: str, receipt_id: str) -> Item:
        """The call of this conversation that a receipt was made for. Raises `NotThere`, and notes who tried."""
        call = self._gateway.receipt_desk.call_of(person, receipt_id)
        with self._database.read() as db:
            conversation = threads.opened(db, self._gateway.policy, person, conversation_id)
            found = history.call_in(db, conversation.id, call) if call else None
        if found is None:
            self._gateway.receipt_desk.refuse_unknown(person, receipt_id)
            raise NotThere("There is no such receipt in this conversation.", is_recorded=True)
        return found

    def _settle_turn(self, db: Session, item: Item) -> None:
        """A turn that waits for nothing any more is complete."""
        turn = db.get_one(Turn, item.turn_id)
        open_questions = [i for i in turn.items if i.outcome and not i.settled and asks_person(i.outcome)]
        if turn.state == TurnState.WAITING and not open_questions:
            turn.state, turn.ended_at = TurnState.COMPLETED, moment(db)
