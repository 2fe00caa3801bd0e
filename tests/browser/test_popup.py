"""A host on another site connects in a popup: it waits there for its own page to call back, and for the person to close it."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

from playwright.sync_api import expect

from tests.browser.conftest import OpenBrowser
from tests.browser.desktop import a_program_on_this_computer
from tests.browser.live_shop import LiveShop
from tests.browser.outside import registered_itself
from tests.support.assistants import pkce
from tests.support.people import SOFIA

HOST = """<title>A host</title><button>Connect the shop</button><output></output><script>
let popup
document.querySelector("button").onclick = () => {
  popup = window.open(new URLSearchParams(location.search).get("address"), "connect", "popup,width=560,height=780")
}
addEventListener("message", event => {
  if (event.source === popup && event.origin === location.origin) document.querySelector("output").textContent = event.data
})
</script>"""
BACK = """<title>Back</title><script>window.opener.postMessage(location.search, location.origin); window.close()</script>"""


def test_the_popup_stays_with_the_host_that_opened_it(live_shop: LiveShop, visitor: OpenBrowser) -> None:
    """Through sign-in, the provider and consent it is not closed for its host, whose callback then reaches it."""
    with a_program_on_this_computer(host=HOST, callback=BACK) as program:
        client_id, challenge = registered_itself(live_shop, program.redirect_uri), pkce()[1]
        question = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": program.redirect_uri,
            "scope": "browse read",
            "state": "xyz",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": live_shop.url("/mcp"),
        }
        address = live_shop.url(f"/oauth/authorize?{urlencode(question)}")
        sofia = visitor(SOFIA, elsewhere=frozenset({program.origin}))
        host = sofia.page
        host.goto(f"{program.origin}/host?address={quote(address, safe='')}")
        with host.expect_popup() as opened:
            host.get_by_role("button").click()
        sofia.page = opened.value

        def is_open() -> bool:
            return not host.evaluate("popup.closed")

        expect(sofia.page.get_by_label("Work e-mail")).to_be_visible()
        assert is_open()
        sofia.type_email()
        assert is_open()
        sofia.pick_themselves()
        expect(sofia.page.get_by_role("heading", name="Desktop Helper")).to_be_visible()
        assert is_open()
        assert sofia.page.evaluate("window.opener !== null"), "which may be sent a message, and not be read"
        with sofia.page.expect_event("close"):
            sofia.page.get_by_role("button", name="Allow what is ticked").click()
        expect(host.locator("output")).to_have_text(re.compile(r"\?code=.+&state=xyz"))
        assert not is_open() and program.answer()["state"] == "xyz"
