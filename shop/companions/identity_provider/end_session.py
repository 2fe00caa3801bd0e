"""Sign-out asked for by a client (OpenID Connect RP-Initiated Logout 1.0).

With an ID token of the very session, sign-out happens at once. Without one, anybody could have made the link,
so the person is asked.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from shop.companions.identity_provider.config import Client
from shop.companions.identity_provider.pages import page_response
from shop.companions.identity_provider.protocol import OAuthError, PageError, origin_of, parameter, redirect_with
from shop.companions.identity_provider.provider import Provider, current_provider

blueprint = Blueprint("end_session", __name__)


@blueprint.route("/end-session", methods=["GET", "POST"])
def end_session() -> Response:
    """End the session that the hint names; ask first, if the browser is in another one or there is no hint."""
    provider = current_provider()
    values = request.args if request.method == "GET" else request.form
    hint = _read_hint(provider, values)
    destination, state = _destination(provider, values, hint), values.get("state") or None
    if hint:
        provider.store.end_session(str(hint["sid"]))
    session = provider.current_session()
    if session is None:
        return _signed_out(provider, destination, state)
    person = provider.directory.person(session.sub)
    return page_response(
        render_template(
            "sign_out.html", person=person, proof=_proof(provider), destination=destination or "", state=state or ""
        ),
        form_origins=[origin_of(destination)] if destination else [],
    )


@blueprint.post("/end-session/confirm")
def confirm() -> Response:
    """The person said yes on this provider's own page."""
    provider = current_provider()
    session = provider.current_session()
    if session:
        if not compare_digest(request.form.get("proof", "").encode(), _proof(provider).encode()):
            raise PageError("That sign-out did not come from this page.")
        provider.store.end_session(session.sid)
    destination = request.form.get("post_logout_redirect_uri") or None
    if destination not in _registered(provider.config.clients):
        destination = None
    return _signed_out(provider, destination, request.form.get("state") or None)


def _read_hint(provider: Provider, values: MultiDict[str, str]) -> dict[str, Any] | None:
    """The claims of `id_token_hint`, if this provider issued it to one of its clients."""
    try:
        hint = parameter(values, "id_token_hint")
    except OAuthError as error:
        raise PageError(error.description) from error
    claims = provider.key.read_own(hint, issuer=provider.config.issuer) if hint else None
    return claims if claims and provider.config.client(str(claims.get("aud"))) else None


def _destination(provider: Provider, values: MultiDict[str, str], hint: dict[str, Any] | None) -> str | None:
    """The URI to go to afterwards: registered, exactly, for the client that asks. Raises `PageError` (§3)."""
    try:
        client_id = parameter(values, "client_id")
        destination = parameter(values, "post_logout_redirect_uri")
    except OAuthError as error:
        raise PageError(error.description) from error
    if hint and client_id not in {None, hint["aud"]}:
        raise PageError("The application that asks is not the one that the ID token was issued to.")
    if destination is None:
        return None
    client = provider.config.client(str(hint["aud"]) if hint else client_id or "")
    if client is None or destination not in client.post_logout_redirect_uris:
        raise PageError("The application asked to return to an address that is not registered for it.")
    return destination


def _registered(clients: tuple[Client, ...]) -> set[str]:
    return {uri for client in clients for uri in client.post_logout_redirect_uris}


def _proof(provider: Provider) -> str:
    """What only a page of this provider, shown in this browser, can send: derived from the session's cookie.

    `SameSite=Lax` is not enough here, because another port on the same host is the same site.
    """
    cookie = request.cookies.get(provider.config.cookie_name("session"), "")
    return sha256(f"sign-out:{cookie}".encode()).hexdigest()


def _signed_out(provider: Provider, destination: str | None, state: str | None) -> Response:
    response = (
        redirect_with(destination, state=state)
        if destination
        else page_response(render_template("signed_out.html"), form_origins=[])
    )
    provider.drop_cookie(response, "session")
    return response
