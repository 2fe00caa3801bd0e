"""OpenID Connect, the relying party's side, on Authlib.

What Authlib leaves open is closed here: the callback's `iss` is checked (RFC 9207, mix-up), and signing algorithms
are pinned by the connection, because Authlib believes a provider that lists `none`. No function here touches the
database: HTTP never runs inside a transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError

from shop.identity.providers import TIMEOUT, Metadata, Provider, SignInError, provider_down, require_safe

_LEEWAY = 60


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
            timeout=TIMEOUT,
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
