"""A decision and its three renderings (design §6).

The model gets a coarse code, the person the reason and the next step, the auditor everything. "Not yours", "another
organization's" and "not there" are one and the same code and one and the same sentence (invariant I10); only the
auditor's rendering names the rule that tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shop.authorization.not_there import NOT_THERE
from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import Kind, Lapse, NotAlive
from shop.principal import Workflow


class Effect(StrEnum):
    """What was decided."""

    ALLOW = "allow"
    DENY = "deny"
    NEEDS_APPROVAL = "needs_approval"


class Code(StrEnum):
    """The coarse reason of a refusal: all that a model is told."""

    BLOCKED = "blocked"
    CONSENT_NEEDED = "consent_needed"
    NOT_FOUND = "not_found"
    NOT_PERMITTED = "not_permitted"
    OVER_LIMIT = "over_limit"
    PAUSED = "paused"
    SIGNED_OUT = "signed_out"
    STOPPED = "stopped"
    SUSPENDED = "suspended"

    @property
    def end_reason(self) -> EndReason | None:
        """Why the credential is not alive, of a code that says that it is not."""
        return _NOT_ALIVE.get(self)


_NOT_ALIVE = {
    Code.BLOCKED: EndReason.BLOCKED,
    Code.PAUSED: EndReason.PAUSED,
    Code.SIGNED_OUT: EndReason.SIGNED_OUT,
    Code.STOPPED: EndReason.STOPPED,
    Code.SUSPENDED: EndReason.SUSPENDED,
}


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Allow, deny or needs approval, with the rule that decided and the version of the policy."""

    effect: Effect
    rule: str
    policy_version: str
    code: Code | None = None
    workflow: Workflow | None = None
    """Of `consent_needed`: the workflow that the person could allow."""
    condition: str | None = None
    """Of a refusal: the condition that did not hold. Its words for the person stand with it (`conditions.py`)."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the decision compared (limit, amount, roles held, roles that would do): for the auditor."""

    @property
    def allowed(self) -> bool:
        return self.effect is not Effect.DENY

    def for_auditor(self) -> dict[str, Any]:
        """Everything, as it stands in the audit event."""
        record: dict[str, Any] = {"effect": self.effect, "rule": self.rule, "policy_version": self.policy_version}
        if self.code:
            record["code"] = self.code
        return record | ({"facts": dict(self.facts)} if self.facts else {})

    def for_model(self) -> dict[str, Any]:
        """A coarse code and a neutral sentence: an explanation must not be an oracle."""
        if self.code is None:
            return {}
        message = {
            Code.BLOCKED: "An administrator of this person's organization has blocked this assistant.",
            Code.CONSENT_NEEDED: "The person has not allowed this in this conversation. They see a button to allow it.",
            Code.NOT_FOUND: NOT_THERE,
            Code.NOT_PERMITTED: "This person may not do this. The page tells them why.",
            Code.OVER_LIMIT: "This is over a limit. The page tells the person which one and what they can do.",
            Code.PAUSED: "The assistant is paused.",
            Code.SIGNED_OUT: "The sign-in that this conversation ran under has ended.",
            Code.STOPPED: "An administrator of this person's organization has stopped all assistants there.",
            Code.SUSPENDED: "This account is suspended.",
        }[self.code]
        return {"code": self.code, "message": message} | ({"workflow": self.workflow} if self.workflow else {})


class AccessDenied(Exception):
    """`authorize` refused. Nothing was done; the caller records the denial."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.rule)
        self.decision = decision


def from_lapse(lapsed: NotAlive, policy_version: str) -> Decision:
    """The denial that stands for a credential which is not alive."""
    code = {Lapse.PAUSED: Code.PAUSED, Lapse.SUSPENDED: Code.SUSPENDED}.get(lapsed.lapse, Code.SIGNED_OUT)
    if lapsed.kind in {Kind.MEMBERSHIP, Kind.ORGANIZATION} and code is Code.SIGNED_OUT:
        code = Code.SUSPENDED
    if lapsed.kind is Kind.ORGANIZATION and code is Code.PAUSED:
        code = Code.STOPPED
    if lapsed.kind is Kind.AGENT:
        code = Code.BLOCKED
    return Decision(
        effect=Effect.DENY,
        rule=f"credential.{lapsed.kind}.{lapsed.lapse}",
        policy_version=policy_version,
        code=code,
        facts={"authority": lapsed.authority} | ({"because": lapsed.because} if lapsed.because else {}),
    )
