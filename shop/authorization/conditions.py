"""The closed registry of conditions that a rule's `when` may name. Policy text is never evaluated as code.

A condition reads `Facts` and nothing else: they are resolved by the server before the decision (invariant I6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


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


def _same_organization(facts: Facts) -> bool:
    return facts.resource.exists and facts.resource.organization == facts.organization


def _other_organization(facts: Facts) -> bool:
    return facts.resource.organization not in (None, facts.organization)


def _own(facts: Facts) -> bool:
    return _same_organization(facts) and facts.resource.owner == facts.subject


def _within_order_limit(facts: Facts) -> bool:
    amount, limit = facts.resource.amount, facts.order_limit
    return amount is not None and limit is not None and 0 <= amount <= limit


CONDITIONS: Mapping[str, Callable[[Facts], bool]] = {
    "always": lambda facts: True,
    "other_organization": _other_organization,
    "own": _own,
    "same_organization": _same_organization,
    "within_order_limit": _within_order_limit,
}

ABOUT_WHOSE = frozenset({"own", "same_organization"})
"""Conditions whose failure must look like a resource that is not there (invariant I10)."""


def names(when: str) -> tuple[str, ...]:
    """The condition names in a rule's `when`, for instance `own & within_order_limit`."""
    return tuple(part.strip() for part in when.split("&"))


def holds(when: str, facts: Facts) -> bool:
    """Whether all conditions of a rule hold. The policy's reader has checked the names already."""
    return all(CONDITIONS[name](facts) for name in names(when))
