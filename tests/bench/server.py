"""The shop on its server as in production, plus one bare stream, for `first_byte`. Prints where it is and a signed-in cookie."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Flask, Response

from shop import create_app
from shop.access import Access, Rule, csrf
from shop.server.listening import Server
from shop.settings import Settings, rate_limit_names
from tests.bench.ground import signed_in


def build(settings: Settings) -> Flask:
    """The shop, and beside it the least that Flask can stream."""
    app = create_app(settings)

    @app.post("/bench/stream")
    @csrf.exempt
    def stream() -> Response:
        def chunks() -> Iterator[bytes]:
            yield b"data: x\n\n"
            yield b"data: y\n\n"

        return Response(chunks(), mimetype="text/event-stream")

    app.extensions["access"]["stream"] = Access(Rule.PUBLIC, "the bare stream of a measurement")
    return app


def signed_in_cookie(app: Flask, settings: Settings) -> tuple[str, str]:
    """The cookie of a signed-in browser, and the CSRF token of a page."""
    _session, token = signed_in(app.extensions["shop"].database)
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = token, True
    page = client.get("/sessions").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    value = client.get_cookie(settings_cookie(settings))
    if found is None or value is None:
        raise RuntimeError("not signed in")
    return f"{value.key}={value.value}", found.group(1)


def settings_cookie(settings: Settings) -> str:
    """The name of the shop's cookie."""
    return settings.cookie_name


def serve(settings: Settings, ready: str, app: Flask) -> None:
    """Serve as `shop.serving` does, and say `ready` once it listens."""
    server = Server(
        app, [("127.0.0.1", settings.port)], threads=settings.threads, body_limit=app.config["MAX_CONTENT_LENGTH"]
    )
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    print(ready, flush=True)
    server.run()


_UNREACHED: Any = 10**9


def settings_in(folder: str) -> Settings:
    """A shop in a folder, on a free port. It counts requests as in production, against limits that no measurement reaches."""
    port = free_port()
    return Settings(
        **dict.fromkeys(rate_limit_names(), _UNREACHED),
        port=port,
        base_url=f"http://127.0.0.1:{port}",
        data_dir=Path(folder),
        database_url=f"sqlite:///{folder}/shop.db",
        secret_key="a secret of the measurement, of no use to anyone",
    )


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main(folder: str) -> None:
    """Serve until terminated."""
    settings = settings_in(folder)
    app = build(settings)
    cookie, csrf_token = signed_in_cookie(app, settings)
    serve(settings, json.dumps({"port": settings.port, "cookie": cookie, "csrf_token": csrf_token}), app)


if __name__ == "__main__":
    main(sys.argv[1])
