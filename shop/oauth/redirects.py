"""Redirect URIs: which may be registered, when one asked for is the one registered, and what a person is told of it.

Exact comparison, but for the port of a loopback address, which an app on the person's own computer gets anew each time
(RFC 8252 §7.3, RFC 9700 §2.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from shop.settings import is_loopback_host

_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,60}", re.ASCII)
_LONGEST = 1000
_OURS = frozenset({"code", "error", "error_description", "error_uri", "iss", "state"})
"""What an answer says, and says once (RFC 6749 §3.1, RFC 9207 §2.4)."""
_APPS = frozenset({"cursor", "vscode", "vscode-insiders", "windsurf"})
"""Private-use schemes of well-known apps that have no dot. Any other must be a domain name in reverse (RFC 8252 §7.1)."""


class Destination(NamedTuple):
    """Where an answer goes, for a person and for the browser's policy."""

    host: str
    """The host, or the scheme of an app: what a person is shown."""
    is_on_this_computer: bool
    """A loopback address or an app: whatever program listens there gets the answer (MCP security: localhost impersonation)."""
    origin: str
    """What `form-action` has to list, so that the browser follows the answer there."""


def problem_with(uri: str) -> str | None:
    """Why a redirect URI cannot be registered, in a sentence for its developer; None for a good one."""
    if len(uri) > _LONGEST or not uri.isascii() or not uri.isprintable() or any(c in " \"'<>\\^`{|};," for c in uri):
        return "A redirect URI is printable ASCII of at most 1000 characters, with anything special percent-encoded."
    parts = _split(uri)
    if parts is None:
        return "A redirect URI must be a URI."
    if parts.fragment or "#" in uri:
        return "A redirect URI has no fragment (RFC 6749 section 3.1.2)."
    if _OURS & {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}:
        return "A redirect URI leaves to the answer what the answer says: code, state, iss, error."
    if parts.scheme not in {"http", "https"}:
        is_private = _SCHEME.fullmatch(parts.scheme) and ("." in parts.scheme or parts.scheme in _APPS)
        return None if is_private else "The scheme of an app must be a domain name in reverse (RFC 8252 section 7.1)."
    host = parts.hostname or ""
    is_plain = parts.netloc == parts.netloc.lower() and "@" not in parts.netloc and not parts.netloc.endswith(":")
    if not is_plain or not (_HOST.fullmatch(host) or host == "::1"):
        return "A redirect URI names a host in lower-case ASCII, without a user name or an empty port."
    if parts.scheme == "http" and not is_loopback_host(host):
        return "A redirect URI is https, or http on the person's own computer (127.0.0.1, [::1], localhost)."
    return None


def matches(registered: str, asked: str) -> bool:
    """Whether a URI asked for is one registered: the same text; on a loopback address, whatever the port."""
    if registered == asked:
        return True
    one, other = _split(registered), _split(asked)
    if one is None or other is None or problem_with(asked) is not None or not _is_loopback(one):
        return False
    return _without_port(registered, one) == _without_port(asked, other)


def with_answer(uri: str, answer: Mapping[str, str]) -> str:
    """A good redirect URI with an answer: whatever query it has stays as it is (RFC 6749 §3.1.2)."""
    joint = "" if uri.endswith("?") else "&" if "?" in uri else "?"
    return f"{uri}{joint}{urlencode(answer)}"


def destination(uri: str) -> Destination:
    """Where a good redirect URI leads."""
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"}:
        return Destination(f"{parts.scheme}:", True, f"{parts.scheme}:")
    host = parts.hostname or ""
    # A policy cannot name an IPv6 address (CSP3 §2.3.1, host-source), so there the scheme has to do.
    origin = "http:" if ":" in host else f"{parts.scheme}://{parts.netloc}"
    return Destination(host, is_loopback_host(host), origin)


def _is_loopback(parts: SplitResult) -> bool:
    return parts.scheme == "http" and is_loopback_host(parts.hostname or "")


def _without_port(uri: str, parts: SplitResult) -> str:
    return uri.replace(parts.netloc, parts.hostname or "", 1)


def _split(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port  # raises for a port that is none
    except ValueError:
        return None
    return parts
