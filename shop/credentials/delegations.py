"""Delegations: the in-app assistant's authority in one conversation.

A delegation hangs below the session in which it was opened, expires, and is linked to its predecessor when a
conversation is resumed. It is stored, not a token: a later step mints an RFC 8693 token from exactly this row.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.credentials.ledger import Authority, Kind
from shop.credentials.sessions import SignedInSession
from shop.database import Base, moment, new_id
from shop.principal import FIRST_SCOPES


class Delegation(Base):
    """What one client may do for one person in one conversation. Scopes and liveness are in the ledger."""

    __tablename__ = "delegations"

    id: Mapped[str] = mapped_column(ForeignKey("authorities.id"), primary_key=True)
    session_id: Mapped[str] = mapped_column(String(40), index=True)
    conversation_id: Mapped[str] = mapped_column(String(40), index=True)
    client_id: Mapped[str] = mapped_column(String(100))
    predecessor_id: Mapped[str | None] = mapped_column(ForeignKey("delegations.id"))
    started_at: Mapped[datetime]


def start_delegation(
    db: Session, *, session_id: str, conversation_id: str, client_id: str, lifetime: timedelta
) -> Delegation:
    """Start a delegation with the smallest useful scopes, linked to the conversation's latest one."""
    now = moment(db)
    predecessor = latest_delegation(db, conversation_id)
    identifier = new_id("dlg")
    db.add(
        Authority(
            id=identifier,
            kind=Kind.DELEGATION,
            parent_id=session_id,
            expires_at=now + lifetime,
            scopes=sorted(FIRST_SCOPES),
        )
    )
    db.flush()
    delegation = Delegation(
        id=identifier,
        session_id=session_id,
        conversation_id=conversation_id,
        client_id=client_id,
        predecessor_id=predecessor.id if predecessor else None,
        started_at=now,
    )
    db.add(delegation)
    db.flush()
    return delegation


def living_delegations_of(db: Session, organization_id: str, client_id: str) -> list[tuple[str, str]]:
    """(delegation, membership) of each delegation that a client holds in an organization and that is alive."""
    query = (
        select(Delegation.id, SignedInSession.membership_id)
        .join(SignedInSession, SignedInSession.id == Delegation.session_id)
        .join(Authority, Authority.id == Delegation.id)
        .where(
            SignedInSession.organization_id == organization_id,
            Delegation.client_id == client_id,
            Authority.ended_at.is_(None),
            Authority.expires_at > moment(db),
        )
    )
    return [(delegation, membership) for delegation, membership in db.execute(query.order_by(Delegation.id))]


def latest_delegation(db: Session, conversation_id: str) -> Delegation | None:
    """The delegation that was opened last in a conversation, alive or not."""
    return db.scalars(
        select(Delegation)
        .where(Delegation.conversation_id == conversation_id)
        .order_by(Delegation.started_at.desc(), Delegation.id.desc())
        .limit(1)
    ).one_or_none()


def living_delegation(db: Session, conversation_id: str, session_id: str) -> tuple[Delegation, Authority] | None:
    """The delegation of this conversation below this session, if it is alive."""
    row = db.execute(
        select(Delegation, Authority)
        .join(Authority, Authority.id == Delegation.id)
        .where(
            Delegation.conversation_id == conversation_id,
            Delegation.session_id == session_id,
            Authority.ended_at.is_(None),
            Authority.expires_at > moment(db),
        )
        .order_by(Delegation.started_at.desc(), Delegation.id.desc())
        .limit(1)
    ).one_or_none()
    return (row[0], row[1]) if row else None
