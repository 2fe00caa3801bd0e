"""The shop behind nginx with TLS, whatever Host it passes on: pages, forms, cookies, `/mcp`, streams and lost clients."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask, Response, request

from shop.hangup import client_watch
from tests.server.ground import PATIENCE, get, read_until, serving
from tests.support.nginx import Proxy, free_port, nginx
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE

WITHOUT_PORT = "proxy_set_header Host $host;"
WITH_PORT = "proxy_set_header Host $http_host;"
FORWARDED = "proxy_set_header X-Forwarded-Host $http_host;"
NOTHING = ""

PING = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


@pytest.fixture(params=[WITHOUT_PORT, WITH_PORT, FORWARDED, NOTHING], ids=["no port", "port", "forwarded", "own"])
def proxied(
    request: pytest.FixtureRequest, build_shop: Callable[..., ShopUnderTest], tmp_path: Path
) -> Iterator[Browser]:
    """A browser's view of a shop at https://shop.test, with a port of its own."""
    port = free_port()
    base_url = f"https://shop.test:{port}"
    shop = build_shop(base_url=base_url, anonymous_browse=True)
    with (
        serving(shop.app, body_limit=shop.app.config["MAX_CONTENT_LENGTH"], is_behind_proxy=True) as server,
        nginx(tmp_path, port, server.port, request.param) as proxy,
    ):
        yield Browser(base_url, proxy)


class Browser:
    """Reaches the shop by its name, which only this test knows the address of."""

    def __init__(self, base_url: str, proxy: Proxy) -> None:
        self.base_url, self._proxy = base_url, proxy
        self._session = requests.Session()
        self._session.headers["Host"] = base_url.removeprefix("https://")
        self._cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """One request, with the cookies of those before."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        answer = self._session.request(
            method,
            f"https://127.0.0.1:{self._proxy.port}{path}",
            headers=headers | more.pop("headers", {}),
            allow_redirects=False,
            timeout=PATIENCE,
            verify=str(self._proxy.authority),
            **more,
        )
        self._cookies |= answer.cookies.get_dict()
        return answer


@ONE_ENGINE
def test_pages_forms_and_assistants_work_behind_a_proxy(proxied: Browser) -> None:
    """The cookie is Secure, HSTS is sent, a form of the shop's own page is taken, and `/mcp` answers, from the first request on."""
    page = proxied.ask("GET", "/sign-in")
    assert page.status_code == 200
    assert "; Secure" in page.headers["Set-Cookie"] and "Strict-Transport-Security" in page.headers
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token
    form = {"email": SOFIA, "csrf_token": token.group(1)}
    for source in ({"Origin": proxied.base_url}, {"Referer": f"{proxied.base_url}/sign-in"}):
        assert "0;url=" in proxied.ask("POST", "/sign-in", data=form, headers=source).text.replace("0; ", "0;")
    elsewhere = proxied.ask("POST", "/sign-in", data=form, headers={"Origin": "https://elsewhere.example"})
    assert elsewhere.status_code == 400 and f"This shop is at {proxied.base_url}" in elsewhere.text
    headers = {"Accept": "application/json", "MCP-Protocol-Version": "2025-11-25"}
    assert proxied.ask("POST", "/mcp", json=PING, headers=headers).status_code == 200
    challenge = proxied.ask("POST", "/mcp", json=PING, headers=headers | {"Authorization": "Bearer nothing"})
    assert f'resource_metadata="{proxied.base_url}/' in challenge.headers["WWW-Authenticate"]


def application(ended: threading.Event) -> Flask:
    """A stream that lasts until its client has gone, and an answer that says who asks."""
    app = Flask(__name__)

    @app.get("/stream")
    def stream() -> Response:
        is_gone = client_watch()

        def events() -> Iterator[bytes]:
            try:
                yield b"data: first\n\n"
                while not is_gone():
                    threading.Event().wait(0.01)
            finally:
                ended.set()

        return Response(events(), mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})

    @app.post("/")
    def length() -> str:
        return f"{len(request.get_data())} bytes"

    return app


def test_a_stream_passes_at_once_and_a_lost_client_is_seen_through_the_proxy(tmp_path: Path) -> None:
    """The first event arrives while the stream runs; when the browser closes, nginx does too, and the thread is free."""
    ended = threading.Event()
    with (
        serving(application(ended), is_behind_proxy=True) as server,
        nginx(tmp_path, free_port(), server.port, WITHOUT_PORT) as proxy,
    ):
        with proxy.connect() as browser:
            browser.sendall(get("/stream"))
            assert read_until(browser, b"data: first")
            assert not ended.is_set()
        assert ended.wait(PATIENCE)
        answer = requests.post(
            f"https://127.0.0.1:{proxy.port}/", data=b"x" * 900, verify=str(proxy.authority), timeout=PATIENCE
        )
        assert answer.text == "900 bytes"
