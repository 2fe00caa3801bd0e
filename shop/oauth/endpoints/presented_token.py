"""A token that somebody presents at revocation or introspection: what it is, and whose. Whether it is alive is not said here."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from shop.credentials.grants import Grant
from shop.credentials.tokens import RefreshToken, TokenFamily, find_refresh_token
from shop.oauth.access_token import BadToken, Claims, verify
from shop.oauth.clients.client import Client
from shop.oauth.issuer import Issuer
from shop.principal import Principal


@dataclass(frozen=True, kw_only=True)
class _Presented:
    holder: Principal

    def is_of(self, client: Client) -> bool:
        """Whether it was issued to this client."""
        return self.holder.actor is not None and self.holder.actor.client_id == client.client_id


@dataclass(frozen=True, kw_only=True)
class PresentedAccessToken(_Presented):
    """An access token."""

    claims: Claims

    @property
    def resource(self) -> tuple[str, str]:
        """What the record calls it."""
        return "token", self.claims.token


@dataclass(frozen=True, kw_only=True)
class PresentedRefreshToken(_Presented):
    """A refresh token, used or not."""

    token: RefreshToken
    family: TokenFamily

    @property
    def resource(self) -> tuple[str, str]:
        """What the record calls it: its family, with which it ends."""
        return "token_family", self.family.id


PresentedToken = PresentedAccessToken | PresentedRefreshToken


def read_access_token(server: Issuer, token: str) -> Claims | None:
    """What an access token of ours says; None for anything else. Not in a transaction: keys may have to be read."""
    try:
        return verify(server, token, at=server.database.clock())
    except BadToken:
        return None


def find_token(db: Session, token: str, access: Claims | None) -> PresentedToken | None:
    """Whose token this is; None when it is none of ours. The hint of its kind is not needed (RFC 7009 §2.1)."""
    if access is not None:
        return PresentedAccessToken(holder=access.principal(), claims=access)
    found = find_refresh_token(db, token)
    if found is None:
        return None
    refresh_token, family = found
    return PresentedRefreshToken(
        holder=db.get_one(Grant, family.grant_id).principal(), token=refresh_token, family=family
    )
