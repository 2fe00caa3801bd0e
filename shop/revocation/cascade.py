"""One function for each way a person's authority ends or shrinks: who may do it, and why. What ending means is in `ending.py`.

What ends because an administrator decided about a client is in `shop.agents`.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.authorization.conditions import Resource
from shop.authorization.permissions import Permission
from shop.authorization.policy import Policy
from shop.credentials.end_reasons import EndReason
from shop.credentials.grants import Grant
from shop.credentials.ledger import Authority, Kind, below, live, lock
from shop.credentials.sessions import SignedInSession
from shop.database import moment
from shop.principal import Principal, Workflow
from shop.revocation.ending import end_grants, end_sessions


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


def suspend(db: Session, policy: Policy, administrator: Principal, membership_id: str) -> None:
    """Suspend a member of one's own organization: everything below ends now, and nothing new can start.

    Raises `AccessDenied`; a membership of another organization is not found (invariant I10).
    """
    administrator = live(db, administrator, changing=_member_lock(db, administrator, membership_id))
    authority = _member(db, policy, administrator, membership_id)
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
    """Lift a suspension. Nothing that ended comes back: the person signs in again. Raises `AccessDenied`."""
    administrator = live(db, administrator, changing=_member_lock(db, administrator, membership_id))
    authority = _member(db, policy, administrator, membership_id)
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


def _member_lock(db: Session, administrator: Principal, membership_id: str) -> tuple[str, ...]:
    """The membership, if it is of the administrator's own organization: nobody locks another company's."""
    parent = db.scalar(select(Authority.parent_id).where(Authority.id == membership_id))
    return (membership_id,) if parent == administrator.organization else ()


def _member(db: Session, policy: Policy, administrator: Principal, membership_id: str) -> Authority:
    """A membership of the administrator's own organization, locked for a change. Raises `AccessDenied`."""
    is_it = (Authority.id == membership_id, Authority.kind == Kind.MEMBERSHIP)
    organization = db.scalar(select(Authority.parent_id).where(*is_it))
    resource = Resource(
        kind=Kind.MEMBERSHIP, id=membership_id, organization=organization, exists=organization is not None
    )
    policy.authorize(principal=administrator, action=Permission.MEMBERS_SUSPEND, resource=resource)
    return lock(db, membership_id)
