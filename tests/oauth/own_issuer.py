"""An authorization server that is not ours: nanoidp, a program of its own with sockets, keys and opinions of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.support.assistants import RESOURCE

SUBJECT = "person-1"
_SETTINGS = """
config_version: 1
server: {{host: "127.0.0.1", port: {port}}}
oauth:
  issuer: "{issuer}"
  audience: "somewhere-else"
  scopes_supported: [openid, browse, read, transact]
  clients:
    - {{client_id: "desk", client_secret: "desk-secret"}}
    - {{client_id: "shop", client_secret: "shop-secret"}}
"""
_USERS = """
config_version: 1
users:
  person-1: {{password: "pw", email: "sofia.hart@acme.example"}}
  person-2: {{password: "pw", email: "noah.lind@acme.example"}}
"""
_START_SECONDS = 40


@dataclass(frozen=True)
class OwnIssuer:
    """The running server."""

    url: str

    def tokens(self, scope: str, *, resource: str | None = RESOURCE, subject: str = SUBJECT) -> dict[str, Any]:
        """What it gives the client "desk" for a person."""
        asked = {"grant_type": "password", "username": subject, "password": "pw", "scope": scope}
        return self._ask(asked | ({"resource": resource} if resource else {}))

    def of_the_client_itself(self) -> dict[str, Any]:
        """What it gives the client "desk" for nobody."""
        return self._ask({"grant_type": "client_credentials", "scope": "browse", "resource": RESOURCE})

    def revoke(self, token: str) -> None:
        """Revoke a token there."""
        answer = requests.post(f"{self.url}/revoke", data={"token": token}, auth=("desk", "desk-secret"), timeout=10)
        assert answer.status_code == 200, answer.text

    def _ask(self, form: dict[str, str]) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/token", data=form, auth=("desk", "desk-secret"), timeout=10)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


@contextmanager
def own_issuer(folder: Path) -> Iterator[OwnIssuer]:
    """Run it until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    (folder / "settings.yaml").write_text(_SETTINGS.format(port=port, issuer=url), encoding="utf-8")
    (folder / "users.yaml").write_text(_USERS.format(), encoding="utf-8")
    with (folder / "output").open("wb") as output:
        command = [sys.executable, "-m", "nanoidp", "--config", str(folder)]
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    try:
        _wait(process, url, folder / "output")
        yield OwnIssuer(url)
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(process: subprocess.Popen[bytes], url: str, output: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{url}/.well-known/openid-configuration", timeout=2).status_code == 200:
                return
        except requests.RequestException:
            time.sleep(0.1)
    raise AssertionError(output.read_text(encoding="utf-8", errors="replace"))
