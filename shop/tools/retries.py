"""An external assistant's call that was asked for before: it is told what became of its receipt, and nothing is done twice.

Newer clients say that a call is a retry, and of what. Older ones only send the same call again: then one that cannot be
proposed any more, because just this was confirmed and done a moment ago, is taken for a retry.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy.orm import Session

from shop.approvals import receipts
from shop.approvals.receipts import Receipt, ReceiptRefusalReason, ReceiptState
from shop.authorization.decisions import Decision, Effect
from shop.store.errors import StoreError
from shop.tools.call import Call
from shop.tools.outcomes import AwaitingApproval, Failed, Succeeded
from shop.tools.refusals import RECEIPT_REASONS
from shop.tools.tool import Arguments, Tool


def receipt_named_by_retry(db: Session, call: Call, tool: Tool, arguments: Arguments) -> Receipt | None:
    """The receipt that a call says it retries, if it is one of this very call."""
    if call.retry_of is None:
        return None
    return receipts.asked_before(db, call.principal, tool.name, arguments.model_dump(mode="json"), call.retry_of)


def receipt_matching_repeat(
    db: Session, call: Call, tool: Tool, arguments: Arguments, error: StoreError, within: timedelta
) -> Receipt | None:
    """The lately confirmed receipt that explains why a call cannot be proposed any more."""
    if call.principal.grant is None or error.code != tool.done_code:
        return None
    return receipts.approved_before(db, call.principal, tool.name, arguments.model_dump(mode="json"), within)


def outcome_of_receipt(
    db: Session, call: Call, tool: Tool, decision: Decision, receipt: Receipt
) -> Succeeded | AwaitingApproval | Failed:
    """The outcome of the call that a receipt was for: the stored result of a confirmed one, still waiting, or not done."""
    if receipt.state is ReceiptState.APPROVED and receipt.result is not None:
        return Succeeded(call_id=call.id, decision=decision, result=tool.result.model_validate(receipt.result))
    if receipt.state is ReceiptState.OPEN and not receipts.is_late(db, receipt):
        needed = replace(decision, effect=Effect.NEEDS_APPROVAL)
        return AwaitingApproval(call_id=call.id, decision=needed, receipt_id=receipt.id)
    is_late = receipt.state is ReceiptState.OPEN
    reason = ReceiptRefusalReason.EXPIRED if is_late else ReceiptRefusalReason(receipt.state)
    return Failed(call_id=call.id, code=reason, message=RECEIPT_REASONS[reason], decision=decision)
