"""Does an organization's sign-in work, as far as it can be seen without a person: `flask sso check ORGANIZATION`.

Each step says in plain words what works, or what does not and what to change. Nothing is stored, and nobody is signed in: the
secret is tried with a code that no provider gave out, which a provider refuses after it has accepted the client (RFC 6749 §5.2).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from shop.database import Database
from shop.identity import offline_access, oidc
from shop.identity.client_authentication import KEY, method_for
from shop.identity.credentials import Credentials
from shop.identity.key_sets import ReadKeys, read_key_set
from shop.identity.models import Connection, Organization
from shop.identity.providers import Metadata, Provider, SignInError, provider_of
from shop.identity.sign_in_codes import SignInCode

_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC"}
_SKEW = 30
"""Seconds by which clocks may differ before it is said. Tokens are refused from a minute on."""


class UnknownOrganization(Exception):
    """No organization has this name; the message lists those that there are."""


@dataclass(frozen=True)
class Finding:
    """One thing that was tried: whether it works, and in words."""

    works: bool
    about: str
    text: str


def provider_named(database: Database, slug: str) -> Provider:
    """The provider that an organization signs in at. Raises `UnknownOrganization`."""
    with database.read() as db:
        rows = db.execute(select(Connection, Organization).join(Organization).order_by(Organization.slug)).all()
    found = {organization.slug: provider_of(connection, organization) for connection, organization in rows}
    if slug not in found:
        raise UnknownOrganization(f"No organization is called {slug!r}. There are: {', '.join(found)}.")
    return found[slug]


def check(database: Database, credentials: Credentials, provider: Provider, redirect_uri: str) -> Iterator[Finding]:
    """Try what can be tried, in order; what depends on something that does not work is not tried."""
    http, now = Metadata(), database.clock()
    try:
        metadata = http.document(provider, now)
    except SignInError as error:
        yield Finding(False, "metadata", f"{provider.issuer} cannot be used: {error.detail or error.text}")
        return
    yield Finding(True, "metadata", f"{provider.issuer} answers, and says that it is itself")
    yield from _clock(http, now)
    keys = _read_keys(http, provider, metadata)
    yield from _keys(keys)
    if isinstance(keys, ReadKeys):
        yield from _algorithms(provider, metadata, keys)
    yield from _scopes(provider, metadata)
    yield from _secret(credentials, provider, metadata, redirect_uri, now)


def _clock(http: Metadata, now: datetime) -> Iterator[Finding]:
    if http.said_at is None:
        return
    seconds = round((http.said_at - now).total_seconds())
    good = abs(seconds) <= _SKEW
    words = f"{abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} this shop's"
    yield Finding(
        good, "clock", "both clocks agree" if good else f"its clock is {words}; set both by the same time server"
    )


def _read_keys(http: Metadata, provider: Provider, metadata: dict[str, Any]) -> ReadKeys | str:
    try:
        return read_key_set(http.get(provider, str(metadata["jwks_uri"])), whose=provider.issuer)
    except SignInError as error:
        return error.detail
    except ValueError as error:
        return str(error)


def _keys(read: ReadKeys | str) -> Iterator[Finding]:
    if isinstance(read, str):
        yield Finding(False, "keys", f"its keys cannot be had: {read}")
        return
    odd = "".join(f"; not used: {one.key} ({one.why})" for one in read.passed_over)
    yield Finding(bool(read.keys), "keys", f"{len(read.keys)} can verify its tokens{odd}")


def _algorithms(provider: Provider, metadata: dict[str, Any], read: ReadKeys) -> Iterator[Finding]:
    listed = metadata.get("id_token_signing_alg_values_supported")
    allowed = ", ".join(provider.algorithms)
    if isinstance(listed, list) and not set(listed) & set(provider.algorithms):
        wanted = ", ".join(str(name) for name in listed)
        yield Finding(
            False, "algorithms", f"it signs with {wanted}; the connection allows {allowed}: change `algorithms`"
        )
        return
    kinds = {key.key_type for key in read.keys}
    usable = [name for name in provider.algorithms if _KINDS[name[:2]] in kinds]
    if not usable:
        yield Finding(False, "algorithms", f"none of its keys is of a kind for {allowed}: change `algorithms`")
        return
    yield Finding(True, "algorithms", f"its tokens may be signed with {', '.join(usable)}")


def _scopes(provider: Provider, metadata: dict[str, Any]) -> Iterator[Finding]:
    asked, listed = provider.scope.split(), metadata.get("scopes_supported")
    unknown = [name for name in asked if isinstance(listed, list) and name not in listed]
    if unknown:
        yield Finding(
            False, "scopes", f"it does not list {', '.join(unknown)}: take it out of `scope`, or allow it there"
        )
    else:
        yield Finding(True, "scopes", f"it is asked for {' '.join(asked)}")
    claims = metadata.get("claims_supported")
    for name, path in (("groups", provider.groups_claim), ("email", provider.email_claim)):
        if isinstance(claims, list) and path[0] not in claims:
            text = f"it does not list the claim {path[0]}, where the connection looks for {name}; a sign-in will show"
            yield Finding(True, "claims", text)
    if offline_access.is_wanted(provider):
        told = provider.offline_prompt == offline_access.NONE_COMES
        text = (
            "people can be asked about again"
            if not told
            else "it gives no refresh token: people are not asked about again"
        )
        yield Finding(not told, "offline access", text)


def _secret(
    credentials: Credentials, provider: Provider, metadata: dict[str, Any], redirect_uri: str, now: datetime
) -> Iterator[Finding]:
    """The secret, or the shop's key, tried with a made-up code."""
    try:
        complete = credentials.of(provider)
        method = method_for(metadata, complete)
        own = "the key at /sign-in/keys" if method == KEY else f"client id {provider.client_id}"
        oidc.redeem(
            metadata,
            complete,
            redirect_uri=redirect_uri,
            code=secrets.token_urlsafe(24),
            code_verifier=secrets.token_urlsafe(48),
            now=now,
        )
    except SignInError as error:
        if error.code is SignInCode.CODE_REFUSED:
            yield Finding(True, "secret", f"it accepts the shop ({own}, by {method})")
        elif error.code is SignInCode.CLIENT_REFUSED:
            said = f" It says: {error.hint}" if error.hint else ""
            yield Finding(False, "secret", f"it does not accept the shop ({own}, by {method}).{said}")
        else:
            yield Finding(False, "secret", f"it could not be tried: {error.detail or error.code}. {error.hint}".strip())
    else:
        yield Finding(False, "secret", "it gave tokens for a code that nobody was given: do not use this provider")
