"""One's own sessions: see them, end one, sign out here or everywhere."""

from __future__ import annotations

import re

from flask import Blueprint, flash, redirect, render_template
from flask.typing import ResponseReturnValue

from shop.access import leave, not_there, principal, refuse_handle, signed_in
from shop.audit.denials import Handle
from shop.credentials.sessions import SignedInSession, sessions_of
from shop.revocation import cascade
from shop.services import services

pages = Blueprint("account", __name__)


@pages.get("/sessions")
def sessions() -> ResponseReturnValue:
    me = principal()
    with services().database.read() as db:
        mine = sessions_of(db, me.membership)
    return render_template("storefront/sessions.html", sessions=[_view(one, me.own_session) for one in mine])


@pages.post("/sessions/<session_id>/end")
def end(session_id: str) -> ResponseReturnValue:
    me = principal()
    if session_id == me.session:
        return sign_out()
    try:
        with services().database.write() as db:
            cascade.end_session(db, me, session_id)
    except cascade.NotYours:
        refuse_handle(Handle.SESSION)
        text = "It may have ended already."
        return not_there("There is no such session", text, href="/sessions", label="Your sessions")
    flash("That session has ended, and everything that ran under it.", "allow")
    return redirect("/sessions", 303)


@pages.post("/sessions/end-all")
def end_all() -> ResponseReturnValue:
    with services().database.write() as db:
        cascade.sign_out_everywhere(db, principal())
    return _signed_out("You are signed out everywhere.")


@pages.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    with services().database.write() as db:
        cascade.sign_out(db, principal())
    return _signed_out("You are signed out here.")


def _signed_out(title: str) -> ResponseReturnValue:
    """The end of a session with us; the identity provider's own is another one, and theirs to end (ASVS 7.6.1)."""
    person = signed_in()
    if person is None:
        return redirect("/", 303)
    url = services().sign_in.provider_sign_out_url(person.connection_id, services().settings.base_url + "/")
    leave()
    return render_template(
        "storefront/signed_out.html", title=title, organization=person.organization_name, provider_url=url
    )


def _view(session: SignedInSession, current: str) -> dict[str, object]:
    return {
        "id": session.id,
        "device": _device(session.user_agent),
        "method": "your organization's sign-in",
        "since": session.started_at,
        "last_seen": session.last_seen_at,
        "current": session.id == current,
    }


def _device(user_agent: str) -> str:
    """A browser and system in words, as far as its own description can be believed."""
    browser = next((name for key, name in _BROWSERS if key in user_agent), "A browser")
    system = next((name for key, name in _SYSTEMS if re.search(key, user_agent)), "")
    return f"{browser} on {system}" if system else browser


_BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone|iPad", "iOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)
