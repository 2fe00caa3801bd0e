"""The organization's inventory of clients, where an administrator gives: a client that nobody let in yet is taken in, and one
that has an owner may act with no human present. What an administrator takes away is in `shop.revocation`.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.authorization.conditions import Resource
from shop.authorization.permissions import Permission
from shop.authorization.policy import Policy
from shop.credentials.agents import Agent, NotVouchedFor, entry_lock, note_agent
from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import Authority, Kind, below, end, live, lock
from shop.identity.members import DEFAULT_ROLE
from shop.identity.models import Person
from shop.oauth.clients.client import Client, keep
from shop.principal import Actor, Principal


def take_in(db: Session, policy: Policy, administrator: Principal, client: Client) -> Agent:
    """Put a registered client into the organization's inventory before anybody used it; the administrator answers for it.

    It may do nothing by that alone. Raises `Denied`.
    """
    administrator = live(db, administrator, changing=[entry_lock(administrator.organization, client.client_id)])
    _authorize(policy, administrator)
    keep(db, client.client_id)
    agent, is_new = note_agent(
        db,
        organization_id=administrator.organization,
        client_id=client.client_id,
        kind=client.kind,
        name=client.name,
        publisher=client.publisher,
        owner_id=administrator.subject,
    )
    if is_new:
        _record(db, EventName.AGENT_TAKEN_IN, administrator, agent, {"name": client.name, "kind": client.kind})
    return agent


def let_act_alone(db: Session, policy: Policy, administrator: Principal, agent_id: str, allowed: bool) -> None:
    """Let a client act with no human present, looking and reading only; or end that, with the tokens it has for it.

    Whoever decides answers for it from then on. Raises `Denied`; an entry of another organization is not found. Raises
    `NotVouchedFor`.
    """
    entry = db.execute(select(Agent.organization_id, Agent.client_id).where(Agent.id == agent_id)).one_or_none()
    is_own = entry is not None and entry.organization_id == administrator.organization
    administrator = live(db, administrator, changing=[agent_id, entry_lock(*entry)] if entry and is_own else [])
    agent = db.get(Agent, agent_id)
    if agent is None or not is_own:
        _authorize(policy, administrator, Resource(kind="agent", id=agent_id, exists=False))
        raise LookupError("the policy allowed what is not there")
    _authorize(policy, administrator)
    authority = lock(db, agent.id)
    if (authority.roles is not None) == allowed:
        return
    if allowed and not agent.is_vouched_for:
        raise NotVouchedFor("Nobody vouches for who this client is, so it does nothing that no person asked for.")
    authority.roles = [DEFAULT_ROLE] if allowed else None
    agent.owner_id = administrator.subject if allowed else agent.owner_id
    ended = [] if allowed else [token for _, token in end(db, below(db, agent.id, Kind.TOKEN), EndReason.NOT_ALONE)]
    facts = {"name": agent.name, "allowed": allowed, "owner": agent.owner_id, "tokens": ended}
    _record(db, EventName.AGENT_ALONE_CHANGED, administrator, agent, facts)


def agents_that_act_alone(db: Session, client_id: str) -> list[Agent]:
    """A client's entries in the organizations that let it act with no human present."""
    query = select(Agent).join(Authority, Authority.id == Agent.id)
    entries = db.execute(query.add_columns(Authority.roles).where(Agent.client_id == client_id).order_by(Agent.id))
    return [agent for agent, roles in entries if roles is not None]


def alone(agent: Agent, token: str) -> Principal:
    """An agent that acts for nobody: it is its own subject, below its own entry in the inventory."""
    return Principal(
        subject=agent.id,
        organization=agent.organization_id,
        membership=agent.id,
        actor=Actor(client_id=agent.client_id, agent=agent.id),
        token=token,
    )


def names_of_agents(db: Session, identifiers: list[str]) -> dict[str, str]:
    """What the audit calls an agent that acted for nobody: its name, that no human was present, and who answers for it."""
    query = select(Agent.id, Agent.name, Person.name).outerjoin(Person, Person.id == Agent.owner_id)
    found = db.execute(query.where(Agent.id.in_(identifiers)))
    return {identifier: f"{name} (no human present; owner {owner or 'unknown'})" for identifier, name, owner in found}


def _authorize(policy: Policy, administrator: Principal, resource: Resource | None = None) -> None:
    organization = administrator.organization
    policy.authorize(
        principal=administrator,
        action=Permission.AGENTS_MANAGE,
        resource=resource or Resource(kind="organization", id=organization, organization=organization),
    )


def _record(db: Session, name: EventName, by: Principal, agent: Agent, facts: Mapping[str, object]) -> None:
    record(
        db,
        name,
        principal=by,
        resource=("agent", agent.id),
        action=Permission.AGENTS_MANAGE,
        facts={"client": agent.client_id, **facts},
    )
