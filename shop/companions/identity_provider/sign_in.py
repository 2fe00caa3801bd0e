"""The sign-in page: pick who you are.

Each step needs the handle of a pending request *and* the browser cookie that the request was bound to, so no
other site can sign a visitor in as somebody of its choice (RFC 9700 §4.7). A request is answered once.
"""

from __future__ import annotations

from hmac import compare_digest

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from shop.companions.identity_provider.pages import page_response
from shop.companions.identity_provider.protocol import PageError, origin_of, redirect_with
from shop.companions.identity_provider.provider import Provider, current_provider
from shop.companions.identity_provider.storage import AuthorizationRequest

blueprint = Blueprint("sign_in", __name__)

_NOT_PENDING = (
    "This sign-in was already answered, has expired, or was started in another browser. "
    "Go back to the application and sign in again."
)


@blueprint.get("/sign-in/<handle>")
def picker(handle: str) -> Response:
    """The persona cards; before them, where a presenter code is set, the question for it."""
    provider = current_provider()
    pending = _pending_request(provider, handle)
    if _needs_presenter_code(provider, pending):
        return _presenter_page(provider, pending, handle)
    session = provider.current_session()
    hinted = provider.directory.person_by_email(pending.login_hint) if pending.login_hint else None
    return page_response(
        render_template(
            "sign_in.html",
            handle=handle,
            client=provider.config.client(pending.client_id),
            signed_in_sub=session.sub if session else None,
            hinted_sub=hinted.sub if hinted else None,
            unknown_hint=None if hinted else pending.login_hint,
        ),
        form_origins=[origin_of(pending.redirect_uri)],
    )


@blueprint.post("/sign-in/<handle>")
def pick(handle: str) -> Response:
    """Somebody picked a card: sign them in and go back to the client with a code."""
    provider = current_provider()
    if _needs_presenter_code(provider, _pending_request(provider, handle)):
        return redirect(url_for("sign_in.picker", handle=handle), code=303)
    person = provider.directory.person(request.form.get("person", ""))
    if person is None:
        raise PageError(f"Nobody at {provider.directory.name} has that card.")
    pending = _take_request(provider, handle)
    session, cookie = provider.start_session(person)
    response = redirect_with(
        pending.redirect_uri,
        code=provider.issue_code(pending, session),
        state=pending.state,
        iss=provider.config.issuer,
    )
    provider.set_cookie(response, "session", cookie)
    return response


@blueprint.get("/sign-in/<handle>/cancel")
def cancel(handle: str) -> Response:
    """Nobody signs in; the client hears `access_denied` (RFC 6749 §4.1.2.1)."""
    provider = current_provider()
    pending = _take_request(provider, handle)
    return redirect_with(
        pending.redirect_uri,
        error="access_denied",
        error_description="The sign-in was cancelled.",
        state=pending.state,
        iss=provider.config.issuer,
    )


@blueprint.post("/sign-in/<handle>/presenter-code")
def presenter_code(handle: str) -> Response:
    """Compare the presenter code. A try counts before it is compared."""
    provider = current_provider()
    config = provider.config
    pending = _pending_request(provider, handle)
    if not _needs_presenter_code(provider, pending):
        return redirect(url_for("sign_in.picker", handle=handle), code=303)
    address = request.remote_addr or "unknown"
    may_try = provider.store.claim_presenter_try(
        address,
        now=provider.now(),
        since=provider.now() - int(config.presenter_window.total_seconds()),
        per_address=config.presenter_tries_per_address,
        in_all=config.presenter_tries_in_all,
    )
    if not may_try:
        minutes = int(config.presenter_window.total_seconds() // 60)
        problem = f"That was wrong too often. Try again in {minutes} minutes."
        return _presenter_page(provider, pending, handle, problem=problem, status=429)
    given = request.form.get("presenter_code", "").strip()
    if not compare_digest(given.encode(), config.presenter_code.encode()):
        return _presenter_page(provider, pending, handle, problem="That is not the presenter code.", status=403)
    provider.store.accept_presenter(handle, address)
    return redirect(url_for("sign_in.picker", handle=handle), code=303)


def _needs_presenter_code(provider: Provider, pending: AuthorizationRequest) -> bool:
    return bool(provider.config.presenter_code) and not pending.presenter_verified


def _presenter_page(
    provider: Provider, pending: AuthorizationRequest, handle: str, *, problem: str = "", status: int = 200
) -> Response:
    client = provider.config.client(pending.client_id)
    page = render_template("presenter_code.html", handle=handle, client=client, problem=problem)
    return page_response(page, form_origins=[], status=status)


def _pending_request(provider: Provider, handle: str) -> AuthorizationRequest:
    """The request that this browser may answer. Raises `PageError`."""
    pending = provider.store.request(handle, _browser(provider), now=provider.now())
    if pending is None:
        raise PageError(_NOT_PENDING)
    return pending


def _take_request(provider: Provider, handle: str) -> AuthorizationRequest:
    """The same, and nobody else can answer it any more. Raises `PageError`."""
    pending = provider.store.take_request(handle, _browser(provider), now=provider.now())
    if pending is None:
        raise PageError(_NOT_PENDING)
    return pending


def _browser(provider: Provider) -> str:
    return request.cookies.get(provider.config.cookie_name("browser"), "")
