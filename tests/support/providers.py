"""The embedded identity providers of the demo organizations, served on real sockets for a whole test run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

from shop.companions.identity_provider import Client, CrossAppAccess, Directory, ProviderConfig, create_app
from shop.companions.identity_provider.directory import Person
from shop.companions.identity_provider.provider import Clock, Provider, utc_now
from shop.settings import ROOT

BASE_URL = "http://127.0.0.1:5999"
"""Where the shop under test says it is. Flow tests speak to it in-process, so nothing listens there."""
DESK, DESK_SECRET, DESK_CALLBACK = "cli_desk", "a secret of the desk", "http://127.0.0.1:5998/callback"
"""An AI client that both companies' providers sign people in for, and let into the shop: what the shop calls it, and itself."""


@dataclass
class ServedProvider:
    """One provider on its own port."""

    port: int
    server: BaseWSGIServer
    app: Flask
    clock: Clock = utc_now
    """Its time: that of the present test, so that it passes there as it does in the shop."""

    def sign(self, claims: dict[str, Any], typ: str) -> str:
        """What this provider would have signed, whatever it says."""
        provider: Provider = self.app.extensions["identity_provider"]
        return provider.key.sign(claims, typ=typ)

    @contextmanager
    def changed(self, **people: Callable[[Person], Person | None]) -> Iterator[None]:
        """Meanwhile the directory says something else of these people, by their given name; None: they have left."""
        provider: Provider = self.app.extensions["identity_provider"]
        changed = [
            people[one.given_name.lower()](one) if one.given_name.lower() in people else one
            for one in provider.directory.people
        ]
        directory = replace(provider.directory, people=tuple(one for one in changed if one))
        config = replace(provider.config, directory=directory)
        self.app.extensions["identity_provider"] = replace(provider, config=config)
        try:
            yield
        finally:
            self.app.extensions["identity_provider"] = provider

    def stop(self) -> None:
        """Stop serving."""
        self.server.shutdown()
        self.server.server_close()


def serve_provider(slug: str, data_dir: Path, secret: str, *, presenter_code: str = "") -> ServedProvider:
    """Serve one organization's provider on a free port."""
    holder: list[ServedProvider] = []

    def forward(environ, start_response):  # type: ignore[no-untyped-def] # the app is made once the port is known
        return holder[0].app(environ, start_response)

    def now() -> datetime:
        return holder[0].clock()

    server = make_server("127.0.0.1", 0, forward, threaded=True)
    config = ProviderConfig(
        directory=Directory.load(ROOT / "seed_data" / "identity_providers" / f"{slug}.toml"),
        data_dir=data_dir,
        host="127.0.0.1",
        port=server.port,
        issuer=f"http://127.0.0.1:{server.port}",
        presenter_code=presenter_code,
        clients=(
            Client(
                client_id="context-and-co",
                client_secret=secret,
                name="Context & Co.",
                redirect_uris=(f"{BASE_URL}/sign-in/callback",),
                post_logout_redirect_uris=(f"{BASE_URL}/",),
                offline_access=True,
            ),
            Client(
                client_id="desk",
                client_secret=DESK_SECRET,
                name="Desk",
                redirect_uris=(DESK_CALLBACK,),
                access=(
                    CrossAppAccess(
                        audience=BASE_URL,
                        resource=f"{BASE_URL}/mcp",
                        client_id=DESK,
                        scopes=("browse", "read", "transact"),
                    ),
                ),
            ),
        ),
    )
    app = create_app(config, clock=now)
    holder.append(ServedProvider(server.port, server, app))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return holder[0]
