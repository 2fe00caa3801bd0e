"""One function for each way authority ends; all of them go through `_end`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.approvals.receipts import void_open_below, void_open_of_conversation, void_open_of_turns
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.authorization.conditions import Resource
from shop.authorization.permissions import Permission
from shop.authorization.policy import Policy
from shop.conversations import threads, turns
from shop.conversations.models import Turn, TurnState
from shop.credentials.delegations import Delegation
from shop.credentials.grants import Agent, Grant, grants_of_agent
from shop.credentials.ledger import Authority, Kind, below, changed, end, live, lock
from shop.credentials.sessions import SignedInSession
from shop.database import moment
from shop.principal import Principal, Workflow


class NotYours(Exception):
    """There is no such session or grant of this person."""


def sign_out(db: Session, person: Principal) -> None:
    """Sign out here: this session, its delegations, its running turns."""
    person = live(db, person, for_change=True)
    _end(db, person, [person.own_session], "signed_out", EventName.SESSION_SIGNED_OUT)


def sign_in_again(db: Session, person: Principal) -> None:
    """A new sign-in in the same browser ends the session that was there, and all below it (ASVS 7.2.4)."""
    person = live(db, person, for_change=True)
    _end(db, person, [person.own_session], "signed_in_again", EventName.SESSION_REVOKED)


def end_session(db: Session, person: Principal, session_id: str) -> None:
    """End one of one's own sessions from another one (ASVS 7.5.2). Raises `NotYours`."""
    person = live(db, person, for_change=True)
    session = db.get(SignedInSession, session_id)
    if session is None or session.membership_id != person.membership:
        raise NotYours
    _end(db, person, [session.id], "ended_by_person", EventName.SESSION_REVOKED)


def sign_out_everywhere(db: Session, person: Principal) -> None:
    """End every session and every grant of the membership, and all that hangs below them."""
    person = live(db, person, for_change=True)
    sessions = below(db, person.membership, Kind.SESSION)
    _end(db, person, sessions, "signed_out_everywhere", EventName.SESSION_REVOKED)
    _end_grants(db, person, below(db, person.membership, Kind.GRANT), "signed_out_everywhere")


def revoke_grant(db: Session, person: Principal, grant_id: str) -> None:
    """A person takes back what they allowed to one external assistant: it ends at its next call. Raises `NotYours`."""
    person = live(db, person, for_change=True)
    grant = db.get(Grant, grant_id)
    if grant is None or grant.membership_id != person.membership:
        raise NotYours
    _end_grants(db, person, [grant.id], "revoked_by_person")


def revoke_all_grants(db: Session, person: Principal) -> None:
    """A person takes back what they allowed to all external assistants. Their own sessions stay."""
    person = live(db, person, for_change=True)
    _end_grants(db, person, below(db, person.membership, Kind.GRANT), "revoked_by_person")


def block_agent(db: Session, policy: Policy, administrator: Principal, agent_id: str) -> None:
    """Block a client for the whole organization: whatever it was allowed there ends, and nobody can let it in again.

    Raises `Denied`; an entry of another organization is not found (invariant I10).
    """
    administrator = live(db, administrator, for_change=True)
    authority = _agent(db, policy, administrator, agent_id)
    if authority.suspended_at is not None:
        return
    authority.suspended_at = moment(db)
    changed(authority)
    _record_agent(db, EventName.AGENT_BLOCKED, administrator, agent_id)
    _end_grants(db, administrator, grants_of_agent(db, agent_id), "blocked")


def unblock_agent(db: Session, policy: Policy, administrator: Principal, agent_id: str) -> None:
    """Lift a client's block. Nothing that ended comes back: people let it in again, if they want. Raises `Denied`."""
    administrator = live(db, administrator, for_change=True)
    authority = _agent(db, policy, administrator, agent_id)
    if authority.suspended_at is None:
        return
    authority.suspended_at = None
    changed(authority)
    _record_agent(db, EventName.AGENT_UNBLOCKED, administrator, agent_id)


def set_ceiling(
    db: Session, policy: Policy, administrator: Principal, agent_id: str, scopes: Iterable[Workflow] | None
) -> None:
    """What a client may do for anybody in the organization at most; None for no ceiling. Acts at the next call.

    It only narrows what people consented to, so that lifting it brings back no more than that. Raises `Denied`.
    """
    administrator = live(db, administrator, for_change=True)
    authority = _agent(db, policy, administrator, agent_id)
    before, after = authority.scopes, None if scopes is None else sorted(str(scope) for scope in scopes)
    if before == after:
        return
    authority.scopes = after
    changed(authority)
    _record_agent(db, EventName.AGENT_CEILING_CHANGED, administrator, agent_id, {"before": before, "after": after})


