"""A slow client costs a socket, never a thread; and one address neither takes all threads nor all connections."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response

from shop.hangup import client_watch
from shop.server import channels, sharing
from shop.server.listening import CONNECTIONS_PER_ADDRESS
from shop.server.sharing import network_of
from tests.server.ground import PATIENCE, THREADS, ask, connect, connections, get, hello, read_until, serving

FORM = b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Type: application/x-www-form-urlencoded\r\n"
BEGINNINGS = {
    "header": b"GET / HTTP/1.1\r\nHost: shop\r\nX-Slow",
    "body": FORM + b"Content-Length: 900\r\n\r\na",
    "chunk size": FORM + b"Transfer-Encoding: chunked\r\n\r\n1",
    "chunk": FORM + b"Transfer-Encoding: chunked\r\n\r\n9\r\na",
    "silent": b"",
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
def test_connections_that_never_end_their_request_stop_nobody(beginning: bytes) -> None:
    """Two hundred of them, many more than threads: another client of the same address is answered, and they wait on."""
    with serving(hello) as server, connections(server, 200, beginning) as slow:
        for _ in range(3):
            assert ask(server, get()).endswith(b"hello")
        for connection in slow:
            connection.sendall(b"x")  # another byte; the server still listens
        assert ask(server, get()).endswith(b"hello")


def test_a_slow_request_is_answered_once_it_is_complete() -> None:
    """Byte by byte, it is a request like any other."""
    with serving(hello) as server, connect(server) as connection:
        for byte in get():
            connection.sendall(bytes([byte]))
        assert read_until(connection, b"hello").startswith(b"HTTP/1.1 200")


def test_too_many_connections_of_one_address_close_its_own_oldest_ones() -> None:
    """Whoever comes next is served, from the same address too: what was unused for longest makes room."""
    with serving(hello) as server, connections(server, CONNECTIONS_PER_ADDRESS + 20) as slow:
        assert ask(server, get()).endswith(b"hello")
        assert slow[0].recv(1) == b"", "the oldest was closed"
        slow[-1].sendall(get())
        assert read_until(slow[-1], b"hello")


def test_a_request_that_takes_too_long_to_arrive_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline counts from its first byte: another byte now and then does not put it off. Others stay."""
    with serving(hello) as server, connect(server) as idle, connections(server, 2, BEGINNINGS["header"]) as slow:
        idle.sendall(get().replace(b"Connection: close\r\n", b""))
        read_until(idle, b"hello")
        (listener,) = server._listeners
        monkeypatch.setattr(channels, "RECEIVE_SECONDS", -1.0)
        listener.maintenance(0)
        listener.pull_trigger()
        assert [connection.recv(1) for connection in slow] == [b"", b""]
        monkeypatch.undo()
        idle.sendall(get())
        assert read_until(idle, b"hello")


class Gate:
    """An application whose requests wait until they are let through."""

    def __init__(self) -> None:
        self.opened, self.arrivals = threading.Event(), threading.Semaphore(0)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/wait":
            self.arrivals.release()
            assert self.opened.wait(PATIENCE)
        return hello(environ, start_response)


@pytest.mark.parametrize("forwarded", ["192.0.2.1", "spoofed, 192.0.2.1", "2001:db8::1"])
def test_one_address_never_has_all_threads(forwarded: str) -> None:
    """Behind a proxy it is the one that the proxy saw last. Its further requests wait, and are answered in their turn."""
    gate = Gate()
    with serving(gate, is_behind_proxy=True) as server:
        greedy = get("/wait", f"X-Forwarded-For: {forwarded}")
        with connections(server, 3 * THREADS, greedy) as waiting:
            for _ in range(THREADS - 1):
                assert gate.arrivals.acquire(timeout=PATIENCE)
            assert ask(server, get("/", "X-Forwarded-For: 192.0.2.2")).endswith(b"hello")
            assert not gate.arrivals.acquire(blocking=False), "no thread more than its share"
            gate.opened.set()
            for connection in waiting:
                assert read_until(connection, b"hello")
        assert ask(server, get("/wait", f"X-Forwarded-For: {forwarded}")).endswith(b"hello")


