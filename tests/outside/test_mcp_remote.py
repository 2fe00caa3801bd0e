"""mcp-remote, the bridge by which hosts that know only programs reach a server over HTTP: it signs people in by itself."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest
import requests

from tests.oauth.looks import events
from tests.outside.person import Person, running
from tests.support.state import ONE_ENGINE

pytestmark = ONE_ENGINE


@pytest.mark.holds("M9", "MCP-401")
def test_it_signs_in_and_lists_the_tools(person: Person, programs: Path, tmp_path: Path) -> None:
    """It registers itself, says where its person has to go, and after their consent answers its host, which speaks stdio."""
    told, port = tmp_path / "told", _free_port()
    command = (
        *("node", "node_modules/mcp-remote/dist/proxy.js", f"{person.base_url}/mcp", str(port)),
        *("--transport", "http-only", "--allow-http"),
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MCP_REMOTE_CONFIG_DIR": str(tmp_path)}
    with running(programs, *command, errors_to=told, **environment) as bridge:
        asked = bridge.says(told, r"Please authorize this client by visiting:\s+(\S+)")
        assert re.search(r"scope=browse(\+|%20)read(\+|%20)transact", asked), asked
        assert requests.get(person.allow(asked), timeout=30).status_code == 200
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a host", "version": "1"}}
        bridge.tell({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello})
        assert bridge.hear()["result"]["serverInfo"]["name"] == "context-and-co"
        bridge.tell({"jsonrpc": "2.0", "method": "notifications/initialized"})
        bridge.tell({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
        assert "place_order" in {tool["name"] for tool in bridge.hear()["result"]["tools"]}
    assert events(person.shop, "grant.consented")[-1].content["facts"]["scopes"] == ["browse", "read"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
