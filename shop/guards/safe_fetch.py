"""Fetching what a stranger's address names, without becoming their hand inside our network (MCP security: SSRF).

https on its own port; the name is resolved once, every address it has must be public, and the connection goes to one of
exactly those; certificate and name are checked as ever; no redirect is followed; size and time are bounded (a name's
resolution by the system's own resolver). Where addresses come from and how a socket is opened are handed in, so that tests
need no network and no check has a switch.

The one origin that an operator names in the settings is no stranger's: it may stand in the operator's own network, and on this
very machine without TLS. All else holds for it too.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlencode, urlsplit

from shop.guards.egress_proxy import Proxy
from shop.untrusted import read_json

_CONNECT = 3.0
_DEADLINE = 6.0
"""Seconds for the whole exchange, however slowly it drips."""
_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json", re.ASCII)
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])")
_SHORTEST, _USUAL, _LONGEST = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)
_NOT_PUBLIC = tuple(
    ip_network(network)
    for network in (
        "64:ff9b::/96",  # carries an IPv4 address inside (NAT64)
        "192.0.0.0/24",  # protocol assignments (RFC 6890), of which Python knows a few only; some clouds keep metadata here
        "192.88.99.0/24",  # relays that were given up (RFC 7526)
        "168.63.129.16/32",  # public by its number, and a cloud's own inside it
        "3fff::/20",  # documentation (RFC 9637)
    )
)


class FetchRefused(Exception):
    """The address was not fetched, or what came was not taken. The message says why, for a developer."""


class UnexpectedStatus(FetchRefused):
    """The host answered, with something other than 200."""

    def __init__(self, host: str, status: int) -> None:
        super().__init__(f"{host} answered with status {status}; redirects are not followed.")
        self.status = status


@dataclass(frozen=True)
class Fetched:
    """A JSON object, and how long it may be kept."""

    document: dict[str, Any]
    fresh_for: timedelta


def _resolve(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _connect(address: str, port: int, timeout: float) -> socket.socket:
    return socket.create_connection((address, port), timeout)


@cache
def _trusting_the_public_authorities() -> ssl.SSLContext:
    """Made when somebody is first asked: reading the certificates of all the authorities takes its time."""
    return ssl.create_default_context()


class Fetcher:
    """Fetches JSON documents from strangers."""

    def __init__(
        self,
        *,
        resolve: Callable[[str, int], Sequence[str]] = _resolve,
        connect: Callable[[str, int, float], socket.socket] = _connect,
        tls: ssl.SSLContext | None = None,
        deadline: float = _DEADLINE,
        operators_own: str = "",
        proxy: Proxy | None = None,
    ) -> None:
        self._own, self._proxy = operators_own, proxy
        self._resolve, self._open, self._deadline = resolve, connect, deadline
        self._tls = tls

    def get_json(self, url: str, *, limit: int) -> Fetched:
        """The JSON object at a stranger's https address, of at most `limit` bytes. Raises `FetchRefused`."""
        return self._fetch(_Request(url), limit)

    def post_form(self, url: str, form: Mapping[str, str], *, authorization: str, limit: int) -> Fetched:
        """The JSON object that answers a form, sent with a credential of ours. Raises `FetchRefused`."""
        return self._fetch(_Request(url, urlencode(form), authorization), limit)

    def _fetch(self, request: _Request, limit: int) -> Fetched:
        where = _own_place(request.url) if self._own and _origin(request.url) == self._own else _checked(request.url)
        way = self._way(where)
        try:
            return self._exchange(where, way, request, limit)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise FetchRefused(f"{where.host} gave no usable answer: {type(error).__name__}.") from error

    def _way(self, where: _Place) -> _Way:
        """How a host is reached. All of a stranger's addresses must be public, so that nobody is offered a choice.

        Through the operator's proxy, a name need not have an address here; what has one inside is never asked for there either.
        """
        try:
            addresses = list(self._resolve(where.host, where.port))
        except (OSError, UnicodeError) as error:
            if self._proxy is None:
                raise FetchRefused(f"{where.host} has no address.") from error
            addresses = []
        is_outside = all(is_public(address) for address in addresses)
        if not (where.is_own or is_outside) or not (addresses or self._proxy):
            raise FetchRefused(f"{where.host} is not on the public internet.")
        if self._proxy is None or (where.is_own and addresses and not (is_outside and where.is_tls)):
            return _Way(addresses[0], where.port)  # the operator's own network is reached without the proxy
        try:
            return _Way(next(iter(self._resolve(self._proxy.host, self._proxy.port))), self._proxy.port, self._proxy)
        except (OSError, UnicodeError, StopIteration) as error:
            raise FetchRefused("The egress proxy has no address.") from error

    def _exchange(self, where: _Place, way: _Way, request: _Request, limit: int) -> Fetched:
        host = where.host
        raw = self._open(way.address, way.port, _CONNECT)
        raw.settimeout(self._deadline)
        opened = raw
        # Whichever it is by then, the connection or the one with TLS around it: a slow proxy is hung up on like a slow host.
        overdue = threading.Timer(self._deadline, lambda: _hang_up(opened))
        overdue.daemon = True
        overdue.start()
        connection = http.client.HTTPConnection(host, where.port)
        try:
            if way.proxy:
                way.proxy.open_tunnel(raw, host, where.port)
            if where.is_tls:
                tls = self._tls or _trusting_the_public_authorities()
                opened = tls.wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)
            if isinstance(opened, ssl.SSLSocket):
                opened.do_handshake()
            # The socket is connected already, to the address that was checked: nobody resolves the name again.
            connection.sock = opened
            connection.request(request.method, where.path, request.form, request.headers(where))
            response = connection.getresponse()
            if response.status != 200:
                raise UnexpectedStatus(host, response.status)
            if not _JSON.fullmatch((response.getheader("Content-Type") or "").partition(";")[0].strip().lower()):
                raise FetchRefused(f"{host} answered with something other than JSON.")
            body = response.read(limit + 1)
            if len(body) > limit:
                raise FetchRefused(f"{host} answered with more than {limit} bytes.")
            document = read_json(body)
            if not isinstance(document, dict):
                raise FetchRefused(f"{host} answered with JSON that is not an object.")
            return Fetched(document, _freshness(response.getheader("Cache-Control") or ""))
        finally:
            overdue.cancel()
            connection.close()
            opened.close()


