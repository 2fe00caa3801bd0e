"""The application: the ordered list of what a running shop is set up from. Each blueprint stands beside its access rule."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from flask import Flask, Response, abort, g, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed, Unauthorized
from werkzeug.middleware.proxy_fix import ProxyFix

from shop import access
from shop.access import Access, Rule, csrf, guarded, signed_in
from shop.admin import agent_registration
from shop.admin import agents as agent_pages
from shop.admin import audit as audit_pages
from shop.admin import people as people_pages
from shop.assistant.conversing import Conversing
from shop.assistant.model import Model
from shop.assistant.views import blueprint as assistant_blueprint
from shop.audit import writer
from shop.audit.events import EventName
from shop.authorization.policy import Policy
from shop.commands import chat
from shop.credentials.ledger import NotAlive
from shop.database import Clock, Database, utc_now
from shop.demo.seeding import Seed
from shop.identity.oidc import Metadata
from shop.identity.sign_in import SignIn
from shop.mcp import endpoint as mcp
from shop.mcp import guest
from shop.oauth import authorize, consent, introspect, metadata, registration, revoke, token
from shop.oauth.commands import oauth as oauth_commands
from shop.oauth.external_issuer import ExternalIssuer
from shop.oauth.fetching import Fetcher
from shop.oauth.issuer import Issuer
from shop.oauth.keys import Keys
from shop.oauth.protocol import is_for_machines, json_http_error
from shop.services import Services
from shop.settings import ROOT, Settings
from shop.store import foreign, loading
from shop.storefront import about, account, addresses, approval, assistants, cart, catalogue, connect, orders, pictures
from shop.storefront.sign_in import blueprint as sign_in_blueprint
from shop.tools.gateway import Gateway
from shop.tools.registry import risky_tools


def create_app(
    settings: Settings | None = None,
    *,
    clock: Clock = utc_now,
    model: Model | None = None,
    seed: Seed | None = None,
    fetcher: Fetcher | None = None,
) -> Flask:
    """Build the WSGI application. Reads the environment only when no settings are given."""
    settings = settings or Settings.from_environment()
    app = Flask("shop", root_path=str(ROOT / "shop"), template_folder=str(ROOT / "templates"))
    _configure(app, settings)
    database = Database(settings.database_url, clock=clock, threads=settings.threads)
    policy = Policy.from_file(settings.seed_dir / "policy" / "policy.csv")
    gateway = Gateway(database, policy, receipt_lifetime=settings.receipt_lifetime)
    seed = seed or Seed(settings.seed_dir, settings.issuer_of_companion)
    seed.apply(database, policy)
    guest.apply(database, settings.anonymous_browse)
    providers = Metadata()
    app.extensions["shop"] = Services(
        settings=settings,
        database=database,
        policy=policy,
        gateway=gateway,
        sign_in=_sign_in(settings, database, providers),
    )
    app.extensions["seed"] = seed
    app.extensions["oauth"] = _issuer(settings, database, fetcher, providers)
    model = model or Model(settings)
    access.init_app(app)
    app.extensions["conversing"] = conversing = Conversing(database, gateway, model, settings)
    _add_pages(app, seed, conversing)
    _add_frame(app, offline_model=model.offline)
    _add_errors(app)
    _add_commands(app, conversing)
    return app


def _add_pages(app: Flask, seed: Seed, conversing: Conversing) -> None:
    """Every blueprint, and who may come to it."""
    shop: Services = app.extensions["shop"]
    settings, database, gateway = shop.settings, shop.database, shop.gateway
    public, own = Rule.PUBLIC, Rule.SIGNED_IN
    guarded(app, pictures.create(settings.seed_dir), Access(public, "drawings of goods that anyone may look at"))
    guarded(app, catalogue.pages, Access(public, "the shop window: anyone may look"))
    guarded(app, about.pages, Access(public, "what anyone should know before they trust this"))
    guarded(app, sign_in_blueprint(seed.people()), Access(public, "how one gets in", in_popup=True))
    guarded(
        app,
        mcp.blueprint(settings, database, gateway),
        Access(public, "asks for a bearer token itself, at each request"),
    )
    guarded(app, approval.pages, Access(own, "each receipt is asked for: only its own person finds it"))
    guarded(app, cart.pages, Access(own, "each click passes the gateway, which asks the policy"))
    guarded(app, orders.pages, Access(own, "each click passes the gateway, which asks the policy"))
    guarded(app, addresses.pages, Access(own, "each click passes the gateway, which asks the policy"))
    guarded(
        app,
        connect.pages,
        Access(public, "how anyone's own assistant finds this shop: an address, and where to type it"),
    )
    guarded(app, assistants.pages, Access(own, "one's own grants, by the membership they hang on"))
    guarded(app, account.pages, Access(own, "one's own sessions, by the membership they hang on"))
    guarded(app, assistant_blueprint(conversing), Access(own, "each conversation is asked for: conversations:use"))
    guarded(app, audit_pages.pages, Access(own, "each view is asked for: audit:read"))
    guarded(app, agent_pages.pages, Access(own, "each page is asked for: agents:read, agents:manage"))
    guarded(app, agent_registration.pages, Access(own, "each page is asked for: agents:manage"))
    guarded(app, people_pages.pages, Access(own, "each page is asked for: members:read, members:suspend"))
    _add_authorization_server(app, is_external=bool(settings.oauth_issuer))


def _add_authorization_server(app: Flask, *, is_external: bool) -> None:
    """Pages for people, guarded like any other; and endpoints for clients, where no cookie counts and so no CSRF exists.

    Where the operator brought their own authorization server, there is only what says so.
    """
    guarded(
        app, metadata.resource, Access(Rule.PUBLIC, "where clients get their tokens, which they ask before anything")
    )
    if is_external:
        return
    own = Rule.SIGNED_IN
    because = "whoever is asked has signed in; no stranger makes us fetch anything"
    guarded(app, authorize.endpoint, Access(own, because, in_popup=True))
    guarded(app, consent.endpoint, Access(own, "a person's answer, bound to the session that was asked", in_popup=True))
    for endpoint, because in (
        (metadata.endpoint, "what clients look for before anything else; public keys and addresses"),
        (registration.endpoint, "any client may register itself; limited, and told to people as unverified"),
        (token.endpoint, "clients authenticate themselves, and hold a code or a refresh token"),
        (revoke.endpoint, "clients authenticate themselves, and can end only what is theirs"),
        (introspect.endpoint, "clients authenticate themselves by secret or key"),
    ):
        csrf.exempt(endpoint)
        guarded(app, endpoint, Access(Rule.PUBLIC, because))


def _configure(app: Flask, settings: Settings) -> None:
    is_https = settings.base_url.startswith("https://")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME=f"context-and-co-{settings.port}",  # cookies cross ports on one host
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=is_https,
        PERMANENT_SESSION_LIFETIME=settings.session_absolute,
        MAX_CONTENT_LENGTH=256 * 1024,
        MAX_FORM_MEMORY_SIZE=256 * 1024,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session; a person who comes back late loses nothing
        WTF_CSRF_SSL_STRICT=is_https,
    )
    if is_https:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]


def _sign_in(settings: Settings, database: Database, providers: Metadata) -> SignIn:
    return SignIn(
        database,
        redirect_uri=f"{settings.base_url}/sign-in/callback",
        read_secret=settings.read_secret,
        lifetime=settings.sign_in_lifetime,
        idle=settings.session_idle,
        absolute=settings.session_absolute,
        metadata=providers,
    )


def _issuer(settings: Settings, database: Database, fetcher: Fetcher | None, providers: Metadata) -> Issuer:
    own = urlsplit(settings.oauth_issuer)
    fetcher = fetcher or Fetcher(operators_own=f"{own.scheme}://{own.netloc}" if own.netloc else "")
    secret = settings.oauth_introspection_client_secret
    external = ExternalIssuer(settings, fetcher, settings.read_secret(secret) if secret else "")
    return Issuer(
        settings=settings,
        database=database,
        keys=Keys(database, settings.secret_key),
        fetcher=fetcher,
        providers=providers,
        risky_tools=risky_tools(),
        signed_in=signed_in,
        external=external if settings.oauth_issuer else None,
    )


def _add_frame(app: Flask, *, offline_model: bool) -> None:
    """What every request and every page has: a request id, security headers, navigation."""

    @app.before_request
    def correlate() -> None:
        writer.request_id.set(f"req_{uuid.uuid4().hex}")
        if any("\x00" in text for text in (request.path, *request.args.values())):
            abort(404)  # nothing is called that, and PostgreSQL's text cannot even be asked for it

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        writer.request_id.set(None)

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers["Cross-Origin-Opener-Policy"] = access.opener_policy()
        if origin := g.get("form_action"):  # the consent page's answer leads to the client
            policy = response.headers["Content-Security-Policy"]
            response.headers["Content-Security-Policy"] = policy.replace(
                "form-action 'self'", f"form-action 'self' {origin}"
            )
        if app.config["SESSION_COOKIE_SECURE"]:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if (
            response.mimetype == "font/woff2"
        ):  # asked for anew, what a page preloads would come after what it draws with
            response.headers["Cache-Control"] = "public, max-age=86400"
        if response.mimetype == "text/html":
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    @app.context_processor
    def frame() -> dict[str, Any]:
        person = signed_in() if not g.get("is_broken") else None
        count = app.extensions["shop"].gateway.items_in_cart(person.principal) if person else 0
        return {
            "person": person,
            "nav": _navigation(person.principal.roles if person else frozenset()),
            "cart_count": count,
            "offline_model": offline_model,
            "asset": lambda path: f"/static/{path}?v={_version(path)}",
        }

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> tuple[dict[str, str], int]:
        try:
            app.extensions["shop"].database.is_ready()
        except Exception:  # whatever the driver raises, the answer is the same
            return {"status": "the database does not answer"}, 503
        return {"status": "ok"}, 200

    app.extensions["access"] |= {
        "static": Access(Rule.PUBLIC, "styles, scripts and fonts"),
        "healthz": Access(Rule.PUBLIC, "whether the process runs; says nothing else"),
        "readyz": Access(Rule.PUBLIC, "whether the database answers; says nothing else"),
    }


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


def _navigation(roles: frozenset[str]) -> list[dict[str, Any]]:
    links = [("/", "Shop"), ("/assistant/", "Assistant"), ("/orders", "Orders"), ("/audit/", "Audit")]
    if roles & {"administrator", "auditor"}:
        links.append(("/admin/agents/", "Agents"))
    if "administrator" in roles:
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
    return hashlib.sha256((Path(ROOT) / "shop" / "static" / path).read_bytes()).hexdigest()[:10]


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
        headers = {"Allow": ", ".join(sorted(error.valid_methods or ()))} if isinstance(error, MethodNotAllowed) else {}
        code = error.code or 500
        if code == 401 and request.path.startswith("/assistant/"):
            return render_template(
                "assistant/_signed_out.html", reason=access.why_signed_out(), next=_came_from()
            ), code
        title, text = _ERRORS.get(code, ("That did not work", "Try again; nothing was changed."))
        if type(error).__name__ == "CSRFError":
            title, text = (
                "This page has become too old",
                "Reload it and try again: what you sent could not be matched to your sign-in.",
            )
        if request.path.startswith("/assistant/") and request.method == "POST":
            return render_template("assistant/_notice.html", notice={"title": f"{title}.", "text": text}), code
        if request.headers.get("HX-Request"):
            headers |= _AS_A_PAGE
        return render_template("storefront/error.html", code=code, title=title, text=text), code, headers

    @app.errorhandler(NotAlive)
    def lapsed(error: NotAlive) -> ResponseReturnValue:
        """The session ended after the request had come in: the answer is the same as a moment later."""
        g.lapsed = error
        return known(Unauthorized())

    @app.errorhandler(Exception)
    def unknown(error: Exception) -> tuple[str, int]:
        app.logger.exception("unhandled error", exc_info=error)
        g.is_broken = True  # what broke may be the database, and then nobody can be asked who this is
        title, text = _ERRORS[503]
        return render_template("storefront/error.html", code=503, title=title, text=text), 503


def _came_from() -> str:
    conversation = (request.view_args or {}).get("conversation_id")
    return f"/assistant/{conversation}" if conversation else "/assistant/"


def _add_commands(app: Flask, conversing: Conversing) -> None:
    shop: Services = app.extensions["shop"]
    app.cli.add_command(oauth_commands)
    app.cli.add_command(chat(conversing))

    @app.cli.command("reset")
    def reset() -> None:
        """Bring the seeded state back, also while the server runs."""
        app.extensions["seed"].reset(shop.database, shop.policy)
        guest.apply(shop.database, shop.settings.anonymous_browse)
        print("The shop is as it was on its first day. Whoever was signed in has to sign in again.")

    @app.cli.command("import-catalogue")
    @click.argument("file", type=click.Path(path_type=Path))
    def import_catalogue(file: Path) -> None:
        """Bring the goods of a JSON file into the shop, or up to date; or none of them, and say why."""
        try:
            goods = foreign.read_catalogue(file)
            with shop.database.write() as db:
                done = loading.load(db, goods)
                writer.record(db, EventName.CATALOGUE_IMPORTED, facts=asdict(done))
        except foreign.CannotImport as error:
            raise click.ClickException(f"Nothing was imported.\n{error}") from error
        print(f"{done.added} products added, {done.updated} updated, {done.unchanged} unchanged.")
