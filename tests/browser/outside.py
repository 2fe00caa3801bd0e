"""An assistant from outside of the shop, over real HTTP: it registers itself, is let in by a person in their browser, and calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

from tests.browser.live_shop import LiveShop
from tests.browser.person import Person
from tests.support.assistants import pkce

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

    def is_served(self, tool: str, **arguments: Any) -> bool:
        """Whether a call is done, not refused in any of the ways in which it can be."""
        answer = self.call(tool, **arguments)
        return answer.status_code == 200 and not answer.json()["result"].get("isError", False)


def let_in(person: Person, *also: str, name: str = "A traveller") -> OutsideAssistant:
    """A signed-in person lets a newly registered assistant look and read, and do what they tick besides, by its title."""
    shop = person.shop
    callback = shop.url("/connect")  # a page of the shop: the browsers of these tests may go nowhere else
    client_id, (verifier, challenge) = registered_itself(shop, callback, name), pkce()
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": callback,
        "scope": "browse read transact",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "resource": shop.url("/mcp"),
    }
    page = person.open(f"/oauth/authorize?{urlencode(asked)}")
    for title in also:
        page.get_by_role("checkbox", name=title).check()
    page.get_by_role("button", name="Allow what is ticked").click()
    page.wait_for_url(f"{callback}?**")
    code = dict(parse_qsl(urlsplit(page.url).query))["code"]
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "code": code,
        "redirect_uri": callback,
        "code_verifier": verifier,
        "resource": shop.url("/mcp"),
    }
    answer = requests.post(shop.url("/oauth/token"), data=form, timeout=_SECONDS)
    assert answer.status_code == 200, answer.text
    return OutsideAssistant(shop, str(answer.json()["access_token"]))


def registered_itself(shop: LiveShop, redirect_uri: str, name: str = "Desktop Helper") -> str:
    """The `client_id` of an assistant that registers itself at the running shop."""
    said = {"client_name": name, "redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none"}
    answer = requests.post(shop.url("/oauth/register"), json=said, timeout=_SECONDS)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["client_id"])
