"""An identity provider that is not our code: panva's `oidc-provider` from npm, on a socket of its own.

It is installed once into pytest's cache. Where npm or the package is not to be had, the tests that need it are skipped, and say so.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

PACKAGE = "oidc-provider@9"
SERVER = Path(__file__).with_name("server.mjs")


def install(config: pytest.Config) -> Path:
    """The folder in which the package is installed. Skips the test when it cannot be."""
    folder = config.cache.mkdir("oidc-provider")
    if (folder / "node_modules" / "oidc-provider").exists():
        return folder
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("panva's oidc-provider needs node and npm, which are not here")
    command = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--prefix", str(folder), PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip(f"panva's oidc-provider could not be installed: {done.stderr[-200:]}")
    return folder


@dataclass
class Panva:
    """The provider, and a person's browser there."""

    issuer: str

    def sign_in(self, url: str, subject: str) -> str:
        """Sign in and consent at the provider. Returns the callback that the browser is then sent to."""
        browser = requests.Session()
        page = browser.get(url, timeout=10)
        for _ in range(3):
            action = re.search(r'<form[^>]*action="([^"]+)"', page.text)
            assert action, page.text
            form = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text))
            form |= {"login": subject, "password": "x"} if form.get("prompt") == "login" else {}
            answer = browser.post(urljoin(page.url, action.group(1)), data=form, timeout=10, allow_redirects=False)
            while answer.is_redirect and answer.headers["Location"].startswith((self.issuer, "/")):
                answer = browser.get(urljoin(answer.url, answer.headers["Location"]), timeout=10, allow_redirects=False)
            if answer.is_redirect:
                return answer.headers["Location"].partition("127.0.0.1:5999")[2]
            page = answer
        raise AssertionError(page.text)


@contextmanager
def panva(folder: Path, client: dict[str, Any], people: dict[str, Any], **more: Any) -> Iterator[Panva]:
    """Run it, with one client."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        issuer = f"http://127.0.0.1:{free.getsockname()[1]}"
    wanted = {"issuer": issuer, "clients": [client], "people": people, "more": more}
    command = [str(shutil.which("node")), str(SERVER), str(folder), json.dumps(wanted)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        try:
            assert any("listening" in line for line in process.stdout)
            yield Panva(issuer)
        finally:
            process.terminate()
