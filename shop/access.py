"""Who is asking, and may they be here: the access rule of each blueprint, on Flask-Login.

The browser's signed cookie carries only a random token; each request reads the session, and all it hangs on, from
the database again (ASVS 7.2.1, 7.4.1). A blueprint without a rule cannot be registered (`guarded`), and a test walks every
route. What a *resource* needs beyond being signed in is asked by `require`, which records a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import cast
from urllib.parse import quote

from flask import Blueprint, Flask, abort, current_app, g, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user, logout_user
from flask_login.mixins import UserMixin
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.audit.denials import Handle, record_denial, record_refused_handle
from shop.audit.events import EventName
from shop.authorization.conditions import Resource
from shop.authorization.decisions import AccessDenied, Decision
from shop.authorization.permissions import Permission
from shop.credentials.ledger import NotAlive, live
from shop.credentials.sessions import SignedInSession, needs_touch, touch
from shop.credentials.tokens import secret_digest
from shop.identity.models import Organization, Person
from shop.own_address import require_own_page
from shop.principal import Principal
from shop.services import services


class _FormProtection(CSRFProtect):  # type: ignore[misc] # untyped library
    """A form needs its page's token, as Flask-WTF checks it, and must come from a page of this shop (`own_address`)."""

    def protect(self, apply_exemptions: bool = False) -> None:
        """Raises `WrongOrigin`, or Flask-WTF's `CSRFError`."""
        is_checked = not apply_exemptions or (request.endpoint and not self._is_exempt())
        if is_checked and request.method in current_app.config["WTF_CSRF_METHODS"]:
            require_own_page(services().settings, request)
        super().protect(apply_exemptions=apply_exemptions)


csrf = _FormProtection()
_login = LoginManager()


class Rule(StrEnum):
    """Who may come to a blueprint's routes at all."""

    PUBLIC = "public"
    SIGNED_IN = "signed in"


@dataclass(frozen=True)
class Access:
    """The access rule of a blueprint, with the reason in words."""

    rule: Rule
    because: str
    in_popup: bool = False
    """Whether a page of another site that opened these in a popup stays connected to it, as hosts of assistants need on the way
    through sign-in and consent, redirects and errors included: else `window.opener` is gone when their callback wants to message
    it, and to them the popup is closed at once (HTML §7.1.3; seen in bluesky-social/atproto#3638, PostHog/posthog#51605).

    What it costs: that page can close the popup or send it elsewhere, which the address bar shows. It can read nothing of it,
    and framing stays forbidden. No other page needs it, least of all one on which something is bought."""


class SignedInPerson(UserMixin):  # type: ignore[misc] # untyped library
    """The person behind the present request, as pages and templates need them."""

    def __init__(
        self, token: str, principal: Principal, person: Person, organization: Organization, connection_id: str
    ) -> None:
        self._token, self.principal = token, principal
        self.name, self.given_name, self.email = person.name, person.given_name, person.email
        self.initials = "".join(word[0] for word in person.name.split()[:2]).upper()
        self.organization_name, self.connection_id = organization.name, connection_id
        self.role_words = ", ".join(sorted(principal.roles))

    def get_id(self) -> str:
        return self._token


def init_app(app: Flask) -> None:
    """Set Flask-Login, CSRF protection and the access rules up. What has no rule answers nobody."""
    _login.init_app(app, add_context_processor=False)  # pages get `person`, and an error page asks for nobody
    rules: dict[str, Access] = app.extensions.setdefault("access", {})

    @app.before_request
    def enforce() -> ResponseReturnValue | None:
        if request.endpoint is None:
            return None  # no such page
        access = rules.get(request.blueprint or request.endpoint)
        if access is None:
            abort(404)
        if access.rule is Rule.PUBLIC or signed_in() is not None:
            return None
        if found := g.get("signed_out"):
            record_dead_session(found, g.lapsed)
        return _on_signed_out()

    # After the access rules: whoever signed out in another tab is told so, and not that the page has become too old.
    csrf.init_app(app)


def opener_policy() -> str:
    """The `Cross-Origin-Opener-Policy` of the page that answers this request."""
    access: Access | None = current_app.extensions["access"].get(request.blueprint or request.endpoint)
    return "unsafe-none" if access and access.in_popup else "same-origin"


def guarded(app: Flask, blueprint: Blueprint, access: Access) -> None:
    """Register a blueprint with its access rule."""
    app.extensions["access"][blueprint.name] = access
    app.register_blueprint(blueprint)


def admit(token: str) -> None:
    """Make the browser's session the one with this token. What was in the cookie before is thrown away (ASVS 7.2.4)."""
    session.clear()
    user = person_behind(token)
    if user is None:
        raise LookupError("a session that was just started is not alive")
    session.permanent = True
    login_user(user)


