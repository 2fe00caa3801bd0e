"""`create_app`: the provider as a WSGI application."""

from __future__ import annotations

from flask import Flask

from shop.companions.identity_provider import authorize, end_session, metadata, pages, sign_in, token, userinfo
from shop.companions.identity_provider.config import ProviderConfig
from shop.companions.identity_provider.keys import SigningKey
from shop.companions.identity_provider.provider import Clock, Provider, TokenFactory, install, new_secret, utc_now
from shop.companions.identity_provider.storage import Store

_LARGEST_BODY = 32 * 1024
"""Bytes; every form of the protocol is far smaller."""


def create_app(config: ProviderConfig, *, clock: Clock = utc_now, token_factory: TokenFactory = new_secret) -> Flask:
    """Build one company's provider. Makes the data directory, the database and the signing key if they are not there.

    `clock` and `token_factory` are given by tests, which own time and randomness.
    """
    config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    config.data_dir.chmod(0o700)  # one that was there before, too
    slug = config.directory.slug
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]  # a reader of a document meets `issuer` first
    provider = Provider(
        config=config,
        key=SigningKey.load_or_create(config.data_dir / f"{slug}-signing-key.json"),
        store=Store(config.data_dir / f"{slug}-identity-provider.sqlite3"),
        clock=clock,
        new_secret=token_factory,
    )
    for path in config.data_dir.glob(f"{slug}-*"):
        path.chmod(0o600)
    install(app.extensions, provider)
    for module in (pages, metadata, authorize, sign_in, token, userinfo, end_session):
        app.register_blueprint(module.blueprint)
    pages.register_common(app)
    return app
