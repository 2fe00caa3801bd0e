"""Identity assertions (ID-JAG): what an organization's own identity provider says of one of its people, to us, for one client.

Read and verified before any transaction, since the provider's keys may have to be fetched. The provider is one that a
connection of ours pins, with issuer and algorithms; nothing in the assertion says how it is verified. It is looked at only if
that organization's administrator allowed the client for everybody, so a stranger makes us ask nobody and learns nothing.

draft-ietf-oauth-identity-assertion-authz-grant §3, §4.4; MCP "Enterprise-Managed Authorization" §5, §7.4, §7.6. Authlib has classes
for the draft (`drafts.id_jag.IDJAGGrant`) and for RFC 7523 (`JWTBearerGrant`). They are not used: both read keys in the call that
also decides, so inside the transaction; they let the token's header choose among the library's algorithms, tell time
themselves, and know no `resource`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from authlib.oauth2.rfc6749 import InvalidGrantError
from joserfc import jwt
from joserfc.errors import JoseError
from sqlalchemy import String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.credentials.agents import Agent
from shop.credentials.tokens import secret_digest
from shop.database import Base, insert_on_conflict, new_id
from shop.guards.unverified_claims import is_moment, unverified_claims
from shop.identity import oidc
from shop.identity.models import Connection, Organization
from shop.identity.providers import Provider, SignInError, provider_of
from shop.oauth.grants.token_grant import TokenRequest
from shop.oauth.responses import refuse
from shop.untrusted import is_identifier

TYPE = "oauth-id-jag+jwt"
"""`typ` (draft §3.1): an ID token, an access token or another grant is none."""
PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag"
_LONGEST_LIFE = timedelta(minutes=10)
_LEEWAY = 60
"""Seconds that the provider's clock may be ahead."""
_LONGEST_ID = 255
_log = logging.getLogger(__name__)


