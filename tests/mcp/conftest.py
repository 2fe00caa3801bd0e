"""A host of Sofia's assistant, connected. One shop serves a whole table of cases: what is asked here changes nothing."""

from __future__ import annotations

import pytest

from tests.mcp.host import HANDSHAKE, Host, host_of
from tests.support.people import SOFIA, ShopUnderTest


@pytest.fixture
def host(shop: ShopUnderTest) -> Host:
    """In the stateless revision."""
    return host_of(shop.sign_in(SOFIA))


@pytest.fixture
def older_host(shop: ShopUnderTest) -> Host:
    """After a handshake."""
    return host_of(shop.sign_in(SOFIA), version=HANDSHAKE)
