"""Step 6: what the audit says of a call. Amounts and numbers are plain facts; arguments and what was shown are
personal values, kept beside the event (invariant I14: neither ever holds a token).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from shop.approvals.receipts import Receipt
from shop.audit.denials import Details, note_denial
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.authorization.conditions import Resource
from shop.authorization.decisions import Code
from shop.conversations import turns
from shop.principal import Principal
from shop.tools.call import Call
from shop.tools.outcomes import AwaitingApproval, Denied, Failed, Outcome, Succeeded, for_memory
from shop.tools.registry import TOOLS

_MOST_ARGUMENT_CHARACTERS = 2000
_MOST_BRACKETS = 100
"""A bound for the depth: canonical JSON is written recursively."""


def record_outcome(
    db: Session, call: Call, outcome: Outcome, *, resource: Resource | None = None, shown: dict[str, Any] | None = None
) -> bool:
    """Write the event of a call's outcome, in the caller's transaction; of what was refused or failed, count it when that is many.

    A call of a turn is remembered in the same transaction, so that whoever goes on after a crash knows what was done, and
    does it no second time (invariant I13). Returns whether a window of refusals began with this one (`after_denial`).
    """
    tool = TOOLS.get(call.name)
    facts: dict[str, Any] = {"tool": call.name if tool else "unknown"}
    if tool:
        facts["workflow"] = tool.workflow
    match outcome:
        case Succeeded():
            facts |= outcome.result.audit_facts()
        case AwaitingApproval():
            facts["receipt"] = outcome.receipt_id
        case Denied():
            facts["code"] = outcome.code
        case Failed():
            facts["code"] = outcome.code
    if call.receipt:
        facts["receipt"] = call.receipt
    if call.from_widget:
        facts["from"] = "widget"
    personal: dict[str, Any] = {"arguments": _bounded(call.arguments)}
    if shown:
        personal["shown"] = shown
    if isinstance(outcome, Failed):
        personal["message"] = outcome.message
    details: Details = {
        "turn": call.turn,
        "tool_call": call.id,
        "action": tool.permission if tool else None,
        "resource": (resource.kind, resource.id) if resource and resource.id else None,
        "decision": outcome.decision.for_auditor() if outcome.decision else None,
        "outcome": outcome.kind,
        "facts": facts,
        "personal": personal,
    }
    began = False
    if isinstance(outcome, Denied | Failed):
        began = note_denial(
            db,
            outcome.event,
            _kind(facts["tool"], outcome),
            principal=call.principal,
            counts_as=_counts_as(outcome),
            is_hidden=outcome.event is EventName.TOOL_CALL_DENIED and outcome.code == Code.NOT_FOUND,
            **details,
        )
    else:
        record(db, outcome.event, principal=call.principal, **details)
    if call.turn:
        turns.settle(db, call.id, for_memory(outcome))
    return began


def _counts_as(outcome: Denied | Failed) -> EventName:
    """The name that a refusal is counted under. What is not there and what is not theirs is counted as one, for from the
    number of events that a person sees of each they could tell one from the other (invariant I10).
    """
    return EventName.TOOL_CALL_FAILED if outcome.code == Code.NOT_FOUND else outcome.event


def _kind(tool: str, outcome: Denied | Failed) -> str:
    if isinstance(outcome, Denied) and outcome.code != Code.NOT_FOUND:
        return f"{tool} {outcome.code} {outcome.decision.rule}"
    return f"{tool} {outcome.code}"


def record_decision_of_human(db: Session, name: EventName, human: Principal, receipt: Receipt, call_id: str) -> None:
    """Write that a human decided a receipt: the human's own principal, without actor, in the conversation's chain."""
    record(
        db,
        name,
        principal=replace(human, conversation=receipt.conversation),
        turn=receipt.turn,
        tool_call=call_id,
        resource=("receipt", receipt.id),
        facts={"tool": receipt.tool, "pin": receipt.pin},
    )


def _bounded(arguments: object) -> Any:
    """The arguments as proposed; whatever is not plain JSON of bearable size and depth is kept as its beginning."""
    try:
        text = json.dumps(arguments, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        return _beginning(arguments)
    is_bearable = len(text) <= _MOST_ARGUMENT_CHARACTERS and text.count("[") + text.count("{") <= _MOST_BRACKETS
    return json.loads(text, parse_int=_safe_integer) if is_bearable else text[:_MOST_ARGUMENT_CHARACTERS]


def _beginning(arguments: object) -> str:
    try:
        return repr(arguments)[:_MOST_ARGUMENT_CHARACTERS].encode(errors="replace").decode()
    except (ValueError, RecursionError):  # an integer of thousands of digits, or lists deeper than the stack
        return f"a {type(arguments).__name__} that cannot be written down"


def _safe_integer(text: str) -> int | str:
    """RFC 8785 knows no integer beyond 2^53: larger ones are kept as they were written."""
    return int(text) if abs(int(text)) < 2**53 else text
