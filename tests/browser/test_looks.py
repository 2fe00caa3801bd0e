"""Every page and state: nothing that a screen reader stumbles over, enough contrast in both themes, nothing to scroll sideways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser import walks
from tests.browser.conftest import OpenBrowser
from tests.browser.devices import DEVICES, Device
from tests.browser.person import Person
from tests.browser.watch import Watch
from tests.support.people import ADA, GIL, INES, SOFIA, TARIQ

PEOPLE = {"sofia": SOFIA, "gil": GIL, "ada": ADA, "ines": INES, "tariq": TARIQ}
WALKS = [
    walks.shop_window,
    walks.signing_in,
    walks.buying_by_hand,
    walks.talking,
    walks.with_the_assistant_at_hand,
    walks.talking_to_a_model_that_hesitates,
    walks.assistants_from_outside,
    walks.reading_the_record,
]
THEMES: dict[str, dict[str, Any]] = {
    "light": {"resultTypes": ["violations"]},
    "dark": {
        "resultTypes": ["violations"],
        "runOnly": ["color-contrast"],
    },  # of all rules, the only one that sees colours
}


@pytest.mark.parametrize("screen", DEVICES, ids=lambda screen: screen.name)
@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.__name__)
def test_every_page_and_state_is_accessible_and_fits(
    walk: Any, screen: Device, visitor: OpenBrowser, watch: Watch, request: pytest.FixtureRequest
) -> None:
    """At every stop of a walk axe finds nothing in either theme, and nothing is wider than the screen."""
    for status in (400, 403, 404):
        watch.expect_answer(status)  # walks also stop at refusals
    found: list[str] = []
    for stop, person in _walked(walk, screen, visitor, request):
        # The tokens of the dark theme are one for both screens: a phone shows more of them in the chat only.
        themes = THEMES if not screen.is_phone or walk is walks.talking else {"light": THEMES["light"]}
        found += [f"{stop}: {problem}" for problem in _violations(person.page, themes) + _overflow(person.page)]
    assert found == []


def _walked(
    walk: Any, screen: Device, visitor: OpenBrowser, request: pytest.FixtureRequest
) -> Iterator[tuple[str, Person]]:
    is_gated = walk is walks.talking_to_a_model_that_hesitates
    shop = request.getfixturevalue("gated_shop" if is_gated else "live_shop")

    def meet(name: str) -> Person:
        return visitor(PEOPLE[name], shop, screen, reduced_motion="reduce")

    stops = walk(meet, request.getfixturevalue("model")) if is_gated else walk(meet)
    yield from stops


def _violations(page: Page, themes: dict[str, dict[str, Any]]) -> list[str]:
    found: list[str] = []
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(Axe().axe_script)
    for theme, options in themes.items():
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        for violation in page.evaluate("options => axe.run(options)", options)["violations"]:
            places = "; ".join(node["html"][:160] for node in violation["nodes"])
            found.append(f"{theme}: {violation['id']}, {violation['help']}: {places}")
    return found


def _overflow(page: Page) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{wide} pixels wider than the screen"] if wide > 0 else []
