"""The sockets of the shop: opened, bounded, served until told to stop, and closed when the running requests are done."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from shop.server.channels import IDLE_SECONDS, MOST_UNREAD, Channel, Parser
from shop.server.sharing import FairDispatcher, forwarded_address, network_of, peer_address

MOST_CONNECTIONS = 1000
CONNECTIONS_PER_ADDRESS = 250
"""Of those; a connection costs a file descriptor and a few kilobytes. Not counted behind a proxy, whose connections they are."""

_RESERVED_FILES = 300
"""File descriptors for the database's connections (each up to three on SQLite), for model servers and for log files."""

_FEWEST_CONNECTIONS = 50
"""Even where the system lets a process open hardly any files."""

_HEADER_LIMIT = 32 * 1024
"""Bytes of a request's head: an authorization request on its way through the sign-in is quoted twice in one line."""

_CLEAN_SECONDS = 5
_GRACE_SECONDS = 3.0

WSGIApplication = Callable[..., Iterable[bytes]]


class Listener(TcpWSGIServer):  # type: ignore[misc] # untyped library
    """One listening socket."""

    is_behind_proxy = False
    most_connections = MOST_CONNECTIONS

    def handle_accept(self) -> None:
        """Take a new connection. When there are too many, the one that has been unused for longest makes room for it."""
        before = len(self.active_channels)
        super().handle_accept()
        if len(self.active_channels) > before:
            newest = next(reversed(self.active_channels.values()))
            newest.peer = network_of(newest.addr[0])
            self._make_room(newest)

    def _make_room(self, newest: Channel) -> None:
        everybody = [c for c in self._map.values() if isinstance(c, Channel) and not c.will_close]
        if not self.is_behind_proxy:
            own = [channel for channel in everybody if channel.peer == newest.peer]
            if len(own) > CONNECTIONS_PER_ADDRESS:
                _close_one(own, newest)
                return
        if len(everybody) > self.most_connections:
            _close_one(everybody, newest)

    def maintenance(self, now: float) -> None:
        """Close what nobody uses, and requests that do not arrive."""
        super().maintenance(now)
        moment = time.monotonic()
        for channel in list(self.active_channels.values()):
            if channel.is_late(moment):
                channel.will_close = True


def _close_one(channels: list[Channel], newest: Channel) -> None:
    """Close the one that has been unused for longest, at the loop's next turn; the newest, when all others are in use."""
    unused = [channel for channel in channels if channel.is_unused and channel is not newest]
    min(unused, key=lambda channel: channel.last_activity, default=newest).will_close = True


class Server:
    """Serves an application until `stop`: bind, `run`, and from a signal handler or another thread `stop`.

    `body_limit` is the application's own limit in bytes. `is_behind_proxy`: every connection comes from the one proxy that
    is trusted, and addresses are what it says. Raises `OSError` when an address cannot be listened on.
    """

    def __init__(
        self,
        application: WSGIApplication,
        addresses: Iterable[tuple[str, int]],
        *,
        threads: int,
        body_limit: int,
        is_behind_proxy: bool = False,
    ) -> None:
        self._map: dict[int, Any] = {}
        self._is_stopping = False
        sockets = _listen(addresses)
        self._dispatcher = FairDispatcher(threads, forwarded_address if is_behind_proxy else peer_address)
        adjustments = Adjustments(
            sockets=sockets,
            threads=threads,
            connection_limit=MOST_CONNECTIONS + _RESERVED_FILES,  # the listener makes room before
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=_CLEAN_SECONDS,
            channel_request_lookahead=1,  # reads on while a request runs, and so sees that its client has gone
            max_request_header_size=_HEADER_LIMIT,
            max_request_body_size=2**62,  # of a larger one than `body_limit` only the length is kept: `Parser`
            outbuf_high_watermark=2 * MOST_UNREAD,  # `Channel` waits before, and not for ever
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=False,  # the application decides what it trusts (ProxyFix)
            log_socket_errors=False,
            ident=None,
        )
        parser = type("LimitedParser", (Parser,), {"body_limit": body_limit})
        channel = type("LimitedChannel", (Channel,), {"parser_class": parser})
        most = max(_FEWEST_CONNECTIONS, min(MOST_CONNECTIONS, _open_files() - _RESERVED_FILES))
        for listening in sockets:
            listener = Listener(
                application,
                self._map,
                _sock=listening,
                dispatcher=self._dispatcher,
                adj=adjustments,
                bind_socket=False,
                sockinfo=(listening.family, listening.type, listening.proto, listening.getsockname()),
            )
            listener.channel_class, listener.is_behind_proxy, listener.most_connections = channel, is_behind_proxy, most
        self._listeners = [listener for listener in self._map.values() if isinstance(listener, Listener)]
        self.port: int = sockets[0].getsockname()[1]

    def run(self) -> None:
        """Serve until `stop`, then finish what runs, for three seconds at most."""
        while not self._is_stopping:
            self._turn(1.0)
        for listener in self._listeners:
            listener.accepting = False
            listener.socket.close()
            self._map.pop(listener._fileno, None)
        deadline = time.monotonic() + _GRACE_SECONDS
        while time.monotonic() < deadline and any(not channel.is_unused for channel in self._channels()):
            self._turn(0.05)
        self._dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self._map)

    def stop(self) -> None:
        """End `run`. May be called from a signal handler: it waits for nothing."""
        self._is_stopping = True
        for listener in self._listeners:
            listener.pull_trigger()

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)

    def _channels(self) -> list[Channel]:
        return [channel for channel in self._map.values() if isinstance(channel, Channel)]


def _listen(addresses: Iterable[tuple[str, int]]) -> list[socket.socket]:
    """Sockets that are bound; waitress starts to listen on them."""
    opened: list[socket.socket] = []
    try:
        for host, port in addresses:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listening = socket.socket(family, socket.SOCK_STREAM)
            opened.append(listening)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if host == "::":
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # every address, IPv4 too
            listening.bind((host, port))
    except OSError:
        for listening in opened:
            listening.close()
        raise
    return opened


def _open_files() -> int:
    """How many files this process may have open: as many as the system lets it, where that can be said."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return MOST_CONNECTIONS + _RESERVED_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + _RESERVED_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft
