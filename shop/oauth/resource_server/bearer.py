"""What a bearer token proves: asked by the protected resource, `shop.mcp`, before it does anything (RFC 6750, RFC 9728 §5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import has_request_context, request

from shop.audit.denials import Handle, record_refused_handle
from shop.oauth.access_token import BadToken, NotLetIn, verify
from shop.oauth.issuer import Issuer, issuer
from shop.oauth.resource_server.external_grants import principal_of
from shop.oauth.resource_server.external_issuer import external_issuer
from shop.principal import Principal


@dataclass(eq=False)  # not frozen: whatever an exception passes through must be able to set its traceback
class BearerRefused(Exception):
    """No principal comes of this request. `error` is RFC 6750 §3.1's code; None when nothing was presented at all."""

    error: str | None = None
    description: str | None = None
    is_lasting: bool = False
    """Whether no other token would help, so that a challenge would send a client in circles."""


def authenticate(authorization_header: str | None) -> Principal:
    """The principal that an `Authorization` header proves. Raises `BearerRefused`, and `IssuerUnavailable` of an external one.

    The token is looked at alone, and no row is read: whether its grant, its person and its client are alive is asked by
    `ledger.live` in the transaction of each call, which also fills in the roles, and what is left of the scopes that the token
    names (invariants I8, I9). Only a token of an external issuer has its rows looked up here, or made when it is the first time
    (`external_grants.py`).
    """
    scheme, _, encoded = (authorization_header or "").strip().partition(" ")
    if not scheme:
        raise BearerRefused
    server = issuer()
    if scheme.lower() != "bearer" or not encoded.strip():
        _record(server, "malformed")
        raise BearerRefused("invalid_token", "An access token is presented as: Authorization: Bearer TOKEN.")
    now = server.database.clock()
    try:
        if not server.external_url:
            return verify(server, encoded.strip(), at=now).principal()
        token = external_issuer().verify(encoded.strip(), now)
        return principal_of(server.database, server.external_url, token, lifetime=server.settings.grant_lifetime)
    except NotLetIn as nobody:
        where = f" They do that once, at {server.settings.base_url}/sign-in." if nobody.signs_in else ""
        raise BearerRefused("invalid_token", f"{nobody}{where}", is_lasting=True) from nobody
    except BadToken as bad:
        if not bad.is_recorded:
            _record(server, "expired" if bad.holder else "invalid_token", bad.holder)
        raise BearerRefused("invalid_token", str(bad)) from bad


def _record(server: Issuer, why: str, holder: Principal | None = None) -> None:
    """Who comes with no token that is good here is a stranger; one that we issued, and that has expired, says whose it was."""
    record_refused_handle(server.database, Handle.ACCESS_TOKEN, where="/mcp", why=why, principal=holder)


def challenge(error: str | None = None, description: str | None = None, scopes: Iterable[str] = ()) -> str:
    """The value of `WWW-Authenticate` that tells a client where to get a token, and which scopes to ask for.

    RFC 6750 §3, RFC 9728 §5.1. `scopes` are all that the operation needs, those that were granted included.
    """
    # The document that names the very address which was asked (RFC 9728 §3.3): clients compare the two.
    slash = "/" if has_request_context() and request.path == "/mcp/" else ""
    parts = {
        "resource_metadata": f"{issuer().url_as_asked()}/.well-known/oauth-protected-resource/mcp{slash}",
        "scope": " ".join(sorted(scopes)),
        "error": error,
        "error_description": description,
    }
    return "Bearer " + ", ".join(f'{name}="{_quoted(value)}"' for name, value in parts.items() if value)


def _quoted(text: str) -> str:
    """Text as RFC 6750 §3 lets it stand in a quoted value: ASCII without quotes and backslashes."""
    return "".join(c if " " <= c <= "~" and c not in '"\\' else "'" for c in text)
