"""Time for tests of windows."""

from __future__ import annotations

from datetime import timedelta

from tests.support.people import ShopUnderTest


def at_full_minute(shop: ShopUnderTest) -> None:
    """Go to the beginning of a window, so that the next requests are all in it."""
    shop.clock.now = shop.clock.now.replace(second=0, microsecond=0) + timedelta(minutes=1)
