"""Why a sign-in failed: what a provider says and what is wrong with its token, in words for an operator, and the record of it.

No secret is in these words.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import requests
from joserfc import jws
from joserfc.errors import JoseError

from shop.audit.denials import record_denial
from shop.audit.events import EventName
from shop.database import Database
from shop.identity.providers import Provider, SignInError, provider_down
from shop.identity.sign_in_codes import SignInCode
from shop.untrusted import printable_line

_log = logging.getLogger(__name__)
_LONGEST = 300
_TOKEN_LIKE = re.compile(r"[\w.~+/=-]{24,}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NOT_US = frozenset({"invalid_client", "unauthorized_client"})
_MOMENTS = {
    "exp": "it expired {} s ago",
    "nbf": "it is not valid for another {} s",
    "iat": "it was issued {} s in the future",
}


def their_words(text: object, *secrets: str) -> str:
    """What a provider says, as part of a log line: one line, of bearable length, without whatever could be a token or a secret.

    Request ids in the form of a UUID stay: with them the provider's own support finds what happened.
    """
    said = printable_line(text if isinstance(text, str) else "")
    for secret in filter(None, secrets):
        said = said.replace(secret, "…")
    return _TOKEN_LIKE.sub(lambda run: run[0] if _UUID.fullmatch(run[0]) else "…", said)[:_LONGEST]


def code_of(error: object) -> str:
    """The name of an OAuth error: its letters, and no more than a name has."""
    return re.sub(r"[^a-z_]", "", error.lower())[:40] if isinstance(error, str) else ""


def provider_said(provider: Provider, error: object, description: object, *secrets: str) -> SignInError:
    """The error for what a provider answers with an OAuth error (RFC 6749 §4.1.2.1, §5.2)."""
    name, hint = code_of(error), their_words(description, *secrets)
    if name == "access_denied":
        return SignInError(
            SignInCode.ACCESS_DENIED,
            "You were not signed in",
            f"The sign-in at {provider.organization_name} was cancelled or refused. You can try again any time.",
            detail=name,
            hint=hint,
        )
    if name in _NOT_US:
        return client_refused(provider, name, hint)
    if name == "invalid_grant":
        return code_refused(provider, name, hint)
    return SignInError(
        SignInCode.PROVIDER_ERROR,
        "The sign-in could not be completed",
        f"{provider.organization_name}'s identity provider answered with an error. Please start again. If it happens again, tell "
        "your administrator.",
        detail=name,
        hint=hint,
    )


def client_refused(provider: Provider, detail: str, hint: str = "") -> SignInError:
    """The error for credentials of the shop that a provider does not accept: the person can do nothing about it."""
    return SignInError(
        SignInCode.CLIENT_REFUSED,
        "This shop is not let in at your company's sign-in",
        f"{provider.organization_name}'s identity provider did not accept the shop's own credentials. It is not your doing, and "
        "trying again does not help: tell your administrator.",
        detail=f"{detail}: client id {provider.client_id}, its secret or key, or the way they are sent",
        hint=hint,
        can_retry=False,
    )


def code_refused(provider: Provider, detail: str, hint: str = "") -> SignInError:
    """The error for a code that a provider does not take."""
    return SignInError(
        SignInCode.CODE_REFUSED,
        "The sign-in could not be completed",
        f"{provider.organization_name}'s identity provider did not accept the answer. Please start again.",
        detail=detail,
        hint=hint,
    )


def no_answer(provider: Provider, error: Exception) -> SignInError:
    """The error for what a token endpoint answers instead of tokens or an OAuth error."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        if error.response.status_code == requests.codes.unauthorized:
            return client_refused(provider, "status 401")
        return provider_down(provider, f"status {error.response.status_code} at the token endpoint")
    return provider_down(provider, f"{type(error).__name__} at the token endpoint")


def signed_otherwise(provider: Provider, encoded: str) -> str | None:
    """What is wrong with how a token is signed, as far as its own header says; None when nothing is to be seen there."""
    try:
        algorithm = jws.extract_compact(encoded.encode()).headers().get("alg")
    except (JoseError, ValueError, TypeError):
        return None
    if algorithm in provider.algorithms:
        return None
    return f"it is signed with {printable_line(str(algorithm))[:20]}, and the connection allows {', '.join(provider.algorithms)}"


def set_up_otherwise(provider: Provider, claims: Mapping[str, Any], now: datetime) -> str | None:
    """What in a token's claims shows that shop and provider are set up differently: issuer, audience, or clocks; else None."""
    seen = {name: printable_line(str(claims.get(name)))[:100] for name in ("iss", "aud")}
    if claims.get("iss") != provider.issuer:
        return f"its iss is {seen['iss']}, and {provider.issuer} was expected"
    audience = claims.get("aud")
    if provider.client_id not in (audience if isinstance(audience, list) else [audience]):
        return f"its aud is {seen['aud']}, and {provider.client_id} was expected"
    for name, words in _MOMENTS.items():
        said = claims.get(name)
        if isinstance(said, int | float):
            seconds = round(now.timestamp() - said if name == "exp" else said - now.timestamp())
            if seconds > 0:
                return f"{name}: {words.format(seconds)} by this shop's clock; compare both clocks"
    return None


def unfit_token(provider: Provider, detail: str) -> SignInError:
    """The error for an ID token that does not fit the connection as it is configured: to start again may not help."""
    return SignInError(
        SignInCode.ID_TOKEN_REFUSED,
        "That sign-in cannot be trusted",
        "The identity provider's answer did not pass our checks, so nobody was signed in. If it happens again, it is about how "
        f"the shop and {provider.organization_name}'s sign-in are set up: tell your administrator.",
        detail=detail[:250],
    )


def record_failure(
    database: Database, error: SignInError, provider: Provider | None, *, by_browser: bool = False
) -> None:
    """Record that a sign-in failed, and log it for the operator.

    What a browser brings is a stranger's, and only counted. What a provider does is the connection's own: an event each at first,
    with its detail, since its organization has to see that it fails.
    """
    _log.warning(  # for who runs the shop: with the provider's own words, which records do not keep
        "sign-in failed: %s: %s%s (%s)",
        error.code,
        printable_line(error.detail) or "no detail",
        f"; the provider says: {error.hint}" if error.hint else "",
        f"{provider.organization_name}, {provider.issuer}" if provider else "no organization",
    )
    record_denial(
        database,
        EventName.SIGN_IN_FAILED,
        error.code,
        organization=provider.organization_id if provider else None,
        party="" if by_browser or provider is None else provider.connection_id,
        outcome="failed",
        facts={"code": error.code, "detail": error.detail}
        | ({"connection": provider.connection_id} if provider else {}),
    )
