"""A small application on the shop's own server, on a free port, and raw connections to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from shop.server.listening import Server

PATIENCE = 30.0
"""Seconds until a test gives up; nothing waits for so long when all is well."""

BODY_LIMIT = 1000
THREADS = 4


@contextmanager
def serving(
    application: Callable[..., Iterable[bytes]],
    *,
    threads: int = THREADS,
    body_limit: int = BODY_LIMIT,
    is_behind_proxy: bool = False,
) -> Iterator[Server]:
    """The server of an application, running in a thread; stopped in the end."""
    server = Server(
        application, [("127.0.0.1", 0)], threads=threads, body_limit=body_limit, is_behind_proxy=is_behind_proxy
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


@contextmanager
def connections(server: Server, count: int, beginning: bytes = b"") -> Iterator[list[socket.socket]]:
    """Connections that begin a request, or say nothing at all, and stay."""
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            connection = stack.enter_context(connect(server))
            connection.sendall(beginning)
            opened.append(connection)
        yield opened


def connect(server: Server) -> socket.socket:
    """One raw connection."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)


def ask(server: Server, request: bytes) -> bytes:
    """What a server answers to one request until it closes the connection."""
    with connect(server) as connection:
        connection.sendall(request)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def read_until(connection: socket.socket, words: bytes) -> bytes:
    """What arrives, until these words did."""
    received = b""
    while words not in received:
        chunk = connection.recv(65536)
        assert chunk, received
        received += chunk
    return received


def get(path: str = "/", *headers: str) -> bytes:
    """A request whose connection is closed after it."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: shop", "Connection: close", *headers, "", ""]).encode()


def hello(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An application that answers at once."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]
