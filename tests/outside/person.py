"""A person whose browser goes where a client sends it, to a shop on a real socket."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import requests

from shop.credentials.ledger import Kind, below
from shop.revocation import cascade
from tests.support.people import ShopUnderTest, Visitor

_PATIENCE = 60


class Person:
    """They signed in through another process of the shop: the session is in the database, so its cookie is good here too."""

    def __init__(self, signed_in: Visitor, shop: ShopUnderTest) -> None:
        self.signed_in, self.shop = signed_in, shop
        self.base_url = shop.services.settings.base_url
        self._browser = requests.Session()
        ours, theirs = (one.app.config["SESSION_COOKIE_NAME"] for one in (signed_in.shop, shop))
        cookie = signed_in.client.get_cookie(ours, domain="127.0.0.1")
        assert cookie
        self._browser.cookies.set(theirs, cookie.value, domain="127.0.0.1", path="/")

    def allow(self, url: str, *scopes: str) -> str:
        """Go where the client wants, tick what is given (else what is ticked), allow it. Returns where the answer leads to."""
        page = self._browser.get(url, allow_redirects=False, timeout=_PATIENCE)
        if page.status_code == 303:
            return page.headers["Location"]
        assert page.status_code == 200, page.text
        ticked = scopes or tuple(re.findall(r'name="scope" value="(\w+)" checked', page.text))
        form = {name: _value(page.text, name) for name in ("question", "csrf_token")}
        return self._leads_to(self._post("/oauth/consent", {**form, "answer": "allow", "scope": ticked}))

    def widen(self, *scopes: str) -> None:
        """Allow the one connected assistant more, on the page for that."""
        (grant,) = self.grants()
        page = self._browser.get(f"{self.base_url}/assistants/{grant}/widen", timeout=_PATIENCE).text
        shown = {f"shown-{scope}": _value(page, f"shown-{scope}") for scope in scopes}
        form = {"csrf_token": _value(page, "csrf_token"), "scope": scopes, **shown}
        assert self._post(f"/assistants/{grant}/widen", form).status_code == 303

    def revoke(self) -> None:
        """Take everything back."""
        person = self.signed_in.principal()
        with self.shop.database.write() as db:
            cascade.revoke_all_grants(db, person)

    def grants(self) -> list[str]:
        """Ids of the living grants."""
        person = self.signed_in.principal()
        with self.shop.database.read() as db:
            return below(db, person.membership, Kind.GRANT)

    def _post(self, path: str, form: dict[str, Any]) -> requests.Response:
        headers = {"Referer": f"{self.base_url}/", "Origin": self.base_url}
        return self._browser.post(
            f"{self.base_url}{path}", data=form, headers=headers, allow_redirects=False, timeout=_PATIENCE
        )

    @staticmethod
    def _leads_to(page: requests.Response) -> str:
        found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page.text)
        assert page.status_code == 200 and found, page.text
        return html.unescape(found[1])


def _value(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return html.unescape(found[1])


class Program:
    """A program that is given one JSON message a line, and answers each with one."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdin and process.stdout
        self._input: IO[str] = process.stdin
        self._output: IO[str] = process.stdout

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self._input.write(json.dumps(message) + "\n")
        self._input.flush()

    def hear(self) -> dict[str, Any]:
        """Its next message."""
        line = self._output.readline()
        assert line, "it has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def says(self, where: Path, pattern: str) -> str:
        """What it writes beside its messages, once that is there."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            if found := re.search(pattern, where.read_text(encoding="utf-8")):
                return found[1]
            time.sleep(0.05)  # another program's time, which nothing here can wait for
        raise AssertionError(where.read_text(encoding="utf-8"))

    def do(self, command: str, **rest: Any) -> dict[str, Any]:
        """A command, and what comes of it."""
        self.tell({"command": command, **rest})
        return self.hear()


@contextmanager
def running(folder: Path, *command: str, errors_to: Path = Path(os.devnull), **environment: str) -> Iterator[Program]:
    """A program that runs until the end of the block, or for a minute."""
    errors = errors_to.open("w", encoding="utf-8")
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment or None,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    overdue = threading.Timer(_PATIENCE, process.kill)
    overdue.start()
    try:
        yield Program(process)
    finally:
        overdue.cancel()
        process.kill()
        process.communicate()
        errors.close()
