"""What lets us ask an identity provider about somebody who is not there: its refresh token for them (OpenID Connect Core §11).

A sign-in brings one where the connection asks for the scope `offline_access`. It is kept sealed, is used for that one question
(`recheck.py`), and is handed to nobody.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, String, Text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.database import Base, moment
from shop.identity.providers import Provider
from shop.sealing import seal, unseal

_SCOPE = "offline_access"
_PURPOSE = "refresh tokens of identity providers"


class OfflineAccess(Base):
    """How to ask a provider about one of its people, from their last sign-in on."""

    __tablename__ = "offline_access"
    __table_args__ = (
        ForeignKeyConstraint(
            ["connection_id", "subject"],
            ["external_identities.connection_id", "external_identities.subject"],
            ondelete="CASCADE",
        ),
    )

    connection_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
    """The provider's refresh token, encrypted."""
    vouched_at: Mapped[datetime]
    """When the provider last stood by the person: at their sign-in, or when it was asked."""
    asking_until: Mapped[datetime | None]
    """While somebody asks, nobody else does: to many providers a token that comes twice is a stolen one."""


def keep(db: Session, secret: str, provider: Provider, subject: str, token: str | None) -> None:
    """Keep what a sign-in brought, in the place of what one before it did; nothing, where the connection did not ask for it."""
    if token is None or _SCOPE not in provider.scope.split():
        return
    builder = postgresql if db.get_bind().dialect.name == "postgresql" else sqlite
    brought = {"sealed": sealed(secret, token), "vouched_at": moment(db), "asking_until": None}
    row = builder.insert(OfflineAccess).values(connection_id=provider.connection_id, subject=subject, **brought)
    db.execute(row.on_conflict_do_update(index_elements=["connection_id", "subject"], set_=brought))


def sealed(secret: str, token: str) -> str:
    """A provider's refresh token as it is kept."""
    return seal(secret, _PURPOSE, token)


def opened(secret: str, kept: str) -> str:
    """A provider's refresh token that was kept. Raises `NotSealed`, after SHOP_SECRET_KEY has changed."""
    return unseal(secret, _PURPOSE, kept)
