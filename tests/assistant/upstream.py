"""A model's server on a real socket: it speaks OpenAI's Responses API as a test scripts it, and keeps what it was sent.

The events are written by hand after recordings of the real API, so that the shop's own offline model cannot hide a
mistake in how the shop reads the wire.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "recorded"
"""Event streams as servers send them: OpenAI's (reasoning, calls, refusal, failures), and those of servers that speak its
dialect as they differ: Ollama, vLLM, llama.cpp, and two that hold back (arguments in pieces only; all at the end).
"""

KEY = "test-key-that-nobody-may-see"
PATIENCE = 10.0
"""Seconds after which a wait that no test means to be long is a failure."""


@dataclass(frozen=True)
class Answer:
    """One HTTP response. Its parts are sent one by one; an event among them is waited for."""

    parts: tuple[bytes | threading.Event, ...]
    status: int = 200
    media_type: str = "text/event-stream"
    breaks_off: bool = False
    """Whether the connection is closed before the response has come to its end."""
    headers: tuple[tuple[str, str], ...] = ()
    held_back: threading.Event | None = None
    """Waited for before anything at all is sent: the server is still at work on the question."""


@dataclass
class Upstream:
    """The server, the answers that it still has to give (the last one for ever), and the requests that it got."""

    server: ThreadingHTTPServer
    answers: list[Answer] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What a deployment writes into `OPENAI_BASE_URL`."""
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    def will(self, *answers: Answer) -> None:
        """Answer the next requests so, whatever was planned before."""
        self.answers = list(answers)

    def next_answer(self) -> Answer:
        """The answer to the present request."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def inputs(self) -> list[list[dict[str, Any]]]:
        """The input items of each request."""
        return [request["input"] for request in self.requests]

    def outputs(self, request: int = -1) -> list[dict[str, Any]]:
        """What the model was told of its calls, in one request."""
        items = self.inputs[request]
        return [json.loads(item["output"]) for item in items if item.get("type") == "function_call_output"]


def serve() -> Upstream:
    """Start the server on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            upstream.requests.append(json.loads(body))
            upstream.keys.append(self.headers["Authorization"])
            answer = upstream.next_answer()
            if answer.held_back:
                answer.held_back.wait(PATIENCE)
            self.send_response_only(answer.status)
            self.send_header("Content-Type", answer.media_type)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in answer.parts:
                if isinstance(part, threading.Event):
                    part.wait(PATIENCE)
                else:
                    self._send(b"%x\r\n%s\r\n" % (len(part), part))
            self.close_connection = answer.breaks_off
            if not answer.breaks_off:
                self._send(b"0\r\n\r\n")

        def _send(self, data: bytes) -> None:
            try:
                self.wfile.write(data)
                self.wfile.flush()
            except ConnectionError:
                self.close_connection = True  # the shop has hung up; a test may want just that

        def log_message(self, *_: object) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    upstream = Upstream(server)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return upstream


def says(*words: str) -> Answer:
    """The model talks, a word at a time."""
    return Answer((_began(), *_text(words), _completed()))


def says_in_steps(*steps: str | threading.Event) -> Answer:
    """The model talks, and waits in between for what a test sets."""
    parts = [step if isinstance(step, threading.Event) else _text([step])[0] for step in steps]
    return Answer((_began(), *parts, _completed()))


def calls(*proposed: tuple[str, object], after: Iterable[str] = ()) -> Answer:
    """The model proposes calls (name, arguments), several at once if there are; arguments that are text go as they are."""
    return Answer((_began(), *_text(after), *_calls(proposed), _completed()))


def refuses(text: str) -> Answer:
    """The model declines: a refusal takes the place of text."""
    delta = _event("response.refusal.delta", item_id="msg_1", output_index=0, content_index=0, delta=text)
    return Answer((_began(), delta, _completed()))


def fails_with(
    status: int, message: str = "no", *, code: str | None = None, param: str | None = None, **headers: str
) -> Answer:
    """An HTTP error with OpenAI's error body; `retry_after="7"` is a header."""
    body = {"error": {"message": message, "type": "error", "param": param, "code": code}}
    sent = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer((json.dumps(body).encode(),), status=status, media_type="application/json", headers=sent)


