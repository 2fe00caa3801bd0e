"""The closed registry of conditions that a rule's `when` may name. Policy text is never evaluated as code.

Each condition carries its refusal: rule, code, facts and words stand here, so none can be told as another one. A condition reads
`Facts` and nothing else: they are resolved by the server before the decision (invariant I6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shop.authorization.decisions import Code
from shop.authorization.not_there import NOT_THERE, NOT_THERE_RULE


@dataclass(frozen=True, kw_only=True)
class Resource:
    """What an action is about. `owner` and `organization` come from the stored row, never from an argument."""

    kind: str
    id: str = ""
    owner: str | None = None
    organization: str | None = None
    exists: bool = True
    amount: int | None = None
    """Total in minor currency units, where the action has one."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The attributes that conditions compare: of the originating subject (I4), and of the resource."""

    subject: str
    organization: str
    order_limit: int | None
    resource: Resource


class Colleagues(Protocol):
    """What a text for the person looks up to say who could do it instead: of their own organization only."""

    @property
    def organization(self) -> str: ...
    @property
    def highest_order_limit(self) -> int: ...
    def who_may_order(self, amount: int) -> Sequence[str]: ...
    def money(self, amount: int) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What is said when a condition does not hold, to each who is told. No field has a default."""

    rule: Callable[[Facts], str]
    """For the auditor: the name under which it is recorded, unless a rule of the policy denied it by its own name."""
    code: Code
    """For the model."""
    facts: Callable[[Facts], dict[str, Any]]
    """For the auditor: what was compared."""
    for_person: Callable[[Mapping[str, Any], Colleagues], str]
    """For the person: why, from what was compared, and what they can do next."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A condition that a rule may name, and what is said when it does not hold."""

    holds: Callable[[Facts], bool]
    refusal: Refusal
    about_whose: bool = False
    """Whether it asks whose the resource is. Then its failure says nothing of the resource, and is told before any other."""


def _same_organization(facts: Facts) -> bool:
    return facts.resource.exists and facts.resource.organization == facts.organization


def _other_organization(facts: Facts) -> bool:
    return facts.resource.organization not in (None, facts.organization)


def _own(facts: Facts) -> bool:
    return _same_organization(facts) and facts.resource.owner == facts.subject


def _within_order_limit(facts: Facts) -> bool:
    amount, limit = facts.resource.amount, facts.order_limit
    return amount is not None and limit is not None and 0 <= amount <= limit


def amount_and_limit(facts: Facts) -> dict[str, Any]:
    """The amount and the limit that were compared, for the auditor; nothing of an action that has no amount."""
    if facts.resource.amount is None:
        return {}
    return {"amount": facts.resource.amount, "order_limit": facts.order_limit}


def amount_against_limit(compared: Mapping[str, Any], money: Callable[[int], str]) -> str | None:
    """What `amount_and_limit` recorded, in words for the auditor; None for a decision that compared no amount."""
    if "order_limit" not in compared:
        return None
    limit = compared["order_limit"]
    return f"{money(compared['amount'])} against a limit of {money(limit) if limit is not None else 'none'}"


def _over_limit(told: Mapping[str, Any], colleagues: Colleagues) -> str:
    if told.get("amount") is None:
        return "This has no amount to compare with your limit for one order. An administrator can correct the policy."
    amount, limit = int(told["amount"]), told["order_limit"]
    if limit is None:
        return "Your roles come without a limit for orders, so none can be placed."
    said = f"{colleagues.money(amount)} is over your limit of {colleagues.money(int(limit))} for one order."
    if others := colleagues.who_may_order(amount):
        return f"{said} {' or '.join(others[:2])} could order it."
    highest = colleagues.highest_order_limit
    if highest >= amount:
        return f"{said} An approver at {colleagues.organization} could order it (up to {colleagues.money(highest)})."
    return f"{said} Nobody at {colleagues.organization} may place an order of this size."


_NOT_THEIRS = Refusal(
    rule=lambda facts: "default.not_yours" if facts.resource.exists else NOT_THERE_RULE,
    code=Code.NOT_FOUND,
    facts=amount_and_limit,
    for_person=lambda _told, _colleagues: NOT_THERE,
)
"""What is not theirs is refused exactly like what is not there (invariant I10); only the rule, for the auditor, differs."""

CONDITIONS: Mapping[str, Condition] = {
    "always": Condition(
        holds=lambda facts: True,
        refusal=_NOT_THEIRS,  # never told: it cannot fail
    ),
    "other_organization": Condition(
        holds=_other_organization,
        refusal=_NOT_THEIRS,
    ),
    "own": Condition(
        holds=_own,
        about_whose=True,
        refusal=_NOT_THEIRS,
    ),
    "same_organization": Condition(
        holds=_same_organization,
        about_whose=True,
        refusal=_NOT_THEIRS,
    ),
    "within_order_limit": Condition(
        holds=_within_order_limit,
        refusal=Refusal(
            rule=lambda facts: "default.over_limit",
            code=Code.OVER_LIMIT,
            facts=amount_and_limit,
            for_person=_over_limit,
        ),
    ),
}


def names(when: str) -> tuple[str, ...]:
    """The condition names in a rule's `when`, for instance `own & within_order_limit`."""
    return tuple(part.strip() for part in when.split("&"))


def holds(when: str, facts: Facts) -> bool:
    """Whether all conditions of a rule hold. The policy's reader has checked the names already."""
    return all(CONDITIONS[name].holds(facts) for name in names(when))


def first_failed(when: str, facts: Facts, *, about_whose: bool) -> str | None:
    """The first condition of a rule that does not hold; with `about_whose`, of those that ask whose the resource is."""
    asked = (name for name in names(when) if CONDITIONS[name].about_whose or not about_whose)
    return next((name for name in asked if not CONDITIONS[name].holds(facts)), None)
