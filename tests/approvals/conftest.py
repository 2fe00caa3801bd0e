"""Sofia, who may buy, and her assistant, which she has allowed to."""

from __future__ import annotations

import pytest

from tests.support.people import SOFIA, Assistant, ShopUnderTest, Visitor


@pytest.fixture
def sofia(shop: ShopUnderTest) -> Visitor:
    """Sofia in her browser, signed in."""
    return shop.sign_in(SOFIA)


@pytest.fixture
def assistant(sofia: Visitor) -> Assistant:
    """Her assistant, allowed to browse, read and transact."""
    return sofia.assistant("transact")