def test_a_queue_of_one_address_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would wait behind too many others is refused at once (429); the others are answered in their turn."""
    monkeypatch.setattr(sharing, "MOST_WAITING", 2)
    gate = Gate()
    with serving(gate) as server, connections(server, THREADS + 1, get("/wait")) as waiting:
        for _ in range(THREADS - 1):
            assert gate.arrivals.acquire(timeout=PATIENCE)
        while sum(len(channel.requests) for channel in server._channels()) < THREADS + 1:
            threading.Event().wait(0.01)
        assert ask(server, get()).startswith(b"HTTP/1.1 429 Too Many Requests")
        gate.opened.set()
        for connection in waiting:
            assert read_until(connection, b"hello")
        assert ask(server, get()).endswith(b"hello")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems answer on 127.0.0.1 alone")
def test_without_a_proxy_nobody_says_which_address_they_are() -> None:
    """The header of a client itself is not believed: it still has its share only, and a free thread is left."""
    gate = Gate()
    with serving(gate) as server:
        many = [connect(server) for _ in range(2 * THREADS)]
        for number, connection in enumerate(many):
            connection.sendall(get("/wait", f"X-Forwarded-For: 192.0.2.{number}"))
        for _ in range(THREADS - 1):
            assert gate.arrivals.acquire(timeout=PATIENCE)
        assert ask_from("127.0.0.2", server.port).endswith(b"hello")
        assert not gate.arrivals.acquire(blocking=False)
        gate.opened.set()
        for connection in many:
            read_until(connection, b"hello")
            connection.close()


def ask_from(address: str, port: int) -> bytes:
    """An answer to another address of this machine."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE, source_address=(address, 0)) as connection:
        connection.sendall(get())
        return read_until(connection, b"hello")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("x" * 100, "x" * 64),
    ],
)
def test_an_address_is_what_one_subscriber_has(address: str, network: str) -> None:
    """An IPv6 subscriber has a whole network; what a proxy calls an address but is none stays itself, cut."""
    assert network_of(address) == network


def streaming(ended: threading.Event, go: threading.Event) -> Flask:
    """An application that streams until its client has gone, and says when it let go."""
    app = Flask(__name__)

    @app.get("/")
    def stream() -> Response:
        is_gone = client_watch()

        def events() -> Iterator[bytes]:
            try:
                yield b"data: first\n\n"
                assert go.wait(PATIENCE)
                while not is_gone():
                    threading.Event().wait(0.01)
            finally:
                ended.set()

        return Response(events(), mimetype="text/event-stream")

    return app


def test_a_stream_arrives_as_it_grows_and_ends_with_its_client() -> None:
    """The first event is there while the stream still runs; when the client hangs up, its thread is free within moments."""
    ended, go = threading.Event(), threading.Event()
    with serving(streaming(ended, go)) as server:
        with connect(server) as connection:
            connection.sendall(get())
            assert read_until(connection, b"data: first")
            go.set()
            assert not ended.is_set()
        assert ended.wait(PATIENCE)


def test_a_client_that_hangs_up_before_its_turn_costs_nothing_afterwards() -> None:
    """What still waits for a thread when its client goes is not run at all."""
    gate = Gate()
    with serving(gate) as server:
        with connections(server, 3 * THREADS, get("/wait")):
            for _ in range(THREADS - 1):
                assert gate.arrivals.acquire(timeout=PATIENCE)
        while len(server._channels()) > 0:
            threading.Event().wait(0.01)
        gate.opened.set()
        assert ask(server, get()).endswith(b"hello")
    assert not gate.arrivals.acquire(blocking=False)


def test_a_reader_that_takes_nothing_frees_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream whose client reads nothing is buffered up to a bound, waits for a while, and is closed."""
    monkeypatch.setattr(channels, "MOST_UNREAD", 100_000)
    monkeypatch.setattr(channels, "READER_SECONDS", 0.05)
    ended = threading.Event()

    def endless(_environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])

        def chunks() -> Iterator[bytes]:
            try:
                while True:
                    yield b"x" * 10_000
            finally:
                ended.set()

        return chunks()

    with serving(endless) as server, connect(server) as connection:
        connection.sendall(get())
        assert ended.wait(PATIENCE)


def test_a_slow_reader_of_a_long_answer_gets_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the answer waits for its reader, and goes on when it reads."""
    monkeypatch.setattr(channels, "MOST_UNREAD", 100_000)

    def long(_environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(20_000_000))])
        return iter([b"x" * 10_000] * 2000)

    with serving(long) as server:
        answer = ask(server, get())
    assert len(answer.partition(b"\r\n\r\n")[2]) == 20_000_000


def test_stopping_lets_a_running_request_end() -> None:
    """Nobody new is let in; what runs is answered; and the server has ended."""
    gate = Gate()
    with serving(gate) as server, connect(server) as connection:
        connection.sendall(get("/wait"))
        assert gate.arrivals.acquire(timeout=PATIENCE)
        server.stop()
        gate.opened.set()
        assert read_until(connection, b"hello")