def leave() -> None:
    """Forget the browser's session; the caller has ended it on the server."""
    logout_user()
    session.clear()


def signed_in() -> SignedInPerson | None:
    """The person behind this request, or None."""
    return cast(SignedInPerson, current_user._get_current_object()) if current_user.is_authenticated else None


def principal() -> Principal:
    """The principal of a page that needs one. Its own clicks: no actor."""
    person = signed_in()
    if person is None:
        abort(401)
    return person.principal


def require(db: Session, action: Permission, resource: Resource) -> Decision:
    """Authorize the person on a resource outside the tools. Raises `AccessDenied`, which `on_denied` records and answers."""
    return services().policy.authorize(principal=live(db, principal()), action=action, resource=resource)


def on_denied(blueprint: Blueprint, respond: Callable[[Decision], ResponseReturnValue]) -> None:
    """How a blueprint answers what the policy refuses outside the tools.

    The refusal is first recorded, in the trail of the person's own organization (invariants I5, I10).
    """

    @blueprint.errorhandler(AccessDenied)
    def denied(error: AccessDenied) -> ResponseReturnValue:
        _record_denial(principal(), error.decision, request.path)
        return respond(error.decision)


def may(person: Principal, action: Permission) -> bool:
    """Whether a person may do something in their whole organization: asked for what a page shows, and never a check."""
    resource = Resource(kind="organization", id=person.organization, organization=person.organization)
    return services().policy.is_allowed(principal=person, action=action, resource=resource).allowed


def not_there(title: str, text: str, *, href: str, label: str) -> tuple[str, int]:
    """The page for what is not there, or is somebody else's: the same for both (invariant I10), with a way on."""
    action = {"href": href, "label": label}
    return render_template("storefront/error.html", code=404, title=title, text=text, action=action), 404


class NotAllowed(Exception):
    """The policy refused something outside the tools, and outside of a page; the refusal is recorded."""


@contextmanager
def denials_recorded(person: Principal, where: str) -> Iterator[None]:
    """What `on_denied` is to a page, for another front end: the refusal is recorded. Raises `NotAllowed` in its place."""
    try:
        yield
    except AccessDenied as error:
        _record_denial(person, error.decision, where)
        raise NotAllowed("This is not yours to do, or it is not there.") from error


def _record_denial(person: Principal, decision: Decision, where: str) -> None:
    record_denial(
        services().database,
        EventName.ACCESS_DENIED,
        decision.rule,
        principal=replace(person, conversation=None),
        decision=decision.for_auditor(),
        outcome="denied",
        facts={"page": where[:200]},
    )


def refuse_handle(handle: Handle, *, why: str = "") -> None:
    """Record that the person of this request came with something that is not theirs, or not there: in their own trail."""
    person = replace(principal(), conversation=None)
    record_refused_handle(services().database, handle, where=request.path, why=why, principal=person)


def record_dead_session(person: Principal, lapsed: NotAlive) -> None:
    """Record that a browser came with a session that is not alive, to a page that asks for one."""
    why = f"{lapsed.kind} {lapsed.lapse}"
    record_refused_handle(services().database, Handle.SESSION, where=request.path, why=why, principal=person)


_WHO = (
    select(SignedInSession, Person, Organization)
    .join(Person, Person.id == SignedInSession.person_id)
    .join(Organization, Organization.id == SignedInSession.organization_id)
)


def person_behind(token: str) -> SignedInPerson | None:
    """The person whose living session a token names. A dead one leaves its reason for the page to say."""
    shop = services()
    with shop.database.read() as db:
        row = db.execute(_WHO.where(SignedInSession.token_hash == secret_digest(token))).one_or_none()
        if row is None:
            return None
        found, person, organization = row
        try:
            principal = live(db, found.principal())
        except NotAlive as lapsed:
            g.lapsed, g.signed_out = lapsed, found.principal()
            return None
        is_stale = needs_touch(db, found)
    if is_stale:
        with shop.database.write() as db:
            touch(db, found.id, shop.settings.session_idle)
    return SignedInPerson(token, principal, person, organization, found.connection_id)


_login.user_loader(person_behind)


def why_signed_out() -> str | None:
    """Why the browser's session is not alive any more, in words; None when there was none."""
    lapsed: NotAlive | None = g.get("lapsed")
    return lapsed.reason.for_session if lapsed else None


def _on_signed_out() -> ResponseReturnValue:
    if request.method == "GET" and not request.headers.get("HX-Request"):
        return redirect(sign_in_path(request.full_path.rstrip("?")))
    abort(401)


def sign_in_path(next_path: str) -> str:
    """Where to sign in and come back from."""
    return f"/sign-in?next={quote(next_path, safe='')}"
