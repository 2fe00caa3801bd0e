"""Each invariant hangs on a line. These tests break that line in a copy of the project, and see the named test fail.

`tests/invariants.toml` says which line, what is put in its place, and which test must notice. A test that a broken invariant
cannot make fail would prove nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from shop.settings import ROOT

INVARIANTS = tomllib.loads((Path(__file__).parent / "invariants.toml").read_text(encoding="utf-8"))
_COPIED = ("app.py", "pyproject.toml", "README.md", "docs", "shop", "templates", "tests", "seed_data")


def mutated(invariant: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an invariant's test in a copy of the project in which its line is broken."""
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)  # with what was compiled: it holds for each file that is not changed
        else:
            shutil.copyfile(source, folder / name)
    path = folder / invariant["file"]
    text = path.read_text(encoding="utf-8")
    assert text.count(invariant["line"]) == 1, f"{invariant['file']} must hold exactly once: {invariant['line']}"
    path.write_text(text.replace(invariant["line"], invariant["broken"]), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider"]
    command += ["-o", "addopts=--import-mode=importlib", invariant["test"]]
    lean = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # no browser and no second process are needed here
    return subprocess.run(command, cwd=folder, env=lean, capture_output=True, text=True, check=False, timeout=180)


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Future[subprocess.CompletedProcess[str]]]:
    """All mutations that were asked for, two at a time."""
    pool = ThreadPoolExecutor(2)
    asked = [name for name in INVARIANTS if any(f"[{name}]" in item.nodeid for item in request.session.items)]
    return {name: pool.submit(mutated, INVARIANTS[name], tmp_path_factory.mktemp(name)) for name in asked}


@pytest.mark.parametrize("identifier", INVARIANTS)
def test_breaking_the_line_that_holds_an_invariant_fails_its_test(
    identifier: str, runs: dict[str, Future[subprocess.CompletedProcess[str]]]
) -> None:
    """The named test notices when the line that holds the invariant is gone."""
    result = runs[identifier].result()
    assert result.returncode == 1, result.stdout[-2000:] + result.stderr[-2000:]
    assert "1 failed" in result.stdout
