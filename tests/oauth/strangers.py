"""A host on the internet, as the shop sees one: a name, addresses that a test chooses, and a TLS server on a local socket."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import trustme

from shop.guards.egress_proxy import proxy_of
from shop.guards.safe_fetch import Fetcher

PUBLIC = "93.184.215.14"
AUTHORITY = trustme.CA()


@dataclass
class Stranger:
    """What the host answers; bytes are sent as they are, `drip` lets them come one by one."""

    host: str = "assistant.example"
    answers: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=lambda: [PUBLIC])
    connected: list[tuple[str, int]] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    drip: float = 0.0
    certificate_of: str | None = None
    port: int = 0

    def publish(
        self, path: str, document: object, *, headers: str = "", status: str = "200 OK", kind: str = "application/json"
    ) -> str:
        """Answer a path with a document. Returns its address."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        self.answers[path] = head.encode() + body
        return f"https://{self.host}{path}"

    def fetcher(self, *, deadline: float = 5.0) -> Fetcher:
        """The shop's own fetcher with all its checks, in a world in which only this host exists."""
        trusted = ssl.create_default_context()
        AUTHORITY.configure_trust(trusted)
        return Fetcher(resolve=self._resolve, connect=self._connect, tls=trusted, deadline=deadline)

    def _resolve(self, host: str, port: int) -> list[str]:
        self.resolved.append(host)
        if host != self.host:
            raise OSError("no such host")
        return self.addresses

    def _connect(self, address: str, port: int, timeout: float) -> socket.socket:
        self.connected.append((address, port))
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def serve(self, connection: ssl.SSLSocket) -> None:
        """Answer one request, read to its end."""
        request = connection.recv(65536)
        head, _, body = request.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        while length and len(body) < int(length[1]):
            body += connection.recv(65536)
        path = head.split(b" ")[1].decode()
        self.asked.append(path)
        answer = self.answers.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        step = 1 if self.drip else len(answer)
        for start in range(0, len(answer), step):
            connection.sendall(answer[start : start + step])
            if self.drip:
                threading.Event().wait(self.drip)


@contextmanager
def a_stranger(**said: object) -> Iterator[Stranger]:
    """A host that serves until the end of the block."""
    stranger = Stranger(**said)  # type: ignore[arg-type]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(stranger.certificate_of or stranger.host).configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))
    stranger.port = listener.getsockname()[1]

    def serve() -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(raw, server_side=True) as connection:
                    stranger.serve(connection)
            except OSError:
                raw.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield stranger
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)


@dataclass
class EgressProxy:
    """The only way out of an operator's network: it leads to one host, where that is asked for."""

    host: Stranger
    port: int = 0
    asked: list[str] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)
    answer: bytes = b"HTTP/1.1 200 Connection established\r\nVia: a proxy\r\n\r\n"

    def fetcher(self) -> Fetcher:
        """The shop's own fetcher, in a world in which only this proxy can be connected to."""
        trusted = ssl.create_default_context()
        AUTHORITY.configure_trust(trusted)
        proxy = proxy_of("http://shop:a%20word@proxy.internal:3128")
        return Fetcher(resolve=self._resolve, connect=self._connect, tls=trusted, deadline=5.0, proxy=proxy)

    def _resolve(self, host: str, port: int) -> list[str]:
        if host == "proxy.internal":
            return ["10.0.0.5"]
        if not self.host.addresses:
            raise OSError("no such host")
        return self.host.addresses

    def _connect(self, address: str, port: int, timeout: float) -> socket.socket:
        if (address, port) != ("10.0.0.5", 3128):
            raise OSError("the network lets nothing else out")
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def serve(self, connection: socket.socket) -> None:
        """Answer one CONNECT, and carry what follows."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        lines = head.decode().split("\r\n")
        self.asked.append(lines[0])
        self.credentials += [line.partition(": ")[2] for line in lines if line.startswith("Proxy-Authorization: ")]
        connection.sendall(self.answer)
        if b" 200 " not in self.answer:
            return
        with socket.create_connection(("127.0.0.1", self.host.port)) as onward:
            back = threading.Thread(target=_carry, args=(onward, connection), daemon=True)
            back.start()
            _carry(connection, onward)
            back.join(timeout=5)


def _carry(one: socket.socket, other: socket.socket) -> None:
    """Bytes from one connection to another, until it ends."""
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        return


@contextmanager
def a_proxy(host: Stranger) -> Iterator[EgressProxy]:
    """A proxy that serves until the end of the block."""
    proxy = EgressProxy(host)
    listener = socket.create_server(("127.0.0.1", 0))
    proxy.port = listener.getsockname()[1]

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    proxy.serve(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)
