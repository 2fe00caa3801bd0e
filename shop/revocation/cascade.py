"""One function for each way authority ends; all of them go through `_end`."""

from __future__ import annotations

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
from shop.credentials.ledger import Authority, Kind, below, changed, end, live, lock
from shop.credentials.sessions import SignedInSession
from shop.database import moment
from shop.principal import Principal


class NotYours(Exception):
    """There is no such session of this person."""


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
    """End every session of the membership, and all that hangs below them."""
    person = live(db, person, for_change=True)
    sessions = below(db, person.membership, Kind.SESSION)
    _end(db, person, sessions, "signed_out_everywhere", EventName.SESSION_REVOKED)


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
    found = db.scalars(
        select(Authority).where(Authority.id == membership_id, Authority.kind == Kind.MEMBERSHIP).with_for_update()
    ).one_or_none()
    policy.authorize(
        principal=administrator,
        action=action,
        resource=Resource(
            kind="membership",
            id=membership_id,
            organization=found.parent_id if found else None,
            exists=found is not None,
        ),
    )
    return found or lock(db, membership_id)


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
