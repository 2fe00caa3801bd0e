"""One function for each way authority ends, or shrinks: who may do it, and why. What ending means is in `ending.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.authorization.conditions import Resource
from shop.authorization.permissions import Permission
from shop.authorization.policy import Policy
from shop.credentials.agents import Agent, NotVouchedFor, entry_lock
from shop.credentials.delegations import living_delegations_of
from shop.credentials.end_reasons import EndReason
from shop.credentials.grants import Grant, grants_of_agent
from shop.credentials.ledger import Authority, Kind, below, end, live, lock
from shop.credentials.sessions import SignedInSession
from shop.database import moment
from shop.principal import Principal, Workflow
from shop.revocation.ending import end_delegations, end_grants, end_sessions


class NotYours(Exception):
    """There is no such session or grant of this person."""


def sign_out(db: Session, person: Principal) -> None:
    """Sign out here: this session, its delegations, its running turns."""
    person = live(db, person, changing=[person.own_session])
    end_sessions(db, person, [person.own_session], EndReason.SIGNED_OUT, EventName.SESSION_SIGNED_OUT)


def sign_in_again(db: Session, person: Principal) -> None:
    """A new sign-in in the same browser ends the session that was there, and all below it (ASVS 7.2.4)."""
    person = live(db, person, changing=[person.own_session])
    end_sessions(db, person, [person.own_session], EndReason.SIGNED_IN_AGAIN, EventName.SESSION_REVOKED)


def end_session(db: Session, person: Principal, session_id: str) -> None:
    """End one of one's own sessions from another one (ASVS 7.5.2). Raises `NotYours`."""
    if db.scalar(select(SignedInSession.membership_id).where(SignedInSession.id == session_id)) != person.membership:
        raise NotYours
    person = live(db, person, changing=[session_id])
    end_sessions(db, person, [session_id], EndReason.ENDED_BY_PERSON, EventName.SESSION_REVOKED)


def sign_out_everywhere(db: Session, person: Principal) -> None:
    """End every session and every grant of the membership, and all that hangs below them."""
    person = live(db, person, changing=[person.membership])
    sessions = below(db, person.membership, Kind.SESSION)
    end_sessions(db, person, sessions, EndReason.SIGNED_OUT_EVERYWHERE, EventName.SESSION_REVOKED)
    end_grants(db, person, below(db, person.membership, Kind.GRANT), EndReason.SIGNED_OUT_EVERYWHERE)


def revoke_grant(db: Session, person: Principal, grant_id: str) -> None:
    """A person takes back what they allowed to one external assistant: it ends at its next call. Raises `NotYours`."""
    _require_own_grant(db, person, grant_id)
    person = live(db, person, changing=[grant_id])
    end_grants(db, person, [grant_id], EndReason.REVOKED_BY_PERSON)


def revoke_all_grants(db: Session, person: Principal) -> None:
    """A person takes back what they allowed to all external assistants. Their own sessions stay."""
    person = live(db, person, changing=[person.membership])
    end_grants(db, person, below(db, person.membership, Kind.GRANT), EndReason.REVOKED_BY_PERSON)


def narrow_grant(db: Session, person: Principal, grant_id: str, keep: frozenset[Workflow]) -> None:
    """A person takes back some of what they allowed to an external assistant, which needs not connect again for it.

    It only narrows: what was not allowed before is not allowed by this. Raises `NotYours`, for a grant that has ended too;
    `ValueError` when nothing would be left, for that is `revoke_grant`.
    """
    _require_own_grant(db, person, grant_id)
    person = live(db, person, changing=[grant_id])
    grant, authority = db.get_one(Grant, grant_id), lock(db, grant_id)
    if authority.ended_at is not None or (authority.expires_at is not None and authority.expires_at <= moment(db)):
        raise NotYours
    before = sorted(authority.scopes or ())
    after = sorted(set(before) & keep)
    if not after:
        raise ValueError("a grant that allows nothing is revoked")
    if before == after:
        return
    authority.scopes = after
    grant.risky_tools = {scope: tools for scope, tools in grant.risky_tools.items() if scope in after}
    record(
        db,
        EventName.GRANT_NARROWED,
        principal=replace(person, conversation=None),
        resource=("grant", grant.id),
        facts={"client": grant.client_id, "before": before, "after": after},
    )


