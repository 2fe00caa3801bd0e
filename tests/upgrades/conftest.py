"""Databases of earlier versions on both engines; `shop` is today's program on one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from shop.database import Database
from shop.demo.seeding import Seed
from tests.support.clock import TestClock
from tests.support.engines import Engine
from tests.support.providers import ServedProvider
from tests.upgrades.old_databases import VERSIONS, Known, known_of, load


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, engines: Callable[[str], Engine]) -> Engine:
    """Each engine."""
    return engines(request.param)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """The commit whose program made the database."""
    made_by: str = request.param
    return made_by


@pytest.fixture
def database_url(engine: Engine, version: str, providers: list[ServedProvider]) -> Iterator[str]:
    """A database that an earlier version made."""
    url = engine.empty()
    load(version, url, providers)
    yield url
    engine.drop(url)


@pytest.fixture
def first_seed(seed: Seed) -> Seed:
    """The seed that is applied: nothing in an old database is of this version yet."""
    return seed


@pytest.fixture
def old(database_url: str) -> Iterator[Database]:
    """The database that an earlier version made, and that nobody upgraded yet."""
    database = Database(database_url, threads=2)
    yield database
    database.dispose()


@pytest.fixture
def empty(engine: Engine) -> Iterator[Database]:
    """A database without any table."""
    url = engine.empty()
    database = Database(url, threads=2)
    yield database
    database.dispose()
    engine.drop(url)


@pytest.fixture
def known(version: str, engine: Engine) -> Known:
    """What only the people of the old database know."""
    return known_of(version, engine.name)


@pytest.fixture
def clock(known: Known) -> TestClock:
    """The time goes on where the old database ends."""
    clock = TestClock()
    clock.now = known.made_at
    clock.pass_by(minutes=1)
    return clock
