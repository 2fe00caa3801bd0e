"""What ends when an identity provider's word does: it withdraws a person, or the organization signs in somewhere else."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import Kind, below, hold, lock
from shop.identity import offline_access
from shop.identity.models import ExternalIdentity, Membership
from shop.principal import Principal
from shop.revocation.ending import end_grants, end_sessions


def sign_in_withdrawn(db: Session, by: Principal) -> None:
    """A person's identity provider does not stand by them any more: whatever came of a sign-in there ends (ASVS 7.4.2).

    `by` is the assistant that came for new tokens on their behalf. Whoever still works there signs in again.
    """
    sessions = below(db, by.membership, Kind.SESSION)
    end_sessions(db, by, sessions, EndReason.SIGN_IN_WITHDRAWN, EventName.SESSION_REVOKED)
    end_grants(db, by, below(db, by.membership, Kind.GRANT), EndReason.SIGN_IN_WITHDRAWN)


def connection_moved(db: Session, organization: str, connection: str, facts: dict[str, str]) -> None:
    """An organization's sign-in was configured for another identity provider: all that came of the old one's word ends.

    A `sub` is unique at its issuer only, so whoever has it at the new one is somebody else (ASVS 10.5.2). Who is who at the old
    one is kept: when the connection comes back, its people are who they were, and whoever was suspended still is.
    """
    hold(db, organization)
    record(db, EventName.CONNECTION_MOVED, organization=organization, resource=("connection", connection), facts=facts)
    identities = select(ExternalIdentity.person_id).where(
        ExternalIdentity.organization_id == organization, ExternalIdentity.issuer == facts["before"]
    )
    there = (Membership.organization_id == organization, Membership.person_id.in_(identities))
    for membership in db.scalars(select(Membership.id).where(*there).order_by(Membership.id)).all():
        lock(db, membership)
        if sessions := below(db, membership, Kind.SESSION):
            end_sessions(
                db, None, sessions, EndReason.CONNECTION_MOVED, EventName.SESSION_REVOKED, organization=organization
            )
        end_grants(db, None, below(db, membership, Kind.GRANT), EndReason.CONNECTION_MOVED)
    offline_access.forget(db, connection)
