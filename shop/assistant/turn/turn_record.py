"""A turn as data, for programs: `flask chat --json` prints it, and a conversation that is saved as a file holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shop.assistant.turn.call_titles import tool_of
from shop.assistant.turn.context import arguments_of
from shop.conversations.models import Item, ItemKind, Turn
from shop.tools.outcomes import Code, Effect, FailureCode, OutcomeKind, code_of
from shop.tools.refusals import RECEIPT_REASONS

_DECISIONS: Mapping[str, Effect] = {
    OutcomeKind.SUCCEEDED: Effect.ALLOW,
    OutcomeKind.DENIED: Effect.DENY,
    OutcomeKind.AWAITING_APPROVAL: Effect.NEEDS_APPROVAL,
}
_UNDECIDED = frozenset(
    {FailureCode.UNKNOWN_TOOL, FailureCode.INVALID_ARGUMENTS, FailureCode.UNAVAILABLE, *RECEIPT_REASONS}
)
"""Codes of calls that failed before the policy was asked; what failed with another one was allowed, and could not be done."""


def record_of(line: str, turn: Turn) -> dict[str, Any]:
    """A turn as data: what was said, what was called and what became of it, and the reply."""
    items = [item for item in turn.items if item.text or item.kind is ItemKind.CALL]
    record: dict[str, Any] = {
        "message": line,
        "calls": [_call_record(item) for item in items if item.kind is ItemKind.CALL],
        "reply": "\n\n".join(item.text for item in items if item.kind is ItemKind.TEXT),
        "state": str(turn.state),
    }
    return record | ({"error": turn.error_text} if turn.error_text else {})


def _call_record(item: Item) -> dict[str, Any]:
    outcome = item.outcome or {"kind": OutcomeKind.FAILED, "code": FailureCode.UNAVAILABLE}
    decision = _DECISIONS.get(outcome["kind"]) or ("none" if outcome["code"] in _UNDECIDED else Effect.ALLOW)
    record = {
        "name": tool_of(item),
        "arguments": arguments_of(item),
        "decision": decision,
        "outcome": outcome_of(item),
    }
    return record | {name: outcome[name] for name in ("rule", "code") if outcome.get(name)}


def outcome_of(item: Item) -> OutcomeKind:
    """A call's outcome; what is not theirs looks like what is not there (invariant I10)."""
    outcome = item.outcome or {"kind": OutcomeKind.FAILED}
    return OutcomeKind.FAILED if code_of(outcome) is Code.NOT_FOUND else OutcomeKind(outcome["kind"])
