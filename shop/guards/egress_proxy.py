"""The way out through a proxy (HTTP CONNECT, RFC 9110 §9.3.6), where an operator's network lets nothing else out.

What is asked for stays end to end: the proxy sees a host's name and no more, and certificate and name are checked as ever. The
host's name is resolved by the proxy then, so it is the proxy that keeps strangers' addresses out of the operator's own network;
what this machine can resolve is checked here too.
"""

from __future__ import annotations

import base64
import socket
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_LARGEST = 8 * 1024
"""Bytes of a proxy's answer, which nobody reads but for its status."""


@dataclass(frozen=True)
class Proxy:
    """An operator's egress proxy."""

    host: str
    port: int
    authorization: str = field(default="", repr=False)

    def open_tunnel(self, connection: socket.socket, host: str, port: int) -> None:
        """Ask for a way to a host, over a connection to the proxy. Raises `OSError` when it gives none."""
        place = f"{host}:{port}"
        credential = f"Proxy-Authorization: {self.authorization}\r\n" if self.authorization else ""
        connection.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{credential}\r\n".encode("ascii"))
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            byte = connection.recv(1)  # one at a time: what follows the answer is the host's, and not ours to take
            answer += byte
            if not byte or len(answer) > _LARGEST:
                raise ConnectionError("the proxy gave no usable answer")
        version, _, rest = answer.partition(b" ")
        if not version.startswith(b"HTTP/1.") or not rest.startswith(b"2"):
            raise ConnectionError("the proxy gives no way there")


def proxy_of(url: str) -> Proxy | None:
    """The proxy of a setting, `http://[name:password@]host:port`, whose form the settings have checked; None for none."""
    parts = urlsplit(url)
    if not parts.hostname or not parts.port:
        return None
    if parts.username is None:
        return Proxy(parts.hostname, parts.port)
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(parts.hostname, parts.port, f"Basic {base64.b64encode(pair.encode()).decode()}")