def block_agent(db: Session, policy: Policy, administrator: Principal, agent_id: str) -> None:
    """Block a client for the whole organization: whatever it was allowed there ends, and nobody can let it in again.

    The shop's own assistant can be blocked like any other: what it may do in each conversation ends. So do the tokens of a
    client that acts for nobody. Raises `Denied`; an entry of another organization is not found (invariant I10).
    """
    administrator = live(db, administrator, changing=_company_locks(db, administrator, agent_id))
    authority = _agent(db, policy, administrator, agent_id)
    if authority.suspended_at is not None:
        return
    authority.suspended_at = moment(db)
    own = [token for _, token in end(db, below(db, agent_id, Kind.TOKEN), EndReason.BLOCKED)]
    cause = _record_agent(db, EventName.AGENT_BLOCKED, administrator, agent_id, {"tokens": own})
    end_grants(db, administrator, grants_of_agent(db, agent_id), EndReason.BLOCKED)
    client_id = db.get_one(Agent, agent_id).client_id
    delegations = [identifier for identifier, _ in living_delegations_of(db, administrator.organization, client_id)]
    end_delegations(db, administrator, delegations, EndReason.BLOCKED, cause)


def unblock_agent(db: Session, policy: Policy, administrator: Principal, agent_id: str) -> None:
    """Lift a client's block. Nothing that ended comes back: people let it in again, if they want. Raises `Denied`."""
    administrator = live(db, administrator, changing=_agent_locks(db, administrator, agent_id))
    authority = _agent(db, policy, administrator, agent_id)
    if authority.suspended_at is None:
        return
    authority.suspended_at = None
    _record_agent(db, EventName.AGENT_UNBLOCKED, administrator, agent_id)


def set_ceiling(
    db: Session, policy: Policy, administrator: Principal, agent_id: str, scopes: Iterable[Workflow] | None
) -> None:
    """What a client may do for anybody in the organization at most; None for no ceiling. Acts at the next call.

    It only narrows what people consented to, so that lifting it brings back no more than that. Raises `Denied`.
    """
    administrator = live(db, administrator, changing=_agent_locks(db, administrator, agent_id))
    authority = _agent(db, policy, administrator, agent_id)
    before, after = authority.scopes, None if scopes is None else sorted(str(scope) for scope in scopes)
    if before == after:
        return
    authority.scopes = after
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
    them: one that comes later waits for a new decision. Raises `Denied`, and `NotVouchedFor`.
    """
    administrator = live(db, administrator, changing=_company_locks(db, administrator, agent_id))
    _agent(db, policy, administrator, agent_id)
    agent = db.get_one(Agent, agent_id)
    before, after = agent.for_everyone, None if scopes is None else sorted(str(scope) for scope in scopes)
    tools = None if after is None else {scope: sorted(risky_tools.get(scope, ())) for scope in after}
    if (before, agent.for_everyone_tools) == (after, tools):
        return
    if after is not None and not agent.is_vouched_for:
        raise NotVouchedFor("Nobody vouches for who this client is, so each person decides about it themselves.")
    agent.for_everyone, agent.for_everyone_tools = after, tools
    _record_agent(db, EventName.AGENT_EVERYONE_CHANGED, administrator, agent_id, {"before": before, "after": after})
    if not set(before or ()) <= set(after or ()):
        end_grants(db, administrator, grants_of_agent(db, agent_id, by_organization=True), EndReason.NOT_FOR_EVERYONE)


def stop_all_assistants(db: Session, policy: Policy, administrator: Principal, stopped: bool) -> None:
    """Refuse every call of every assistant in the organization, the shop's own included, until this is lifted.

    Nothing ends by it, and people's own clicks go on (design §9). Raises `Denied`.
    """
    administrator = live(db, administrator, changing=[administrator.organization])
    organization = administrator.organization
    resource = Resource(kind="organization", id=organization, organization=organization)
    policy.authorize(principal=administrator, action=Permission.AGENTS_MANAGE, resource=resource)
    authority = lock(db, organization)
    if (authority.assistants_paused_at is not None) == stopped:
        return
    authority.assistants_paused_at = moment(db) if stopped else None
    record(
        db,
        EventName.ASSISTANTS_STOPPED if stopped else EventName.ASSISTANTS_RELEASED,
        principal=replace(administrator, conversation=None),
        resource=("organization", organization),
        action=Permission.AGENTS_MANAGE,
    )


def suspend(db: Session, policy: Policy, administrator: Principal, membership_id: str) -> None:
    """Suspend a member of one's own organization: everything below ends now, and nothing new can start.

    Raises `Denied`; a membership of another organization is not found (invariant I10).
    """
    administrator = live(db, administrator, changing=_member_lock(db, administrator, membership_id))
    authority = _member(db, policy, administrator, membership_id, Permission.MEMBERS_SUSPEND)
    if authority.suspended_at is not None:
        return
    authority.suspended_at = moment(db)
    record(
        db,
        EventName.MEMBERSHIP_SUSPENDED,
        principal=administrator,
        resource=("membership", membership_id),
        action=Permission.MEMBERS_SUSPEND,
    )
    end_sessions(
        db, administrator, below(db, membership_id, Kind.SESSION), EndReason.SUSPENDED, EventName.SESSION_REVOKED
    )
    end_grants(db, administrator, below(db, membership_id, Kind.GRANT), EndReason.SUSPENDED)


def restore(db: Session, policy: Policy, administrator: Principal, membership_id: str) -> None:
    """Lift a suspension. Nothing that ended comes back: the person signs in again. Raises `Denied`."""
    administrator = live(db, administrator, changing=_member_lock(db, administrator, membership_id))
    authority = _member(db, policy, administrator, membership_id, Permission.MEMBERS_SUSPEND)
    if authority.suspended_at is None:
        return
    authority.suspended_at = None
    record(
        db,
        EventName.MEMBERSHIP_RESTORED,
        principal=administrator,
        resource=("membership", membership_id),
        action=Permission.MEMBERS_SUSPEND,
    )


def _require_own_grant(db: Session, person: Principal, grant_id: str) -> None:
    """Only the column that never changes is read: what a grant allows is read when it is locked. Raises `NotYours`."""
    if db.scalar(select(Grant.membership_id).where(Grant.id == grant_id)) != person.membership:
        raise NotYours


def _own(administrator: Principal, parent: str | None, *locks: str) -> tuple[str, ...]:
    """What is locked for a change, if it is the administrator's own organization's: nobody locks another company's."""
    return locks if parent == administrator.organization else ()


