"""The tokens below a grant: access tokens, and the families of refresh tokens that renew them.

An access token is an authority of its own (`tok_…`, the `jti`), so that ending it acts at the very next call. Refresh tokens
are kept as SHA-256 only. All that grew from one authorization is a family: when a refresh token is used a second time, or a
code, somebody has a copy, and the whole family dies (RFC 9700 §4.14.2). A refresh token that comes twice within moments is no
second use: both requests get the same next token (`is_repeated`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, delete, literal_column, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import Authority, Kind, end
from shop.database import Base, moment, new_id

_KEPT_AFTER_EXPIRY = timedelta(hours=1)
"""How long the row of an access token that ran out is still told apart from one that never was."""


class TokenFamily(Base):
    """Everything that one authorization code led to; or all that a grant led to whose tokens are never renewed."""

    __tablename__ = "token_families"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id"), index=True)
    scopes: Mapped[list[str]]
    resource: Mapped[str] = mapped_column(String(300))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None] = mapped_column(String(40))


class RefreshToken(Base):
    """One refresh token of a family, used or not. A used one is kept until it would have expired: using it again shows."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    family_id: Mapped[str] = mapped_column(ForeignKey("token_families.id"), index=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class AccessToken(Base):
    """One access token. Its scopes, its end and what it hangs on are the ledger's, under the same id."""

    __tablename__ = "access_tokens"

    id: Mapped[str] = mapped_column(ForeignKey("authorities.id"), primary_key=True)
    family_id: Mapped[str] = mapped_column(ForeignKey("token_families.id"), index=True)
    exchanged_from: Mapped[str | None] = mapped_column(String(40), index=True)
    """The access token that it was exchanged for (RFC 8693): it ends with that one, and not after it."""


def secret_digest(secret: str) -> str:
    """What the database keeps of a browser's token, a code, a refresh token, a handle or a client's secret: nobody can guess one,
    since each has 256 bits of randomness, or is a keyed hash (`successor_of`).
    """
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def start_family(db: Session, grant_id: str, scopes: frozenset[str], resource: str) -> TokenFamily:
    """Begin a family for one authorization."""
    family = TokenFamily(
        id=new_id("fam"), grant_id=grant_id, scopes=sorted(scopes), resource=resource, started_at=moment(db)
    )
    db.add(family)
    db.flush()
    return family


def family_of(db: Session, grant_id: str, resource: str) -> TokenFamily:
    """The one family of a grant whose tokens are never renewed: it holds them together, so that they can end at once."""
    query = select(TokenFamily).where(TokenFamily.grant_id == grant_id, TokenFamily.ended_at.is_(None))
    found = db.scalars(query.where(TokenFamily.resource == resource).limit(1)).one_or_none()
    return found or start_family(db, grant_id, frozenset(), resource)


def new_access_token(db: Session, family: TokenFamily, scopes: frozenset[str], *, lifetime: timedelta) -> Authority:
    """The row of a new access token."""
    authority = new_token(db, family.grant_id, scopes, until=moment(db) + lifetime)
    db.add(AccessToken(id=authority.id, family_id=family.id))
    db.flush()
    return authority


def new_exchanged_token(
    db: Session, presented: AccessToken, grant_id: str, scopes: frozenset[str], *, until: datetime
) -> Authority:
    """The row of an access token that another one was exchanged for; of the same family, so that it dies with it."""
    authority = new_token(db, grant_id, scopes, until=until)
    db.add(AccessToken(id=authority.id, family_id=presented.family_id, exchanged_from=presented.id))
    db.flush()
    return authority


def new_token(
    db: Session, parent: str, scopes: frozenset[str], *, until: datetime, identifier: str | None = None
) -> Authority:
    """The row of a token below `parent`: a grant, or an agent that acts for nobody. One of no family, if nothing else is said."""
    authority = Authority(
        id=identifier or new_id("tok"), kind=Kind.TOKEN, parent_id=parent, expires_at=until, scopes=sorted(scopes)
    )
    db.add(authority)
    db.flush()
    return authority


def end_access_token(db: Session, identifier: str, because: EndReason) -> list[str]:
    """End an access token, and those that it was exchanged for. Returns the ids of those that were alive."""
    token = db.get(AccessToken, identifier)
    if token is not None:  # an agent's own token is of no family, and nothing is exchanged for it
        lock_family(db, token.family_id)
    tokens = select(AccessToken.id).where(AccessToken.id == identifier).cte("tokens", recursive=True)
    tokens = tokens.union_all(select(AccessToken.id).where(AccessToken.exchanged_from == tokens.c.id))
    return [ended for _, ended in end(db, {identifier, *db.scalars(select(tokens.c.id))}, because)]


