"""OpenID Connect, the relying party's side, on Authlib.

What Authlib leaves open is closed here: the callback's `iss` is checked (RFC 9207, mix-up), and signing algorithms
are pinned by the connection, because Authlib believes a provider that lists `none`. No function here touches the
database: HTTP never runs inside a transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError

from shop.identity.client_authentication import authentication
from shop.identity.failures import (
    code_of,
    code_refused,
    no_answer,
    provider_said,
    set_up_otherwise,
    signed_otherwise,
    their_words,
    unfit_token,
)
from shop.identity.providers import TIMEOUT, Metadata, Provider, SignInError, provider_down, require_safe
from shop.identity.sign_in_codes import SignInCode
from shop.untrusted import is_identifier, printable_line

_LEEWAY = 60
_LONGEST_TOKEN = 8192
_WITHDRAWN = frozenset({"invalid_grant", "interaction_required", "login_required", "consent_required"})
"""RFC 6749 §5.2, OpenID Connect Core §3.1.2.6: answers that are about the person, and no mistake of ours."""


class Withdrawn(Exception):
    """An identity provider does not stand by somebody's sign-in any more: they have to sign in there again, if they can."""


def authorization_url(
    metadata: Mapping[str, Any],
    provider: Provider,
    *,
    redirect_uri: str,
    state: str,
    nonce: str,
    code_verifier: str,
    login_hint: str,
    prompt: str | None = None,
) -> str:
    """Where to send the browser: code flow with PKCE S256, state and nonce."""
    client = OAuth2Session(
        provider.client_id, scope=provider.scope, redirect_uri=redirect_uri, code_challenge_method="S256"
    )
    said = {"nonce": nonce, "login_hint": login_hint, "prompt": prompt}
    url, _state = client.create_authorization_url(
        metadata["authorization_endpoint"],
        state=state,
        code_verifier=code_verifier,
        **{name: value for name, value in said.items() if value},
    )
    return str(url)


def check_response_issuer(metadata: Mapping[str, Any], provider: Provider, iss: str | None) -> None:
    """RFC 9207 §2.4: the callback's `iss` is the one we asked, and present if the provider promised it."""
    promised = metadata.get("authorization_response_iss_parameter_supported") is True
    if (iss is None and promised) or (iss is not None and iss != provider.issuer):
        raise SignInError(
            SignInCode.WRONG_ISSUER,
            "That sign-in cannot be trusted",
            "The answer came from another identity provider than the one you were sent to. Please start again.",
            detail=f"iss of the answer: {provider.issuer} was expected, {printable_line(str(iss))[:100]} seen",
        )


def redeem(
    metadata: Mapping[str, Any],
    provider: Provider,
    *,
    redirect_uri: str,
    code: str,
    code_verifier: str,
    now: datetime,
) -> dict[str, Any]:
    """Exchange the code for tokens. Raises `SignInError`.

    A redirect is not followed: it would carry the code and its verifier to wherever the answer points (RFC 9700 §4.12).
    """
    if not code:
        raise code_refused(provider, "no code")
    client = OAuth2Session(
        provider.client_id,
        redirect_uri=redirect_uri,
        token_endpoint_auth_method=authentication(metadata, provider, now),
    )
    try:
        token: dict[str, Any] = client.fetch_token(
            metadata["token_endpoint"],
            grant_type="authorization_code",
            code=code,
            code_verifier=code_verifier,
            timeout=TIMEOUT,
            allow_redirects=False,
        )
    except OAuthError as error:
        said = (error.error, error.description)
        raise provider_said(provider, *said, provider.client_secret, code, code_verifier) from error
    except Exception as error:  # whatever requests and Authlib raise for what is no answer
        raise no_answer(provider, error) from error
    return token