def _member_lock(db: Session, administrator: Principal, membership_id: str) -> tuple[str, ...]:
    parent = db.scalar(select(Authority.parent_id).where(Authority.id == membership_id))
    return _own(administrator, parent, membership_id)


def _agent_locks(db: Session, administrator: Principal, agent_id: str) -> tuple[str, ...]:
    """A client's calls hold its entry, and whoever gives it something holds `entry_lock`: both are waited for."""
    row = db.execute(select(Agent.organization_id, Agent.client_id).where(Agent.id == agent_id)).one_or_none()
    return _own(administrator, row.organization_id, agent_id, entry_lock(*row)) if row else ()


def _company_locks(db: Session, administrator: Principal, agent_id: str) -> tuple[str, ...]:
    """As `_agent_locks`, for what ends grants of many people: the organization is the topmost thing that they have in common. A
    person who takes back their own at the same moment would hold their grant's row and wait for the head of the trail, while this
    holds the head and waits for the row.
    """
    locks = _agent_locks(db, administrator, agent_id)
    return (administrator.organization, *locks) if locks else ()


def _member(db: Session, policy: Policy, administrator: Principal, membership_id: str, action: Permission) -> Authority:
    return _of_the_organization(db, policy, administrator, Kind.MEMBERSHIP, membership_id, action)


def _agent(db: Session, policy: Policy, administrator: Principal, agent_id: str) -> Authority:
    return _of_the_organization(db, policy, administrator, Kind.AGENT, agent_id, Permission.AGENTS_MANAGE)


def _of_the_organization(
    db: Session, policy: Policy, administrator: Principal, kind: Kind, identifier: str, action: Permission
) -> Authority:
    """A member or a client of the administrator's own organization, locked for a change. Raises `Denied`."""
    found = db.scalars(
        select(Authority).where(Authority.id == identifier, Authority.kind == kind),
        execution_options={"populate_existing": True},
    ).one_or_none()
    policy.authorize(
        principal=administrator,
        action=action,
        resource=Resource(
            kind=kind, id=identifier, organization=found.parent_id if found else None, exists=found is not None
        ),
    )
    return lock(db, identifier)


def _record_agent(
    db: Session, name: EventName, by: Principal, agent_id: str, facts: dict[str, object] | None = None
) -> str:
    client = db.get_one(Agent, agent_id).client_id
    return record(
        db,
        name,
        principal=replace(by, conversation=None),
        resource=("agent", agent_id),
        action=Permission.AGENTS_MANAGE,
        facts={"client": client, **(facts or {})},
    )
