"""What a governed `tools/call` over HTTP costs beside those of two libraries' servers, and whether a crowd can connect."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

from mcp_types import CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY, PROTOCOL_VERSION_META_KEY

from shop.settings import ROOT
from tests.bench.figure import Figure
from tests.bench.mcp_servers import CLIENTS, ORDER

_VERSION = "2026-07-28"
_CONNECTIONS, _CALLS = 8, 25
"""Of one turn: this many keep-alive connections at once, and this many calls on each."""
_GOAL = 0.8


def calls_against_fastmcp(rounds: int = 20) -> Figure:
    """Calls per second of ours, authenticated, decided and audited, against FastMCP's, which does none of that."""
    return _against("fastmcp", "FastMCP", rounds, _GOAL)


def calls_against_sdk(rounds: int = 20) -> Figure:
    """The same against the official SDK's server, without a goal."""
    return _against("sdk", "the official SDK", rounds, None)


def clients_at_once(seconds: float = 60) -> Figure:
    """Clients that connect at the same moment, from a first refusal to the answer of a first call. How many fail."""
    with TemporaryDirectory() as folder, _served("shop", folder) as shop, ThreadPoolExecutor(CLIENTS) as crowd:
        start = time.perf_counter()
        outcomes = list(crowd.map(lambda token: _connects(shop, token, seconds), shop.tokens))
        taken = time.perf_counter() - start
    failures = [why for why in outcomes if why is not None]
    how = (
        f"{CLIENTS} clients, each with a token of its own: 401, both metadata documents, `server/discover`, "
        f"`tools/list`, first `tools/call`; all done after {taken:.1f} s"
    )
    return Figure("clients that fail to connect at once", len(failures), 0, "clients", how + _first(failures))


def _first(failures: Sequence[str]) -> str:
    return f"; the first failure: {failures[0]}" if failures else ""


def _against(kind: str, name: str, rounds: int, goal: float | None) -> Figure:
    with TemporaryDirectory() as folder, _served("shop", folder) as shop, _served(kind, folder) as other:
        ours, theirs = _rates(shop, other, rounds)
    how = (
        f"`get_order`, one process each, {_CONNECTIONS} connections: {ours:.0f} calls/s authenticated, decided and audited, "
        f"{theirs:.0f} calls/s of {name} with neither; {rounds * _CONNECTIONS * _CALLS} calls of each, in turns"
    )
    return Figure(f"governed calls over HTTP against {name}", ours / theirs, goal, "×", how, at_least=True)


@dataclass(frozen=True)
class _Server:
    """A server that listens."""

    port: int
    tokens: Sequence[str]

    def call(self) -> bytes:
        """The whole request of the measured call."""
        return self.request("tools/call", {"name": "get_order", "arguments": {"number": ORDER}}, self.tokens[:1])

    def request(self, method: str, params: Mapping[str, Any], tokens: Sequence[str] = ()) -> bytes:
        """One JSON-RPC request of the stateless revision, as bytes."""
        meta = {
            PROTOCOL_VERSION_META_KEY: _VERSION,
            CLIENT_CAPABILITIES_META_KEY: {},
            CLIENT_INFO_META_KEY: {"name": "a measurement", "version": "1"},
        }
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}).encode()
        headers = {
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "MCP-Protocol-Version": _VERSION,
            "Mcp-Method": method,
            **({"Mcp-Name": params["name"]} if "name" in params else {}),
            **({"Authorization": f"Bearer {tokens[0]}"} if tokens else {}),
        }
        return self.head("POST", "/mcp", headers) + body

    def head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        """A request up to its body."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()


class _Connection:
    """One keep-alive connection that sends bytes and reads what comes back; nothing else is in the way of a measurement."""

    def __init__(self, port: int, seconds: float = 30) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        self._socket.sendall(request)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more()
        head = received[:end].lower()
        length = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        while len(received) < end + 4 + length:
            received += self._more()
        return int(head[9:12]), received[end + 4 :]

    def _more(self) -> bytes:
        chunk = self._socket.recv(65536)
        if not chunk:
            raise ConnectionError("the server closed the connection in the middle of an answer")
        return chunk


def _rates(first: _Server, second: _Server, rounds: int) -> tuple[float, float]:
    """Calls per second of two servers that are asked in turns: all calls over all the time they took, slow turns included."""
    with ThreadPoolExecutor(_CONNECTIONS) as pool:

        def taken(server: _Server) -> float:
            request = server.call()
            start = time.perf_counter()
            list(pool.map(lambda _: _turn(server.port, request), range(_CONNECTIONS)))
            return time.perf_counter() - start

        for server in (first, second):
            for _ in range(2):
                taken(server)
        times = [(taken(first), taken(second)) for _ in range(rounds)]
    calls = rounds * _CONNECTIONS * _CALLS
    return calls / sum(ours for ours, _ in times), calls / sum(theirs for _, theirs in times)


def _turn(port: int, request: bytes) -> None:
    with _Connection(port) as connection:
        for _ in range(_CALLS):
            _require_order(*connection.ask(request))


def _require_order(status: int, body: bytes) -> None:
    if status != 200 or f'"number":"{ORDER}"'.encode() not in body.replace(b'": ', b'":'):
        raise RuntimeError(f"no order in the answer: {status} {body[:200]!r}")


def _connects(shop: _Server, token: str, seconds: float) -> str | None:
    """One client's way in. None when it arrived, else what went wrong."""
    metadata = ("/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server")
    steps = [
        (401, shop.request("server/discover", {})),
        *((200, shop.head("GET", path, {})) for path in metadata),
        (200, shop.request("server/discover", {}, [token])),
        (200, shop.request("tools/list", {}, [token])),
    ]
    try:
        with _Connection(shop.port, seconds) as connection:
            for expected, request in steps:
                status, body = connection.ask(request)
                if status != expected:
                    return f"{status} {body[:200]!r}"
            call = {"name": "get_order", "arguments": {"number": ORDER}}
            _require_order(*connection.ask(shop.request("tools/call", call, [token])))
    except (OSError, RuntimeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return None


@contextmanager
def _served(kind: str, folder: str) -> Iterator[_Server]:
    command = [sys.executable, "-m", "tests.bench.mcp_servers", kind, folder]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise RuntimeError("no output")
        ready = json.loads(process.stdout.readline())
        yield _Server(ready["port"], ready["tokens"])
    finally:
        process.terminate()
        process.wait(timeout=20)
