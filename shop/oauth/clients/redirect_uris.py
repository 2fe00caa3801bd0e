"""Redirect URIs: which may be registered, when one asked for is the one registered, and what a person is told of it.

Exact comparison, but for the port of a loopback address, which an app on the person's own computer gets anew each time
(RFC 8252 §7.3, RFC 9700 §2.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from shop.hosts import is_loopback_host

_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,60}", re.ASCII)
_LONGEST = 1000
_OURS = frozenset({"code", "error", "error_description", "error_uri", "iss", "state"})
"""What an answer says, and says once (RFC 6749 §3.1, RFC 9207 §2.4)."""
# fmt: off
_NO_APPS = frozenset({
    "javascript", "data", "vbscript", "livescript", "mocha",  # programs
    "file", "filesystem", "blob", "about", "view-source", "jar", "mhtml", "mk", "res", "cid", "mid", "urn",  # documents, some of them a page's own
    "ws", "wss", "ftp", "ftps", "sftp", "gopher", "nntp", "news", "ldap", "ldaps", "telnet", "ssh", "smb", "nfs", "dav", "davs",  # other protocols
    "mailto", "tel", "sms", "smsto", "mms", "sip", "sips", "xmpp", "irc", "ircs", "geo", "maps", "feed", "webcal", "magnet",  # what every system has
    "applescript", "help", "jnlp", "jnlps", "ms-search", "ms-cxh", "ms-cxh-full", "rdp", "vnc", "x-man-page",  # programs and remote desktops
    "ms-access", "ms-excel", "ms-infopath", "ms-powerpoint", "ms-project", "ms-publisher", "ms-visio", "ms-word",  # what opens a document from anywhere
    "shell", "hcp", "search", "search-ms", "its", "ms-its", "ms-help", "ms-msdt", "ms-officecmd", "ms-settings",  # the system itself
    "intent", "android-app", "market", "itms", "itms-apps", "itms-services", "ms-appinstaller",  # what starts any app
    "chrome", "devtools", "edge", "opera", "brave", "moz-icon", "resource", "wyciwyg", "ipfs", "ipns",  # a browser's own
    "chrome-extension", "moz-extension", "safari-extension", "ms-browser-extension",  # its extensions'
    "localhost",  # an address without http://
})
# fmt: on
"""Schemes that are no app's own: what a browser runs, shows or hands to the system. Apps choose their schemes freely, most without
the dot that RFC 8252 §7.1 asks for; a list of those that are known would lock every new one out. Whatever program waits there, the
person is warned of it (`is_on_this_computer`).
"""


class Destination(NamedTuple):
    """Where an answer goes, for a person."""

    host: str
    """The host, or the scheme of an app: what a person is shown."""
    is_on_this_computer: bool
    """A loopback address or an app: whatever program listens there gets the answer (MCP security: localhost impersonation)."""


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
        is_private = (
            _SCHEME.fullmatch(parts.scheme) and parts.scheme not in _NO_APPS and not uri.endswith(f"{parts.scheme}:")
        )
        return None if is_private else "The scheme must be https, or one of the app's own (RFC 8252 section 7.1)."
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
        return Destination(f"{parts.scheme}:", True)
    host = parts.hostname or ""
    return Destination(host, is_loopback_host(host))


def destination_of_host(host: str) -> Destination:
    """Where an answer went, by what of it was kept: a host, or the scheme of an app."""
    return Destination(host, host.endswith(":") or is_loopback_host(host))


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
