"""A shop whose customer Acme signs in through its own OpenID provider, by configuration alone."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shop import create_app
from shop.settings import ROOT, Settings
from tests.identity.hostile import CLIENT_ID, CLIENT_SECRET, HostileProvider
from tests.identity.signing_in import Browser, Door
from tests.support.clock import TestClock
from tests.support.people import ShopUnderTest


@pytest.fixture
def provider(clock: TestClock) -> Iterator[HostileProvider]:
    """Acme's own provider, honest until the test bends it."""
    provider = HostileProvider(clock)
    yield provider
    provider.stop()


@pytest.fixture
def open_shop(
    settings: Settings, clock: TestClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ShopUnderTest]]:
    """Makes a shop with Acme's connection in `organizations.toml` as a deployer would write it."""
    monkeypatch.setenv("ACME_CLIENT_SECRET", CLIENT_SECRET)
    folder = tmp_path / "seed_data"
    shutil.copytree(ROOT / "seed_data", folder)
    built: list[ShopUnderTest] = []

    def open_with(issuer: str, **connection: object) -> ShopUnderTest:
        configured = {
            "issuer": issuer,
            "client_id": CLIENT_ID,
            "client_secret": "env:ACME_CLIENT_SECRET",
            **connection,
        }
        lines = "\n".join(f"{name} = {_toml(value)}" for name, value in configured.items() if value is not None)
        text = (ROOT / "seed_data" / "organizations.toml").read_text(encoding="utf-8")
        text = re.sub(
            r'(\[organization\.connection\]\n)issuer = "companion"\ndirectory = "identity_providers/acme\.toml"\n'
            r"client_id = .*\nclient_secret = .*\nscope = .*\n",
            lambda match: f"{match.group(1)}{lines}\n",
            text,
            count=1,
        )
        assert issuer in text
        (folder / "organizations.toml").write_text(text, encoding="utf-8")
        app = create_app(replace(settings, seed_dir=folder), clock=clock)
        app.testing = True
        services = app.extensions["shop"]
        built.append(ShopUnderTest(services, app, clock, services.database.url.get_backend_name()))
        return built[-1]

    yield open_with
    for shop in built:
        shop.database.dispose()


@pytest.fixture
def shop(open_shop: Callable[..., ShopUnderTest], provider: HostileProvider) -> ShopUnderTest:
    """A shop that Acme's own provider signs people in to."""
    return open_shop(provider.issuer)


@pytest.fixture
def door(shop: ShopUnderTest, provider: HostileProvider) -> Door:
    """The way in to that shop, with the assertions of a refused and of a successful sign-in."""
    return Door(shop, provider)


@pytest.fixture
def leaving(door: Door) -> Browser:
    """A browser that has given its e-mail and is at the provider now."""
    return door.browser()


def _toml(value: object) -> str:
    return (
        json.dumps(value)
        if not isinstance(value, dict)
        else f"{{{', '.join(f'{k} = {_toml(v)}' for k, v in value.items())}}}"
    )
