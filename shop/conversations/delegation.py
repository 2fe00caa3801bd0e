"""How an assistant gets its principal, and how its person widens, narrows and pauses what it may do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.conversations.models import Conversation
from shop.credentials.agents import agent_of, ceiling_of
from shop.credentials.delegations import living_delegation, start_delegation
from shop.credentials.ledger import Authority, Kind, live, lock, paused_at
from shop.database import moment
from shop.principal import CONSENTABLE, FIRST_SCOPES, IN_APP_ASSISTANT, Actor, Principal, Workflow


def assistant_for(
    db: Session, person: Principal, conversation: Conversation, *, build: str, lifetime: timedelta
) -> Principal:
    """The principal of the assistant in a conversation: same subject, an actor, a delegation below this session.

    The living delegation of this session is used; else a new one starts with *browse* and *read*, linked to its
    predecessor (design §8). Raises `NotAlive` when the person's own session is not alive.
    """
    if person.actor:
        raise ValueError("an assistant gets its authority from a person, not from another assistant")
    live(db, person)
    found = living_delegation(db, conversation.id, person.own_session)
    if found is None:
        delegation = start_delegation(
            db,
            session_id=person.own_session,
            conversation_id=conversation.id,
            client_id=IN_APP_ASSISTANT,
            lifetime=lifetime,
        )
        scopes = FIRST_SCOPES
    else:
        delegation, scopes = found[0], frozenset(Workflow(scope) for scope in found[1].scopes or ())
    assistant = replace(
        person,
        actor=Actor(client_id=IN_APP_ASSISTANT, build=build, agent=_own_agent(db, person.organization)),
        delegation=delegation.id,
        conversation=conversation.id,
        scopes=scopes,
    )
    if found is None:
        record(
            db,
            EventName.DELEGATION_STARTED,
            principal=assistant,
            resource=("delegation", delegation.id),
            facts={"scopes": sorted(scopes), "predecessor": delegation.predecessor_id},
        )
    return assistant


def scopes_here(db: Session, person: Principal, conversation_id: str | None) -> frozenset[str]:
    """The workflows that the assistant may use in a conversation now: for the chips."""
    found = living_delegation(db, conversation_id, person.own_session) if conversation_id else None
    consented = frozenset(found[1].scopes or ()) if found else FIRST_SCOPES
    return consented & ceiling_of(db, person.organization, IN_APP_ASSISTANT)


def bounds_of_organization(db: Session, person: Principal) -> dict[str, object]:
    """What the organization decided over its people's heads: what is `forbidden`, and whether all is `stopped`."""
    ceiling = ceiling_of(db, person.organization, IN_APP_ASSISTANT)
    return {
        "forbidden": sorted(CONSENTABLE - ceiling),
        "stopped": not ceiling or Kind.ORGANIZATION in paused_at(db, person),
    }


def _own_agent(db: Session, organization: str) -> str:
    """The shop's own assistant in an organization's inventory. It is there from the organization's first day."""
    agent = agent_of(db, organization, IN_APP_ASSISTANT)
    if agent is None:
        raise LookupError(f"the shop's own assistant is not in the inventory of {organization}")
    return agent.id


def set_consent(
    db: Session,
    person: Principal,
    conversation: Conversation,
    workflow: Workflow,
    allowed: bool,
    *,
    build: str,
    lifetime: timedelta,
) -> None:
    """A person allows a workflow to their assistant in one conversation, or takes it back; acts at the next call."""
    if workflow not in CONSENTABLE:
        raise ValueError(f"{workflow} cannot be allowed to an assistant")
    assistant = assistant_for(db, person, conversation, build=build, lifetime=lifetime)
    if assistant.delegation is None:
        raise ValueError("an assistant has a delegation")
    authority = lock(db, assistant.delegation)
    scopes = frozenset(authority.scopes or ())
    if (workflow in scopes) == allowed:
        return
    authority.scopes = sorted(scopes | {workflow} if allowed else scopes - {workflow})
    record(
        db,
        EventName.CONSENT_GRANTED if allowed else EventName.CONSENT_WITHDRAWN,
        principal=replace(person, conversation=conversation.id),
        resource=("delegation", authority.id),
        facts={"workflow": workflow, "scopes": authority.scopes, "delegation": authority.id},
    )


def set_paused(db: Session, person: Principal, paused: bool) -> None:
    """A person pauses all their assistants, or lets them go on: acts at the very next call, everywhere."""
    person = live(db, person, changing=[person.membership])
    changed_rows = db.execute(
        update(Authority)
        .where(
            Authority.id == person.membership,
            Authority.assistants_paused_at.is_(None) if paused else Authority.assistants_paused_at.is_not(None),
        )
        .values(assistants_paused_at=moment(db) if paused else None)
        .returning(Authority.id)
    ).all()
    if changed_rows:
        record(
            db,
            EventName.ASSISTANT_PAUSED if paused else EventName.ASSISTANT_RESUMED,
            principal=replace(person, conversation=None),
            resource=("membership", person.membership),
        )