def allow_for_everyone(
    db: Session,
    policy: Policy,
    administrator: Principal,
    agent_id: str,
    scopes: Iterable[Workflow] | None,
    risky_tools: Mapping[str, Iterable[str]],
) -> None:
    """Allow a client for everybody in the organization, who are then not asked each; None takes that back.

    What was given on the strength of it ends when it shrinks: what is still allowed can be had again without a question. What
    people allowed themselves stays theirs to decide. `risky_tools` are those of each workflow, as the administrator was shown
    them: one that comes later waits for a new decision. Raises `Denied`.
    """
    administrator = live(db, administrator, for_change=True)
    _agent(db, policy, administrator, agent_id)
    agent = db.get_one(Agent, agent_id)
    before, after = agent.for_everyone, None if scopes is None else sorted(str(scope) for scope in scopes)
    tools = None if after is None else {scope: sorted(risky_tools.get(scope, ())) for scope in after}
    if (before, agent.for_everyone_tools) == (after, tools):
        return
    agent.for_everyone, agent.for_everyone_tools = after, tools
    _record_agent(db, EventName.AGENT_EVERYONE_CHANGED, administrator, agent_id, {"before": before, "after": after})
    if not set(before or ()) <= set(after or ()):
        _end_grants(db, administrator, grants_of_agent(db, agent_id, by_organization=True), "not_for_everyone")


def suspend(db: Session, policy: Policy, administrator: Principal, membership_id: str) -> None:
    """Suspend a member of one's own organization: everything below ends now, and nothing new can start.

    Raises `Denied`; a membership of another organization is not found (invariant I10).
    """
    administrator = live(db, administrator, for_change=True)
    authority = _member(db, policy, administrator, membership_id, Permission.MEMBERS_SUSPEND)
    if authority.suspended_at is not None:
        return
    authority.suspended_at = moment(db)
    changed(authority)
    record(
        db,
        EventName.MEMBERSHIP_SUSPENDED,
        principal=administrator,
        resource=("membership", membership_id),
        action=Permission.MEMBERS_SUSPEND,
    )
    _end(db, administrator, below(db, membership_id, Kind.SESSION), "suspended", EventName.SESSION_REVOKED)
    _end_grants(db, administrator, below(db, membership_id, Kind.GRANT), "suspended")


def restore(db: Session, policy: Policy, administrator: Principal, membership_id: str) -> None:
    """Lift a suspension. Nothing that ended comes back: the person signs in again. Raises `Denied`."""
    administrator = live(db, administrator, for_change=True)
    authority = _member(db, policy, administrator, membership_id, Permission.MEMBERS_SUSPEND)
    if authority.suspended_at is None:
        return
    authority.suspended_at = None
    changed(authority)
    record(
        db,
        EventName.MEMBERSHIP_RESTORED,
        principal=administrator,
        resource=("membership", membership_id),
        action=Permission.MEMBERS_SUSPEND,
    )


def delete_conversation(db: Session, policy: Policy, person: Principal, conversation_id: str) -> None:
    """Delete one's own conversation: its words, its assistants' authority, what runs in it and what waits in it.

    Its words are gone from its person's view and from whatever goes to a model; the audit stays as it is, and says so.
    Raises `Denied`, `NotAlive`.
    """
    person = replace(live(db, person, for_change=True), conversation=conversation_id)
    conversation = threads.opened(db, policy, person, conversation_id)
    turns.hold(db, conversation)
    of_it = select(Delegation.id).where(Delegation.conversation_id == conversation_id)
    ended = end(db, db.scalars(of_it).all(), _DELETED)
    delegations = [identifier for _, identifier in ended]
    stopped = turns.end_running(db, conversation_id, (_DELETED, "You deleted this conversation."))
    note = "The conversation that it belongs to was deleted."
    voided = void_open_of_conversation(db, conversation_id, _DELETED, note, by=person)
    for turn in stopped:
        record(
            db,
            EventName.TURN_STOPPED,
            principal=person,
            turn=turn.id,
            outcome=TurnState.STOPPED,
            facts={"build": turn.build, "because": _DELETED},
            personal={"reply": "\n\n".join(item.text for item in turn.items if item.text)},
        )
    cause = record(
        db,
        EventName.CONVERSATION_DELETED,
        principal=person,
        resource=("conversation", conversation_id),
        facts={"delegations": delegations, "turns": [turn.id for turn in stopped], "receipts": voided},
    )
    _record_ended(db, person, delegations, _DELETED, cause, EventName.CONVERSATION_DELETED)
    threads.erase(db, conversation)


