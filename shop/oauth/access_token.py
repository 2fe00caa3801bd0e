"""Access tokens: JWTs by RFC 9068, good for minutes, whose `jti` is a row of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc.errors import JoseError

from shop.credentials.ledger import Authority
from shop.oauth.issuer import Issuer
from shop.oauth.signing_keys import Signer
from shop.principal import Actor, Principal

TYPE = "at+jwt"
"""`typ` (RFC 9068 §2.1), so that no other JWT of ours can be taken for an access token (ASVS 9.2.2)."""
_IDENTIFIERS = ("sub", "jti", "client_id", "scope", "org", "membership", "agent")


class BadToken(Exception):
    """Not an access token of this issuer for this resource, or not any more. The message says why, for a developer.

    `holder` is whose it is, as far as that was proven: of one that has expired. `is_recorded`: its refusal is on record already.
    """

    def __init__(self, text: str, *, holder: Principal | None = None, is_recorded: bool = False) -> None:
        super().__init__(text)
        self.holder, self.is_recorded = holder, is_recorded


class NotLetIn(BadToken):
    """A good token of an external issuer that stands for nobody here, whichever token comes next: no challenge helps a client.

    With `signs_in`, the person has to sign in to the shop once.
    """

    def __init__(self, message: str, *, signs_in: bool) -> None:
        super().__init__(message)
        self.signs_in = signs_in


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What an access token says, once it was verified. None of it is authority: `ledger.live` is asked."""

    subject: str
    organization: str
    membership: str
    grant: str | None
    """None for an agent that acts for nobody: its token hangs below its own entry in the inventory."""
    agent: str
    token: str
    client_id: str
    scopes: frozenset[str]
    issued_at: int
    expires_at: int

    def principal(self) -> Principal:
        """Whom the token stands for, with the scopes that it names. What is left of them, `ledger.live` says."""
        return Principal(
            subject=self.subject,
            organization=self.organization,
            membership=self.membership,
            actor=Actor(client_id=self.client_id, agent=self.agent),
            grant=self.grant,
            token=self.token,
            scopes=self.scopes,
        )


def mint(
    issuer: Issuer, signer: Signer, holder: Principal, token: Authority, *, at: datetime, also: Mapping[str, Any]
) -> str:
    """The signed form of an access token (RFC 9068 §2.2), with what a grant type says besides."""
    if token.expires_at is None or holder.actor is None:
        raise ValueError("an access token expires, and a client holds it")
    claims: dict[str, Any] = {
        "iss": issuer.url,
        "sub": holder.subject,
        "aud": issuer.resource,
        "exp": int(token.expires_at.timestamp()),
        "iat": int(at.timestamp()),
        "jti": token.id,
        "client_id": holder.actor.client_id,
        "scope": " ".join(token.scopes or ()),
        "org": holder.organization,
        "membership": holder.membership,
        "agent": holder.actor.agent,
    }
    below = {"grant": holder.grant} if holder.grant else {}
    return signer.sign({**also, **claims, **below}, typ=TYPE)


def verify(issuer: Issuer, encoded: str, *, at: datetime) -> Claims:
    """RFC 9068 §4: signature by our own published key, type, issuer, audience, time. Raises `BadToken`.

    The key is chosen by us and the algorithm is pinned; nothing in the token's header says how it is verified.
    """
    try:
        token = issuer.keys.verified(encoded)
    except (JoseError, ValueError, LookupError, TypeError) as error:
        raise BadToken("The access token is not one of this issuer.") from error
    claims = token.claims
    if str(token.header.get("typ", "")).lower().removeprefix("application/") != TYPE:
        raise BadToken("This is not an access token.")
    if claims.get("iss") not in issuer.urls:
        raise BadToken("The access token is from another issuer.")
    if claims.get("aud") not in issuer.resources:
        raise BadToken("The access token is for another resource.")
    if not isinstance(claims.get("exp"), int):
        raise BadToken("The access token has expired.")
    if not all(isinstance(claims.get(name), str) for name in _IDENTIFIERS) or not _has_parent(claims):
        raise BadToken("The access token lacks a claim.")
    verified = _claims_of(claims)
    if verified.expires_at <= at.timestamp():
        raise BadToken("The access token has expired.", holder=verified.principal())
    return verified


def _claims_of(claims: Mapping[str, Any]) -> Claims:
    return Claims(
        subject=claims["sub"],
        organization=claims["org"],
        membership=claims["membership"],
        grant=claims.get("grant"),
        agent=claims["agent"],
        token=claims["jti"],
        client_id=claims["client_id"],
        scopes=frozenset(claims["scope"].split()),
        issued_at=int(claims["iat"]),
        expires_at=claims["exp"],
    )


def _has_parent(claims: Mapping[str, Any]) -> bool:
    """A token hangs below a grant; only an agent that acts for nobody, and is its own subject, has none."""
    if "grant" in claims:
        return isinstance(claims["grant"], str)
    return bool(claims["sub"] == claims["membership"] == claims["agent"])
