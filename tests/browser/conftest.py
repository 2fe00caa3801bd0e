"""Fixtures of the browser tests: a real browser, the real program, and people who use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserType, expect
from pytest_playwright.pytest_playwright import CreateContextCallback

from tests.browser.chromium import find_browser, launch_arguments
from tests.browser.devices import DESKTOP, Device
from tests.browser.gate import GatedModel
from tests.browser.live_shop import LiveShop, RunningShop
from tests.browser.person import Person
from tests.browser.watch import Watch

HERE = Path(__file__).parent
PATIENCE_MS = 15_000

OpenBrowser = Callable[..., Person]
"""`visitor("sofia.hart@acme.example", shop=…, device=…, **context options)`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests run last: Playwright leaves a running event loop in the thread, where `asyncio.run` then fails."""
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.browser)
    items[:] = [item for item in items if HERE not in item.path.parents] + ours


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], browser_type: BrowserType) -> dict[str, Any]:
    """A browser that is there, and that reaches nothing but this machine."""
    expect.set_options(timeout=PATIENCE_MS)
    return {
        **browser_type_launch_args,
        "executable_path": find_browser(browser_type),
        "args": launch_arguments(),
    }


@pytest.fixture(scope="session")
def base_url() -> None:
    """None: the program's address is its own. Stands for the fixture of pytest-base-url, which pytest 9 warns about."""


@pytest.fixture(scope="session")
def running_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    """The program, as anyone starts it, with the embedded model."""
    with RunningShop(tmp_path_factory.mktemp("running")) as shop:
        yield shop


@pytest.fixture
def live_shop(running_shop: LiveShop) -> LiveShop:
    """The program on its first day."""
    running_shop.reset()
    return running_shop


@pytest.fixture(scope="session")
def model() -> Iterator[GatedModel]:
    """The model that the test can hold."""
    served = GatedModel()
    yield served
    served.stop()


@pytest.fixture(scope="session")
def running_gated_shop(tmp_path_factory: pytest.TempPathFactory, model: GatedModel) -> Iterator[LiveShop]:
    """The program, configured for a model server: the one that the test can hold."""
    data_dir = tmp_path_factory.mktemp("gated")
    with RunningShop(data_dir, OPENAI_BASE_URL=model.base_url, SHOP_MODEL="offline-1") as shop:
        yield shop


@pytest.fixture
def gated_shop(running_gated_shop: LiveShop) -> LiveShop:
    """The program whose model the test can hold, on its first day."""
    running_gated_shop.reset()
    return running_gated_shop


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Every test fails on a script's error, a violation of the policy, or a request to elsewhere."""
    watching = Watch()
    yield watching
    assert watching.problems == []


@pytest.fixture
def visitor(watch: Watch, new_context: CreateContextCallback, request: pytest.FixtureRequest) -> OpenBrowser:
    """Gives people browsers of their own: nobody shares cookies with anybody."""

    def open_browser(
        email: str,
        shop: LiveShop | None = None,
        device: Device = DESKTOP,
        elsewhere: frozenset[str] = frozenset(),
        **options: Any,
    ) -> Person:
        shop = shop or request.getfixturevalue("live_shop")
        context = new_context(**device.options(), **options)
        watch.follow(context, shop.origins | elsewhere)
        return Person(email, shop, context, device)

    return open_browser
