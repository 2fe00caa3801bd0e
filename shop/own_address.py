"""Whether a request was meant for this shop: its Host, the page that it came from, and where it leads, against `SHOP_BASE_URL`.

A proxy may pass any Host on (its own, the browser's, with a port or without), so nothing is derived from it: the address that
the operator set is the only one there is.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Request
from werkzeug.exceptions import BadRequest

from shop.hosts import is_loopback_host, written_origin
from shop.settings import Settings

_LONGEST_PATH = 8000
"""Bytes of the path to come back to: as long as a whole authorization request in a request line may be."""


class WrongOrigin(BadRequest):
    """A form was sent from a page of another address, or of none that can be told. The description says so to its sender."""


def require_own_page(settings: Settings, arrived: Request) -> None:
    """The page that sent a form is one of ours: by `Origin`, else by `Referer`. Raises `WrongOrigin`.

    Over TLS one of both must be there: every browser sends one (ASVS 3.5.1). Without TLS there may be neither, and the form's
    token alone decides.
    """
    source = arrived.headers.get("Origin")
    if source is None and (referer := arrived.headers.get("Referer")):
        source = origin_of(referer)
    if source == settings.base_url or (source is None and not settings.base_url.startswith("https://")):
        return
    came_from = f"a page of {source[:200]}" if source else "a page that does not say where it is"
    raise WrongOrigin(
        f"This shop is at {settings.base_url}, and what you sent came from {came_from}. Open the shop at its own address. If "
        "that is where you are, whoever runs it has to set SHOP_BASE_URL to the address that browsers use."
    )


def is_own_host(settings: Settings, arrived: Request) -> bool:
    """Whether the Host of a request names this shop, so that no name of another can be made to lead here (DNS rebinding).

    The port may be missing; behind a proxy it may be any. This machine's own names count too: with the shop's port, or behind a
    proxy, which may run here.
    """
    own = urlsplit(settings.base_url)
    try:
        host = urlsplit(f"//{arrived.host}")
        name, port = host.hostname or "", host.port
    except ValueError:
        return False
    if name == own.hostname and (settings.is_behind_proxy or port in (None, own.port or 80)):
        return True
    return is_loopback_host(name) and (settings.is_behind_proxy or (settings.is_loopback and port == own.port))


def present_address(settings: Settings, arrived: Request) -> str | None:
    """Where a page is now that a browser opens by the shop's former default address; None for anything else.

    A browser says so (`Sec-Fetch-Mode`); programs are answered by both names.
    """
    former = settings.former_base_url
    is_page = arrived.method == "GET" and arrived.headers.get("Sec-Fetch-Mode") == "navigate"
    if not (former and is_page and arrived.host == urlsplit(former).netloc):
        return None
    return settings.base_url + arrived.full_path.rstrip("?")


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL as browsers write them in `Origin`; "null" for what has none (RFC 6454 §6.2)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "null"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "null"
    return written_origin(parts.scheme, parts.hostname, port)


def safe_path(path: str) -> str:
    """A path on this site, or `/`: whatever a link says, a sign-in never sends anyone elsewhere (RFC 9700 §4.11).

    So is one that is longer than any that a browser can be asked to open here: it would be stored for everybody who asks.
    """
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and not any(c < " " for c in path)
    is_bearable = len(path.encode(errors="replace")) <= _LONGEST_PATH
    return path if is_local and is_bearable and "\\" not in path else "/"
