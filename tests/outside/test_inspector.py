"""The MCP Inspector's command line, which signs its person in by itself. It needs Node 22.19, and is skipped with an older one."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.oauth.looks import events
from tests.outside.conftest import installed
from tests.outside.person import Person, running
from tests.support.state import HOODIE, ONE_ENGINE

pytestmark = ONE_ENGINE
_PACKAGES = {"@modelcontextprotocol/inspector": "2.12.0"}
_NEEDS = (22, 19)


@pytest.fixture(scope="session")
def inspector(request: pytest.FixtureRequest) -> Path:
    """The folder with the Inspector in it."""
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < _NEEDS:
        pytest.skip(f"the Inspector needs Node 22.19, and this is {version.strip() or 'none'}")
    return installed(request, "inspector", _PACKAGES)


@pytest.mark.holds("M8", "M9", "MCP-401", "MCP-403", "I9")
def test_it_signs_in_gets_more_and_is_revoked(person: Person, inspector: Path, tmp_path: Path) -> None:
    """It registers itself and says where its person has to go. When a tool needs more it refreshes, so it has what its person
    adds under *Connected assistants*. Revoked, it has nothing any more.
    """
    cli = Inspector(person, inspector, tmp_path)
    assert "place_order" in {tool["name"] for tool in cli.signs_in("tools/list")["tools"]}
    assert events(person.shop, "grant.consented")[-1].content["facts"]["scopes"] == ["browse", "read"]
    assert "place_order" in {tool["name"] for tool in cli.asks("tools/list")["result"]["tools"]}

    add = ("tools/call", "--tool-name", "add_to_cart", "--tool-arg", f"sku={HOODIE}")
    assert cli.asks(*add)["error"]["code"] == "auth_required", "nobody is there whom it could ask"
    person.widen("transact")
    refreshed = cli.asks(*add, with_somebody_there=True)
    assert "AUTHORIZED without authorization code" in refreshed["error"]["message"], (
        "2.12 does not expect its own refresh"
    )
    assert cli.asks(*add)["result"]["structuredContent"]["added"]["quantity"] == 1
    assert len(events(person.shop, "grant.widened")) == 1

    person.revoke()
    assert cli.asks("tools/list")["error"]["code"] == "auth_required"
    assert events(person.shop, "refresh_token.reused") == []


class Inspector:
    """The program, with what it stores in a folder of its own."""

    def __init__(self, person: Person, folder: Path, home: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            callback = f"http://127.0.0.1:{listener.getsockname()[1]}/oauth/callback"
        self._person, self._folder, self._told = person, folder, home / "told"
        self._command = (
            *("node", "node_modules/.bin/mcp-inspector", "--cli", "--transport", "http", "--format", "json"),
            *("--server-url", f"{person.base_url}/mcp", "--callback-url", callback),
        )
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "MCP_INSPECTOR_SECRET_STORE": "file",
            "MCP_AUTO_OPEN_ENABLED": "true",
        }

    def signs_in(self, method: str) -> dict[str, Any]:
        """The result of a request for which its person has to allow what is ticked."""
        # What it would open a browser with is not there, so it says where to go.
        command = (*self._command, "--method", method)
        with running(self._folder, *command, errors_to=self._told, **self._environment) as cli:
            asked = cli.says(self._told, r"navigate to: (\S+)")
            assert requests.get(self._person.allow(asked), timeout=30).status_code == 200
            result: dict[str, Any] = cli.hear()["result"]
            return result

    def asks(self, method: str, *rest: str, with_somebody_there: bool = False) -> dict[str, Any]:
        """What comes of a request with what it has stored."""
        alone = () if with_somebody_there else ("--stored-auth-only",)
        done = subprocess.run(
            (*self._command, *alone, "--method", method, *rest),
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        answer: dict[str, Any] = json.loads((done.stdout.strip() or done.stderr.strip()).splitlines()[-1])
        return answer
