"""Finds a browser, or provisions one, so that the tests run on a fresh machine too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import BrowserType

PROVISION_SECONDS = 240
_SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser(browser_type: BrowserType) -> str:
    """The path of a browser to start.

    Playwright's own, else the system's, else Playwright's after an attempt to install it, else Debian's, if we may
    install that. Raises `RuntimeError`, with a sentence that says what to do, when there is none after all that.
    """
    own = Path(browser_type.executable_path)
    found = _existing(own)
    if not found and _runs([sys.executable, "-m", "playwright", "install", "chromium"]):
        found = _existing(own)
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        _runs(["apt-get", "update"])
        _runs(["apt-get", "install", "-y", "--no-install-recommends", "chromium"])
        found = _existing(own)
    if not found:
        raise RuntimeError(
            "The browser tests need Chromium, and none could be installed: run `uv run playwright install chromium`, "
            "or install your system's chromium package."
        )
    return found


def launch_arguments() -> list[str]:
    """What the browser is started with: no name but this machine's own can be found, and nothing runs beside the page."""
    arguments = [
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ]
    return [*arguments, "--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else arguments


def _existing(own: Path) -> str | None:
    return str(own) if own.exists() else next(filter(None, map(shutil.which, _SYSTEM_NAMES)), None)


def _runs(command: list[str]) -> bool:
    try:
        return subprocess.run(command, check=False, timeout=PROVISION_SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
