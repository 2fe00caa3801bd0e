"""What only a real browser shows of an assistant from outside: the question is readable, and its answer leads to the client."""

from __future__ import annotations

from urllib.parse import urlencode

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import OpenBrowser
from tests.browser.desktop import a_program_on_this_computer
from tests.browser.devices import DEVICES
from tests.browser.live_shop import LiveShop
from tests.browser.outside import registered_itself
from tests.support.assistants import pkce
from tests.support.people import SOFIA


def test_a_person_answers_an_assistant_from_outside(live_shop: LiveShop, visitor: OpenBrowser) -> None:
    """Signed in on the way, asked on a page that everybody can read on any screen, and brought back to the assistant."""
    with a_program_on_this_computer() as program:
        redirect_uri = program.redirect_uri
        client_id, challenge = registered_itself(live_shop, redirect_uri), pkce()[1]
        question = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "scope": "browse read transact",
            "state": "xyz",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": live_shop.url("/mcp"),
        }
        path = f"/oauth/authorize?{urlencode(question)}"
        for screen in DEVICES:
            sofia = visitor(SOFIA, live_shop, screen, elsewhere=frozenset({program.origin}), reduced_motion="reduce")
            sofia.open(path)
            sofia.type_email()
            sofia.pick_themselves()
            expect(sofia.page.get_by_role("heading", name="Desktop Helper")).to_be_visible()
            for theme in ("light", "dark"):
                sofia.page.emulate_media(color_scheme=theme)
                assert Axe().run(sofia.page).response["violations"] == [], (screen.name, theme)
            wide = sofia.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            assert not wide, screen.name
            expect(sofia.page.get_by_role("checkbox", checked=True)).to_have_count(2)
            sofia.page.get_by_role("button", name="Allow what is ticked").click()
            expect(sofia.page).to_have_title("Back")
            answer = program.answer()
            assert set(answer) == {"code", "state", "iss"}
            assert (answer["state"], answer["iss"]) == ("xyz", live_shop.settings.base_url)
