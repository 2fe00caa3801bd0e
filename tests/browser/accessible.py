"""Whether axe objects to anything on a page."""

from __future__ import annotations

import json

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_ARRIVED = """async () => {
  const styled = document.getAnimations().filter(one => one instanceof CSSAnimation || one instanceof CSSTransition);
  const moving = styled.filter(one => one.effect.getComputedTiming().endTime !== Infinity);
  await Promise.all(moving.map(one => one.finished.catch(() => null)));
}"""


def accessible(page: Page) -> None:
    """Nothing that axe objects to, in the page and in each frame: it cannot look into one of another origin from outside.

    A heading of the first level is the page's own to have. A colour on its way to another one is looked at when it has arrived;
    a widget's patience with its host is an animation too, and moves nothing.
    """
    for frame in page.frames:
        frame.evaluate(_ARRIVED)
        if frame.evaluate("typeof axe === 'undefined'"):
            frame.evaluate(Axe().axe_script)
        options = {
            "rules": {"page-has-heading-one": {"enabled": frame == page.main_frame}},
            "iframes": False,  # each has its own turn here
            "resultTypes": ["violations"],
        }
        found = frame.evaluate("options => axe.run(options)", options)
        assert found["passes"], "axe looked at something"
        assert found["violations"] == [], json.dumps(found["violations"])[:2000]
