"""Receipts as their own person reads them, and every attempt to decide one that is refused. Each refusal is recorded (I5).

Only an approval runs a call, and a receipt is used up in the gateway; nothing here does either.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from shop.approvals import receipts
from shop.approvals.receipts import Receipt, ReceiptRefusalReason, ReceiptState
from shop.audit.denials import after_denial, note_denial
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.database import Database
from shop.principal import Principal
from shop.tools.outcomes import Failed
from shop.tools.refusals import RECEIPT_REASONS

__all__ = ["ReceiptDesk", "ReceiptState"]


class ReceiptDesk:
    """Finds a receipt for its own person, and refuses whoever may not decide it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, db: Session, person: Principal, receipt_id: str) -> Receipt | None:
        """A receipt of this person's; None for anybody else, as for none (invariant I10)."""
        receipt = receipts.find_receipt(db, receipt_id)
        return receipt if receipt and _is_of(receipt, person) else None

    def view(self, person: Principal, receipt_id: str) -> dict[str, Any] | None:
        """What a receipt shows its own person, and where it stands."""
        with self._database.read() as db:
            receipt = self.find(db, person, receipt_id)
            return receipts.view_of(db, receipt) if receipt else None

    def call_of(self, person: Principal, receipt_id: str) -> str | None:
        """The call that a receipt of this person's was made for."""
        with self._database.read() as db:
            receipt = self.find(db, person, receipt_id)
            return receipt.tool_call if receipt else None

    def open_page(self, person: Principal, receipt_id: str) -> dict[str, Any] | None:
        """What the page of a receipt shows its own person, who was sent there by a link; noted, while it can be decided.

        The link carries no authority (invariant I11): anybody else is refused like for a receipt that is not there.
        """
        view = self.view(person, receipt_id)
        if view is None:
            self.refuse_unknown(person, receipt_id)
            return None
        if view["state"] is ReceiptState.OPEN:
            with self._database.write() as db:
                who = replace(person, conversation=view["conversation"])
                record(db, EventName.APPROVAL_OPENED, principal=who, resource=("receipt", receipt_id))
        return view

    def refuse_unknown(self, person: Principal, receipt_id: str) -> Failed:
        """Note that a person tried to decide a receipt that is not where they said."""
        return self.refuse(person, receipt_id, ReceiptRefusalReason.NOT_FOUND)

    def refuse(self, person: Principal, receipt_id: str, reason: ReceiptRefusalReason) -> Failed:
        """Somebody tried to decide a receipt that is not theirs, or not open any more: recorded, and told apart from
        a receipt that is not there only by its own person.
        """
        with self._database.write() as db:
            receipt = receipts.find_receipt(db, receipt_id)
            theirs = receipt if receipt and _is_of(receipt, person) else None
            began = note_denial(
                db,
                EventName.APPROVAL_REFUSED,
                reason,
                principal=replace(person, conversation=theirs.conversation if theirs else None),
                resource=("receipt", receipt_id[:40]),
                facts={"reason": reason},
            )
            if receipt and reason is ReceiptRefusalReason.EXPIRED and receipt.state is ReceiptState.OPEN:
                receipts.void(db, receipt, reason, RECEIPT_REASONS[reason], by=None)
        after_denial(self._database, began)
        return Failed(call_id=receipt_id, code=reason, message=RECEIPT_REASONS[reason])


def _is_of(receipt: Receipt, person: Principal) -> bool:
    return (receipt.subject, receipt.organization) == (person.subject, person.organization)
