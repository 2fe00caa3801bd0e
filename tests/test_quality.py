"""The checks that read the code instead of running it, so that one command says whether all is well."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shop.settings import ROOT


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("lint-imports", "--no-cache"),
    ],
    ids=" ".join,
)
def test_the_code_passes(command: tuple[str, ...]) -> None:
    """Ruff, mypy and the import contracts have nothing to say."""
    scripts = f"{sys.prefix}/bin"
    result = subprocess.run(
        [f"{scripts}/{command[0]}", *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
