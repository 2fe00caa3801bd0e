"""A body over the limit: the answer arrives, in the form that its client understands, and nothing of the body is kept."""

from __future__ import annotations

import pytest
import requests
from flask import Flask, request
from werkzeug.exceptions import RequestEntityTooLarge

from shop.server.channels import MOST_BETWEEN_CHUNKS
from tests.server.ground import BODY_LIMIT, ask, connect, read_all, read_until, serving

LARGE = b"x" * 5_000_000


def application() -> Flask:
    """Reads its body, and has its own words for one that is too large."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT

    @app.post("/")
    def length() -> str:
        return str(len(request.get_data()))

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(_error: RequestEntityTooLarge) -> tuple[dict[str, str], int]:
        return {"error": "too large"}, 413

    return app


def post(*headers: str) -> bytes:
    """The head of a request with a body."""
    return "\r\n".join(["POST / HTTP/1.1", "Host: shop", "Connection: close", *headers, "", ""]).encode()


def test_a_client_that_sends_everything_first_reads_the_answer() -> None:
    """5 MB by `requests`, twice on one connection: both answers are the application's own, and nothing is reset."""
    with serving(application()) as server, requests.Session() as client:
        for _ in range(2):
            answer = client.post(f"http://127.0.0.1:{server.port}/", data=LARGE, timeout=30)
            assert (answer.status_code, answer.json()) == (413, {"error": "too large"})
        assert client.post(f"http://127.0.0.1:{server.port}/", data=b"12345", timeout=30).text == "5"


def test_a_raw_client_reads_the_answer_too() -> None:
    """By length and in chunks."""
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(LARGE) // 10, LARGE[: len(LARGE) // 10]) for _ in range(10)) + b"0\r\n\r\n"
    with serving(application()) as server:
        by_length = ask(server, post(f"Content-Length: {len(LARGE)}") + LARGE)
        in_chunks = ask(server, post("Transfer-Encoding: chunked") + chunks)
    assert [answer.split(b" ", 2)[1] for answer in (by_length, in_chunks)] == [b"413", b"413"]
    assert b"too large" in by_length and b"too large" in in_chunks


def test_a_client_that_asks_first_sends_nothing() -> None:
    """`Expect: 100-continue` with a length over the limit is answered at once; within the limit it is told to go on."""
    with serving(application()) as server:
        with connect(server) as connection:
            connection.sendall(post(f"Content-Length: {len(LARGE)}", "Expect: 100-continue"))
            assert read_all(connection).startswith(b"HTTP/1.1 413")
        with connect(server) as connection:
            connection.sendall(post("Content-Length: 5", "Expect: 100-continue"))
            read_until(connection, b"100 Continue\r\n\r\n")
            connection.sendall(b"12345")
            assert read_all(connection).endswith(b"5")


@pytest.mark.parametrize("beginning", [b"1;a=", b"0\r\nX-Trailer: "], ids=["extension", "trailer"])
def test_what_stands_between_chunks_has_an_end(beginning: bytes) -> None:
    """A chunk's extension or a trailer without an end is refused at once: looked through anew with each piece, 8 MB of it held the
    event loop, and with it every connection, for 8 seconds.
    """
    with serving(application()) as server, connect(server) as connection:
        connection.sendall(post("Transfer-Encoding: chunked") + beginning + b"a" * 2 * MOST_BETWEEN_CHUNKS)
        assert read_until(connection, b"too long").startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("size", [0, 1, BODY_LIMIT])
def test_a_body_within_the_limit_arrives_whole(size: int) -> None:
    """Up to the last byte that is allowed, by length and in chunks."""
    body = b"x" * size
    chunked = (b"%x\r\n%s\r\n" % (size, body) if size else b"") + b"0\r\n\r\n"
    with serving(application()) as server:
        answers = [
            ask(server, post(f"Content-Length: {size}") + body),
            ask(server, post("Transfer-Encoding: chunked") + chunked),
        ]
    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in answers] == [str(size).encode()] * 2


@pytest.mark.parametrize(
    "header", ["Content-Length: " + "9" * 5000, "Content-Length: -1", "Content-Length: 1, 2", "Transfer-Encoding: gzip"]
)
def test_a_length_that_is_none_is_refused(header: str) -> None:
    """Refused in one answer, and the connection is closed: where the next request would begin is not known."""
    with serving(application()) as server:
        answer = ask(server, post(header))
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400", b"HTTP/1.1 501", b"HTTP/1.0 501")), answer
    assert b"Traceback" not in answer and b"Cache-Control: no-store" in answer


def test_a_head_over_the_limit_is_refused() -> None:
    """A header that never ends is not kept."""
    with serving(application()) as server, connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000)
        assert b" 431 " in read_until(connection, b"\r\n\r\n")
