"""Fixtures of the storefront's tests."""

from __future__ import annotations

import pytest

from tests.support.people import SOFIA, ShopUnderTest, Visitor


@pytest.fixture
def sofia(shop: ShopUnderTest) -> Visitor:
    """Sofia in her browser, signed in."""
    return shop.sign_in(SOFIA)
