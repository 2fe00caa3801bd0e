"""Browser sessions: the credential of a person who signed in.

The browser holds a random token of 256 bits; the database holds its SHA-256, so a stolen table signs
nobody in. Two clocks end a session: idle time, moved on by the person's own requests only (assistant traffic is
not human activity, design §8), and an absolute end that nothing moves.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.credentials.ledger import Authority, Kind, lock
from shop.credentials.tokens import secret_digest
from shop.database import Base, moment, new_id
from shop.principal import EVERY_SCOPE, Principal

_TOUCH_EVERY = timedelta(seconds=60)


class SignedInSession(Base):
    """One signed-in browser. Its liveness is in the ledger's row of the same id."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(ForeignKey("authorities.id"), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[str] = mapped_column(String(40), index=True)
    membership_id: Mapped[str] = mapped_column(String(40), index=True)
    organization_id: Mapped[str] = mapped_column(String(40))
    connection_id: Mapped[str] = mapped_column(String(40))
    method: Mapped[str] = mapped_column(String(20))
    provider_session: Mapped[str | None] = mapped_column(String(200))
    """`sid` of the identity provider, for a later back-channel logout."""
    user_agent: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    absolute_end: Mapped[datetime]

    def principal(self) -> Principal:
        """The person themselves, clicking: no actor. Roles are filled in by `ledger.live`."""
        return Principal(
            subject=self.person_id,
            organization=self.organization_id,
            membership=self.membership_id,
            session=self.id,
            scopes=EVERY_SCOPE,
        )


def start_session(
    db: Session,
    *,
    person_id: str,
    membership_id: str,
    organization_id: str,
    connection_id: str,
    method: str,
    provider_session: str | None,
    user_agent: str,
    idle: timedelta,
    absolute: timedelta,
) -> tuple[SignedInSession, str]:
    """Start a session below a membership. Returns it and the token for the browser, which is kept nowhere else."""
    now, token = moment(db), secrets.token_urlsafe(32)
    identifier = new_id("ses")
    db.add(
        Authority(id=identifier, kind=Kind.SESSION, parent_id=membership_id, expires_at=min(now + idle, now + absolute))
    )
    db.flush()
    session = SignedInSession(
        id=identifier,
        token_hash=secret_digest(token),
        person_id=person_id,
        membership_id=membership_id,
        organization_id=organization_id,
        connection_id=connection_id,
        method=method,
        provider_session=provider_session,
        user_agent=user_agent[:200],
        started_at=now,
        last_seen_at=now,
        absolute_end=now + absolute,
    )
    db.add(session)
    db.flush()
    return session, token


def needs_touch(db: Session, session: SignedInSession) -> bool:
    """Whether the person was last seen so long ago that a new request should be noted."""
    return moment(db) - session.last_seen_at >= _TOUCH_EVERY


def touch(db: Session, session_id: str, idle: timedelta) -> None:
    """Note a request of the person themselves, which moves the idle end on, up to the absolute one."""
    now = moment(db)
    authority = lock(db, session_id)
    session = db.get_one(SignedInSession, session_id)
    if authority.ended_at is None and authority.expires_at is not None and authority.expires_at > now:
        session.last_seen_at = now
        authority.expires_at = min(now + idle, session.absolute_end)


def sessions_of(db: Session, membership_id: str) -> list[SignedInSession]:
    """The living sessions of a membership, latest first."""
    return list(
        db.scalars(
            select(SignedInSession)
            .join(Authority, Authority.id == SignedInSession.id)
            .where(
                SignedInSession.membership_id == membership_id,
                Authority.ended_at.is_(None),
                Authority.expires_at > moment(db),
            )
            .order_by(SignedInSession.last_seen_at.desc())
        )
    )
