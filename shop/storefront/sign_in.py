"""Signing in: the e-mail, the way to the organization's identity provider, and back.

What binds an attempt to its browser is in a cookie of its own, beside the session's: several tabs share it, and no other page,
sign-out or answer that comes late can take it away while somebody is at their provider.
"""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlencode

from flask import Blueprint, current_app, jsonify, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from shop.access import admit, csrf, signed_in, why_signed_out
from shop.credentials.ledger import NotAlive
from shop.guards.rate_limits import Limit, check_address
from shop.identity.providers import SignInError
from shop.identity.sign_in import ProviderRedirect
from shop.identity.sign_in_codes import SignInCode
from shop.oauth.endpoints.refused_page import GoOnPage
from shop.own_address import safe_path
from shop.revocation import cascade
from shop.services import services

_STATUS = {
    SignInCode.SET_UP_WRONG: 502,
    SignInCode.CLIENT_REFUSED: 502,
    SignInCode.GROUPS_UNREADABLE: 502,
    SignInCode.NO_CONNECTION: 404,
    SignInCode.PROVIDER_UNAVAILABLE: 503,
    SignInCode.ACCESS_DENIED: 403,
    SignInCode.SUSPENDED: 403,
    SignInCode.SIGNED_IN_ALREADY: 409,
}
_LONGEST = 254


pages = Blueprint("sign_in", __name__)


@pages.get("/sign-in")
def form() -> ResponseReturnValue:
    next_path = safe_path(request.args.get("next", "/"))
    if signed_in() is not None:
        return redirect(next_path)
    return _page("", why_signed_out(), next_path)


@pages.post("/sign-in")
def begin() -> ResponseReturnValue:
    """A page that takes the browser on by itself: a form may not be redirected to another site (CSP form-action)."""
    check_address(Limit.SIGN_INS_PER_ADDRESS)
    email, next_path = request.form.get("email", ""), request.form.get("next", "/")
    try:
        csrf.protect()
    except CSRFError:
        if signed_in() is None:
            raise
        return redirect(safe_path(next_path), 303)  # this form is of before they signed in, in another tab
    try:
        begun = services().sign_in.begin(email[:_LONGEST], next_path, browser=_browser())
    except SignInError as error:
        return _page(email, f"{error.title}. {error.text}", safe_path(next_path)), _STATUS.get(error.code, 400)
    leaving = render_template("storefront/sign_in_leaving.html", url=begun.url, organization=begun.organization_name)
    return _bound(make_response(leaving), begun)


csrf.exempt(begin)  # it checks by itself


@pages.route("/sign-in/initiate", methods=["GET", "POST"])
def initiate() -> ResponseReturnValue:
    """A sign-in that the company's own portal starts (OpenID Connect Core §4): `iss`, `login_hint`, `target_link_uri`.

    It can only begin one, in this browser and at an issuer that a connection has. A POST of another site carries no cookie,
    so it goes on as a GET.
    """
    said = {name: request.values.get(name, "") for name in ("iss", "login_hint", "target_link_uri")}
    if request.method == "POST":
        return redirect(f"/sign-in/initiate?{urlencode(said)}", 303)
    check_address(Limit.SIGN_INS_PER_ADDRESS)
    hint, next_path = said["login_hint"][:_LONGEST], _own_path(said["target_link_uri"])
    person = signed_in()
    is_them = person is not None and hint.lower() in {"", person.email.lower()}
    if person and is_them and services().sign_in.is_at(person.connection_id, said["iss"]):
        return redirect(next_path, 303)
    if person:  # else any company's link could end a session here, and put its own people in the place of this one
        return _failed(_signed_in_already(person.email), None)
    try:
        begun = services().sign_in.begin_at(said["iss"], hint, next_path, browser=_browser())
    except SignInError as error:
        return _failed(error, next_path)
    return _bound(redirect(begun.url, 303), begun)


csrf.exempt(initiate)  # the company's portal is another site, and all that it can do is begin


@pages.get("/sign-in/keys")
def keys() -> ResponseReturnValue:
    """The public keys of this shop as a client of identity providers (RFC 7517 §5)."""
    return jsonify(services().sign_in.jwks())


@pages.get("/sign-in/callback")
def callback() -> ResponseReturnValue:
    check_address(Limit.SIGN_INS_PER_ADDRESS, "callback")
    before, browser = signed_in(), _browser()
    state = request.args.get("state", "")
    if before is not None and (led_to := services().sign_in.reopened(state, browser)) is not None:
        return _go_to(led_to)  # opened again by somebody who came in with it
    try:
        done = services().sign_in.complete(request.args, browser, request.headers.get("User-Agent", ""))
    except SignInError as error:
        if before is not None and error.code is SignInCode.STATE_REFUSED:
            return redirect("/", 303)  # an old one, and they are in
        return _failed(error, services().sign_in.reopened(state, browser))
    if isinstance(done, ProviderRedirect):
        return _bound(redirect(done.url, 303), done)
    if before is not None:
        with suppress(NotAlive), services().database.write() as db:
            cascade.sign_in_again(db, before.principal)
    admit(done.token)
    return _go_to(done.next_path)


def _page(email: str, error: str | None, next_path: str) -> str:
    people: list[dict[str, str]] = current_app.extensions["demo_people"]
    return render_template("storefront/sign_in.html", email=email, error=error, next=next_path, demo_people=people)


def _go_to(path: str) -> ResponseReturnValue:
    """Where the person wanted to go. They come from a form of their identity provider's, so where the next answer may lead out of
    the shop at once, as to an assistant that they let in before, a page has to come between (`GoOnPage`).
    """
    if not path.startswith("/oauth/authorize"):
        return redirect(path, 303)
    return GoOnPage(address=path, title="Signed in …", text="On to the assistant that sent you here.").render()


def _signed_in_already(email: str) -> SignInError:
    return SignInError(
        SignInCode.SIGNED_IN_ALREADY,
        "You are signed in as somebody else",
        f"Here you are {email}, and nothing was changed. Sign out first, then open your company's link again.",
        can_retry=False,
    )


def _failed(error: SignInError, next_path: str | None) -> ResponseReturnValue:
    failed = render_template(
        "storefront/sign_in_failed.html",
        title=error.title,
        what_happened=error.text,
        next=next_path,
        label="Try again" if error.can_retry else "Back to sign-in",
    )
    return failed, _STATUS.get(error.code, 400)


def _own_path(target: str) -> str:
    """The path of an address of this shop; `/` for any other (OpenID Connect Core §4: no open redirector)."""
    base = services().settings.base_url
    return safe_path(target.removeprefix(base)) if target.startswith(f"{base}/") else "/"


def _cookie() -> str:
    return f"{current_app.config['SESSION_COOKIE_NAME']}-sign-in"


def _browser() -> str | None:
    """What binds this browser to the attempts that it began; None in one that began none."""
    return request.cookies.get(_cookie())


def _bound(response: Response, begun: ProviderRedirect) -> Response:
    response.set_cookie(
        _cookie(),
        begun.browser,
        max_age=services().settings.sign_in_lifetime,
        path="/sign-in",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response
