"""Allowing a connected assistant more: a person's own page, since many assistants never ask (`shop/oauth/endpoints/widen.py`)."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from shop.access import signed_in
from shop.credentials.ledger import Authority
from shop.oauth.endpoints.widen import NoSuchGrant, NotWidened, widen_grant, widening_of
from shop.oauth.issuer import issuer
from shop.principal import CONSENTABLE
from shop.storefront.assistants import HOME, no_such_grant

pages = Blueprint("widening", __name__, url_prefix="/assistants")


@pages.get("/<grant_id>/widen")
def question(grant_id: str) -> ResponseReturnValue:
    """What could be added, nothing of it ticked."""
    return _page(grant_id)


@pages.post("/<grant_id>/widen")
def answer(grant_id: str) -> ResponseReturnValue:
    """What was ticked is added, if it is what was shown."""
    server = issuer()
    ticked = frozenset(request.form.getlist("scope"))
    shown = {str(scope): request.form.get(f"shown-{scope}", "") for scope in CONSENTABLE}
    try:
        with server.database.write() as db:
            widen_grant(db, server, server.person().principal, grant_id, ticked, shown)
    except NoSuchGrant:
        return no_such_grant()
    except NotWidened as why:
        return _page(grant_id, str(why))
    flash("Allowed. It gets this with its next access token.", "allow")
    return redirect(HOME, 303)


def _page(grant_id: str, notice: str | None = None) -> ResponseReturnValue:
    server, person = issuer(), signed_in()
    try:
        with server.database.read() as db:
            widening = widening_of(db, server, server.person().principal, grant_id)
            until = db.get_one(Authority, grant_id).expires_at
    except NoSuchGrant:
        return no_such_grant()
    except NotWidened as why:
        flash(f"Nothing was changed. {notice or why}", "wait")
        return redirect(HOME, 303)
    page = render_template("storefront/widen.html", widening=widening, notice=notice, until=until, who=person)
    return page, 400 if notice else 200
