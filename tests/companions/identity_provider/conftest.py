"""A provider for each test, with one client that the tests speak for and another one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from shop.companions.identity_provider import Client, Directory, ProviderConfig, create_app
from shop.companions.identity_provider.keys import SigningKey
from tests.companions.identity_provider.relying import CALLBACK, HOME, ISSUER, SECRET, SEED, Clock, Relying


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One key for all tests: RSA keys are slow to make."""
    path = tmp_path_factory.mktemp("key") / "acme-signing-key.json"
    SigningKey.load_or_create(path)
    return path


@pytest.fixture
def config(tmp_path: Path, signing_key: Path) -> ProviderConfig:
    data_dir = tmp_path / "acme"
    data_dir.mkdir()
    shutil.copy(signing_key, data_dir)
    return ProviderConfig(
        directory=Directory.load(SEED / "acme.toml"),
        data_dir=data_dir,
        issuer=ISSUER,
        clients=(
            Client(
                client_id="context-and-co",
                client_secret=SECRET,
                name="Context & Co.",
                redirect_uris=(CALLBACK,),
                post_logout_redirect_uris=(HOME,),
            ),
            Client(
                client_id="other",
                client_secret="other-secret",
                name="Other",
                redirect_uris=("http://127.0.0.1:5999/callback", CALLBACK),
            ),
        ),
    )


@pytest.fixture
def start(config: ProviderConfig, clock: Clock) -> Callable[..., Relying]:
    """Start the provider with a changed configuration."""
    return lambda **changes: Relying(create_app(replace(config, **changes), clock=clock))


@pytest.fixture
def relying(start: Callable[..., Relying]) -> Relying:
    return start()
