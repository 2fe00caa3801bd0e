"""A seeded database without a shop around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shop.database import Database
from tests.support.clock import TestClock


@pytest.fixture
def database(database_url: str, clock: TestClock) -> Iterator[Database]:
    """The database of one process, with the test's clock."""
    database = Database(database_url, clock=clock, threads=8)
    yield database
    database.dispose()
