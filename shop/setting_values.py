"""What a setting's text must look like, kind by kind. Each raises `ValueError`, with a sentence for the operator."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from shop.hosts import is_loopback_host, written_origin

_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*", re.ASCII)


def port_number(text: str) -> int:
    """A TCP port that leaves room for the companions above it."""
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 65_000:
        raise ValueError(f"PORT must be a number from 1 to 65000 (companions use the ports after it), not {text!r}.")
    return int(text)


def count(env: Mapping[str, str], name: str, default: int) -> int:
    """How many of something there may be, from 1 to 10000; the default when nothing is set."""
    text = env.get(name) or str(default)
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 10_000:
        raise ValueError(f"{name} must be a number from 1 to 10000, not {text!r}.")
    return int(text)


def switch(name: str, text: str) -> bool:
    """On or off; nothing is off."""
    if text not in {"", "0", "1"}:
        raise ValueError(f"{name} must be 1 (on) or 0 (off), not {text!r}.")
    return text == "1"


def proxy_address(text: str) -> str:
    """An HTTP proxy by its address, with name and password if it asks for them; nothing for none."""
    try:
        parts = urlsplit(text)
        is_place = parts.scheme == "http" and bool(parts.hostname) and bool(parts.port)
    except ValueError:
        is_place = False
    if text and (not is_place or parts.path.strip("/") or parts.query or parts.fragment or not text.isascii()):
        raise ValueError("SHOP_EGRESS_PROXY must look like http://proxy.example:3128.")  # it may hold a password
    return text


def seconds(env: Mapping[str, str], name: str, default: timedelta, *, most: int) -> timedelta:
    """A duration in whole seconds, none included; the default when nothing is set."""
    text = env.get(name, str(int(default.total_seconds())))
    if not (text.isascii() and text.isdigit()) or int(text) > most:
        raise ValueError(f"{name} must be a number of seconds from 0 to {most}, not {text!r}.")
    return timedelta(seconds=int(text))


def require_issuer(text: str) -> None:
    """Check an issuer identifier (RFC 8414 §2): https or on this very machine; compared exactly, so kept as it is written."""
    try:
        parts = urlsplit(text)
        is_place = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_place = False
    is_safe = is_place and (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback_host(parts.hostname or ""))
    )
    if not is_safe or parts.query or parts.fragment or "@" in parts.netloc or parts.netloc != parts.netloc.lower():
        raise ValueError(
            f"SHOP_OAUTH_ISSUER must be the issuer's own URL, such as https://login.example, not {text!r}."
        )


def origin(text: str) -> str:
    """An origin as browsers write it (RFC 6454 §6.2): lower case, no default port, no slash. Raises `ValueError`.

    It is compared with what browsers and clients send, and its scheme decides about cookies, so its spelling must not matter.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = _host_of_origin(parts.hostname or ""), parts.port
        is_origin = port != 0 and not parts.path.strip("/")
    except ValueError:  # of brackets, a port or an address that are none
        is_origin = False
    if not is_origin or parts.scheme not in {"http", "https"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"SHOP_BASE_URL must look like https://shop.example, not {text!r}.")
    return written_origin(parts.scheme, host, port)


def _host_of_origin(host: str) -> str:
    """A host name in ASCII, or an address in its shortest form. Raises `ValueError` for what is neither."""
    is_address = ":" in host or host.rpartition(".")[2].isdigit()  # a number at the end: IPv4 (WHATWG URL §3.5)
    if "%" not in host and is_address:
        return str(ip_address(host))
    if not _HOST_NAME.fullmatch(host):
        raise ValueError(host)
    return host
