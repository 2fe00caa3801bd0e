"""The shop on a socket, a person at a browser, and the npm packages: installed once into pytest's own cache folder."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.mcp.live import served
from tests.outside.person import Person
from tests.support.people import SOFIA, ShopUnderTest

PACKAGES = {
    "@modelcontextprotocol/sdk": "1.32.2",
    "@modelcontextprotocol/client": "2.4.0",
    "mcp-remote": "0.15.1",
    "openid-client": "6.9.0",
}
"""What was measured. They come from wherever npm is set up to take packages from."""
_PATIENCE = 240


@pytest.fixture(scope="session")
def programs(request: pytest.FixtureRequest) -> Path:
    """The folder with the packages, and our scripts beside them. Skips where npm is not there, or gets nothing."""
    return installed(request, "outside", PACKAGES)


def installed(request: pytest.FixtureRequest, name: str, wanted_packages: Mapping[str, str]) -> Path:
    """A folder of pytest's cache with these packages in it. Skips where npm is not there, or gets nothing."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("npm and node are not there: other people's clients are not tried")
    folder = Path(request.config.cache.mkdir(name))
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes of the tests in one folder take each other's packages away
        marker, wanted = folder / "installed.json", json.dumps(wanted_packages)
        if not marker.exists() or marker.read_text(encoding="utf-8") != wanted:
            command = [npm, "install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
            packages = [f"{package}@{version}" for package, version in wanted_packages.items()]
            try:
                subprocess.run([*command, *packages], cwd=folder, check=True, capture_output=True, timeout=_PATIENCE)
            except (OSError, subprocess.SubprocessError) as error:
                pytest.skip(f"npm could not install other people's clients: {type(error).__name__}")
            marker.write_text(wanted, encoding="utf-8")
        for script in Path(__file__).parent.glob("*.mjs"):
            shutil.copy(script, folder)
    return folder


@pytest.fixture
def person(build_shop: Callable[..., ShopUnderTest]) -> Iterator[Person]:
    """Sofia, signed in, before a shop on a socket."""
    signed_in = build_shop().sign_in(SOFIA)
    with served(build_shop) as live:
        yield Person(signed_in, live)
