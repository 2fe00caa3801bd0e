"""The address behind a request, as far as strangers can be told apart by one.

Behind the declared proxy it is the forwarded one (`ProxyFix`, set up in `shop.application`); no header is read here.
"""

from __future__ import annotations

import hashlib
import hmac
from ipaddress import IPv6Address, ip_address, ip_network

from flask import current_app, request

_IPV6_PREFIX = 64
"""Bits: one subscriber gets a whole /64 (RFC 6177 §2), so the addresses in it are one party."""


def address_key() -> str:
    """The address of the present request, as a key to count by: a keyed hash, so that no address is stored."""
    secret = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(secret, network_of(request.remote_addr or "").encode(), hashlib.sha256).hexdigest()[:32]


def network_of(address: str) -> str:
    """What counts as one party: an IPv4 address, or the /64 of an IPv6 one. "" for what is no address (a Unix socket)."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:  # ::ffff:192.0.2.1 on a dual-stack socket; by /64 all of IPv4 would be one party
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, _IPV6_PREFIX), strict=False))