def lapse_receipts_of(db: Session, person: Principal, earlier: list[Turn]) -> list[str]:
    """Void what the turns of a message still wait for, because their person says it anew. Returns the receipts' ids.

    To be done before the new turn begins: receipts are locked before the head of the audit's chain, as everywhere.
    """
    ids = [turn.id for turn in earlier]
    return void_open_of_turns(db, ids, "message_edited", "You changed the message that it belongs to.", by=person)


_DELETED = "conversation_deleted"


def _member(db: Session, policy: Policy, administrator: Principal, membership_id: str, action: Permission) -> Authority:
    return _of_the_organization(db, policy, administrator, Kind.MEMBERSHIP, membership_id, action)


def _agent(db: Session, policy: Policy, administrator: Principal, agent_id: str) -> Authority:
    return _of_the_organization(db, policy, administrator, Kind.AGENT, agent_id, Permission.AGENTS_MANAGE)


def _of_the_organization(
    db: Session, policy: Policy, administrator: Principal, kind: Kind, identifier: str, action: Permission
) -> Authority:
    """A member or a client of the administrator's own organization, locked for a change. Raises `Denied`."""
    found = db.scalars(
        select(Authority).where(Authority.id == identifier, Authority.kind == kind).with_for_update()
    ).one_or_none()
    policy.authorize(
        principal=administrator,
        action=action,
        resource=Resource(
            kind=kind, id=identifier, organization=found.parent_id if found else None, exists=found is not None
        ),
    )
    return found or lock(db, identifier)


def _record_agent(
    db: Session, name: EventName, by: Principal, agent_id: str, facts: dict[str, object] | None = None
) -> None:
    client = db.get_one(Agent, agent_id).client_id
    record(
        db,
        name,
        principal=by,
        resource=("agent", agent_id),
        action=Permission.AGENTS_MANAGE,
        facts={"client": client, **(facts or {})},
    )


def _end_grants(db: Session, by: Principal, grants: list[str], because: str) -> None:
    """End grants and all below: their tokens, and the receipts that wait under them. Each is recorded with what ended."""
    for grant in db.scalars(select(Grant).where(Grant.id.in_(grants)).order_by(Grant.id)):
        ended = end(db, [grant.id], because)
        if not ended:
            continue
        voided = void_open_below(db, [grant.id], because, "What its assistant was allowed has ended.")
        record(
            db,
            EventName.GRANT_REVOKED,
            principal=replace(by, conversation=None),
            resource=("grant", grant.id),
            facts={
                "because": because,
                "client": grant.client_id,
                "person": grant.person_id,
                "tokens": [identifier for kind, identifier in ended if kind is Kind.TOKEN],
                "receipts": voided,
            },
        )


def _end(db: Session, by: Principal, sessions: list[str], because: str, name: EventName) -> None:
    """End sessions and all below, stop what runs, void what waits, and record what ended, everywhere it shows."""
    ended = end(db, sessions, because)
    delegations = [identifier for kind, identifier in ended if kind is Kind.DELEGATION]
    stopped = turns.stop_below(db, delegations, because)
    voided = void_open_below(db, delegations, because)
    cause = record(
        db,
        name,
        principal=replace(by, conversation=None),
        resource=("session", sessions[0]) if sessions else None,
        facts={
            "because": because,
            "sessions": [identifier for kind, identifier in ended if kind is Kind.SESSION],
            "delegations": delegations,
            "turns": stopped,
            "receipts": voided,
        },
    )
    _record_ended(db, by, delegations, because, cause, name)


def _record_ended(
    db: Session, by: Principal, delegations: list[str], because: str, cause: str, name: EventName
) -> None:
    """Write in each conversation's own chain that its assistant's authority ended, and by which event."""
    rows = db.execute(
        select(Delegation.id, Delegation.conversation_id)
        .where(Delegation.id.in_(delegations))
        .order_by(Delegation.conversation_id, Delegation.id)
    )
    for delegation, conversation in rows:
        record(
            db,
            EventName.DELEGATION_ENDED,
            principal=replace(by, conversation=conversation),
            resource=("delegation", delegation),
            facts={"because": because, "cause": cause, "session_event": str(name)},
        )
