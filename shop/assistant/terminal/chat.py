"""The same chat in a terminal: `flask chat`.

A front end like the page: it hands what a person types to `in_app_assistant.py`, and shows what is stored. The person's decisions
(allow a workflow, confirm or decline a receipt) take the very paths that the page's buttons take, also when they were made in
advance on the command line: nothing here decides or skips anything.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import click

from shop.access import NotAllowed, SignedInPerson, denials_recorded
from shop.assistant.terminal.output import Output
from shop.assistant.turn.in_app_assistant import InAppAssistant
from shop.assistant.turn.loop import CallChanged, TextGrew, asks_person
from shop.assistant.turn.messages import Unacceptable, accepted
from shop.assistant.turn.opening import Begun, Unanswerable
from shop.conversations import history
from shop.conversations.models import Item, Turn, TurnState
from shop.conversations.turns import TooManyTurns, TurnRunning
from shop.credentials.ledger import NotAlive
from shop.principal import CONSENTABLE, Workflow
from shop.services import services
from shop.tools.outcomes import OutcomeKind
from shop.tools.receipt_desk import ReceiptState
from shop.workflow_words import WORDS

HELP = f"""\
Say what you would like, in plain words. Ctrl+C stops a running answer; a second one leaves.
  /allow WORKFLOW   allow your assistant to {", ".join(sorted(CONSENTABLE))}, in this conversation
  /confirm          confirm the latest receipt
  /decline          answer the latest question with 'not now'
  /quit             sign out and leave"""


class SignedOut(Exception):
    """The session that this conversation runs under has ended; the message says why."""


class Wrong(Exception):
    """This line cannot be done; the message is for the person."""


class Leave(Exception):
    """The person wants to go."""


Ask = Callable[[str], bool]
"""Puts a question to the person, and waits for their yes or no."""


@dataclass
class Terminal:
    """One conversation of one signed-in person."""

    in_app: InAppAssistant
    person: Callable[[], SignedInPerson]
    """Who this is, by the session as it is now. Raises `SignedOut`."""
    output: Output
    complain: Callable[[str], None]
    ask: Ask | None = None
    """None when nobody is there to be asked: a question then waits for the script's next lines."""
    allows: list[Workflow] = field(default_factory=list)
    """What the person allows at the beginning of the conversation."""
    confirms: bool = False
    """Whether the person confirms each receipt that appears, in advance."""

    def __post_init__(self) -> None:
        self._conversation: str | None = None
        self._running: Begun | None = None
        self._stopping: Begun | None = None
        self._confirmed = 0

    def play(self, lines: Iterable[str]) -> bool:
        """Say the lines, one after the other. Returns whether each of them could be done, and no answer failed.

        Raises `SignedOut` when the session ends on the way, and `KeyboardInterrupt` when the person does not wait for the end
        of an answer that they stopped.
        """
        is_well = True
        with suppress(Leave, click.Abort), self._heeding_interrupts():
            for line in lines:
                self.output.said(line)
                self._confirmed = 0
                try:
                    is_well &= self._do(line)
                except TurnRunning:
                    is_well = False
                    self.complain("Your assistant is still answering.")
                except (Wrong, Unacceptable, Unanswerable, NotAllowed, TooManyTurns) as error:
                    is_well = False
                    self.complain(str(error))
        return is_well

    def _do(self, line: str) -> bool:
        """One line: something said, or a decision."""
        person = self.person()
        try:
            with denials_recorded(person.principal, "flask chat"):
                return self._decide(person, line) if line.startswith("/") else self._say(person, line)
        except NotAlive:
            self.person()  # says why
            raise

    def _say(self, person: SignedInPerson, line: str) -> bool:
        shop = services()
        text = accepted(shop.database, person.principal, line, limit=shop.settings.message_limit)
        begun = self.in_app.messages.send(person.principal, self._conversation, text)
        if self._conversation is None:
            self._conversation = begun.conversation.id
            for workflow in self.allows:
                self.in_app.decisions.consent(person.principal, self._conversation, workflow, True)
        return self._follow(begun, line)

    def _decide(self, person: SignedInPerson, line: str) -> bool:
        """The person's own decisions, and what else begins with a slash."""
        match line.split():
            case ["/allow", word] if word in CONSENTABLE:
                return self._allow(person, Workflow(word), line)
            case ["/confirm"]:
                return self._confirm(person, self._latest_question(OutcomeKind.AWAITING_APPROVAL), line)
            case ["/decline"]:
                self._decline(person, self._latest_question(OutcomeKind.AWAITING_APPROVAL, OutcomeKind.DENIED))
            case ["/help"]:
                self.output.note(HELP)
            case ["/quit"]:
                raise Leave
            case _:
                raise Wrong(f"{line[:40]!r} is no command here. There are:\n{HELP}")
        return True

    def _allow(self, person: SignedInPerson, workflow: Workflow, line: str) -> bool:
        """Allow a workflow: as the answer to the call that asked for it, or just so."""
        if self._conversation is None:
            self.allows.append(workflow)  # from the first message on: there is no conversation yet
        elif asked := next((item for item in self._questions() if _outcome(item).get("workflow") == workflow), None):
            return self._consent(person, asked, line)
        else:
            self.in_app.decisions.consent(person.principal, self._conversation, workflow, True)
        self.output.note(f"Your assistant may {workflow} in this conversation.")
        return True

    def _consent(self, person: SignedInPerson, asked: Item, line: str) -> bool:
        begun = self.in_app.decisions.answer_request(person.principal, str(self._conversation), asked.id, True)
        return begun is None or self._follow(begun, line)

    def _confirm(self, person: SignedInPerson, asked: Item, line: str) -> bool:
        begun = self.in_app.decisions.confirm(person.principal, str(self._conversation), _outcome(asked)["receipt"])
        return self._follow(begun, line)

    def _decline(self, person: SignedInPerson, asked: Item) -> None:
        if "receipt" in _outcome(asked):
            self.in_app.decisions.decline(person.principal, str(self._conversation), _outcome(asked)["receipt"])
        else:
            self.in_app.decisions.answer_request(person.principal, str(self._conversation), asked.id, False)
        self.output.note("Not now: nothing was done.")

    def _follow(self, begun: Begun, line: str) -> bool:
        """Show a turn while it runs, and put its questions to the person. Returns whether all of it came to its end."""
        self._running = begun
        for step in self.in_app.run(begun):
            if isinstance(step, TextGrew):
                self.output.text(step.item_id, step.text)
            elif isinstance(step, CallChanged) and not step.is_new:
                with services().database.read() as db:
                    item = db.get_one(Item, step.item_id)
                self.output.call(item)
        self._running = None
        with services().database.read() as db:
            turn = db.get_one(Turn, begun.turn.id)
        self.output.ended(line, turn)
        is_well = turn.state in {TurnState.COMPLETED, TurnState.WAITING}
        answered: set[str] = set()
        # Asked anew each time: an answer settles all requests of the turn for the same workflow.
        while asked := next((q for q in self._questions() if q.turn_id == turn.id and q.id not in answered), None):
            answered.add(asked.id)
            is_well &= self._settle(asked)
        return is_well

    def _settle(self, asked: Item) -> bool:
        """A question of the turn that has just ended: put to the person who is there, or answered as they said before."""
        person = self.person()
        if "receipt" not in _outcome(asked):
            workflow = _outcome(asked)["workflow"]
            what = WORDS[Workflow(workflow)].chip
            answer = self.ask and self.ask(f"Allow your assistant to {what} in this conversation?")
            go_on, line = self._consent, f"/allow {workflow}"
        else:
            shown = services().gateway.receipt_desk.view(person.principal, _outcome(asked)["receipt"])
            if shown is None or shown["state"] != ReceiptState.OPEN:
                return True  # a newer one took its place
            self.output.receipt(shown)
            answer = self._confirms_now() or (self.ask and self.ask(f"{shown['confirm_label']}?"))
            go_on, line = self._confirm, "/confirm"
        if answer:
            self.output.said(line)
            return go_on(person, asked, line)
        if answer is not None:
            self._decline(person, asked)
        return True

    def _confirms_now(self) -> bool | None:
        """Whether the person confirmed in advance; a model that asks again and again is not confirmed for ever."""
        self._confirmed += 1
        return (self.confirms and self._confirmed <= services().settings.tool_call_limit) or None

    def _questions(self) -> list[Item]:
        """What the latest turns' calls still ask their person, the latest first."""
        with services().database.read() as db:
            past = history.latest(db, self._conversation) if self._conversation else []
        items = [item for turn in past for item in turn.items]
        return [item for item in reversed(items) if item.outcome and not item.settled and asks_person(item.outcome)]

    def _latest_question(self, *kinds: OutcomeKind) -> Item:
        found = next((item for item in self._questions() if _outcome(item)["kind"] in kinds), None)
        if found is None:
            raise Wrong("There is nothing to decide at the moment.")
        return found

    @contextmanager
    def _heeding_interrupts(self) -> Iterator[None]:
        """Ctrl+C asks the running turn to stop, once; again, or when nothing runs, it ends the program."""

        def interrupted(_signal: int, _frame: FrameType | None) -> None:
            if self._running is None or self._stopping is self._running:
                raise KeyboardInterrupt
            self._stopping = self._running
            # In another thread: this one may be in the middle of whatever the signal came into.
            threading.Thread(target=copy_context().run, args=(self._stop, self._running)).start()

        before = signal.signal(signal.SIGINT, interrupted)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _stop(self, begun: Begun) -> None:
        """The flag behind the page's Stop button."""
        with suppress(SignedOut, Unanswerable, NotAllowed):
            person = self.person().principal
            with denials_recorded(person, "flask chat"):
                self.in_app.messages.stop(person, begun.conversation.id, begun.turn.id)


def _outcome(item: Item) -> dict[str, Any]:
    return item.outcome or {}


def typed() -> Iterator[str]:
    """What the person types, until they end it."""
    with suppress(ImportError):
        import readline  # noqa: F401, PLC0415 - its presence gives the prompt a history and editing
    while True:
        try:
            line = click.prompt(click.style("you ›", bold=True), prompt_suffix=" ", default="", show_default=False)
        except click.Abort:
            click.echo()
            return
        if line.strip():
            yield line.strip()


def scripted(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a script; those that are empty or begin with `#` are for who reads it."""
    return (line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
