"""What only a real browser shows of an assistant from outside: the question is readable, and its answer leads to the client."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import OpenBrowser
from tests.browser.devices import DEVICES
from tests.browser.live_shop import LiveShop
from tests.support.assistants import pkce
from tests.support.people import SOFIA


@contextmanager
def a_program_on_this_computer() -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    """Where a desktop assistant waits for its answer: its redirect URI, and the answers that came."""
    answers: list[dict[str, list[str]]] = []

    class Waiting(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/callback"):
                answers.append(parse_qs(urlsplit(self.path).query))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b'<!doctype html><link rel="icon" href="data:,"><title>Back</title>You may close this.')

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Waiting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/callback", answers
    finally:
        server.shutdown()
        server.server_close()


def registered_itself(shop: LiveShop, redirect_uri: str) -> str:
    """The `client_id` of an assistant that registers itself at the running shop."""
    said = {"client_name": "Desktop Helper", "redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none"}
    answer = requests.post(shop.url("/oauth/register"), json=said, timeout=10)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["client_id"])


def test_a_person_answers_an_assistant_from_outside(live_shop: LiveShop, visitor: OpenBrowser) -> None:
    """Signed in on the way, asked on a page that everybody can read on any screen, and brought back to the assistant."""
    with a_program_on_this_computer() as (redirect_uri, answers):
        client_id, challenge = registered_itself(live_shop, redirect_uri), pkce()[1]
        question = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "scope": "browse read transact",
            "state": "xyz",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": live_shop.url("/mcp"),
        }
        path = f"/oauth/authorize?{urlencode(question)}"
        origin = redirect_uri.removesuffix("/callback")
        for screen in DEVICES:
            sofia = visitor(SOFIA, live_shop, screen, elsewhere=frozenset({origin}), reduced_motion="reduce")
            sofia.open(path)
            sofia.type_email()
            sofia.pick_themselves()
            expect(sofia.page.get_by_role("heading", name="Desktop Helper")).to_be_visible()
            for theme in ("light", "dark"):
                sofia.page.emulate_media(color_scheme=theme)
                assert Axe().run(sofia.page).response["violations"] == [], (screen.name, theme)
            wide = sofia.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            assert not wide, screen.name
            expect(sofia.page.get_by_role("checkbox", checked=True)).to_have_count(2 if not answers else 3)
            sofia.page.get_by_role("button", name="Allow what is ticked").click()
            expect(sofia.page).to_have_title("Back")
    assert [set(answer) for answer in answers] == [{"code", "state", "iss"}] * len(DEVICES)
    assert all(answer["state"] == ["xyz"] and answer["iss"] == [live_shop.settings.base_url] for answer in answers)