def refresh(metadata: Mapping[str, Any], provider: Provider, refresh_token: str, *, now: datetime) -> dict[str, Any]:
    """Ask for new tokens of somebody who is not there (OpenID Connect Core §12.1).

    Raises `Withdrawn` when the provider gives none for them, and `SignInError` when it does not answer, or not to us.
    """
    client = OAuth2Session(provider.client_id, token_endpoint_auth_method=authentication(metadata, provider, now))
    try:
        token: dict[str, Any] = client.refresh_token(
            metadata["token_endpoint"], refresh_token, timeout=TIMEOUT, allow_redirects=False
        )
        is_answer = isinstance(token.get("access_token"), str)  # RFC 6749 §5.1: required
    except OAuthError as error:
        if error.error in _WITHDRAWN:
            raise Withdrawn(error.error) from error
        refused = provider_down(provider, f"refuses us: {code_of(error.error)}")
        refused.hint = their_words(error.description, provider.client_secret, refresh_token)
        raise refused from error
    except Exception as error:  # whatever requests and Authlib raise for what is no answer
        raise no_answer(provider, error) from error
    if not is_answer:
        raise provider_down(provider, "no access token")
    return token


def refresh_token_in(token: Mapping[str, Any]) -> str | None:
    """The refresh token of a token response, if it is one (RFC 6749, A.17)."""
    found = token.get("refresh_token")
    return found if is_identifier(found, _LONGEST_TOKEN) else None


def refreshed_claims(
    keys: Metadata,
    metadata: Mapping[str, Any],
    provider: Provider,
    token: Mapping[str, Any],
    subject: str,
    *,
    now: datetime,
) -> dict[str, Any] | None:
    """What the provider says today of a person, in what `refresh` brought; None when it says nothing but that they are there.

    OpenID Connect Core §12.2: an ID token need not come, and if it does it is of the same person. Raises `SignInError`.
    """
    if "id_token" not in token:
        return None
    claims = verified_claims(keys, provider, token, nonce=None, now=now)
    if claims["sub"] != subject:
        raise bad_token("it speaks of somebody else")
    return userinfo(keys, metadata, provider, token, claims)


def verified_claims(
    keys: Metadata, provider: Provider, token: Mapping[str, Any], *, nonce: str | None, now: datetime
) -> dict[str, Any]:
    """The claims of an ID token after signature, algorithm, issuer, audience, time and nonce were checked.

    The nonce is that of a sign-in, and None for a token that came later. OpenID Connect Core §3.1.3.7; ASVS 9.1.1-9.2.4.
    Raises `SignInError`.
    """
    encoded = token.get("id_token")
    if not isinstance(encoded, str):
        raise bad_token("no ID token")
    try:
        decoded = verified_jwt(keys, provider, encoded, now)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        if unfit := signed_otherwise(provider, encoded):
            raise unfit_token(provider, unfit) from error
        raise bad_token(f"no published key verifies it ({str(error) or type(error).__name__})") from error
    try:
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": provider.issuer},
                "aud": {"essential": True, "value": provider.client_id},
                "sub": {"essential": True},
                **({"nonce": {"essential": True, "value": nonce}} if nonce else {}),
            },
            {"nonce": nonce, "client_id": provider.client_id, "access_token": token.get("access_token")},
        )
        claims.validate(now=int(now.timestamp()), leeway=_LEEWAY)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        if unfit := set_up_otherwise(provider, decoded.claims, now):
            raise unfit_token(provider, unfit) from error
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
    """The claims, completed by the userinfo endpoint when the ID token says no e-mail or no groups, where the connection looks for them.

    What the signed token says stands; what userinfo says counts only for the same `sub` (Core §5.3.2). Raises `SignInError`.
    """
    endpoint, access_token = metadata.get("userinfo_endpoint"), token.get("access_token")
    if provider.says_all_of(claims) or not isinstance(endpoint, str) or not isinstance(access_token, str):
        return dict(claims)
    require_safe(provider, endpoint)
    told = http.get(provider, endpoint, {"Authorization": f"Bearer {access_token}"})
    if told.get("sub") != claims.get("sub"):
        raise bad_token("userinfo speaks of somebody else")
    lacking = {path[0] for path in (provider.groups_claim, provider.email_claim) if provider.said(claims, path) is None}
    return {**told, **claims, **{name: told[name] for name in lacking & told.keys()}}


def bad_token(detail: str) -> SignInError:
    """The error for an ID token that is not what it should be."""
    return SignInError(
        SignInCode.ID_TOKEN_REFUSED,
        "That sign-in cannot be trusted",
        "The identity provider's answer did not pass our checks, so nobody was signed in. Please start again.",
        detail=detail[:200],
    )
