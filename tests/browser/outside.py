"""An assistant from outside of the shop, over real HTTP: it registers itself, is let in by a person in their browser, and calls."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from playwright.sync_api import Route

from tests.browser.live_shop import LiveShop
from tests.browser.person import Person

CALLBACK = "https://assistant.example/callback"
_SECONDS = 20


@dataclass
class OutsideAssistant:
    """An assistant that holds one access token."""

    shop: LiveShop
    access_token: str

    def call(self, tool: str, **arguments: Any) -> requests.Response:
        """The answer to one tool call, in the stateless revision of the protocol."""
        version = "2026-07-28"
        meta = {
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "a host of a test", "version": "1"},
        }
        params = {"name": tool, "arguments": arguments, "_meta": meta}
        return requests.post(
            self.shop.url("/mcp"),
            json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
            headers={
                "Accept": "application/json, text/event-stream",
                "Authorization": f"Bearer {self.access_token}",
                "MCP-Protocol-Version": version,
                "Mcp-Method": "tools/call",
                "Mcp-Name": tool,
            },
            timeout=_SECONDS,
        )


def let_in(person: Person, *also: str, name: str = "A traveller") -> OutsideAssistant:
    """A person lets a newly registered assistant look and read, and whatever titles in `also` they tick besides."""
    client_id = _register(person.shop, name)
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "scope": "browse read transact",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "resource": person.shop.url("/mcp"),
    }
    answers: list[str] = []

    def arrive(route: Route) -> None:
        answers.append(route.request.url)
        route.fulfill(body="back at the assistant")

    person.page.route(f"{CALLBACK}**", arrive)
    page = person.open(f"/oauth/authorize?{urlencode(asked)}")
    for title in also:
        page.get_by_role("checkbox", name=title).check()
    page.get_by_role("button", name="Allow what is ticked").click()
    page.wait_for_url(f"{CALLBACK}**")
    code = dict(parse_qsl(urlsplit(answers[-1]).query))["code"]
    return OutsideAssistant(person.shop, _redeem(person.shop, client_id, code, verifier))


def _register(shop: LiveShop, name: str) -> str:
    metadata = {
        "client_name": name,
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
    }
    answer = requests.post(shop.url("/oauth/register"), json=metadata, timeout=_SECONDS)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["client_id"])


def _redeem(shop: LiveShop, client_id: str, code: str, verifier: str) -> str:
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": verifier,
        "resource": shop.url("/mcp"),
    }
    answer = requests.post(shop.url("/oauth/token"), data=form, timeout=_SECONDS)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])
