"""The authorization endpoint (OpenID Core §3.1.2, RFC 6749 §4.1.1): verify the request, then show the picker.

The order matters: nothing is redirected anywhere before client and redirect URI are known to belong together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Blueprint, redirect, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from shop.companions.identity_provider.claims import granted_scope
from shop.companions.identity_provider.config import Client
from shop.companions.identity_provider.protocol import OAuthError, PageError, parameter, redirect_with, required
from shop.companions.identity_provider.provider import Provider, current_provider
from shop.companions.identity_provider.storage import AuthorizationRequest

blueprint = Blueprint("authorize", __name__)

_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # RFC 7636 §4.2: base64url of 32 octets, without padding
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})
_LONGEST_VALUE = 2048
"""Characters; a client's `state` and `nonce` come back to it, so they are kept as they are."""


@blueprint.route("/authorize", methods=["GET", "POST"])
def authorize() -> Response:
    """Answer with the picker, a code (`prompt=none`), an error at the client, or an error page here."""
    provider = current_provider()
    values = request.args if request.method == "GET" else request.form
    client, redirect_uri = verified_destination(provider, values)
    state = values.get("state") or None
    try:
        asked = read_request(client, redirect_uri, values)
        if "none" in asked.prompts:
            return _answer_silently(provider, asked)
    except OAuthError as error:
        return redirect_with(
            redirect_uri, error=error.code, error_description=error.description, state=state, iss=provider.config.issuer
        )
    return _show_picker(provider, asked.request)


@dataclass(frozen=True, kw_only=True)
class AskedFor:
    """A request that was read and verified, with what it says about how to sign in."""

    request: AuthorizationRequest
    prompts: frozenset[str]
    max_age: int | None
    """Seconds since the person last signed in, at most."""
    id_token_hint: str | None


def verified_destination(provider: Provider, values: MultiDict[str, str]) -> tuple[Client, str]:
    """The client and the registered URI to which answers may go. Raises `PageError` otherwise (RFC 6749 §4.1.2.1)."""
    try:
        client = provider.config.client(required(values, "client_id"))
        redirect_uri = required(values, "redirect_uri")
    except OAuthError as error:
        raise PageError(error.description) from error
    if client is None:
        raise PageError("The application that sent you here is not known to this identity provider.")
    if redirect_uri not in client.redirect_uris:
        raise PageError("The application asked to be answered at an address that is not registered for it.")
    return client, redirect_uri


def read_request(client: Client, redirect_uri: str, values: MultiDict[str, str]) -> AskedFor:
    """Verify everything else. Raises `OAuthError` with the code that the client receives."""
    for name in values:
        if len(parameter(values, name) or "") > _LONGEST_VALUE:
            raise OAuthError("invalid_request", "A parameter is too long.")
    if parameter(values, "request") is not None:
        raise OAuthError("request_not_supported", "Request objects are not supported.")
    if parameter(values, "request_uri") is not None:
        raise OAuthError("request_uri_not_supported", "Request objects are not supported.")
    if required(values, "response_type") != "code":
        raise OAuthError("unsupported_response_type", "Only the authorization code flow is supported.")
    if parameter(values, "response_mode") not in {None, "query"}:
        raise OAuthError("invalid_request", "Only response_mode=query is supported.")
    scope = granted_scope(client, required(values, "scope"))
    if "openid" not in scope.split():
        raise OAuthError("invalid_scope", "The scope must contain openid.")
    prompts = frozenset((parameter(values, "prompt") or "").split())
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise OAuthError("invalid_request", "The prompt values are unknown or contradict each other.")
    return AskedFor(
        request=AuthorizationRequest(
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            scope=scope,
            state=parameter(values, "state"),
            nonce=parameter(values, "nonce"),
            code_challenge=_s256_challenge(values),
            login_hint=parameter(values, "login_hint"),
        ),
        prompts=prompts,
        max_age=_seconds(parameter(values, "max_age")),
        id_token_hint=parameter(values, "id_token_hint"),
    )


def _s256_challenge(values: MultiDict[str, str]) -> str:
    """PKCE is for everyone, and S256 only: `plain`, which is also the default, protects nothing (RFC 9700 §2.1.1)."""
    challenge = required(values, "code_challenge")
    if parameter(values, "code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "The code_challenge_method must be S256.")
    if not _S256_CHALLENGE.fullmatch(challenge):
        raise OAuthError("invalid_request", "The code_challenge is not the base64url form of a SHA-256 hash.")
    return challenge


def _seconds(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise OAuthError("invalid_request", "The max_age must be a number of seconds.")
    return int(text)


def _answer_silently(provider: Provider, asked: AskedFor) -> Response:
    """`prompt=none`: a code for whoever is signed in, recently enough and as expected; never a page."""
    session = provider.current_session()
    if session is None:
        raise OAuthError("login_required", "Nobody is signed in.")
    if asked.max_age is not None and provider.now() - session.auth_time > asked.max_age:
        raise OAuthError("login_required", "The sign-in is older than max_age.")
    if asked.id_token_hint:
        hint = provider.key.read_own(asked.id_token_hint, issuer=provider.config.issuer)
        if hint is None or hint.get("sub") != session.sub:
            raise OAuthError("login_required", "Somebody else is signed in.")
    code = provider.issue_code(asked.request, session)
    return redirect_with(asked.request.redirect_uri, code=code, state=asked.request.state, iss=provider.config.issuer)


def _show_picker(provider: Provider, pending: AuthorizationRequest) -> Response:
    """Keep the request, bind it to this browser, and go to the picker.

    The picker shows even if somebody is signed in, since picking a person *is* signing in. That also satisfies
    `prompt=login` and every `max_age`.
    """
    handle = provider.new_secret()
    browser = request.cookies.get(provider.config.cookie_name("browser")) or provider.new_secret()
    provider.store.forget_expired(
        now=provider.now(), codes_before=provider.now() - int(provider.config.access_token_lifetime.total_seconds())
    )
    provider.store.add_request(handle, browser, pending, expires_at=provider.after(provider.config.request_lifetime))
    response = redirect(url_for("sign_in.picker", handle=handle), code=303)
    provider.set_cookie(response, "browser", browser)
    return response
