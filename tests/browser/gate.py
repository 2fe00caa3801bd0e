"""A model that the test holds: the offline model on a socket, behind a gate that the test opens and closes."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from werkzeug.serving import WSGIRequestHandler, make_server

from shop.companions.offline_model import create_wsgi_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

WAIT_SECONDS = 20


class GatedModel:
    """The offline model, served. While it is held, an answer stops right before its first tool call or word."""

    def __init__(self) -> None:
        self._model = create_wsgi_app()
        self._open, self._waiting, self._failing = threading.Event(), threading.Event(), threading.Event()
        self._open.set()
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def base_url(self) -> str:
        """What `OPENAI_BASE_URL` has to be."""
        return f"http://127.0.0.1:{self._server.port}/v1"

    def stop(self) -> None:
        """Stop serving."""
        self._open.set()
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold every answer until the block ends."""
        self._waiting.clear()
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Answer every request with an error until the block ends."""
        self._failing.set()
        try:
            yield
        finally:
            self._failing.clear()

    def wait_until_it_waits(self) -> None:
        """Wait until an answer stands at the closed gate."""
        assert self._waiting.wait(WAIT_SECONDS), "the model was not asked"

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._failing.is_set():
            start_response("500 Internal Server Error", [("Content-Type", "application/json")])
            return [b'{"error": {"message": "The model is unwell.", "type": "server_error"}}']
        return self._through_the_gate(self._model(environ, start_response))

    def _through_the_gate(self, events: Iterable[bytes]) -> Iterator[bytes]:
        for event in events:
            if any(kind in event for kind in _SUBSTANCE) and not self._open.is_set():
                self._waiting.set()
                assert self._open.wait(WAIT_SECONDS), "the test never opened the gate"
            yield event


class _Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


_SUBSTANCE = (b"event: response.output_item.done", b"event: response.output_text.delta")
"""Where an answer proposes its call, or begins to speak."""
