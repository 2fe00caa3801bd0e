"""Configuration of one provider process, and the rule about where such a provider may run.

A `ProviderConfig` that would let strangers in cannot be constructed, so no way of starting the provider
goes around the rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from urllib.parse import urlsplit

from shop.companions.identity_provider.directory import Directory

_SHORTEST_PRESENTER_CODE = 6


class RefusesToStart(ValueError):
    """The provider would be unsafe or unusable as configured; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class CrossAppAccess:
    """Another application that a client may use for the company's people, without each being asked there."""

    audience: str
    """The issuer identifier of that application's authorization server (RFC 8414 §2)."""
    resource: str
    """The resource that goes with it: a pair, so that neither can be had with another one."""
    client_id: str
    """What that authorization server calls this client."""
    scopes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Client:
    """An application that may ask this provider to sign people in."""

    client_id: str
    client_secret: str = field(repr=False)
    name: str
    redirect_uris: tuple[str, ...]
    """Compared exactly, character by character (RFC 9700 §4.1.3)."""
    post_logout_redirect_uris: tuple[str, ...] = ()
    access: tuple[CrossAppAccess, ...] = ()
    """Where it may go for the company's people: nowhere, unless the company says so."""
    offline_access: bool = False
    """Whether it may ask about people who are not there, if it asks for that scope. The company consented to that for all of
    them, so nobody is asked (OpenID Core §11: "other conditions")."""


@dataclass(frozen=True, kw_only=True)
class ProviderConfig:
    """Everything that one provider needs to know. Raises `RefusesToStart` when it must not run."""

    directory: Directory
    data_dir: Path
    """Where the database and the signing key live; made on first use."""
    clients: tuple[Client, ...]
    host: str = "127.0.0.1"
    port: int = 5001
    issuer: str
    """An origin such as `http://127.0.0.1:5001`: every URL that the provider publishes starts with it."""
    presenter_code: str = field(default="", repr=False)

    request_lifetime: timedelta = timedelta(minutes=10)
    """How long the picker may stay open."""
    code_lifetime: timedelta = timedelta(seconds=60)
    id_token_lifetime: timedelta = timedelta(minutes=5)
    assertion_lifetime: timedelta = timedelta(minutes=5)
    access_token_lifetime: timedelta = timedelta(minutes=10)
    refresh_token_lifetime: timedelta = timedelta(days=90)
    session_lifetime: timedelta = timedelta(hours=8)
    presenter_window: timedelta = timedelta(minutes=10)
    presenter_tries_per_address: int = 5
    presenter_tries_in_all: int = 50
    """Tries in one window from all addresses together: changing addresses must not help."""

    def __post_init__(self) -> None:
        _require_origin(self.issuer)
        for client in self.clients:
            if not client.client_secret:
                raise RefusesToStart(f"The client {client.client_id} has no secret.")
            for uri in (*client.redirect_uris, *client.post_logout_redirect_uris):
                _require_absolute(uri)
        if self.presenter_code:
            if len(self.presenter_code) < _SHORTEST_PRESENTER_CODE:
                raise RefusesToStart(f"The presenter code needs at least {_SHORTEST_PRESENTER_CODE} characters.")
            return
        for label, host in self._reachable_hosts():
            if not is_loopback_host(host):
                raise RefusesToStart(
                    f"This demo identity provider lets anyone in as anyone, and {label} {host!r} can be reached "
                    "by others. Keep it on 127.0.0.1, or set a presenter code, which its sign-in page then asks for."
                )

    def _reachable_hosts(self) -> list[tuple[str, str]]:
        """What must be loopback: where it listens, where it says it is, and the applications that it opens."""
        redirects = [uri for client in self.clients for uri in client.redirect_uris]
        return [
            ("the address", self.host),
            ("the issuer", urlsplit(self.issuer).hostname or ""),
            *(("the redirect URI's host", urlsplit(uri).hostname or "") for uri in redirects),
        ]

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it over TLS, so that cookies can say `Secure`."""
        return self.issuer.startswith("https://")

    def client(self, client_id: str) -> Client | None:
        """The registered client with this identifier."""
        return next((client for client in self.clients if client.client_id == client_id), None)

    def cookie_name(self, kind: str) -> str:
        """A cookie name of this provider alone: cookies ignore ports, so two providers on one host share a jar."""
        return f"idp_{self.directory.slug}_{self.port}_{kind}"


def is_loopback_host(host: str) -> bool:
    """Whether a host name or address can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def default_issuer(host: str, port: int) -> str:
    """The issuer of a provider that is reached where it listens. Raises `RefusesToStart` for a wildcard address."""
    try:
        address = ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        raise RefusesToStart(f"{host} is not an address that a browser can go to: say --issuer too.")
    return f"http://[{host}]:{port}" if isinstance(address, IPv6Address) else f"http://{host}:{port}"


def _require_origin(issuer: str) -> None:
    parts = urlsplit(issuer)
    if parts.scheme not in {"http", "https"} or not parts.hostname or issuer != f"{parts.scheme}://{parts.netloc}":
        raise RefusesToStart(f"The issuer must be an origin such as https://idp.example, not {issuer!r}.")


def _require_absolute(uri: str) -> None:
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
        raise RefusesToStart(f"A redirect URI must be absolute and without a fragment, not {uri!r}.")
