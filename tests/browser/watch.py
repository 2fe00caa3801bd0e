"""What a browser must never report: errors of scripts, violations of the policy, requests to anywhere else."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

_FAILED_LOAD = re.compile(r"^Failed to load resource: the server responded with a status of (\d+)")


class Watch:
    """Collects what went wrong in a test's browsers; the fixture `watch` fails the test for it in the end."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._expected: set[int] = set()

    def expect_answer(self, status: int) -> None:
        """This test provokes an answer with this status, which the browser's console calls an error."""
        self._expected.add(status)

    def follow(self, context: BrowserContext, origins: frozenset[str]) -> None:
        """Listen to all pages of a browser that may speak to these origins only."""

        def asked(request: Request) -> None:
            parts = urlsplit(request.url)
            if f"{parts.scheme}://{parts.netloc}" not in origins:
                self.problems.append(f"a request to elsewhere: {request.url}")

        context.on("request", asked)
        context.on("console", self._said)
        context.on("weberror", self._failed)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        status = _FAILED_LOAD.match(message.text)
        if not (status and int(status[1]) in self._expected):
            self.problems.append(f"the console says ({message.type}): {message.text} [{message.location['url']}]")

    def _failed(self, error: WebError) -> None:
        self.problems.append(f"a script failed: {error.error}")