def new_refresh_token(
    db: Session, family: TokenFamily, *, lifetime: timedelta, until: datetime | None, token: str | None = None
) -> str:
    """A new refresh token, which is kept nowhere but at its client: good for `lifetime`, never longer than its grant.

    It is random, or the `token` that was derived from the one before it (`successor_of`).
    """
    token, end_of_life = token or secrets.token_urlsafe(32), moment(db) + lifetime
    db.add(
        RefreshToken(
            token_hash=secret_digest(token),
            family_id=family.id,
            issued_at=moment(db),
            expires_at=min(end_of_life, until) if until else end_of_life,
        )
    )
    db.flush()
    return token


def successor_of(token: str, key: bytes) -> str:
    """The refresh token that follows one: the same however often it is asked for, so that nothing but its hash is stored.

    Whoever has a refresh token, but not the server's `key`, can tell nothing about the next one.
    """
    return base64.urlsafe_b64encode(hmac.digest(key, token.encode(), "sha256")).rstrip(b"=").decode()


def find_refresh_token(db: Session, token: str) -> tuple[RefreshToken, TokenFamily] | None:
    """A refresh token and its family, whatever state they are in."""
    found = db.get(RefreshToken, secret_digest(token))
    return (found, db.get_one(TokenFamily, found.family_id)) if found else None


def is_repeated(db: Session, token: RefreshToken, successor: str, grace: timedelta) -> bool:
    """Whether a used refresh token came again within moments, before anybody used the one that followed it.

    That is a client that asked twice, and whose answers crossed, or got lost. The family's row is locked by the caller. Without
    grace nothing is: a transaction that began before the first use, and waited for it, reads an earlier time than that use.
    """
    if token.used_at is None or not grace or moment(db) >= token.used_at + grace:
        return False
    follows = db.get(RefreshToken, secret_digest(successor), populate_existing=True)
    return follows is not None and follows.used_at is None and follows.family_id == token.family_id


def claim_refresh_token(db: Session, token: RefreshToken) -> bool:
    """Use a refresh token up. Whether this was the first time: one statement, so that of two at once one loses."""
    claimed = db.execute(
        update(RefreshToken)
        .where(RefreshToken.token_hash == token.token_hash, RefreshToken.used_at.is_(None))
        .values(used_at=moment(db))
        .returning(RefreshToken.token_hash)
    )
    return claimed.one_or_none() is not None


def lock_family(db: Session, family_id: str) -> TokenFamily:
    """A family's row, locked and read anew: whoever adds a token to it and whoever ends it wait for each other.

    The organization above is held first (`ledger.hold`), and what hangs below is locked after it.
    """
    locked = select(TokenFamily).where(TokenFamily.id == family_id).with_for_update()
    return db.scalars(locked, execution_options={"populate_existing": True}).one()


def widen_families(db: Session, grant_id: str, scopes: frozenset[str]) -> list[str]:
    """Add scopes to all living families of a grant. Returns their ids."""
    living = select(TokenFamily).where(TokenFamily.grant_id == grant_id, TokenFamily.ended_at.is_(None))
    locked = living.order_by(TokenFamily.id).with_for_update()
    families = list(db.scalars(locked, execution_options={"populate_existing": True}))
    for family in families:
        family.scopes = sorted(scopes.union(family.scopes))
    return [family.id for family in families]


def end_family(db: Session, family_id: str, because: EndReason) -> list[str]:
    """End a family: none of its refresh tokens renews anything, and its access tokens are dead. Returns the ids of those."""
    family = lock_family(db, family_id)
    if family.ended_at is None:
        family.ended_at, family.ended_because = moment(db), because.value
    tokens = db.scalars(select(AccessToken.id).where(AccessToken.family_id == family_id).order_by(AccessToken.id))
    return [identifier for _, identifier in end(db, list(tokens), because)]


def forget_expired_tokens(db: Session, limit: int) -> int:
    """Forget at most `limit` access tokens that ran out a while ago; rows that another transaction is at are left to it.

    Returns how many there were.
    """
    # A literal, since SQLite and prepared statements use a partial index for no parameter.
    is_token = Authority.kind == literal_column(f"'{Kind.TOKEN}'")
    is_past = Authority.expires_at < moment(db) - _KEPT_AFTER_EXPIRY
    tokens = select(Authority.id).where(is_token, is_past).order_by(Authority.expires_at).limit(limit)
    gone = list(db.scalars(tokens.with_for_update(skip_locked=True)))
    db.execute(delete(AccessToken).where(AccessToken.id.in_(gone)))
    db.execute(delete(Authority).where(Authority.id.in_(gone)))
    return len(gone)
