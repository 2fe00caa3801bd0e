"""mcp-remote, the bridge by which hosts that know only programs reach a server over HTTP: it signs people in by itself."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path

import pytest
import requests

from tests.oauth.looks import events
from tests.outside.person import Person, running
from tests.support.state import HOODIE, ONE_ENGINE

pytestmark = ONE_ENGINE
EVERYTHING = ("browse", "read", "transact")
_ASKED = r"Please authorize this client by visiting:\s+(\S+)"


@pytest.mark.holds("M8", "M9", "MCP-401", "MCP-403", "I9")
def test_it_signs_in_gets_more_refreshes_and_is_revoked(person: Person, programs: Path, tmp_path: Path) -> None:
    """It registers itself and says where its person has to go, again when a tool needs more, and again once it is revoked."""
    told, port = tmp_path / "told", _free_port()
    command = (
        *("node", "node_modules/mcp-remote/dist/proxy.js", f"{person.base_url}/mcp", str(port)),
        *("--transport", "http-only", "--allow-http"),
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MCP_REMOTE_CONFIG_DIR": str(tmp_path)}
    with running(programs, *command, errors_to=told, **environment) as bridge:
        asked = bridge.says(told, _ASKED)
        assert re.search(r"scope=browse(\+|%20)read(\+|%20)transact", asked), asked
        assert requests.get(person.allow(asked), timeout=30).status_code == 200
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a host", "version": "1"}}
        bridge.tell({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello})
        assert bridge.hear()["result"]["serverInfo"]["name"] == "context-and-co"
        bridge.tell({"jsonrpc": "2.0", "method": "notifications/initialized"})
        bridge.tell({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
        assert "place_order" in {tool["name"] for tool in bridge.hear()["result"]["tools"]}
        assert events(person.shop, "grant.consented")[-1].content["facts"]["scopes"] == ["browse", "read"]

        add = {"name": "add_to_cart", "arguments": {"sku": HOODIE}}
        bridge.tell({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": add})
        asked = bridge.says(told, rf"(?s)visiting:.*{_ASKED}")
        bridge.says(told, r"(?s)(callback server running).*callback server running")  # it asks before it listens
        assert requests.get(person.allow(asked, *EVERYTHING), timeout=30).status_code == 200
        assert bridge.hear()["result"]["structuredContent"]["added"]["sku"] == HOODIE
        assert events(person.shop, "grant.consented")[-1].content["facts"]["scopes"] == list(EVERYTHING)

        (stored,) = tmp_path.rglob("*_tokens.json")
        tokens = json.loads(stored.read_text(encoding="utf-8"))
        stored.write_text(json.dumps(tokens | {"access_token": "expired"}), encoding="utf-8")
        bridge.tell({"jsonrpc": "2.0", "id": 4, "method": "tools/list"})
        assert bridge.hear()["result"]["tools"]
        assert json.loads(stored.read_text(encoding="utf-8"))["refresh_token"] != tokens["refresh_token"]

        person.revoke()
        bridge.tell({"jsonrpc": "2.0", "id": 5, "method": "tools/list"})
        assert "scope=browse" in bridge.says(told, rf"(?s)visiting:.*visiting:.*{_ASKED}")
    assert events(person.shop, "refresh_token.reused") == []


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
