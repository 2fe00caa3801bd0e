"""A model's server that a test scripts, and a shop whose assistant asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from shop.settings import Settings
from tests.assistant.upstream import KEY, Upstream, serve
from tests.support.people import ShopUnderTest


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """The model's server, on a real socket."""
    serving = serve()
    yield serving
    serving.server.shutdown()
    serving.server.server_close()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """As everywhere, and the name of the model that is asked for."""
    return replace(settings, model="fake-1")


@pytest.fixture
def talking(build_shop: Callable[..., ShopUnderTest], upstream: Upstream) -> ShopUnderTest:
    """A shop that is configured with a model's server, as a deployment would."""
    return build_shop(openai_base_url=upstream.url, openai_api_key=KEY)
