"""Fixtures of the whole suite. Flow tests run on both engines: `shop` is one shop on each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from jinja2 import BytecodeCache, FileSystemBytecodeCache

from shop.application import create_app  # with every table, so that the templates of the databases have them all
from shop.authorization.policy import Policy
from shop.database import Database, utc_now
from shop.demo.seeding import Seed
from shop.oauth.signing_keys import Keys
from shop.secret_files import kept_secret
from shop.settings import ROOT, Settings
from tests.support import quick
from tests.support.clock import TestClock
from tests.support.engines import Engine, PostgresEngine, SqliteEngine
from tests.support.people import ShopUnderTest
from tests.support.providers import BASE_URL, ServedProvider, serve_provider

SECRET_KEY = "a secret of the tests, long enough to sign cookies"


# A run of the suite is the same each time; `uv run pytest --hypothesis-profile=exploring` looks at other examples.
hypothesis_settings.register_profile("same", derandomize=True)
hypothesis_settings.register_profile("exploring", derandomize=False)
hypothesis_settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--unpatched` leaves the libraries as they come (tests/test_unpatched.py)."""
    parser.addoption("--unpatched", action="store_true", help="without the shortcuts of tests/support/quick.py")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Everything is imported now."""
    if not session.config.getoption("--unpatched"):
        quick.remember_url_builders()
        quick.share_compiled_statements()
        quick.share_policies()
        quick.collect_garbage_seldom()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the shops under test, with the client secrets that the providers share."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def providers(data_dir: Path) -> Iterator[list[ServedProvider]]:
    """The identity providers of Acme and Globex, on real sockets."""
    served = [
        serve_provider(slug, data_dir / "companions", kept_secret(data_dir / f"{slug}.client_secret"))
        for slug in ("acme", "globex")
    ]
    yield served
    for provider in served:
        provider.stop()


@pytest.fixture(scope="session")
def seed(providers: list[ServedProvider]) -> Seed:
    """The seed data, with the served providers as issuers."""
    return Seed(ROOT / "seed_data", lambda index: f"http://127.0.0.1:{providers[index].port}")


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory, seed: Seed) -> Iterator[Callable[[str], Engine]]:
    """Both engines, each started when the first test asks for it."""
    started: dict[str, Engine] = {}
    policy = Policy.from_file(ROOT / "seed_data" / "policy" / "policy.csv")

    def seed_template(url: str) -> None:
        database = Database(url, threads=2)
        seed.apply(database, policy)
        Keys(database, SECRET_KEY).signer()  # made once: an RSA key takes its time
        database.dispose()

    def engine(name: str) -> Engine:
        if name not in started:
            kind: type[Engine] = SqliteEngine if name == "sqlite" else PostgresEngine
            started[name] = kind(tmp_path_factory.mktemp(name), seed_template)
        return started[name]

    yield engine
    postgres = started.get("postgresql")
    if isinstance(postgres, PostgresEngine):
        postgres.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, engines: Callable[[str], Engine]) -> Iterator[str]:
    """A fresh seeded database on each engine."""
    engine = engines(request.param)
    url = engine.fresh()
    yield url
    engine.drop(url)


@pytest.fixture
def settings(database_url: str, data_dir: Path) -> Settings:
    """Settings of a shop under test."""
    return Settings(
        base_url=BASE_URL,
        port=5999,
        data_dir=data_dir,
        database_url=database_url,
        secret_key=SECRET_KEY,
        threads=8,
        model_retries=0,
    )


@pytest.fixture
def clock() -> TestClock:
    """Time, as far as the shop under test is concerned."""
    return TestClock()


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> BytecodeCache:
    """What Jinja compiled once: the templates of all the shops under test are the same."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def first_seed(seed: Seed, request: pytest.FixtureRequest) -> Seed:
    """The seed of the first shop on this test's database, which is a copy of a seeded one."""
    return seed if request.config.getoption("--unpatched") else quick.AlreadyApplied(seed)


@pytest.fixture
def build_shop(
    settings: Settings,
    clock: TestClock,
    seed: Seed,
    providers: list[ServedProvider],
    compiled_templates: BytecodeCache,
    first_seed: Seed,
) -> Iterator[Callable[..., ShopUnderTest]]:
    """Makes shops on this test's database: with another model, or other settings; several are several processes."""
    built: list[ShopUnderTest] = []
    for provider in providers:
        provider.clock = lambda: clock.now

    def build(*, model: Any = None, fetcher: Any = None, **changed: Any) -> ShopUnderTest:
        settings_here, seed_here = replace(settings, **changed), seed if built else first_seed
        app = create_app(settings_here, clock=clock, model=model, seed=seed_here, fetcher=fetcher)
        app.testing = True
        app.jinja_env.bytecode_cache = compiled_templates
        services = app.extensions["shop"]
        engine = services.database.url.get_backend_name()
        built.append(ShopUnderTest(services, app, clock, engine))
        return built[-1]

    yield build
    for shop in built:
        shop.database.dispose()
    for provider in providers:
        provider.clock = utc_now


@pytest.fixture
def shop(build_shop: Callable[..., ShopUnderTest]) -> ShopUnderTest:
    """A shop with the offline model."""
    return build_shop()
