"""Signing in: the e-mail, the way to the organization's identity provider, and back."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, jsonify, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from shop.access import admit, signed_in, why_signed_out
from shop.credentials.ledger import NotAlive
from shop.identity.providers import SignInError
from shop.identity.sign_in import safe_path
from shop.revocation import cascade
from shop.services import services

_BROWSER = "sign_in_browser"
_STATUS = {
    "set_up_wrong": 502,
    "no_connection": 404,
    "provider_unavailable": 503,
    "access_denied": 403,
    "suspended": 403,
}


def blueprint(demo_people: list[dict[str, str]]) -> Blueprint:
    """The sign-in pages. Access: public, since they are how one gets in."""
    pages = Blueprint("sign_in", __name__)

    def page(email: str, error: str | None, next_path: str) -> str:
        return render_template(
            "storefront/sign_in.html", email=email, error=error, next=next_path, demo_people=demo_people
        )

    @pages.get("/sign-in")
    def form() -> ResponseReturnValue:
        next_path = safe_path(request.args.get("next", "/"))
        if signed_in() is not None:
            return redirect(next_path)
        return page("", why_signed_out(), next_path)

    @pages.post("/sign-in")
    def begin() -> ResponseReturnValue:
        """A page that takes the browser on by itself: a form may not be redirected to another site (CSP form-action)."""
        email, next_path = request.form.get("email", ""), request.form.get("next", "/")
        try:
            begun = services().sign_in.begin(email[:254], next_path)
        except SignInError as error:
            return page(email, f"{error.title}. {error.text}", safe_path(next_path)), _STATUS.get(error.code, 400)
        session[_BROWSER] = begun.browser
        return render_template("storefront/sign_in_leaving.html", url=begun.url, organization=begun.organization_name)

    @pages.get("/sign-in/keys")
    def keys() -> ResponseReturnValue:
        """The public keys of this shop as a client of identity providers (RFC 7517 §5)."""
        return jsonify(services().sign_in.jwks())

    @pages.get("/sign-in/callback")
    def callback() -> ResponseReturnValue:
        browser = session.pop(_BROWSER, None)
        try:
            admitted = services().sign_in.complete(request.args, browser, request.headers.get("User-Agent", ""))
        except SignInError as error:
            failed = render_template(
                "storefront/sign_in_failed.html", title=error.title, what_happened=error.text, what_to_do="", next=None
            )
            return failed, _STATUS.get(error.code, 400)
        before = signed_in()
        if before is not None:
            with suppress(NotAlive), services().database.write() as db:
                cascade.sign_in_again(db, before.principal)
        admit(admitted.token)
        return redirect(admitted.next_path, 303)

    return pages
