"""Sign-ins that are under way: each callback claims its own attempt once, in time, and in the browser that began it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shop.database import moment
from shop.identity.models import SignInAttempt
from shop.identity.providers import Provider


class StoredAttempt(NamedTuple):
    """What is stored of an attempt, and gone once it is claimed."""

    connection_id: str
    nonce: str
    code_verifier: str
    next_path: str


@dataclass(kw_only=True)
class ClaimedAttempt:
    """The attempt that a callback claimed, and at which provider it is."""

    provider: Provider
    nonce: str
    code_verifier: str
    next_path: str
    is_with_browser: bool = False
    """Whether what is looked at is what the browser brought, which anybody can make up; else it is the provider's."""


def claim(db: Session, state: str, browser: str) -> StoredAttempt | None:
    """The attempt of a callback, for exactly one of those that come; no secret of it is kept (ASVS 10.2.1, RFC 9700 §4.7)."""
    this = SignInAttempt.state_hash == digest(state)
    row = db.execute(
        update(SignInAttempt)
        .where(
            this,
            SignInAttempt.browser_hash == digest(browser),
            SignInAttempt.expires_at > moment(db),
            SignInAttempt.used_at.is_(None),
        )
        .values(used_at=moment(db))
        .returning(
            SignInAttempt.connection_id, SignInAttempt.nonce, SignInAttempt.code_verifier, SignInAttempt.next_path
        )
    ).one_or_none()
    if row is None:
        return None
    db.execute(update(SignInAttempt).where(this).values(nonce="", code_verifier=""))
    return StoredAttempt(*row)


def led_to(db: Session, state: str, browser: str | None) -> str | None:
    """Where an attempt led that this browser used already; None when it did not, or too long ago."""
    query = select(SignInAttempt.next_path).where(
        SignInAttempt.state_hash == digest(state),
        SignInAttempt.browser_hash == digest(browser or ""),
        SignInAttempt.used_at.is_not(None),
    )
    return db.scalars(query).one_or_none()


def digest(secret: str) -> str:
    """What is stored of a secret that only a browser has."""
    return hashlib.sha256(secret.encode()).hexdigest()
