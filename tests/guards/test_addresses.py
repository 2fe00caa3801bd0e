"""Who counts as one party among strangers."""

from __future__ import annotations

import pytest
from flask import Flask

from shop.guards.addresses import address_key, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),  # IPv4 on a dual-stack socket: else all of it would be one /64
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_an_ipv6_network_counts_as_one(address: str, network: str) -> None:
    """An IPv4 address counts for itself, also written as an IPv6 one; of IPv6 the /64 does; anything else has no address."""
    assert network_of(address) == network


def test_no_address_is_stored(app: Flask) -> None:
    """The key to count by is a hash under the shop's own secret: the same for a network, another one under another secret."""

    def key(address: str) -> str:
        with app.test_request_context(environ_overrides={"REMOTE_ADDR": address}):
            return address_key()

    first = key("2001:db8:1:2::1")
    assert first == key("2001:db8:1:2::2") != key("203.0.113.7")
    app.config["SECRET_KEY"] = "another"
    assert key("2001:db8:1:2::1") != first


@pytest.fixture
def app() -> Flask:
    """An application with a secret and nothing else."""
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "one"
    return app
