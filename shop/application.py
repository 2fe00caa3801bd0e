"""The application: the ordered list of what a running shop is set up from. Each blueprint stands beside its access rule."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import click
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from shop import access, frame
from shop.access import Access, Rule, csrf, guarded, signed_in
from shop.admin import agent_registration
from shop.admin import agents as agent_pages
from shop.admin import audit as audit_pages
from shop.admin import people as people_pages
from shop.assistant.model.client import Model
from shop.assistant.turn.in_app_assistant import InAppAssistant
from shop.assistant.web.routes import blueprint as assistant_blueprint
from shop.audit import writer
from shop.audit.denial_windows import close_windows
from shop.audit.events import EventName
from shop.authorization.policy import Policy
from shop.commands import chat
from shop.database import Clock, Database, utc_now
from shop.demo.seeding import Seed
from shop.guards.egress_proxy import proxy_of
from shop.guards.rate_limits import Limit, RateLimits
from shop.guards.safe_fetch import Fetcher
from shop.identity.commands import sso_commands
from shop.identity.providers import Metadata
from shop.identity.recheck import Recheck
from shop.identity.sign_in import SignIn
from shop.mcp import endpoint as mcp
from shop.mcp import guest
from shop.oauth.commands import oauth as oauth_commands
from shop.oauth.endpoints import authorize, consent, introspect, metadata, register, revoke, token
from shop.oauth.issuer import Issuer
from shop.oauth.resource_server.external_issuer import ExternalIssuer
from shop.oauth.signing_keys import Keys
from shop.revocation.providers import sign_in_withdrawn
from shop.services import Services
from shop.settings import ROOT, Settings
from shop.store import import_file, import_goods
from shop.storefront import (
    about,
    account,
    addresses,
    approval,
    assistants,
    cart,
    catalogue,
    connect,
    orders,
    pictures,
    sign_in,
    widening,
)
from shop.tools.gateway import Gateway
from shop.tools.registry import risky_tools
from shop.upgrades.commands import database_commands
from shop.upkeep.expired import sweep
from shop.upkeep.jobs import Job, Upkeep


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
    seed.require_secrets(settings.find_secret)
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
    app.extensions["rate_limits"] = limits = RateLimits(database, {limit: getattr(settings, limit) for limit in Limit})
    app.extensions["upkeep"] = Upkeep(
        [
            Job("count", timedelta(seconds=1), limits.flush),
            Job("sweep", timedelta(seconds=30), lambda: sweep(database)),
            Job("close denial windows", timedelta(seconds=15), lambda: close_windows(database)),
        ],
        clock,
    )
    fetcher = fetcher or _fetcher(settings)
    app.extensions["oauth"] = _issuer(settings, database, fetcher, providers)
    app.extensions["external_issuer"] = _external_issuer(settings, fetcher)
    model = model or Model(settings)
    access.init_app(app)
    app.extensions["in_app_assistant"] = in_app = InAppAssistant(database, gateway, model, settings)
    _add_pages(app, seed, in_app)
    frame.add_to(app, offline_model=model.offline)
    _add_commands(app, in_app)
    return app


def _add_pages(app: Flask, seed: Seed, in_app: InAppAssistant) -> None:
    """Every blueprint, and who may come to it."""
    shop: Services = app.extensions["shop"]
    settings, database, gateway = shop.settings, shop.database, shop.gateway
    public, own = Rule.PUBLIC, Rule.SIGNED_IN
    guarded(app, pictures.create(settings.seed_dir), Access(public, "drawings of goods that anyone may look at"))
    guarded(app, catalogue.pages, Access(public, "the shop window: anyone may look"))
    guarded(app, about.pages, Access(public, "what anyone should know before they trust this"))
    app.extensions["demo_people"] = seed.people()
    guarded(app, sign_in.pages, Access(public, "how one gets in", in_popup=True))
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
    guarded(app, widening.pages, Access(own, "one's own grants, and only those that are one's own to widen"))
    guarded(app, account.pages, Access(own, "one's own sessions, by the membership they hang on"))
    guarded(app, assistant_blueprint(in_app), Access(own, "each conversation is asked for: conversations:use"))
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
        (register.endpoint, "any client may register itself; limited, and told to people as unverified"),
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
        SESSION_COOKIE_NAME=settings.cookie_name,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=is_https,
        PERMANENT_SESSION_LIFETIME=settings.session_absolute,
        MAX_CONTENT_LENGTH=256 * 1024,
        MAX_FORM_MEMORY_SIZE=256 * 1024,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session; a person who comes back late loses nothing
        WTF_CSRF_SSL_STRICT=False,  # `access` compares the page with the base URL; Flask-WTF would with the Host
    )
    if settings.is_behind_proxy:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]


def _sign_in(settings: Settings, database: Database, providers: Metadata) -> SignIn:
    return SignIn(
        database,
        redirect_uri=f"{settings.base_url}/sign-in/callback",
        read_secret=settings.find_secret,
        secret_key=settings.secret_key,
        lifetime=settings.sign_in_lifetime,
        idle=settings.session_idle,
        absolute=settings.session_absolute,
        metadata=providers,
    )


def _fetcher(settings: Settings) -> Fetcher:
    own = urlsplit(settings.oauth_issuer)
    origin = f"{own.scheme}://{own.netloc}" if own.netloc else ""
    return Fetcher(operators_own=origin, proxy=proxy_of(settings.egress_proxy))


def _external_issuer(settings: Settings, fetcher: Fetcher) -> ExternalIssuer | None:
    if not settings.oauth_issuer:
        return None
    secret = settings.oauth_introspection_client_secret
    return ExternalIssuer(settings, fetcher, settings.find_secret(secret) if secret else "")


def _issuer(settings: Settings, database: Database, fetcher: Fetcher, providers: Metadata) -> Issuer:
    return Issuer(
        settings=settings,
        database=database,
        keys=Keys(database, settings.secret_key),
        fetcher=fetcher,
        providers=providers,
        recheck=Recheck(
            database,
            providers,
            read_secret=settings.find_secret,
            secret_key=settings.secret_key,
            withdraw=sign_in_withdrawn,
        ),
        risky_tools=risky_tools(),
        signed_in=signed_in,
    )


def _add_commands(app: Flask, in_app: InAppAssistant) -> None:
    shop: Services = app.extensions["shop"]
    app.cli.add_command(oauth_commands)
    app.cli.add_command(sso_commands(shop.sign_in))
    app.cli.add_command(database_commands(shop.settings))
    app.cli.add_command(chat(in_app))

    @app.cli.command("reset")
    def reset() -> None:
        """Bring the seeded state back, also while the server runs."""
        app.extensions["seed"].reset(shop.database, shop.policy)
        guest.apply(shop.database, shop.settings.anonymous_browse)
        print("The shop is as it was on its first day. Whoever was signed in has to sign in again.")

    @app.cli.command("sweep")
    def sweep_now() -> None:
        """Delete what has expired, once: for a server that does not do it by itself."""
        gone = sweep(shop.database)
        print(", ".join(f"{rows} {name}" for name, rows in gone.items()) or "Nothing has expired.")

    @app.cli.command("import-catalogue")
    @click.argument("file", type=click.Path(path_type=Path))
    def import_catalogue(file: Path) -> None:
        """Bring the goods of a JSON file into the shop, or up to date; or none of them, and say why."""
        try:
            goods = import_file.read_catalogue(file)
            with shop.database.write() as db:
                done = import_goods.load(db, goods)
                writer.record(db, EventName.CATALOGUE_IMPORTED, facts=asdict(done))
        except import_file.CannotImport as error:
            raise click.ClickException(f"Nothing was imported.\n{error}") from error
        print(f"{done.added} products added, {done.updated} updated, {done.unchanged} unchanged.")
