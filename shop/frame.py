"""What every request and every page has: an id, security headers, navigation; and an error that a person can read."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from typing import Any

from flask import Flask, Request, Response, abort, g, redirect, render_template, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, TooManyRequests, Unauthorized

from shop import access
from shop.access import Access, Rule, signed_in
from shop.audit import writer
from shop.audit.denials import Handle
from shop.authorization.permissions import Permission
from shop.credentials.ledger import NotAlive
from shop.oauth.authlib_server import is_for_machines, json_http_error
from shop.own_address import WrongOrigin, present_address
from shop.principal import Principal
from shop.services import services
from shop.settings import ROOT
from shop.untrusted import shown

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def add_to(app: Flask, *, offline_model: bool) -> None:
    """Give an application its frame. The access rules come before (`access.init_app`)."""
    app.session_interface = _Cookie()
    app.jinja_env.finalize = shown  # no text of anybody's brings invisible or text-moving characters into a page
    _add_hooks(app)
    _add_context(app, offline_model=offline_model)
    _add_health(app)
    _add_errors(app)


class _Cookie(SecureCookieSessionInterface):
    """Flask's signed cookie. A request without one, as each of an external assistant, has nothing to verify."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        has_one = self.get_cookie_name(app) in request.cookies
        return super().open_session(app, request) if has_one else self.session_class()


def _add_hooks(app: Flask) -> None:
    @app.before_request
    def correlate() -> None:
        writer.request_id.set(f"req_{secrets.token_hex(16)}")
        if "\x00" in request.path or b"%00" in request.query_string or b"\x00" in request.query_string:
            abort(404)  # nothing is called that, and PostgreSQL's text cannot even be asked for it

    @app.before_request
    def move() -> ResponseReturnValue | None:
        address = present_address(services().settings, request)
        return redirect(address) if address else None

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        writer.request_id.set(None)

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in SECURITY_HEADERS.items():
            if name not in response.headers:
                response.headers.add(name, value)
        response.headers["Cross-Origin-Opener-Policy"] = access.opener_policy()
        if app.config["SESSION_COOKIE_SECURE"]:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if response.mimetype == "font/woff2":  # asked anew, what a page preloads would come after what it draws with
            response.headers["Cache-Control"] = "public, max-age=86400"
            response.headers["Access-Control-Allow-Origin"] = "*"  # a widget's origin is nobody's, and fonts need CORS
        response.headers.setdefault("Cache-Control", "no-store")  # what may be kept says so itself (ASVS 14.3.2)
        return response


def _add_context(app: Flask, *, offline_model: bool) -> None:
    @app.context_processor
    def frame() -> dict[str, Any]:
        person = signed_in() if not g.get("is_broken") else None
        return {
            "person": person,
            "nav": _navigation(person.principal if person else None),
            "cart_count": services().gateway.enquiries.items_in_cart(person.principal) if person else 0,
            "offline_model": offline_model,
            "asset": lambda path: f"/static/{path}?v={_version(path)}",
        }


def _navigation(me: Principal | None) -> list[dict[str, Any]]:
    links = [("/", "Shop"), ("/assistant/", "Assistant"), ("/orders", "Orders"), ("/audit/", "Audit")]
    if me and access.may(me, Permission.AGENTS_READ):
        links.append(("/admin/agents/", "Agents"))
    if me and access.may(me, Permission.MEMBERS_READ):
        links.append(("/admin/people/", "People"))
    path = request.path
    return [
        {"href": href, "label": label, "active": path.startswith(_SHELVES if href == "/" else href) or path == href}
        for href, label in links
    ]


_SHELVES = ("/search", "/collections/", "/products/")
"""Pages that are the shop itself, besides its first one."""


@cache
def _version(path: str) -> str:
    """A file's version for its address, from its content: a changed file is fetched again."""
    return hashlib.sha256((ROOT / "shop" / "static" / path).read_bytes()).hexdigest()[:10]


