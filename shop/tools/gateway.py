"""The one door. Whoever wants something done — a person's click, the in-app assistant, an external one — passes here.

    1 find       the tool
    2 validate   its arguments
    3 authorize  live credential ∧ scope ∧ role policy ∧ ownership and limits
    4 approve    a tool that a human must confirm stops here with a receipt
    5 act        in the same database transaction as …
    6 record     … the audit event

The six steps are `_pass`, below; `call_tool` and `approve` are the two ways to it. A refusal rolls everything back and
is then recorded in a transaction of its own, so that a rollback cannot erase a denial. `show` and `decline` do nothing but
show and decline. What is asked without a call, and who reads a receipt, is beside it: `enquiries`, `receipt_desk`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shop.approvals import receipts
from shop.approvals.receipts import Receipt, ReceiptRefusalReason, ReceiptRefused, ReceiptState
from shop.audit.denials import after_denial
from shop.audit.events import EventName
from shop.authorization import decisions
from shop.authorization.conditions import Resource
from shop.authorization.decisions import Decision, Effect
from shop.authorization.policy import Policy
from shop.conversations.external import HostConversation
from shop.credentials.ledger import NotAlive, live, wait_in_line
from shop.database import Database, is_deadlock, new_id
from shop.principal import Principal
from shop.store.errors import StoreError
from shop.tools import retries
from shop.tools.audit_records import record_decision_of_human, record_outcome
from shop.tools.call import Call, Changed, pin_of
from shop.tools.enquiries import Enquiries
from shop.tools.outcomes import AwaitingApproval, Denied, Failed, FailureCode, Outcome, Succeeded
from shop.tools.permit import Permit, take_seal
from shop.tools.receipt_desk import ReceiptDesk
from shop.tools.refusals import as_outcome
from shop.tools.registry import TOOLS, UnknownTool, find
from shop.tools.results.widgets import NotForWidgets, require_widget_tool
from shop.tools.tool import Arguments, InvalidArguments, Result, Shown, Tool

_seal = take_seal()  # for this module only, by convention and by a test: `permit.py` says how strong that is
_log = logging.getLogger(__name__)
_ATTEMPTS = 4
"""How often a call begins anew when PostgreSQL ended it so that another could go on: nothing of it had happened."""
_REFUSALS = (UnknownTool, NotForWidgets, InvalidArguments, NotAlive, decisions.AccessDenied, StoreError, Changed)


class Gateway:
    """The six steps, bound to a database and a policy. Thread-safe: it holds no state of its own."""

    def __init__(self, database: Database, policy: Policy, *, receipt_lifetime: timedelta) -> None:
        self._database, self._receipt_lifetime = database, receipt_lifetime
        self.policy = policy
        self.enquiries = Enquiries(database, policy)
        self.receipt_desk = ReceiptDesk(database)

    def call_tool(
        self,
        principal: Principal,
        conversation: str | HostConversation | None,
        name: str,
        arguments: object,
        *,
        turn: str | None = None,
        call_id: str | None = None,
        seen: str | None = None,
        retry_of: str | None = None,
        from_widget: bool = False,
    ) -> Outcome:
        """Run one tool for a principal, or say why not.

        Never raises for what a caller sent: every outcome is typed and recorded. `conversation` is the id of one of ours, or
        what an external assistant's host calls its own. `seen` is the pin of what a clicking person was shown (from `show`);
        a tool that must be confirmed needs it, or a receipt. `retry_of` is the receipt that an external assistant got for this
        very call: it is told what became of that, and nothing is proposed again. `from_widget` only narrows: code in a
        frame reaches few tools, and an auditor tells a click there from what a model proposed.
        """
        of_host = conversation if isinstance(conversation, HostConversation) else None
        ours = principal.conversation if isinstance(conversation, HostConversation) else conversation
        if principal.actor and ours != principal.conversation:
            raise ValueError("a delegation is for one conversation")  # both are ids of our own rows: a bug of ours
        call = Call(
            id=call_id or new_id("call"),
            principal=replace(principal, conversation=ours),
            of_host=of_host,
            name=name,
            arguments=arguments,
            turn=turn,
            seen=seen,
            retry_of=retry_of,
            from_widget=from_widget,
        )
        return self._recorded(call, self._pass)

    def _pass(self, db: Session, call: Call, approved: Receipt | None = None) -> Outcome:
        # 1 find
        tool = find(call.name)
        if call.from_widget:
            require_widget_tool(tool.name)
        # 2 validate
        arguments = tool.validate(call.arguments)
        # 3 authorize: on rows read in this very transaction, so a revocation that committed first always wins
        principal = live(db, call.principal)
        resource = tool.resource(db, principal, arguments)
        decision = self.policy.authorize(principal=principal, action=tool.permission, resource=resource)
        with _seal.permit(tool.name, db, principal, resource, self.policy, TOOLS, call) as permit:
            # 4 approve: an assistant's call stops here; a person's click confirms exactly what they were shown
            if tool.preview:
                confirmed = approved.pin if approved else call.seen
                if earlier := tool.done_before(permit, confirmed):
                    return self._succeed(db, call, decision, resource, earlier)
                if principal.actor and not approved:
                    return self._ask(db, call, decision, resource, tool, permit, arguments)
                _, permit.pin = self._shown(tool, permit, arguments)
                if confirmed != permit.pin:
                    raise Changed
            # 5 act
            result = tool.body(permit, arguments)
        # 6 record
        return self._succeed(db, call, decision, resource, result)

    def approve(
        self, person: Principal, receipt_id: str, *, turn: str | None = None, call_id: str | None = None
    ) -> Outcome:
        """A person confirms a receipt: the pinned call passes all six steps again, and the receipt is used up.

        One transaction holds the use of the receipt, the effect and the events. The call runs as the assistant that
        asked: were its delegation dead or its consent withdrawn, or had anything shown changed, the receipt is void.
        """
        with self._database.read() as db:
            receipt = self.receipt_desk.find(db, person, receipt_id)
        if receipt is None:
            return self.receipt_desk.refuse_unknown(person, receipt_id)
        if person.actor is not None:
            return self.receipt_desk.refuse(person, receipt_id, ReceiptRefusalReason.NOT_A_PERSON)
        call = Call(
            id=call_id or new_id("call"),
            principal=receipt.asker(),
            name=receipt.tool,
            arguments=receipt.arguments,
            turn=turn or receipt.turn,
            receipt=receipt_id,
        )

        def run(db: Session, call: Call) -> Outcome:
            wait_in_line(db, person, call.principal)
            human = live(db, person)
            claimed = receipts.claim(db, receipt_id, by=human)
            receipts.close(db, claimed, ReceiptState.APPROVED)
            record_decision_of_human(db, EventName.APPROVAL_APPROVED, human, claimed, call.id)
            outcome = self._pass(db, call, approved=claimed)
            if isinstance(outcome, Succeeded):
                claimed.result = outcome.result.model_dump(mode="json")
            return outcome

        try:
            return self._recorded(call, run)
        except ReceiptRefused as refused:
            return self.receipt_desk.refuse(person, receipt_id, refused.reason)

    def decline(self, person: Principal, receipt_id: str) -> Failed:
        """A person answers a receipt with 'not now': nothing is done, and the receipt is used up."""
        try:
            with self._database.write() as db:
                human = live(db, person)
                receipt = receipts.claim(db, receipt_id, by=human)
                receipts.close(db, receipt, ReceiptState.DECLINED)
                record_decision_of_human(db, EventName.APPROVAL_DECLINED, human, receipt, receipt.tool_call)
                return Failed(
                    call_id=receipt.tool_call, code=FailureCode.DECLINED, message="The person answered: not now."
                )
        except ReceiptRefused as refused:
            return self.receipt_desk.refuse(person, receipt_id, refused.reason)
        except NotAlive:
            return self.receipt_desk.refuse(person, receipt_id, ReceiptRefusalReason.VOIDED)

    def show(self, person: Principal, name: str, arguments: object) -> tuple[Shown, str] | Outcome:
        """What a person's click would do, and the pin to send with that click; or the recorded refusal."""
        call = Call(id=new_id("call"), principal=person, name=name, arguments=arguments)
        try:
            with self._database.write() as db:
                tool, principal = find(name), live(db, person)
                parsed = tool.validate(arguments)
                resource = tool.resource(db, principal, parsed)
                self.policy.authorize(principal=principal, action=tool.permission, resource=resource)
                with _seal.permit(tool.name, db, principal, resource, self.policy, TOOLS, call) as permit:
                    return self._shown(tool, permit, parsed)
        except _REFUSALS as refusal:
            return self._refused(call, refusal)

    def _recorded(self, call: Call, run: Callable[[Session, Call], Outcome]) -> Outcome:
        """Run in one transaction; a refusal rolls it back, and is recorded in its own."""
        for may_try_again in reversed(range(_ATTEMPTS)):
            try:
                with self._database.write() as db:
                    return run(db, call.located(db))
            except _REFUSALS as refusal:
                return self._refused(call, refusal)
            except SQLAlchemyError as error:
                if not (is_deadlock(error) and may_try_again):
                    _log.exception("the database failed under call %s", call.id)
                    return self._refused(call, error)
        raise AssertionError("the last attempt returns")

    def _refused(self, call: Call, refusal: Exception) -> Outcome:
        with self._database.write() as db:
            call = call.located(db)
            # The receipt's row before the chain's head, as everywhere: one order of locks.
            receipt = receipts.lock_receipt(db, call.receipt) if call.receipt else None
            outcome = as_outcome(db, self.policy, call, refusal)
            began = record_outcome(db, call, outcome)
            if receipt and receipt.state is ReceiptState.OPEN:
                note = outcome.reason if isinstance(outcome, Denied) else outcome.message
                receipts.void(db, receipt, outcome.code, note, by=None)
        after_denial(self._database, began)
        return outcome

    def _shown(self, tool: Tool, permit: Permit, arguments: Arguments) -> tuple[Shown, str]:
        if tool.preview is None:
            raise ValueError(f"{tool.name} needs no confirmation, so there is nothing to show")
        shown = tool.preview(permit, arguments)
        return shown, pin_of(tool, arguments, shown)

    def _succeed(self, db: Session, call: Call, decision: Decision, resource: Resource, result: Result) -> Succeeded:
        outcome = Succeeded(call_id=call.id, decision=decision, result=result)
        record_outcome(db, call, outcome, resource=resource)
        return outcome

    def _ask(
        self,
        db: Session,
        call: Call,
        decision: Decision,
        resource: Resource,
        tool: Tool,
        permit: Permit,
        arguments: Arguments,
    ) -> Outcome:
        """Stop an assistant's call with a receipt, or tell an external one that retries it what became of its receipt."""
        before = retries.receipt_named_by_retry(db, call, tool, arguments)
        if before is None:
            try:
                shown, permit.pin = self._shown(tool, permit, arguments)
                return self._stop(db, call, decision, resource, arguments, shown, permit.pin)
            except StoreError as error:
                before = retries.receipt_matching_repeat(db, call, tool, arguments, error, self._receipt_lifetime)
                if before is None:
                    raise
        outcome = retries.outcome_of_receipt(db, call, tool, decision, before)
        record_outcome(db, replace(call, receipt=before.id), outcome, resource=resource)
        return outcome

    def _stop(
        self,
        db: Session,
        call: Call,
        decision: Decision,
        resource: Resource,
        arguments: Arguments,
        shown: Shown,
        pin: str,
    ) -> AwaitingApproval:
        """Make the receipt of a call that a human must confirm; an older open one of the same tool loses its force."""
        receipt = receipts.ask(
            db,
            call.principal,
            turn=call.turn,
            tool_call=call.id,
            tool=call.name,
            arguments=arguments.model_dump(mode="json"),
            shown=shown.model_dump(mode="json"),
            pin=pin,
            lifetime=self._receipt_lifetime,
        )
        stopped = AwaitingApproval(
            call_id=call.id, decision=replace(decision, effect=Effect.NEEDS_APPROVAL), receipt_id=receipt.id
        )
        record_outcome(db, call, stopped, resource=resource, shown=receipt.shown)
        return stopped
