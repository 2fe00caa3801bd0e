"""Principals and resources for the policy's tests, and the seed policy itself."""

from __future__ import annotations

from collections.abc import Iterable

from shop.authorization.conditions import Resource
from shop.authorization.policy import Policy
from shop.principal import EVERY_SCOPE, FIRST_SCOPES, IN_APP_ASSISTANT, Actor, Principal
from shop.settings import ROOT

POLICY = Policy.from_file(ROOT / "seed_data" / "policy" / "policy.csv")
LIMITS = {"buyer": 20_000, "approver": 200_000}
ACME, GLOBEX = "org_acme", "org_globex"
ME, COLLEAGUE = "usr_me", "usr_colleague"


OF_ROLES = -1
"""As a limit: the highest of the roles'."""


def person(*roles: str, limit: int | None = OF_ROLES) -> Principal:
    """A person of Acme with these roles, clicking."""
    of_roles = max((LIMITS[role] for role in roles if role in LIMITS), default=None)
    return Principal(
        subject=ME,
        organization=ACME,
        membership="mem_me",
        session="ses_me",
        roles=frozenset(roles),
        scopes=EVERY_SCOPE,
        order_limit=of_roles if limit == OF_ROLES else limit,
    )


def assistant(*roles: str, scopes: Iterable[str] = FIRST_SCOPES, limit: int | None = OF_ROLES) -> Principal:
    """The assistant of a person with these roles, with the workflows that they consented to."""
    theirs = person(*roles, limit=limit)
    return Principal(
        subject=theirs.subject,
        organization=theirs.organization,
        membership=theirs.membership,
        session=theirs.session,
        actor=Actor(client_id=IN_APP_ASSISTANT, build="test"),
        delegation="dlg_me",
        conversation="cnv_me",
        roles=theirs.roles,
        scopes=frozenset(scopes),
        order_limit=theirs.order_limit,
    )


def own(amount: int | None = None) -> Resource:
    """Something of one's own."""
    return Resource(kind="thing", id="1", owner=ME, organization=ACME, amount=amount)


def colleagues(amount: int | None = None) -> Resource:
    """The same thing, of somebody else in the organization."""
    return Resource(kind="thing", id="2", owner=COLLEAGUE, organization=ACME, amount=amount)


def another_organizations(owner: str = "usr_of_globex") -> Resource:
    """The same thing, of somebody in another organization."""
    return Resource(kind="thing", id="3", owner=owner, organization=GLOBEX, amount=100)


MISSING = Resource(kind="thing", id="4", exists=False)
"""The same thing, which is not there."""

CATALOGUE = Resource(kind="catalogue")
ACCESS = Resource(kind="access")
PEOPLE = Resource(kind="members", organization=ACME)
TRAIL = Resource(kind="organization", id=ACME, organization=ACME)
PEOPLE_ELSEWHERE = Resource(kind="members", organization=GLOBEX)
TRAIL_ELSEWHERE = Resource(kind="organization", id=GLOBEX, organization=GLOBEX)
