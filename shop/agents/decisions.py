"""What every decision of an administrator about a client has in common: the locks, the entry, the permission, the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.authorization.conditions import Resource
from shop.authorization.permissions import Permission
from shop.authorization.policy import Policy
from shop.credentials.agents import Agent, entry_lock
from shop.credentials.ledger import Authority, lock
from shop.principal import Principal


def entry_locks(db: Session, administrator: Principal, agent_id: str) -> tuple[str, ...]:
    """What a change of a client's entry locks: nothing, when the entry is another organization's.

    A client's calls hold its entry, and whoever gives it something holds `entry_lock`: both are waited for.
    """
    row = db.execute(select(Agent.organization_id, Agent.client_id).where(Agent.id == agent_id)).one_or_none()
    is_own = row is not None and row.organization_id == administrator.organization
    return (agent_id, entry_lock(*row)) if row and is_own else ()


def company_locks(db: Session, administrator: Principal, agent_id: str) -> tuple[str, ...]:
    """As `entry_locks`, for what ends grants of many people: with the organization, the topmost authority that they share.

    Without it there is a deadlock: a person who takes back their own grant holds its row and waits for the head of the audit
    chain, while this holds the head and waits for the row.
    """
    locks = entry_locks(db, administrator, agent_id)
    return (administrator.organization, *locks) if locks else ()


def own_entry(db: Session, policy: Policy, administrator: Principal, agent_id: str) -> tuple[Agent, Authority]:
    """A client's entry in the administrator's own organization, locked for a change.

    Raises `AccessDenied`; an entry of another organization is not found (invariant I10).
    """
    organization = db.scalar(select(Agent.organization_id).where(Agent.id == agent_id))
    resource = Resource(kind="agent", id=agent_id, organization=organization, exists=organization is not None)
    policy.authorize(principal=administrator, action=Permission.AGENTS_MANAGE, resource=resource)
    authority = lock(db, agent_id)
    return db.get_one(Agent, agent_id, populate_existing=True), authority


def authorize_for_organization(policy: Policy, administrator: Principal) -> None:
    """May this person decide about the clients of their organization, when it is about no entry that is there? Raises `AccessDenied`."""
    organization = administrator.organization
    policy.authorize(
        principal=administrator,
        action=Permission.AGENTS_MANAGE,
        resource=Resource(kind="organization", id=organization, organization=organization),
    )


def record_decision(
    db: Session, name: EventName, administrator: Principal, agent: Agent, facts: Mapping[str, object] | None = None
) -> str:
    """Record what an administrator decided about a client. Returns the event's id."""
    return record(
        db,
        name,
        principal=replace(administrator, conversation=None),
        resource=("agent", agent.id),
        action=Permission.AGENTS_MANAGE,
        facts={"client": agent.client_id, **(facts or {})},
    )
