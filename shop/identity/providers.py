"""The organizations' identity providers: what is known of each, and what each publishes about itself.

No function here touches the database: HTTP never runs inside a transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
from joserfc.jwk import KeySet, RSAKey

from shop.hosts import is_loopback_host
from shop.identity.key_sets import read_key_set
from shop.identity.models import Connection, Organization
from shop.identity.sign_in_codes import SignInCode
from shop.untrusted import printable_line

TIMEOUT = 5.0
"""Seconds that a provider has for each answer."""
_METADATA_LIFETIME = timedelta(hours=1)


class SignInError(Exception):
    """A sign-in did not succeed. `code` and `detail` are for the record; title and text are for the person.

    `hint` is for the operator's log alone: words of others that may speak of a person. `can_retry` is False where trying again
    cannot help, because somebody has to change how shop and provider are set up.
    """

    def __init__(
        self, code: SignInCode, title: str, text: str, *, detail: str = "", hint: str = "", can_retry: bool = True
    ) -> None:
        super().__init__(code)
        self.code, self.title, self.text, self.detail = code, title, text, detail
        self.hint, self.can_retry = hint, can_retry


class ProviderUnavailable(SignInError):
    """The provider, or what stands between, did not answer as one does: its own doing, whatever the browser brought."""


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Everything needed to speak to one identity provider: a copy of the stored connection.

    Secret and key are there only after `Credentials.of`, for who authenticates itself there and does not only verify.
    """

    connection_id: str
    organization_id: str
    organization_name: str
    issuer: str
    client_id: str
    client_secret_ref: str
    scope: str
    algorithms: tuple[str, ...]
    domains: tuple[str, ...]
    offline_prompt: str | None
    """What was learned of its refresh tokens (`offline_access.py`)."""
    client_auth: str | None
    """How the shop authenticates itself there; None: as the provider's metadata says."""
    groups_claim: tuple[str, ...]
    email_claim: tuple[str, ...]
    """Where its tokens hold groups and e-mail: names from the outside in."""
    client_secret: str = field(default="", repr=False)
    client_key: Callable[[], RSAKey] | None = None

    @staticmethod
    def said(claims: Mapping[str, Any], path: tuple[str, ...]) -> object:
        """What the claims hold at the end of a path; None when it leads nowhere."""
        found: object = claims
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def says_all_of(self, claims: Mapping[str, Any]) -> bool:
        """Whether the claims hold both, so that nobody has to be asked for more."""
        return all(self.said(claims, path) is not None for path in (self.groups_claim, self.email_claim))


class Metadata:
    """Discovery documents and key sets, kept for an hour; keys are fetched again for an unknown `kid`."""

    def __init__(self, http: requests.Session | None = None) -> None:
        self._http = http or requests.Session()
        self._documents: dict[str, tuple[datetime, dict[str, Any]]] = {}
        self._keys: dict[str, tuple[datetime, KeySet]] = {}
        self._guard = threading.Lock()
        self._said_at: datetime | None = None

    @property
    def said_at(self) -> datetime | None:
        """What time it was at the provider that answered last, by its `Date` header (RFC 9110 §6.6.1)."""
        return self._said_at

    def document(self, provider: Provider, now: datetime) -> dict[str, Any]:
        """The provider's metadata (OpenID Connect Discovery 1.0 §4). Raises `SignInError`."""
        with self._guard:
            fetched = self._documents.get(provider.issuer)
        if fetched and now - fetched[0] < _METADATA_LIFETIME:
            return fetched[1]
        require_safe(provider, provider.issuer)
        document = self.get(provider, f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != provider.issuer:  # §4.3: must be identical
            raise SignInError(
                SignInCode.WRONG_ISSUER,
                "That sign-in cannot be trusted",
                f"The identity provider of {provider.organization_name} says it is somebody else. "
                "Ask your administrator to check the connection.",
                detail=f"issuer of the metadata: {provider.issuer} was expected, {printable_line(str(document.get('issuer')))[:100]} seen",
                can_retry=False,
            )
        for endpoint in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            require_safe(provider, str(document.get(endpoint, "")))
        with self._guard:
            self._documents[provider.issuer] = (now, document)
        return document

    def keys(self, provider: Provider, now: datetime, *, again: bool = False) -> KeySet:
        """The provider's key set. Raises `SignInError`."""
        with self._guard:
            known = self._keys.get(provider.issuer)
        if known and not again and now - known[0] < _METADATA_LIFETIME:
            return known[1]
        document = self.get(provider, str(self.document(provider, now)["jwks_uri"]))
        try:
            keys = read_key_set(document, whose=provider.issuer).key_set()
        except ValueError as error:
            raise provider_down(provider, str(error)) from error
        with self._guard:
            self._keys[provider.issuer] = (now, keys)
        return keys

    def get(self, provider: Provider, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """A JSON object from the provider; no redirect is followed. Raises `SignInError`."""
        try:
            response = self._http.get(url, timeout=TIMEOUT, allow_redirects=False, headers=headers)
            self._said_at = _date_in(response)
            if response.status_code != HTTPStatus.OK:
                raise provider_down(provider, f"status {response.status_code} at {url}")
            document = response.json()
        except (requests.RequestException, ValueError) as error:
            raise provider_down(provider, str(error)) from error
        if not isinstance(document, dict):
            raise provider_down(provider, "not a JSON object")
        return document


def _date_in(response: requests.Response) -> datetime | None:
    try:
        found = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None
    return found if found.tzinfo else None


def provider_of(connection: Connection, organization: Organization) -> Provider:
    """A connection's provider, without secret and key."""
    return Provider(
        connection_id=connection.id,
        organization_id=organization.id,
        organization_name=organization.name,
        issuer=connection.issuer,
        client_id=connection.client_id,
        client_secret_ref=connection.client_secret_ref,
        scope=connection.scope,
        algorithms=tuple(connection.algorithms),
        domains=tuple(connection.domains),
        offline_prompt=connection.offline_prompt,
        client_auth=connection.client_auth,
        groups_claim=tuple(connection.claims.get("groups", ["groups"])),
        email_claim=tuple(connection.claims.get("email", ["email"])),
    )


def provider_down(provider: Provider, detail: str) -> SignInError:
    """The error for a provider that does not answer, or answers nonsense."""
    return ProviderUnavailable(
        SignInCode.PROVIDER_UNAVAILABLE,
        f"{provider.organization_name}'s sign-in does not answer",
        "Your company's identity provider is not reachable at the moment. Nothing was changed; try again in a minute.",
        detail=detail[:200],
    )


def set_up_wrong(
    provider: Provider, detail: str, *, code: SignInCode = SignInCode.SET_UP_WRONG, hint: str = ""
) -> SignInError:
    """The error for what only somebody who configures shop or provider can mend."""
    return SignInError(
        code,
        "The sign-in is not set up right",
        f"The shop and {provider.organization_name}'s identity provider do not fit together at the moment. It is not your doing, "
        "and trying again does not help: tell your administrator. The shop's log says what is wrong.",
        detail=detail[:200],
        hint=hint,
        can_retry=False,
    )


def require_safe(provider: Provider, url: str) -> None:
    """Raise `SignInError` unless an address of the provider is https, or on this very machine."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise provider_down(provider, "an address that is none") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback_host(parts.hostname or "")):
        raise provider_down(provider, f"without https: {printable_line(url)}")
