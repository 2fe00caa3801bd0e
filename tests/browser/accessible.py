"""Whether axe objects to anything on a page."""

from __future__ import annotations

import json

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def accessible(page: Page) -> None:
    """Nothing that axe objects to, in the page and in each frame: it cannot look into one of another origin from outside.

    A heading of the first level is the page's own to have.
    """
    for frame in page.frames:
        if frame.evaluate("typeof axe === 'undefined'"):
            frame.evaluate(Axe().axe_script)
        options = {"rules": {"page-has-heading-one": {"enabled": frame == page.main_frame}}}
        found = frame.evaluate("options => axe.run(options)", options)
        assert found["passes"], "axe looked at something"
        assert found["violations"] == [], json.dumps(found["violations"])[:2000]
