"""What an assistant asks that cannot see the shop's page: has the person decided? Of the workflow *read*.

It tells where a receipt stands, and can change nothing about it (invariant I6).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy.orm import Session

from shop.approvals import receipts
from shop.approvals.receipts import Receipt, ReceiptState
from shop.authorization.conditions import Resource
from shop.authorization.permissions import Permission
from shop.principal import Principal, Workflow
from shop.tools.permit import Permit
from shop.tools.presentation import Presentation, no_follow_ups
from shop.tools.tool import Arguments, Result, tool


class CheckApproval(Arguments):
    """Which one."""

    approval: str | None = Field(
        default=None,
        max_length=40,
        description="The last part of the approval link, `rcp_…`. The latest one of this conversation if left out.",
    )


class ApprovalView(Result):
    """Where the person's decision about one call stands."""

    approval: str
    tool: str
    title: str
    state: ReceiptState
    message: str
    expires_at: str
    done: dict[str, str | int] | None = None
    """Of a confirmed call: the numbers of what was done, for instance the order's."""

    def audit_facts(self) -> dict[str, Any]:
        return {"receipt": self.approval, "state": self.state}


_MESSAGES = {
    ReceiptState.OPEN: "The person has not decided yet. Nothing has been done.",
    ReceiptState.APPROVED: "The person confirmed, and it was done once.",
    ReceiptState.DECLINED: "The person answered: not now. Nothing was done.",
    ReceiptState.VOIDED: "It could not be done any more, and nothing was done.",
    ReceiptState.EXPIRED: "The person did not decide in time. Nothing was done.",
}


def _find(db: Session, principal: Principal, arguments: CheckApproval) -> Receipt | None:
    """The receipt that is meant; one that another assistant asked for is not there for this one (invariant I10)."""
    if arguments.approval:
        receipt = receipts.find_receipt(db, arguments.approval)
    else:
        receipt = receipts.latest_in(db, principal.conversation) if principal.conversation else None
    is_anothers = receipt and principal.actor and receipt.client_id != principal.actor.client_id
    return None if is_anothers else receipt


def _the_receipt(db: Session, principal: Principal, arguments: CheckApproval) -> Resource:
    receipt = _find(db, principal, arguments)
    if receipt is None:
        return Resource(kind="receipt", id=arguments.approval or "", exists=False)
    return Resource(kind="receipt", id=receipt.id, owner=receipt.subject, organization=receipt.organization)


@tool(
    title="See whether something was approved",
    workflow=Workflow.READ,
    permission=Permission.APPROVALS_READ,
    resource=_the_receipt,
    read_only=True,
    presentation=Presentation(
        refusal_verb="do this",
        call_title=None,
        card=None,
        can_be_undone=False,
        follow_ups=no_follow_ups,
        in_widget=None,
        widgets_may_call=True,
    ),
)
def check_approval(permit: Permit, arguments: CheckApproval) -> ApprovalView:
    """Tell whether the person has confirmed or declined what waits for them on the shop's page, and what was done.

    Use it after a tool answered that it waits for the person's approval. It changes nothing: only the person can decide.
    """
    receipt = receipts.find_receipt(permit.db, permit.resource.id)
    if receipt is None:
        raise LookupError("authorized a receipt that is not there")
    state = ReceiptState.EXPIRED if receipts.is_late(permit.db, receipt) else receipt.state
    return ApprovalView(
        approval=receipt.id,
        tool=receipt.tool,
        title=receipt.shown["title"],
        state=state,
        message=_MESSAGES[state],
        expires_at=_text(receipt.expires_at),
        done=_done(permit, receipt),
    )


def _done(permit: Permit, receipt: Receipt) -> dict[str, str | int] | None:
    """Numbers only: whoever wants more asks for the order, which today's rules decide about (invariant I12)."""
    return None if receipt.result is None else permit.tools[receipt.tool].audit_facts_of(receipt.result)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
