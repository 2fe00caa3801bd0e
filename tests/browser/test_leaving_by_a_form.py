"""Browsers apply CSP `form-action` to every redirect after a form: the two chains that it used to break end where they should."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import OpenBrowser
from tests.browser.desktop import a_program_on_this_computer
from tests.browser.live_shop import LiveShop
from tests.browser.outside import registered_itself
from tests.support.assistants import pkce
from tests.support.people import SOFIA


def asking(shop: LiveShop, client_id: str, redirect_uri: str) -> str:
    """An authorization request of a client."""
    question = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": "browse",
        "code_challenge": pkce()[1],
        "code_challenge_method": "S256",
        "resource": shop.url("/mcp"),
    }
    return f"/oauth/authorize?{urlencode(question)}"


@pytest.mark.holds("RFC9700-4.12")
def test_a_callback_may_redirect_on_to_another_origin(live_shop: LiveShop, visitor: OpenBrowser) -> None:
    """The client's callback is at one origin and its app at another, as with hosted connectors: the person arrives there."""
    with a_program_on_this_computer(app="<title>Arrived</title>") as app, a_program_on_this_computer() as program:
        sofia = visitor(SOFIA, elsewhere=frozenset({program.origin, app.origin}))
        sofia.context.route(
            f"{program.origin}/callback*",
            lambda route: route.fulfill(status=302, headers={"Location": f"{app.origin}/app"}),
        )
        sofia.open(asking(live_shop, registered_itself(live_shop, program.redirect_uri), program.redirect_uri))
        sofia.type_email()
        sofia.pick_themselves()
        sofia.page.get_by_role("button", name="Allow what is ticked").click()
        expect(sofia.page).to_have_title("Arrived")


@pytest.mark.holds("RFC9700-4.12")
def test_signing_in_goes_straight_on_to_a_known_client(live_shop: LiveShop, visitor: OpenBrowser) -> None:
    """Nobody has to be asked, so the identity provider's form is followed by nothing but redirects, to a site that its policy does
    not list: the person arrives all the same.
    """
    callback = "https://assistant.example/callback"
    told = json.loads(live_shop.flask("oauth", "register", "Campus Buyer", "--redirect-uri", callback))
    elsewhere = frozenset({"https://assistant.example"})

    def arrive(route: Route) -> None:
        route.fulfill(status=200, content_type="text/html", body="<title>Arrived</title>")

    for first in (True, False):
        sofia = visitor(SOFIA, elsewhere=elsewhere)
        sofia.context.route(f"{callback}*", arrive)
        sofia.open(asking(live_shop, told["client_id"], callback))
        sofia.type_email()
        sofia.pick_themselves()
        if first:
            sofia.page.get_by_role("button", name="Allow what is ticked").click()
        expect(sofia.page).to_have_title("Arrived")


def test_a_double_click_answers_once(live_shop: LiveShop, visitor: OpenBrowser) -> None:
    """Allow, clicked twice in a row: the question is answered by the first click, and the client gets that answer."""
    with a_program_on_this_computer() as program:
        sofia = visitor(SOFIA, elsewhere=frozenset({program.origin}))
        sofia.open(asking(live_shop, registered_itself(live_shop, program.redirect_uri), program.redirect_uri))
        sofia.type_email()
        sofia.pick_themselves()
        sofia.page.get_by_role("button", name="Allow what is ticked").dblclick()
        expect(sofia.page).to_have_title("Back")
        assert "code" in program.answer()
        assert program.answers.empty()
