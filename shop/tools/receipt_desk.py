"""What a person answers about a receipt when nothing is to be done: "not now", or an attempt that is refused.

Only an approval runs a call, so only that is in `gateway.py`. Each answer here is recorded (invariant I5).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shop.approvals import receipts
from shop.approvals.receipts import ReceiptRefused, ReceiptState
from shop.audit.denials import after_denial, note_denial, record_denial
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.authorization import decisions
from shop.credentials.ledger import NotAlive, live
from shop.principal import Principal
from shop.tools.audit_records import record_decision_of_human
from shop.tools.enquiries import Questions
from shop.tools.outcomes import Failed
from shop.tools.refusals import RECEIPT_REASONS


class Answers(Questions):
    """The gateway's part in what a person says about a receipt."""

    def alive(self, principal: Principal, where: str) -> Principal:
        """The principal with the authority it has now: for what an external assistant asks without running a tool.

        `where` is the method, in the protocol's words. Raises `NotAlive`, which is recorded as a refusal.
        """
        try:
            with self._database.read() as db:
                return live(db, principal)
        except NotAlive as lapsed:
            decision = decisions.from_lapse(lapsed, self.policy.version)
            record_denial(
                self._database,
                EventName.ACCESS_DENIED,
                decision.rule,
                principal=principal,
                decision=decision.for_auditor(),
                outcome="denied",
                facts={"page": where},
            )
            raise

    def decline(self, person: Principal, receipt_id: str) -> Failed:
        """A person answers a receipt with 'not now': nothing is done, and the receipt is used up."""
        try:
            with self._database.write() as db:
                human = live(db, person)
                receipt = receipts.claim(db, receipt_id, by=human)
                receipts.close(db, receipt, ReceiptState.DECLINED)
                record_decision_of_human(db, EventName.APPROVAL_DECLINED, human, receipt, receipt.tool_call)
                return Failed(call_id=receipt.tool_call, code="declined", message="The person answered: not now.")
        except ReceiptRefused as refused:
            return self._receipt_refused(person, receipt_id, refused.reason)
        except NotAlive:
            return self._receipt_refused(person, receipt_id, "voided")

    def open_receipt(self, person: Principal, receipt_id: str) -> dict[str, Any] | None:
        """What the page of a receipt shows its own person, who was sent there by a link; noted, while it can be decided.

        The link carries no authority (invariant I11): anybody else is refused like for a receipt that is not there.
        """
        view = self.receipt(person, receipt_id)
        if view is None:
            self._receipt_refused(person, receipt_id, "not_found")
            return None
        if view["state"] is ReceiptState.OPEN:
            with self._database.write() as db:
                who = replace(person, conversation=view["conversation"])
                record(db, EventName.APPROVAL_OPENED, principal=who, resource=("receipt", receipt_id))
        return view

    def refuse_unknown_receipt(self, person: Principal, receipt_id: str) -> None:
        """Note that a person tried to decide a receipt that is not where they said."""
        self._receipt_refused(person, receipt_id, "not_found")

    def _receipt_refused(self, person: Principal, receipt_id: str, reason: str) -> Failed:
        """Somebody tried to decide a receipt that is not theirs, or not open any more: recorded, and told apart from
        a receipt that is not there only by its own person.
        """
        with self._database.write() as db:
            receipt = receipts.find_receipt(db, receipt_id)
            is_theirs = receipt and (receipt.subject, receipt.organization) == (person.subject, person.organization)
            began = note_denial(
                db,
                EventName.APPROVAL_REFUSED,
                reason,
                principal=replace(person, conversation=receipt.conversation if receipt and is_theirs else None),
                resource=("receipt", receipt_id[:40]),
                facts={"reason": reason},
            )
            if receipt and reason == ReceiptState.EXPIRED and receipt.state is ReceiptState.OPEN:
                receipts.void(db, receipt, "expired", RECEIPT_REASONS["expired"], by=None)
        after_denial(self._database, began)
        return Failed(call_id=receipt_id, code=reason, message=RECEIPT_REASONS[reason])