def answers_with(status: int, body: str, media_type: str = "application/json") -> Answer:
    """An HTTP response in a server's own words."""
    return Answer((body.encode(),), status=status, media_type=media_type)


def recorded(
    name: str, *, seed: int = 0, ends: bytes = b"\n", upto: int | None = None, breaks_off: bool = False
) -> Answer:
    """A recording, in pieces cut at random places: within events, lines and characters. `ends` are the ends of its lines;
    with `upto` only so many of its bytes come.
    """
    data = (RECORDED / f"{name}.sse").read_bytes().replace(b"\n", ends)[:upto]
    cuts = sorted(random.Random(seed).sample(range(1, len(data)), min(40, len(data) - 1)))
    pieces = (data[begin:end] for begin, end in pairwise([0, *cuts, len(data)]))
    return Answer(tuple(pieces), breaks_off=breaks_off)


def is_silent_until(released: threading.Event) -> Answer:
    """The request is taken, and nothing comes."""
    return Answer((_began(), released))


def thinks(begin: threading.Event, end: threading.Event) -> Answer:
    """The model reasons, and says nothing for as long as it does."""
    thought = _event(
        "response.reasoning_summary_text.delta", item_id="rs_1", output_index=0, summary_index=0, delta="Hm."
    )
    return Answer((_began(), begin, thought, end, *_text(["Done."]), _completed()))


def breaks_off_after(*words: str) -> Answer:
    """The connection is lost in the middle of a sentence."""
    return Answer((_began(), *_text(words)), breaks_off=True)


def ends_early_after(*words: str) -> Answer:
    """The response ends properly as HTTP goes, but was never completed."""
    return Answer((_began(), *_text(words)))


def sends(data: str, *, after: Iterable[str] = ()) -> Answer:
    """Whatever this is, it comes where an event should."""
    return Answer((_began(), *_text(after), f"data: {data}\n\n".encode(), _completed()))


def gives_up(*words: str) -> Answer:
    """`response.failed`: the server itself says that it could not."""
    error = {"code": "server_error", "message": "The model produced an error."}
    return Answer((_began(), *_text(words), _event("response.failed", response=_response("failed") | {"error": error})))


def stays_incomplete(*words: str) -> Answer:
    """`response.incomplete`: cut off at the most tokens it may have."""
    cut = _response("incomplete") | {"incomplete_details": {"reason": "max_output_tokens"}}
    return Answer((_began(), *_text(words), _event("response.incomplete", response=cut)))


def proposes_and_breaks_off(name: str, arguments: object) -> Answer:
    """A call that was complete on the wire, in a response that was not."""
    return Answer((_began(), *_calls([(name, arguments)])), breaks_off=True)


def pieces_of_arguments(*, count: int, each: str) -> Answer:
    """A call whose arguments come in so many pieces, under an id that changes, and are never complete."""
    pieces = [
        _event("response.function_call_arguments.delta", item_id=f"fc_{at % 3}", output_index=0, delta=each)
        for at in range(count)
    ]
    return Answer((_began(), *pieces), breaks_off=True)


def _began() -> bytes:
    return _event("response.created", response=_response("in_progress"))


def _completed() -> bytes:
    return _event("response.completed", response=_response("completed"))


def _text(words: Iterable[str]) -> list[bytes]:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return [_event("response.output_text.delta", **place, delta=word, logprobs=[]) for word in words]


def _calls(proposed: Iterable[tuple[str, object]]) -> list[bytes]:
    events = []
    for index, (name, arguments) in enumerate(proposed):
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        item = {"type": "function_call", "id": f"fc_{index}", "call_id": f"call_{index}", "name": name}
        started = {**item, "arguments": "", "status": "in_progress"}
        place = {"item_id": f"fc_{index}", "output_index": index}
        events += [
            _event("response.output_item.added", output_index=index, item=started),
            _event("response.function_call_arguments.delta", **place, delta=text),
            _event("response.function_call_arguments.done", **place, name=name, arguments=text),
            _event("response.output_item.done", output_index=index, item=started | {"arguments": text}),
        ]
    return events


def _event(kind: str, **content: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': 0, **content})}\n\n".encode()


def _response(status: str) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "created_at": 0, "status": status, "model": "fake-1", "output": []}
