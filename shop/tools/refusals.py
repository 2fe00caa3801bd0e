"""From whatever stopped a call to its typed outcome, and the words for the person.

The person's rendering says why and what can be done next; it never says more than the person may know. The model's
coarse code and the auditor's full account are in `shop.authorization.decisions`.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from shop.approvals.receipts import ReceiptRefusalReason
from shop.authorization import decisions
from shop.authorization.conditions import CONDITIONS
from shop.authorization.decisions import Code, Decision, Effect
from shop.authorization.policy import Policy
from shop.credentials.ledger import NotAlive
from shop.identity.members import members
from shop.identity.models import Organization
from shop.principal import Principal
from shop.store.errors import StoreError
from shop.store.money import euros
from shop.store.variant_choice import Undecided
from shop.tools.call import Call, Changed
from shop.tools.outcomes import Denied, Failed, FailureCode
from shop.tools.registry import TOOLS, UnknownTool
from shop.tools.results.widgets import NotForWidgets
from shop.tools.tool import InvalidArguments
from shop.workflow_words import WORDS

RECEIPT_REASONS: Mapping[ReceiptRefusalReason, str] = {
    ReceiptRefusalReason.NOT_FOUND: "There is no such receipt.",
    ReceiptRefusalReason.NOT_A_PERSON: "Only the person themselves can decide a receipt.",
    ReceiptRefusalReason.APPROVED: "This receipt was confirmed already; nothing was done twice.",
    ReceiptRefusalReason.DECLINED: "This receipt was answered with 'not now' already.",
    ReceiptRefusalReason.VOIDED: "This receipt lost its force, because something it showed changed or its sign-in ended.",
    ReceiptRefusalReason.EXPIRED: "This receipt has expired. Ask the assistant again, and it makes a new one.",
}


def as_outcome(db: Session, policy: Policy, call: Call, refusal: Exception) -> Denied | Failed:
    """The outcome that a refusal stands for."""
    match refusal:
        case decisions.AccessDenied():
            decision = refusal.decision
        case NotAlive():
            decision = decisions.from_lapse(refusal, policy.version)
        case NotForWidgets():
            decision = Decision(
                effect=Effect.DENY,
                rule="widget.not_for_widgets",
                policy_version=policy.version,
                code=Code.NOT_PERMITTED,
            )
            return Denied(call_id=call.id, decision=decision, reason="Ask for this in the conversation.")
        case UnknownTool():
            return Failed(call_id=call.id, code=FailureCode.UNKNOWN_TOOL, message=str(refusal))
        case InvalidArguments():
            return Failed(call_id=call.id, code=FailureCode.INVALID_ARGUMENTS, message=str(refusal))
        case Undecided():
            return Failed(call_id=call.id, code=refusal.code, message=str(refusal), options=refusal.options)
        case StoreError():
            return Failed(call_id=call.id, code=refusal.code, message=str(refusal))
        case Changed():
            return Failed(
                call_id=call.id,
                code=FailureCode.CHANGED,
                message="Something changed since it was shown. Please look again.",
            )
        case _:
            return Failed(
                call_id=call.id,
                code=FailureCode.UNAVAILABLE,
                message="That did not work, and nothing was done. Please try again.",
            )
    return Denied(call_id=call.id, decision=decision, reason=for_person(db, call.principal, call.name, decision))


def for_person(db: Session, principal: Principal, tool: str, decision: Decision) -> str:
    """Why a decision said no, and what the person can do next."""
    if decision.condition:
        return CONDITIONS[decision.condition].refusal.for_person(decision.facts, _Colleagues(db, principal))
    match decision.code:
        case Code.CONSENT_NEEDED:
            what = WORDS[decision.workflow].chip if decision.workflow else "do this"
            return f"You have not allowed your assistant to {what} in this conversation yet."
        case Code.NOT_PERMITTED:
            return _not_permitted(TOOLS[tool].presentation.refusal_verb, decision)
        case Code.BLOCKED:
            return "Your organization has blocked this assistant. An administrator there can lift it."
        case Code.STOPPED:
            return "Your organization has stopped all assistants. An administrator there can let them go on."
        case Code.PAUSED:
            return "Your assistant is paused. Resume it, and it can go on."
        case Code.SUSPENDED:
            return "Your account is suspended. An administrator of your organization can restore it."
        case Code.SIGNED_OUT:
            return "The sign-in that this ran under has ended. Sign in again to go on."
        case _:
            return "This was refused. An administrator of your organization can say why."


class _Colleagues:
    """Who of the person's organization may order what (`conditions.Colleagues`). Reads when it is asked."""

    def __init__(self, db: Session, principal: Principal) -> None:
        self._db, self._principal = db, principal

    @property
    def organization(self) -> str:
        return self._organization.name

    @property
    def highest_order_limit(self) -> int:
        return max((int(limit) for limit in self._organization.order_limits.values()), default=0)

    def who_may_order(self, amount: int) -> list[str]:
        return [
            f"{member.person.name} (up to {euros(limit)})"
            for member in members(self._db, self._principal.organization)
            if (limit := member.authority.order_limit) is not None and limit >= amount
        ]

    def money(self, amount: int) -> str:
        return euros(amount)

    @property
    def _organization(self) -> Organization:
        return self._db.get_one(Organization, self._principal.organization)


def _not_permitted(verb: str, decision: Decision) -> str:
    if "ceiling" in decision.facts:
        return f"Your organization does not let this assistant {verb}. You can do it yourself, on the shop's own pages."
    if "scope_needed" in decision.facts:
        return f"An assistant cannot be allowed to {verb} this way. You can do it yourself, on the shop's own pages."
    held = " and ".join(decision.facts.get("roles", [])) or "none"
    would_do = sorted(decision.facts.get("roles_that_allow", []))
    whose = f" Somebody with the role {' or '.join(would_do)} may." if would_do else ""
    return f"Your role ({held}) may not {verb}.{whose}"
