"""The four outcomes of a call, typed, and how each is told: to the model here, to the person by `for_person`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shop.audit.events import EventName
from shop.authorization.decisions import Code, Decision, Effect
from shop.authorization.not_there import NOT_THERE_RULE
from shop.tools.tool import Result

__all__ = [
    "AwaitingApproval",
    "Code",
    "Denied",
    "Effect",
    "Failed",
    "FailureCode",
    "Outcome",
    "OutcomeKind",
    "Succeeded",
    "code_of",
    "for_memory",
]


class OutcomeKind(StrEnum):
    """Which of the four outcomes a call had. The spellings are stored with conversations and in audit events."""

    SUCCEEDED = "succeeded"
    DENIED = "denied"
    AWAITING_APPROVAL = "awaiting_approval"
    FAILED = "failed"


class FailureCode(StrEnum):
    """Why a call came to nothing without a refusal by the policy. The store has codes of its own (`StoreError.code`), and so has
    a receipt (`RECEIPT_REASONS`)."""

    CHANGED = "changed"
    DECLINED = "declined"
    INVALID_ARGUMENTS = "invalid_arguments"
    UNAVAILABLE = "unavailable"
    UNKNOWN_TOOL = "unknown_tool"


@dataclass(frozen=True, kw_only=True)
class Succeeded:
    """The tool ran, and its effect is committed together with its event."""

    call_id: str
    decision: Decision
    result: Result
    kind = OutcomeKind.SUCCEEDED
    event = EventName.TOOL_CALL_SUCCEEDED

    def for_model(self) -> dict[str, Any]:
        """The declared fields of the result, and nothing else (invariant I12)."""
        return {"outcome": self.kind, "result": self.result.model_dump(mode="json")}


@dataclass(frozen=True, kw_only=True)
class Denied:
    """The gateway refused; nothing happened."""

    call_id: str
    decision: Decision
    reason: str
    """For the person: why, and what they can do."""
    kind = OutcomeKind.DENIED

    @property
    def code(self) -> Code:
        return self.decision.code or Code.NOT_PERMITTED

    @property
    def event(self) -> EventName:
        is_absent = self.decision.rule == NOT_THERE_RULE
        return EventName.TOOL_CALL_FAILED if is_absent else EventName.TOOL_CALL_DENIED

    def for_model(self) -> dict[str, Any]:
        """A coarse code. 'Not yours' looks exactly like 'not there' (invariant I10)."""
        outcome = OutcomeKind.FAILED if self.code is Code.NOT_FOUND else self.kind
        return {"outcome": outcome, **self.decision.for_model()}


@dataclass(frozen=True, kw_only=True)
class AwaitingApproval:
    """The call stopped with a receipt; nothing happens until its person confirms it on the shop's page."""

    call_id: str
    decision: Decision
    receipt_id: str
    kind = OutcomeKind.AWAITING_APPROVAL
    event = EventName.TOOL_CALL_AWAITING_APPROVAL

    def for_model(self) -> dict[str, Any]:
        """That it waits. No id: the model cannot approve, and has nothing to approve with (invariant I6)."""
        return {
            "outcome": self.kind,
            "message": "The person sees a receipt on the page. Nothing happens until they confirm it there.",
        }


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The call was not understood, or was allowed and could not be done; nothing happened."""

    call_id: str
    code: str
    message: str
    decision: Decision | None = None
    options: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Of a call that fits several things: by argument, what there is to choose from."""
    kind = OutcomeKind.FAILED
    event = EventName.TOOL_CALL_FAILED

    def for_model(self) -> dict[str, Any]:
        """The code and a sentence that says what to do."""
        return {"outcome": self.kind, "code": self.code, "message": self.message}


Outcome = Succeeded | Denied | AwaitingApproval | Failed


def for_memory(outcome: Outcome) -> dict[str, Any]:
    """An outcome as a conversation remembers it: what the model was told, and what the person may see."""
    memory: dict[str, Any] = {"kind": outcome.kind, "told": outcome.for_model()}
    if outcome.decision and (not isinstance(outcome, Denied) or outcome.code is not Code.NOT_FOUND):
        memory |= {"rule": outcome.decision.rule, "policy": outcome.decision.policy_version}
    match outcome:
        case Denied():
            memory |= {"code": str(outcome.code), "note": outcome.reason, "workflow": outcome.decision.workflow}
        case Failed():
            memory |= {"code": outcome.code, "note": outcome.message}
        case AwaitingApproval():
            memory |= {"receipt": outcome.receipt_id}
    return memory


def code_of(memory: Mapping[str, Any]) -> Code | None:
    """The code of a refusal as a conversation remembers it (`for_memory`); None for whatever is none of the policy's codes."""
    code = memory.get("code")
    return Code(code) if code in _CODES else None


_CODES = frozenset(Code)
