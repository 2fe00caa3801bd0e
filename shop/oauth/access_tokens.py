"""Access tokens: JWTs by RFC 9068, good for minutes, whose `jti` is a row of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError

from shop.credentials.grants import Grant
from shop.credentials.ledger import Authority
from shop.oauth.issuer import Issuer
from shop.oauth.keys import ALGORITHM, Signer

TYPE = "at+jwt"
"""`typ` (RFC 9068 §2.1), so that no other JWT of ours can be taken for an access token (ASVS 9.2.2)."""
_IDENTIFIERS = ("sub", "jti", "client_id", "scope", "org", "membership", "grant", "agent")


class BadToken(Exception):
    """Not an access token of this issuer for this resource, or not any more. The message says why, for a developer."""


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What an access token says, once it was verified. None of it is authority: `ledger.live` is asked."""

    subject: str
    organization: str
    membership: str
    grant: str
    agent: str
    token: str
    client_id: str
    scopes: frozenset[str]
    issued_at: int
    expires_at: int


def mint(issuer: Issuer, signer: Signer, grant: Grant, token: Authority, *, at: datetime) -> str:
    """The signed form of an access token (RFC 9068 §2.2)."""
    if token.expires_at is None:
        raise ValueError("an access token expires")
    claims: dict[str, Any] = {
        "iss": issuer.url,
        "sub": grant.person_id,
        "aud": issuer.resource,
        "exp": int(token.expires_at.timestamp()),
        "iat": int(at.timestamp()),
        "jti": token.id,
        "client_id": grant.client_id,
        "scope": " ".join(token.scopes or ()),
        "org": grant.organization_id,
        "membership": grant.membership_id,
        "grant": grant.id,
        "agent": grant.agent_id,
        "sid": grant.authenticated_by,
    }
    return signer.sign(claims, typ=TYPE)


def verify(issuer: Issuer, encoded: str, *, at: datetime) -> Claims:
    """RFC 9068 §4: signature by our own published key, type, issuer, audience, time. Raises `BadToken`.

    The key is chosen by us and the algorithm is pinned; nothing in the token's header says how it is verified.
    """
    try:
        token = jwt.decode(encoded, lambda signed: issuer.keys.public(signed.headers().get("kid")), [ALGORITHM])
    except (JoseError, ValueError, LookupError, TypeError) as error:
        raise BadToken("The access token is not one of this issuer.") from error
    claims = token.claims
    if str(token.header.get("typ", "")).lower().removeprefix("application/") != TYPE:
        raise BadToken("This is not an access token.")
    if claims.get("iss") != issuer.url:
        raise BadToken("The access token is from another issuer.")
    if claims.get("aud") != issuer.resource:
        raise BadToken("The access token is for another resource.")
    if not isinstance(claims.get("exp"), int) or claims["exp"] <= at.timestamp():
        raise BadToken("The access token has expired.")
    if not all(isinstance(claims.get(name), str) for name in _IDENTIFIERS):
        raise BadToken("The access token lacks a claim.")
    return Claims(
        subject=claims["sub"],
        organization=claims["org"],
        membership=claims["membership"],
        grant=claims["grant"],
        agent=claims["agent"],
        token=claims["jti"],
        client_id=claims["client_id"],
        scopes=frozenset(claims["scope"].split()),
        issued_at=int(claims["iat"]),
        expires_at=claims["exp"],
    )
