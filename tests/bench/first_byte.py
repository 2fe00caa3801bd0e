"""How soon a chat turn begins to arrive, against a bare Flask stream on the same server."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from shop.settings import ROOT
from tests.bench.figure import Figure, medians

_LIMIT = 8


def first_byte(rounds: int = 150) -> Figure:
    """The first byte of the stream that answers a message (offline model), against the first of `yield b'x'`."""
    with _server() as server:
        bare, chat = medians(
            lambda: server.first_byte("POST", "/bench/stream", {}),
            lambda: server.first_byte("POST", "/assistant/", {"message": "hello", "csrf_token": server.csrf_token}),
            rounds=rounds,
        )
    how = f"64 threads, signed-in person, new conversation: {chat * 1e3:.1f} ms, bare Flask stream {bare * 1e3:.1f} ms; medians of {rounds} in turns"
    return Figure("first streamed byte of a chat turn", chat / bare, _LIMIT, "×", how)


@dataclass(frozen=True)
class _Server:
    port: int
    cookie: str
    csrf_token: str

    def first_byte(self, method: str, path: str, form: dict[str, str]) -> float:
        """Seconds until the first byte of the answer's body; the rest is read after the clock is off."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        start = time.perf_counter()
        connection.request(method, path, urlencode(form), headers)
        response = connection.getresponse()
        if response.status != 200 or not response.read(1):
            raise RuntimeError(f"{path} answered {response.status}")
        taken = time.perf_counter() - start
        response.read()
        connection.close()
        return taken


@contextmanager
def _server() -> Iterator[_Server]:
    with TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.server", folder], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        try:
            if process.stdout is None:
                raise RuntimeError("no output")
            ready = json.loads(process.stdout.readline())
            yield _Server(ready["port"], ready["cookie"], ready["csrf_token"])
        finally:
            process.terminate()
            process.wait(timeout=20)