def is_public(address: str) -> bool:
    """Whether an address is on the public internet; one that carries another inside it is never taken for one."""
    try:
        ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and (ip.ipv4_mapped or ip.sixtofour or ip.teredo or ip.is_site_local):
        return False
    if any(ip in network for network in _NOT_PUBLIC):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


@dataclass(frozen=True)
class _Place:
    """Where a request goes."""

    host: str
    path: str
    port: int = 443
    is_tls: bool = True
    is_own: bool = False


@dataclass(frozen=True)
class _Way:
    """Where a connection is opened to, and the proxy that waits there."""

    address: str
    port: int
    proxy: Proxy | None = None


@dataclass(frozen=True)
class _Request:
    """One request to a host."""

    url: str
    form: str | None = None
    authorization: str | None = field(default=None, repr=False)

    @property
    def method(self) -> str:
        return "GET" if self.form is None else "POST"

    def headers(self, where: _Place) -> dict[str, str]:
        is_usual = where.port == (443 if where.is_tls else 80)
        sent = {
            "Host": where.host if is_usual else f"{where.host}:{where.port}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        if self.form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        return sent | ({"Authorization": self.authorization} if self.authorization else {})


def _origin(url: str) -> str:
    """Scheme, host and port of an address, as it is written."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"


def _own_place(url: str) -> _Place:
    """A place at the origin that the operator named; the settings have checked its form."""
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Place(parts.hostname or "", path, parts.port or (443 if is_tls else 80), is_tls, is_own=True)


def _checked(url: str) -> _Place:
    """A stranger's place that may be asked at all. Raises `FetchRefused`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise FetchRefused("The address is not a URL.") from error
    if parts.scheme != "https" or port not in {None, 443} or "@" in parts.netloc:
        raise FetchRefused("The address must be https, on its usual port, without a user name.")
    if "." not in host or host.replace(".", "").isdigit() or ":" in host:
        raise FetchRefused("The address must name a host on the public internet.")
    return _Place(host, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _freshness(cache_control: str) -> timedelta:
    """How long an answer may be kept, as it says itself, within our own bounds."""
    max_age = _MAX_AGE.search(cache_control.lower())
    if "no-store" in cache_control.lower() or "no-cache" in cache_control.lower():
        return _SHORTEST
    return min(max(timedelta(seconds=int(max_age.group(1))), _SHORTEST), _LONGEST) if max_age else _USUAL


def _hang_up(connection: socket.socket) -> None:
    """End a connection under whoever reads from it: they find it broken, wherever they are."""
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
