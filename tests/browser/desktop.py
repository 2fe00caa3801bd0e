"""A program on the person's own computer: it waits on a port for what the browser brings back (RFC 8252 §7.3)."""

from __future__ import annotations

import http.server
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

_SECONDS = 60


@dataclass
class Program:
    """Where it waits, and the answers that came."""

    origin: str
    answers: queue.Queue[dict[str, str]] = field(default_factory=queue.Queue)

    @property
    def redirect_uri(self) -> str:
        """Where its answers are sent to."""
        return f"{self.origin}/callback"

    def answer(self) -> dict[str, str]:
        """The parameters of the next answer; waits for it."""
        return self.answers.get(timeout=_SECONDS)


@contextmanager
def a_program_on_this_computer(**pages: str) -> Iterator[Program]:
    """Serve its callback, and whatever other pages a test needs of another origin, by their names."""
    bodies = {"callback": "<title>Back</title>You may close this.", **pages}

    class Waiting(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            name = asked.path.strip("/")
            if name == "callback":
                program.answers.put(dict(parse_qsl(asked.query)))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<!doctype html><link rel="icon" href="data:,">{bodies.get(name, "")}'.encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Waiting)
    program = Program(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield program
    finally:
        server.shutdown()
        server.server_close()