def _add_health(app: Flask) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> tuple[dict[str, str], int]:
        try:
            services().database.is_ready()
        except Exception:  # whatever the driver raises, the answer is the same
            return {"status": "the database does not answer"}, 503
        return {"status": "ok"}, 200

    app.extensions["access"] |= {
        "static": Access(Rule.PUBLIC, "styles, scripts and fonts"),
        "healthz": Access(Rule.PUBLIC, "whether the process runs; says nothing else"),
        "readyz": Access(Rule.PUBLIC, "whether the database answers; says nothing else"),
    }


_ERRORS = {
    400: (
        "That request could not be read",
        "Something in it was missing or malformed. Go back, reload the page, and try again.",
    ),
    401: ("You are not signed in", "Sign in, and come back to where you were."),
    403: ("This is not yours to do", "Your role does not allow it, or your sign-in is too old."),
    404: ("There is nothing here", "The page does not exist, or it is not yours to see."),
    405: ("That is not how this page works", "It was asked in a way that it does not answer."),
    413: ("That is too much at once", "What you sent is larger than this shop takes. Send less."),
    429: ("That was too often", "Wait a little, then try again."),
    503: ("The shop is out for a moment", "Something it needs does not answer. Nothing was changed; try again soon."),
}


_AS_A_PAGE = {"HX-Retarget": "#main", "HX-Reselect": "#main", "HX-Reswap": "outerHTML"}
"""Whatever part of a page asked, an error is shown as a page: in the middle of the one that is open."""


def _add_errors(app: Flask) -> None:
    """Every error is a page that a person can read, or a short notice for the chat. Never a stack trace."""

    @app.errorhandler(HTTPException)
    def known(error: HTTPException) -> ResponseReturnValue:
        if is_for_machines(request.path):
            return json_http_error(error)
        code = error.code or 500
        if code == 401 and request.path.startswith("/assistant/"):
            return render_template(
                "assistant/_signed_out.html", reason=access.why_signed_out(), next=_came_from()
            ), code
        if isinstance(error, CSRFError) and signed_in():
            access.refuse_handle(Handle.FORM_TOKEN)
        (title, text), headers = _words_of(error, code), _headers_of(error)
        if request.path.startswith("/assistant/") and request.method == "POST":
            return render_template("assistant/_notice.html", notice={"title": f"{title}.", "text": text}), code, headers
        if request.headers.get("HX-Request"):
            headers |= _AS_A_PAGE
        return render_template("storefront/error.html", code=code, title=title, text=text), code, headers

    @app.errorhandler(NotAlive)
    def lapsed(error: NotAlive) -> ResponseReturnValue:
        """The session ended after the request had come in: the answer is the same as a moment later."""
        g.lapsed = error
        if person := signed_in():
            access.record_dead_session(person.principal, error)
        return known(Unauthorized())

    @app.errorhandler(Exception)
    def unknown(error: Exception) -> tuple[str, int]:
        app.logger.exception("unhandled error", exc_info=error)
        g.is_broken = True  # what broke may be the database, and then nobody can be asked who this is
        title, text = _ERRORS[503]
        return render_template("storefront/error.html", code=503, title=title, text=text), 503


def _words_of(error: HTTPException, code: int) -> tuple[str, str]:
    """What went wrong, as a title, and what the person can do."""
    title, text = _ERRORS.get(code, ("That did not work", "Try again; nothing was changed."))
    match error:
        case WrongOrigin():
            return "This came from another address", error.description or ""
        case TooManyRequests():
            return title, error.description or text
        case CSRFError():
            return (
                "This page has become too old",
                "Reload it and try again: what you sent could not be matched to your sign-in.",
            )
    return title, text


def _headers_of(error: HTTPException) -> dict[str, str]:
    """What an answer with this error has to say to a program (RFC 9110 §10.2)."""
    match error:
        case MethodNotAllowed():
            return {"Allow": ", ".join(sorted(error.valid_methods or ()))}
        case TooManyRequests():
            return {"Retry-After": str(error.retry_after)}
    return {}


def _came_from() -> str:
    conversation = (request.view_args or {}).get("conversation_id")
    return f"/assistant/{conversation}" if conversation else "/assistant/"
