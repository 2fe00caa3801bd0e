"""The checks that read the code instead of running it, so that one command says whether all is well."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shop.settings import ROOT


def checked(*command: str) -> str:
    """What a program of the environment says when it finds nothing wrong; fails the test, with all that it says, when it does."""
    program, *arguments = command
    result = subprocess.run(
        [f"{sys.prefix}/bin/{program}", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
    ],
    ids=" ".join,
)
def test_the_code_passes(command: tuple[str, ...]) -> None:
    """Ruff and mypy have nothing to say."""
    checked(*command)


@pytest.mark.holds("I1", "ASVS-8.3.1")
def test_the_import_contracts_hold() -> None:
    """Layers, the one door and the store's ignorance are contracts that import-linter checks."""
    told = checked("lint-imports", "--no-cache")
    assert "0 broken" in told
    assert "only the gateway runs them (I1)" in told and "change through tools only (I1)" in told
    assert "known behind the door only (I1)" in told
