"""Issuing: what every grant type ends with, in the transaction that spent what was presented."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.grants import Grant
from shop.credentials.ledger import Authority, NotAlive, live
from shop.credentials.tokens import TokenFamily, new_access_token, new_refresh_token
from shop.database import moment
from shop.oauth.access_token import mint
from shop.oauth.authlib_server import ShopRequest
from shop.principal import Principal

TokenResponse = tuple[int, dict[str, str | int], Collection[tuple[str, str]]]
"""Status, body and headers of an answer of the token endpoint, as Authlib takes them."""


@dataclass(frozen=True)
class Authorized:
    """What a code or a refresh token stands for, and the client as a principal, resolved a moment ago."""

    grant: Grant
    principal: Principal


def authorized(request: ShopRequest, grant_id: str) -> Authorized:
    """Ask again whether organization, person, client and grant are alive (invariant I9). Raises `InvalidGrantError`."""
    grant = request.db.get_one(Grant, grant_id)
    try:
        return Authorized(grant, live(request.db, grant.principal()))
    except NotAlive as lapsed:
        raise InvalidGrantError(description=f"What the person allowed is not in force any more: {lapsed}.") from lapsed


def still_allowed(request: ShopRequest, to: Authorized, scopes: frozenset[str]) -> frozenset[str]:
    """Those of the scopes asked for that the person, the organization's ceiling and today's tools still cover.

    None of them may be wider than what is alive, and a workflow with a tool that the person was not told of waits for a new
    consent. Raises `InvalidGrantError` when nothing is left.
    """
    allowed = scopes & to.principal.scopes & still_covered(request, to.grant)
    if not allowed:
        raise InvalidGrantError(description="Nothing of what was asked for is allowed any more. Ask the person again.")
    return allowed


def issue(
    request: ShopRequest,
    to: Authorized,
    family: TokenFamily,
    granted: frozenset[str],
    name: EventName,
    *,
    renewable: bool = True,
    refresh_token: str | None = None,
    repeated: bool = False,
) -> dict[str, str | int]:
    """A new access token with scopes from `still_allowed`, and a refresh token for a client that may refresh; recorded.

    The `refresh_token` is the one that is there already, else a new one. With `renewable` off there is none: the client comes
    again with what it had come with. `repeated` is for the record: the same request came twice.
    """
    db, settings, grant = request.db, request.issuer.settings, to.grant
    token = new_access_token(db, family, granted, lifetime=settings.access_token_lifetime)
    grant.last_used_at = moment(db)
    answer = told(request, grant.principal(token.id), token, also=session_of(grant))
    if renewable and request.authenticated.check_grant_type("refresh_token"):
        answer["refresh_token"] = refresh_token or next_refresh_token(request, grant, family)
    record(
        db,
        name,
        principal=grant.principal(token.id),
        resource=("token", token.id),
        outcome="succeeded",
        facts={
            "client": grant.client_id,
            "scopes": sorted(granted),
            "family": family.id,
            "audience": family.resource,
            **({"repeated": True} if repeated else {}),
        },
    )
    return answer


def next_refresh_token(request: ShopRequest, grant: Grant, family: TokenFamily, token: str | None = None) -> str:
    """The row of a new refresh token, random or the derived one that is given."""
    until = request.db.get_one(Authority, grant.id).expires_at
    lifetime = request.issuer.settings.refresh_token_lifetime
    return new_refresh_token(request.db, family, lifetime=lifetime, until=until, token=token)


def told(request: ShopRequest, holder: Principal, token: Authority, *, also: Mapping[str, Any]) -> dict[str, str | int]:
    """What the client is told of its new access token (RFC 6749 §5.1), and the token itself."""
    now = moment(request.db)
    lifetime = (token.expires_at or now) - now
    return {
        "access_token": mint(request.issuer, request.signer, holder, token, at=now, also=also),
        "token_type": "Bearer",
        "expires_in": int(lifetime.total_seconds()),
        "scope": " ".join(token.scopes or ()),
    }


def session_of(grant: Grant) -> dict[str, str]:
    """The session in which the person consented, where they did (`sid`)."""
    return {} if grant.by_organization else {"sid": grant.authenticated_by}


def still_covered(request: ShopRequest, grant: Grant) -> frozenset[str]:
    """The workflows that have no irreversible tool which the person was not told of when they consented."""
    today = request.issuer.risky_tools
    return frozenset(
        scope
        for scope in request.authenticated.scopes
        if set(today.get(scope, ())) <= set(grant.risky_tools.get(scope, ()))
    )
