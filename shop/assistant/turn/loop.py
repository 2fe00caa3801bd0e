"""One turn: the model proposes, the gateway decides, until the model has no more to propose.

`Conversation memory → model → proposed calls → gateway → model → …`. The loop holds no authority of its own: every proposal
goes to `gateway.call_tool` with the assistant's principal, whatever the model claims. All text is stored as it grows, and
a stored flag stops the turn (design §5). No transaction is open while the model talks.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from shop.assistant.model.bounds import Budget
from shop.assistant.model.client import Model
from shop.assistant.model.failures import ModelError
from shop.assistant.model.response_events import ProposedCall, TextDelta, Thinking
from shop.assistant.turn.context import arguments_of, exchange, input_for
from shop.assistant.turn.pace import Pace
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.conversations import history, turns
from shop.conversations.models import Item, ItemKind, Turn, TurnState
from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import NotAlive, live
from shop.database import Database
from shop.principal import Principal, Workflow
from shop.tools.gateway import Gateway
from shop.tools.outcomes import Code, Denied, OutcomeKind, code_of

_log = logging.getLogger(__name__)
_OUR_FAULT = ModelError("internal", "Something went wrong on our side", "It was noted, and nothing more was done.")
_NO_THREAD = ModelError("busy", "The assistant is busy", "Too many answers are under way. Try again in a moment.")

STORE_EVERY = 0.15
"""Seconds between two signs of life of a turn, each of which may store how its text has grown. What streams to the page is not
held back by it."""

LAST_CALL = 3.0
"""Seconds for which an answer that has begun a call is heard out after its authority ended. The gateway then refuses the call,
so that the audit shows what was still tried."""


@dataclass(frozen=True)
class TextGrew:
    """An item of text is new, or longer. `text` is all of it."""

    item_id: str
    text: str


@dataclass(frozen=True)
class CallChanged:
    """A call was proposed, or has its outcome."""

    item_id: str
    is_new: bool


@dataclass(frozen=True)
class TurnEnded:
    """The turn is over; its stored state says how."""


Progress = TextGrew | CallChanged | TurnEnded


class Stopped(Exception):
    """The stored flag says that this turn should end."""

    def __init__(self, because: EndReason) -> None:
        super().__init__(because)
        self.because = because


@dataclass
class Flag:
    """What a stored flag means in the middle of an answer."""

    seen_at: float | None = None

    def heed(self, because: EndReason | None, now: float, *, is_calling: bool) -> None:
        """Raise `Stopped` when the flag is up; with a call under way and authority gone, after `LAST_CALL` at the latest."""
        if because is None:
            return
        self.seen_at = now if self.seen_at is None else self.seen_at
        if because.ends_turn_at_once or not is_calling or now - self.seen_at >= LAST_CALL:
            raise Stopped(because)


class _ReplyText:
    """The text of one response of the model: stored as it grows, and a sign of life of its turn each time."""

    def __init__(self, database: Database, turn_id: str) -> None:
        self._database, self._turn_id = database, turn_id
        self._item_id, self.text = "", ""
        self._beaten_at, self._stored, self._flag = time.monotonic(), Pace(STORE_EVERY), Flag()

    def grow(self, piece: str) -> TextGrew:
        """Add a piece. The first one makes the item."""
        if not self._item_id:
            with self._database.write() as db:
                self._item_id = turns.add_item(db, self._turn_id, ItemKind.TEXT).id
        self.text += piece
        return TextGrew(self._item_id, self.text)

    def beat(self, *, is_calling: bool) -> None:
        """Give a sign of life when the next one is due, with the text if that is due. Raises `Stopped` as the flag says."""
        now = time.monotonic()
        if now - self._beaten_at < STORE_EVERY:
            return
        has_grown = self._stored.is_due(len(self.text), len(self.text), now)
        self._flag.heed(self._beat(with_text=has_grown), now, is_calling=is_calling)
        if has_grown:
            self._stored.passed_on(len(self.text), now)
        self._beaten_at = now

    def store(self) -> EndReason | None:
        """Store all of it, if there is any. Returns why the turn should end, if it should."""
        return self._beat(with_text=True) if self._item_id else None

    def _beat(self, *, with_text: bool) -> EndReason | None:
        grown = [(self._item_id, self.text)] if with_text and self._item_id else []
        with self._database.write() as db:
            return turns.beat(db, self._turn_id, grown)


class TurnLoop:
    """Runs one turn for one assistant's principal."""

    def __init__(
        self,
        database: Database,
        gateway: Gateway,
        model: Model,
        *,
        tool_call_limit: int,
        closing: threading.Event | None = None,
    ) -> None:
        """`closing` is set when the program ends: turns end then."""
        self._database, self._gateway, self._model = database, gateway, model
        self._limit, self._closing = tool_call_limit, closing or threading.Event()

    def run(self, assistant: Principal, turn: Turn, decided: Sequence[Item] = ()) -> Iterator[Progress]:
        """Yield what changes, until the turn has ended. `decided`: calls that the person's decision already ran."""
        try:
            for item in decided:
                yield CallChanged(item.id, is_new=False)  # stored before the turn was shown: there already
            yield from self._loop(assistant, turn)
            self._end(assistant, turn, self._final_state(turn))
        except Stopped as stopped:
            self._end(assistant, turn, TurnState.STOPPED, because=stopped.because)
        except NotAlive as lapsed:
            self._end(assistant, turn, TurnState.STOPPED, because=lapsed.reason)
        except ModelError as error:
            self._end(assistant, turn, TurnState.FAILED, error=error)
        except Exception:  # the edge of a thread: whatever it was, the turn must end and say so
            _log.exception("turn %s failed", turn.id)
            self._end(assistant, turn, TurnState.FAILED, error=_OUR_FAULT)
        yield TurnEnded()

    def refuse(self, assistant: Principal, turn: Turn) -> None:
        """End a turn that finds no thread to run in."""
        self._end(assistant, turn, TurnState.FAILED, error=_NO_THREAD)

    def _loop(self, assistant: Principal, turn: Turn) -> Iterator[Progress]:
        items, budget = self._memory(assistant, turn), Budget(self._limit)
        while True:
            proposed: list[ProposedCall] = []
            yield from self._reply(assistant, turn, items, proposed, budget)
            if not proposed:
                return
            for call in proposed:
                self._may_go_on(budget)
                budget.call()
                yield from self._call(assistant, turn, call, items)

    def _may_go_on(self, budget: Budget) -> None:
        """Raise when the turn's time is up, or the program ends."""
        if self._closing.is_set():
            raise Stopped(EndReason.SHOP_CLOSED)
        budget.require_time()

    def _reply(
        self,
        assistant: Principal,
        turn: Turn,
        items: list[dict[str, Any]],
        proposed: list[ProposedCall],
        budget: Budget,
    ) -> Iterator[Progress]:
        """One response of the model: its text streams on, its proposals are collected."""
        with self._database.read() as db:
            live(db, assistant)  # nothing leaves for the model after a revocation
        self._database.forbid_in_transaction("a model call")
        reply, is_calling = _ReplyText(self._database, turn.id), False
        try:
            with closing(self._model.stream(items)) as events:
                for event in events:
                    self._may_go_on(budget)
                    if isinstance(event, ProposedCall):
                        budget.require_call(event.arguments, beside=len(proposed))
                        proposed.append(event)
                        continue
                    if isinstance(event, Thinking):
                        is_calling = is_calling or event.calls
                    if isinstance(event, TextDelta):
                        yield reply.grow(budget.text(event.text))
                        budget.require_text()
                    reply.beat(is_calling=is_calling and isinstance(event, Thinking))
        finally:
            because = reply.store()
            if because and not proposed:
                raise Stopped(because)
        if reply.text:
            items.append({"role": "assistant", "content": reply.text})

    def _call(
        self, assistant: Principal, turn: Turn, proposed: ProposedCall, items: list[dict[str, Any]]
    ) -> Iterator[Progress]:
        """Pass one proposal through the gateway. A person's Stop is heeded before it; a revocation, by the gateway."""
        with self._database.write() as db:
            because = turns.beat(db, turn.id)
            if because and because.ends_turn_at_once:
                raise Stopped(because)
            item = turns.add_item(db, turn.id, ItemKind.CALL, tool=proposed.name, arguments=proposed.arguments)
        yield CallChanged(item.id, is_new=True)
        outcome = self._gateway.call_tool(
            assistant, turn.conversation_id, proposed.name, arguments_of(item), turn=turn.id, call_id=item.id
        )
        yield CallChanged(item.id, is_new=False)
        refused = outcome.code.end_reason if isinstance(outcome, Denied) else None
        if refused and refused.ends_turn:  # nothing leaves for the model any more (invariant I12)
            with self._database.write() as db:
                because = turns.beat(db, turn.id)  # the stored flag knows more: where and how it was ended
            raise Stopped(because or refused)
        items += [*proposed.reasoning, *exchange(item.id, proposed.name, proposed.arguments, outcome.for_model())]

    def _memory(self, assistant: Principal, turn: Turn) -> list[dict[str, Any]]:
        with self._database.read() as db:
            past = history.remembered(db, turn.conversation_id)
        return input_for(self._gateway, assistant, past)

    def _final_state(self, turn: Turn) -> TurnState:
        """`waiting` when a call of this turn asked its person for something."""
        with self._database.read() as db:
            items = db.get_one(Turn, turn.id).items
        asks = any(item.outcome and not item.settled and asks_person(item.outcome) for item in items)
        return TurnState.WAITING if asks else TurnState.COMPLETED

    def _end(
        self,
        assistant: Principal,
        turn: Turn,
        state: TurnState,
        *,
        because: EndReason | None = None,
        error: ModelError | None = None,
    ) -> None:
        """Give the turn its final state, and record it, in one transaction; once, whoever else tries."""
        said = (because.value, because.for_turn) if because else None
        if error:
            said = error.code, f"{error.title}. {error.text}"
        with self._database.write() as db:
            if not turns.finish(db, turn.id, state, error=said):
                return
            replies = [item.text for item in db.get_one(Turn, turn.id).items if item.text]
            record(
                db,
                {TurnState.STOPPED: EventName.TURN_STOPPED, TurnState.FAILED: EventName.TURN_FAILED}.get(
                    state, EventName.TURN_COMPLETED
                ),
                principal=assistant,
                turn=turn.id,
                outcome=state,
                facts={"build": turn.build} | ({"because": said[0]} if said else {}),
                personal={"reply": "\n\n".join(replies)},
            )


def asks_person(outcome: dict[str, Any]) -> bool:
    """Whether a call's outcome is a question to its person: allow a workflow, or confirm a receipt."""
    return outcome["kind"] == OutcomeKind.AWAITING_APPROVAL or asks_for(outcome) is not None


def asks_for(outcome: Mapping[str, Any]) -> Workflow | None:
    """The workflow that a call's outcome asks its person to allow, if it does."""
    return Workflow(outcome["workflow"]) if code_of(outcome) is Code.CONSENT_NEEDED else None
