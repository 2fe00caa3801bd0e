"""OpenID Connect, the relying party's side, on Authlib.

What Authlib leaves open is closed here: the callback's `iss` is checked (RFC 9207, mix-up), and signing algorithms
are pinned by the connection, because Authlib believes a provider that lists `none`. No function here touches the
database: HTTP never runs inside a transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shop.settings import is_loopback_host

_TIMEOUT = 5.0
_LEEWAY = 60
_METADATA_LIFETIME = timedelta(hours=1)


class SignInError(Exception):
    """A sign-in did not succeed. `code` is for the record; title and text are for the person."""

    def __init__(self, code: str, title: str, text: str, *, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.title, self.text, self.detail = code, title, text, detail


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Everything needed to speak to one identity provider; a copy of the stored connection, with its secret."""

    connection_id: str
    organization_id: str
    organization_name: str
    issuer: str
    client_id: str
    client_secret: str
    scope: str
    algorithms: tuple[str, ...]
    domains: tuple[str, ...]


class Metadata:
    """Discovery documents and key sets, kept for an hour; keys are fetched again for an unknown `kid`."""

    def __init__(self, http: requests.Session | None = None) -> None:
        self._http = http or requests.Session()
        self._documents: dict[str, tuple[datetime, dict[str, Any]]] = {}
        self._keys: dict[str, KeySet] = {}
        self._guard = threading.Lock()

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
                "wrong_issuer",
                "That sign-in cannot be trusted",
                f"The identity provider of {provider.organization_name} says it is somebody else. "
                "Ask your administrator to check the connection.",
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
        if known and not again:
            return known
        document = self.get(provider, str(self.document(provider, now)["jwks_uri"]))
        try:
            keys = KeySet.import_key_set(document)  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:  # whatever was sent for keys
            raise provider_down(provider, f"no key set: {type(error).__name__}") from error
        with self._guard:
            self._keys[provider.issuer] = keys
        return keys

    def get(self, provider: Provider, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """A JSON object from the provider; no redirect is followed. Raises `SignInError`."""
        try:
            response = self._http.get(url, timeout=_TIMEOUT, allow_redirects=False, headers=headers)
            if response.status_code != HTTPStatus.OK:
                raise provider_down(provider, f"status {response.status_code} at {url}")
            document = response.json()
        except (requests.RequestException, ValueError) as error:
            raise provider_down(provider, str(error)) from error
        if not isinstance(document, dict):
            raise provider_down(provider, "not a JSON object")
        return document


def authorization_url(
    metadata: Mapping[str, Any],
    provider: Provider,
    *,
    redirect_uri: str,
    state: str,
    nonce: str,
    code_verifier: str,
    login_hint: str,
) -> str:
    """Where to send the browser: code flow with PKCE S256, state and nonce."""
    url, _state = _client(provider, redirect_uri).create_authorization_url(
        metadata["authorization_endpoint"], state=state, nonce=nonce, code_verifier=code_verifier, login_hint=login_hint
    )
    return str(url)


def check_response_issuer(metadata: Mapping[str, Any], provider: Provider, iss: str | None) -> None:
    """RFC 9207 §2.4: the callback's `iss` is the one we asked, and present if the provider promised it."""
    promised = metadata.get("authorization_response_iss_parameter_supported") is True
    if (iss is None and promised) or (iss is not None and iss != provider.issuer):
        raise SignInError(
            "wrong_issuer",
            "That sign-in cannot be trusted",
            "The answer came from another identity provider than the one you were sent to. Please start again.",
        )


def redeem(
    metadata: Mapping[str, Any], provider: Provider, *, redirect_uri: str, code: str, code_verifier: str
) -> dict[str, Any]:
    """Exchange the code for tokens. Raises `SignInError`.

    A redirect is not followed: it would carry the code and its verifier to wherever the answer points (RFC 9700 §4.12).
    """
    if not code:
        raise _code_refused(provider, "no code")
    try:
        token: dict[str, Any] = _client(provider, redirect_uri).fetch_token(
            metadata["token_endpoint"],
            grant_type="authorization_code",
            code=code,
            code_verifier=code_verifier,
            timeout=_TIMEOUT,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise provider_down(provider, str(error)) from error
    except Exception as error:  # Authlib raises OAuthError and its kin for what the provider answers
        raise _code_refused(provider, type(error).__name__) from error
    return token


def verified_claims(
    keys: Metadata, provider: Provider, token: Mapping[str, Any], *, nonce: str, now: datetime
) -> dict[str, Any]:
    """The claims of an ID token after signature, algorithm, issuer, audience, time and nonce were checked.

    OpenID Connect Core §3.1.3.7; ASVS 9.1.1-9.2.4. Raises `SignInError`.
    """
    encoded = token.get("id_token")
    if not isinstance(encoded, str):
        raise bad_token("no ID token")
    try:
        decoded = verified_jwt(keys, provider, encoded, now)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": provider.issuer},
                "aud": {"essential": True, "value": provider.client_id},
                "sub": {"essential": True},
                "nonce": {"essential": True, "value": nonce},
            },
            {"nonce": nonce, "client_id": provider.client_id, "access_token": token.get("access_token")},
        )
        claims.validate(now=int(now.timestamp()), leeway=_LEEWAY)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise bad_token(str(error) or type(error).__name__) from error
    return dict(claims)


