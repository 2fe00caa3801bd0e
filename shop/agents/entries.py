"""The entries of the inventory: how an administrator brings a client into it, and what is in it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.agents.decisions import authorize_for_organization, record_decision
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.authorization.policy import Policy
from shop.credentials.agents import Agent, ClientKind, entry_lock, note_agent
from shop.credentials.ledger import Authority, live
from shop.identity.models import Person
from shop.oauth.clients.client import Client, keep, register
from shop.oauth.clients.metadata import ClientMetadata
from shop.oauth.issuer import Issuer
from shop.oauth.preregistration import facts_of, shown_once
from shop.principal import Principal


def take_in(db: Session, policy: Policy, administrator: Principal, client: Client) -> Agent:
    """Put a registered client into the organization's inventory before anybody used it; the administrator answers for it.

    It may do nothing by that alone. Raises `AccessDenied`.
    """
    administrator = live(db, administrator, changing=[entry_lock(administrator.organization, client.client_id)])
    authorize_for_organization(policy, administrator)
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
        facts = {"name": client.name, "kind": client.kind}
        record_decision(db, EventName.AGENT_TAKEN_IN, administrator, agent, facts)
    return agent


def register_for_organization(
    db: Session,
    server: Issuer,
    policy: Policy,
    metadata: ClientMetadata,
    administrator: Principal,
    *,
    scopes: list[str] | None,
) -> tuple[Agent, dict[str, Any]]:
    """Register a client for the people of one organization. Whoever registers it answers for it there.

    Returns its entry in the inventory and its metadata. Raises `AccessDenied`.
    """
    organization = administrator.organization
    client, secret = register(db, metadata, ClientKind.PREREGISTERED, scopes=scopes, organization_id=organization)
    agent = take_in(db, policy, administrator, client)
    record(
        db,
        EventName.CLIENT_REGISTERED,
        principal=administrator,
        resource=("agent", agent.id),
        outcome="succeeded",
        facts=facts_of(client),
    )
    return agent, shown_once(server, metadata, client, secret)


def inventory(db: Session, organization_id: str) -> list[tuple[Agent, Authority]]:
    """All clients that an organization knows, by name: the shop's own assistant first."""
    query = select(Agent, Authority).join(Authority, Authority.id == Agent.id)
    rows = db.execute(query.where(Agent.organization_id == organization_id).order_by(Agent.name, Agent.id))
    return sorted(
        ((agent, authority) for agent, authority in rows), key=lambda row: row[0].kind is not ClientKind.IN_APP
    )


def names_of_clients(db: Session, organization_id: str) -> dict[str, str]:
    """What the clients in an organization's inventory call themselves, by `client_id`."""
    query = select(Agent.client_id, Agent.name).where(Agent.organization_id == organization_id)
    return {client_id: name for client_id, name in db.execute(query)}


def names_of_agents(db: Session, identifiers: list[str]) -> dict[str, str]:
    """What the audit calls an agent that acted for nobody: its name, that no human was present, and who answers for it."""
    query = select(Agent.id, Agent.name, Person.name).outerjoin(Person, Person.id == Agent.owner_id)
    found = db.execute(query.where(Agent.id.in_(identifiers)))
    return {identifier: f"{name} (no human present; owner {owner or 'unknown'})" for identifier, name, owner in found}
