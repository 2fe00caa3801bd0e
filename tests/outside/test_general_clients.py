"""General OAuth clients, as they come: they know nothing of MCP, and name no resource."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from requests_oauthlib import OAuth2Session as OauthlibSession  # type: ignore[import-untyped]

from tests.outside.person import Person, running
from tests.support.assistants import RESOURCE, registered, segments
from tests.support.state import ONE_ENGINE

pytestmark = ONE_ENGINE
CALLBACK = "http://127.0.0.1:49152/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def tools_of(person: Person, access_token: str) -> set[str]:
    """The tools, as this token gets them."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Authorization": f"Bearer {access_token}", "MCP-Protocol-Version": "2025-11-25"}
    answer = requests.post(f"{person.base_url}/mcp", json=asked, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return {tool["name"] for tool in answer.json()["result"]["tools"]}


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post"])
def test_authlib_connects(person: Person, method: str) -> None:
    """Authlib's session: PKCE by its own word, no resource, redirect_uri at both endpoints; code, refresh, tools."""
    client = registered(person.shop, "Authlib", method=method, redirect_uri=CALLBACK)
    session = AuthlibSession(
        client.client_id,
        client.secret,
        scope="browse read",
        redirect_uri=CALLBACK,
        token_endpoint_auth_method=method,
        code_challenge_method="S256",
    )
    url, _ = session.create_authorization_url(f"{person.base_url}/oauth/authorize", code_verifier=VERIFIER)
    back, endpoint = person.allow(url), f"{person.base_url}/oauth/token"
    token = session.fetch_token(endpoint, authorization_response=back, code_verifier=VERIFIER)
    assert token["scope"] == "browse read" and "search_products" in tools_of(person, token["access_token"])
    renewed = session.refresh_token(endpoint, token["refresh_token"])
    assert "search_products" in tools_of(person, renewed["access_token"])


def test_oauthlib_connects(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """requests-oauthlib, which knows no PKCE of its own by default: it is told the two parameters, and nothing else."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # the library's own guard against http, also on this machine
    client = registered(person.shop, "oauthlib", redirect_uri=CALLBACK)
    session = OauthlibSession(client.client_id, scope=["browse", "read"], redirect_uri=CALLBACK)
    challenge = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    url, _ = session.authorization_url(f"{person.base_url}/oauth/authorize", **challenge)
    back, endpoint = person.allow(url), f"{person.base_url}/oauth/token"
    token = session.fetch_token(endpoint, authorization_response=back, code_verifier=VERIFIER, include_client_id=True)
    assert "search_products" in tools_of(person, token["access_token"])
    renewed = session.refresh_token(endpoint, client_id=client.client_id)
    assert segments(renewed["access_token"])[1]["aud"] == RESOURCE.replace("5999", str(urlsplit(person.base_url).port))


def test_openid_client_connects(person: Person, programs: Path) -> None:
    """openid-client on oauth4webapi: discovery, the response's `iss` and the token response as it checks them, a refresh."""
    client = registered(person.shop, "openid-client", redirect_uri=CALLBACK)
    with running(programs, "node", "openid-client.mjs", person.base_url, client.client_id, CALLBACK) as program:
        asked = program.hear()["opened"]
        assert "resource" not in parse_qs(urlsplit(asked).query)
        program.tell({"url": person.allow(asked)})
        answer = program.hear()
    assert (answer["scope"], answer["renewed"]) == ("browse read", "browse read")
    assert "search_products" in tools_of(person, answer["access_token"])