def verified_jwt(keys: Metadata, provider: Provider, encoded: str, now: datetime) -> jwt.Token:
    """A JWT whose signature was made by one of the provider's keys, with an algorithm that the connection pins.

    Nothing that it says is checked. Raises `SignInError` when the keys cannot be had, and what joserfc raises for the rest.
    """
    try:
        return jwt.decode(encoded, keys.keys(provider, now), algorithms=list(provider.algorithms))
    except (JoseError, ValueError):  # perhaps a rotated key: fetch once more, then it is final
        return jwt.decode(encoded, keys.keys(provider, now, again=True), algorithms=list(provider.algorithms))


def printable(text: str) -> str:
    """Text of a provider as one line without control characters and half characters, fit to be stored and shown."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def userinfo(
    http: Metadata, metadata: Mapping[str, Any], provider: Provider, token: Mapping[str, Any], claims: Mapping[str, Any]
) -> dict[str, Any]:
    """The claims, completed by the userinfo endpoint when the ID token says no e-mail or no groups.

    What the signed token says stands; what userinfo says counts only for the same `sub` (Core §5.3.2). Raises `SignInError`.
    """
    endpoint, access_token = metadata.get("userinfo_endpoint"), token.get("access_token")
    if {"email", "groups"} <= set(claims) or not isinstance(endpoint, str) or not isinstance(access_token, str):
        return dict(claims)
    require_safe(provider, endpoint)
    told = http.get(provider, endpoint, {"Authorization": f"Bearer {access_token}"})
    if told.get("sub") != claims.get("sub"):
        raise bad_token("userinfo speaks of somebody else")
    return {**told, **claims}


def provider_down(provider: Provider, detail: str) -> SignInError:
    """The error for a provider that does not answer, or answers nonsense."""
    return SignInError(
        "provider_unavailable",
        f"{provider.organization_name}'s sign-in does not answer",
        "Your company's identity provider is not reachable at the moment. Nothing was changed; try again in a minute.",
        detail=detail[:200],
    )


def _code_refused(provider: Provider, detail: str) -> SignInError:
    return SignInError(
        "code_refused",
        "The sign-in could not be completed",
        f"{provider.organization_name}'s identity provider did not accept the answer. Please start again.",
        detail=detail,
    )


def bad_token(detail: str) -> SignInError:
    """The error for an ID token that is not what it should be."""
    return SignInError(
        "id_token_refused",
        "That sign-in cannot be trusted",
        "The identity provider's answer did not pass our checks, so nobody was signed in. Please start again.",
        detail=detail[:200],
    )


def _client(provider: Provider, redirect_uri: str) -> OAuth2Session:
    return OAuth2Session(
        provider.client_id,
        provider.client_secret,
        scope=provider.scope,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
    )


def require_safe(provider: Provider, url: str) -> None:
    """Raise `SignInError` unless an address of the provider is https, or on this very machine."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise provider_down(provider, "an address that is none") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback_host(parts.hostname or "")):
        raise provider_down(provider, f"without https: {printable(url)}")
