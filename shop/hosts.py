"""Host names and addresses: how they are written in a URL, whether they are this machine, and what can be listened on."""

from __future__ import annotations

import socket
from ipaddress import ip_address


def in_url(host: str) -> str:
    """A host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def written_origin(scheme: str, host: str, port: int | None) -> str:
    """An origin as browsers write it: without the port that its scheme has by default (RFC 6454 §6.2)."""
    is_usual = port in (None, 443 if scheme == "https" else 80)
    return f"{scheme}://{in_url(host)}" + ("" if is_usual else f":{port}")


def is_loopback_host(host: str) -> bool:
    """Whether a host name or address can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def listening_addresses(host: str) -> list[str]:
    """The addresses that a host to listen on stands for.

    `localhost` is both loopback addresses: clients try one or the other first, and no other program may answer on the one that
    is left. Raises `OSError` for a name that has no address.
    """
    if host == "localhost":
        return [address for address in ("127.0.0.1", "::1") if _is_there(address)]
    found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _is_there(address: str) -> bool:
    """Whether this machine has an address; one may run without IPv6."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