class IdentityAssertion(Base):
    """An assertion that was presented: never again, in whatever process (MCP profile §7.4.2). Kept until it would have expired."""

    __tablename__ = "identity_assertions"
    __table_args__ = (UniqueConstraint("connection_id", "jti_hash"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    connection_id: Mapped[str] = mapped_column(String(40))
    jti_hash: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, kw_only=True)
class VerifiedAssertion:
    """An identity assertion whose signature and claims were checked."""

    provider: Provider
    claims: Mapping[str, Any]
    subject: str
    """Who it is about, as the provider calls them."""
    jti: str
    scopes: frozenset[str] | None
    """What the provider lets the client ask for; None when it says nothing of that."""
    signed_in_at: datetime | None
    """When the person signed in to the client, as far as the provider says (`auth_time`)."""
    expires_at: datetime


def verify_signature(request: TokenRequest, now: datetime) -> tuple[Provider, jwt.Token]:
    """The assertion that the client presents, signed by the identity provider of an organization that allows this client.

    Not in a transaction: keys may have to be fetched. Raises `OAuth2Error`.
    """
    encoded = request.parameters.require("assertion")
    try:
        claims = unverified_claims(encoded)
    except ValueError as error:
        _refuse("it is not a JWT", error)
    provider = _provider(request, claims)
    try:
        return provider, oidc.verified_jwt(request.issuer.providers, provider, encoded, now)
    except SignInError as error:
        _log.warning("the keys of %s cannot be had: %s", provider.issuer, error.detail or error.code)
        refuse("temporarily_unavailable", "The organization's identity provider does not answer. Try again soon.", 503)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        _refuse("its signature is not one of the identity provider's", error)


def check_claims(request: TokenRequest, provider: Provider, token: jwt.Token, now: datetime) -> VerifiedAssertion:
    """MCP profile §7.4.1, §7.6.2: type, issuer, audience and resource as a pair, client, times, identifiers. Raises `OAuth2Error`."""
    header, claims, issuer, client = token.header, token.claims, request.issuer, request.client
    seconds = now.timestamp()
    expires, issued, scope = claims.get("exp"), claims.get("iat"), claims.get("scope")
    subject, jti, signed_in = claims.get("sub"), claims.get("jti"), claims.get("auth_time")
    if str(header.get("typ", "")).lower().removeprefix("application/") != TYPE:
        _refuse(f"its typ must be {TYPE}")
    if claims.get("iss") != provider.issuer:
        _refuse("it is of another issuer")
    if (claims.get("aud"), claims.get("resource")) not in tuple(zip(issuer.urls, issuer.resources, strict=True)):
        _refuse(f"its aud must be {issuer.url} and its resource {issuer.resource}")
    if claims.get("client_id") != client.client_id:
        _refuse("it was issued for another client")
    if not is_moment(expires) or not is_moment(issued) or not issued <= seconds + _LEEWAY or expires <= seconds:
        _refuse("it has expired, or is not valid yet")
    if expires - issued > _LONGEST_LIFE.total_seconds():
        _refuse("it is good for more than ten minutes")
    if not is_identifier(jti, _LONGEST_ID) or not is_identifier(subject, _LONGEST_ID):
        _refuse("it must have a jti and a sub")
    if scope is not None and not (isinstance(scope, str) and set(scope.split()) <= set(client.scopes)):
        _refuse("its scope names what this client may not ask for")
    if "cnf" in claims:
        _refuse("it is bound to a key, which is not supported here")
    return VerifiedAssertion(
        provider=provider,
        claims=claims,
        subject=subject,
        jti=jti,
        scopes=None if scope is None else frozenset(scope.split()),
        signed_in_at=datetime.fromtimestamp(signed_in, now.tzinfo) if is_moment(signed_in) else None,
        expires_at=datetime.fromtimestamp(expires, now.tzinfo),
    )


def use_up(db: Session, assertion: VerifiedAssertion) -> str | None:
    """Note that an assertion was presented. Returns our name for it; None when it had been before, in whatever process."""
    fresh = insert_on_conflict(IdentityAssertion, db.get_bind().dialect.name).values(
        id=new_id("jag"),
        connection_id=assertion.provider.connection_id,
        jti_hash=secret_digest(assertion.jti),
        expires_at=assertion.expires_at + timedelta(seconds=_LEEWAY),
    )
    once = fresh.on_conflict_do_nothing(index_elements=["connection_id", "jti_hash"])
    used: str | None = db.execute(once.returning(IdentityAssertion.id)).scalar_one_or_none()
    return used


def _provider(request: TokenRequest, claims: Mapping[str, Any]) -> Provider:
    """The identity provider of the organization that has this issuer and allowed this client for everybody.

    That there is no such issuer, and that it did not allow the client, are one answer (invariant I10).
    """
    issuer = claims.get("iss")
    query = (
        select(Connection, Organization, Agent)
        .join(Organization, Organization.id == Connection.organization_id)
        .join(Agent, Agent.organization_id == Organization.id)
        .where(Connection.issuer == issuer, Agent.client_id == request.client.client_id)
    )
    with request.issuer.database.read() as db:
        rows = db.execute(query).all() if isinstance(issuer, str) and "\x00" not in issuer else []
    found = [(connection, company) for connection, company, agent in rows if agent.for_everyone is not None]
    if len(found) > 1:  # one provider, several organizations of ours: the address tells them apart
        found = [(connection, company) for connection, company in found if _has_address(connection, company, claims)]
    if len(found) != 1:
        raise InvalidGrantError(
            description="No organization that has this identity provider allows this client for everybody. "
            "An administrator of the organization can do that on the page of its agents."
        )
    connection, company = found[0]
    return provider_of(connection, company)  # without its secret: nothing is redeemed there


def _has_address(connection: Connection, company: Organization, claims: Mapping[str, Any]) -> bool:
    """Whether the address that the claims hold is of one of the connection's domains."""
    provider = provider_of(connection, company)
    email = provider.said(claims, provider.email_claim)
    return isinstance(email, str) and email.rpartition("@")[2].lower() in provider.domains


def _refuse(why: str, cause: Exception | None = None) -> NoReturn:
    raise InvalidGrantError(description=f"The assertion is not taken: {why}.") from cause
