"""What lets us ask an identity provider about somebody who is not there: its refresh token for them (OpenID Connect Core §11).

A sign-in brings one where the connection asks for the scope `offline_access`. It is kept sealed, is used for that one question
(`recheck.py`), and is handed to nobody.

Some providers give one only when the person was asked for consent (§11), and others should not ask each time. So the first
sign-in that brings none goes back to the provider once, with `prompt=consent`, and so do all later ones from their beginning
(`CONSENT`). If none comes even then, the operator is told that people are not asked about, and it is not tried again (`NONE_COMES`)
before the next start.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, delete, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.database import Base, insert_on_conflict, moment
from shop.identity.models import Connection
from shop.identity.providers import Provider
from shop.sealing import seal, unseal

CONSENT, NONE_COMES = "consent", "none_comes"
"""What may be learned of a connection: `Connection.offline_prompt`."""
_SCOPE = "offline_access"
_log = logging.getLogger(__name__)
_PURPOSE = "refresh tokens of identity providers"


class OfflineAccess(Base):
    """How to ask a provider about one of its people, from their last sign-in on."""

    __tablename__ = "offline_access"

    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    """Of the issuer that the connection has: what another one gave is deleted when it moves."""
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
    """The provider's refresh token, encrypted."""
    vouched_at: Mapped[datetime]
    """When the provider last stood by the person: at their sign-in, or when it was asked."""
    asking_until: Mapped[datetime | None]
    """While somebody asks, nobody else does: to many providers a token that comes twice is a stolen one."""


def is_wanted(provider: Provider) -> bool:
    """Whether the connection asks for refresh tokens."""
    return _SCOPE in provider.scope.split()


def prompt_for(provider: Provider) -> str | None:
    """The `prompt` of an authorization request to this provider."""
    return CONSENT if is_wanted(provider) and provider.offline_prompt == CONSENT else None


def may_need_consent(provider: Provider, answer: Mapping[str, Any]) -> bool:
    """Whether consent may bring a refresh token: it is wanted, a token answer has none, and it was not tried before."""
    return is_wanted(provider) and "refresh_token" not in answer and provider.offline_prompt is None


def is_kept(db: Session, provider: Provider, subject: str) -> bool:
    """Whether the provider can be asked about somebody."""
    return db.get(OfflineAccess, (provider.connection_id, subject)) is not None


def learn(db: Session, provider: Provider, what: str) -> None:
    """Note what a sign-in says of a provider's refresh tokens; that none comes is told to the operator.

    In a transaction that does not hold the connection: of several that do, none could change it.
    """
    here = (Connection.id == provider.connection_id, Connection.issuer == provider.issuer)
    db.execute(update(Connection).where(*here).values(offline_prompt=what))
    if what == NONE_COMES:
        _log.warning(
            "%s gives no refresh token for offline_access that can be used: people of %s are not asked about again, so whoever "
            "is off-boarded there keeps their assistants here until the grants end",
            provider.issuer,
            provider.organization_name,
        )


def missing(db: Session, provider: Provider, subject: str) -> dict[str, str]:
    """A fact for the record of a sign-in that was to bring a refresh token, and did not."""
    if not is_wanted(provider) or is_kept(db, provider, subject):
        return {}
    return {"offline_access": "no refresh token came: the provider is not asked about this person again"}


def keep(db: Session, secret: str, provider: Provider, subject: str, token: str | None) -> None:
    """Keep what a sign-in brought, in the place of what one before it did; nothing, where the connection did not ask for it."""
    if token is None or not is_wanted(provider):
        return
    brought = {"sealed": sealed(secret, token), "vouched_at": moment(db), "asking_until": None}
    row = insert_on_conflict(OfflineAccess, db.get_bind().dialect.name).values(
        connection_id=provider.connection_id, subject=subject, **brought
    )
    db.execute(row.on_conflict_do_update(index_elements=["connection_id", "subject"], set_=brought))


def forget(db: Session, connection: str) -> None:
    """Delete what the provider of a connection gave: it is not asked about anybody any more."""
    db.execute(delete(OfflineAccess).where(OfflineAccess.connection_id == connection))


def sealed(secret: str, token: str) -> str:
    """A provider's refresh token as it is kept."""
    return seal(secret, _PURPOSE, token)


def opened(secret: str, kept: str) -> str:
    """A provider's refresh token that was kept. Raises `NotSealed`, after SHOP_SECRET_KEY has changed."""
    return unseal(secret, _PURPOSE, kept)
