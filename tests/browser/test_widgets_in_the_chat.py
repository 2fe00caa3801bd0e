"""The chat as a host of the shop's own widgets, by the official bridge of MCP Apps: what other hosts show, shown here, offline.

The fixture `watch` sees every error of the console, every violation of the policy and every request to elsewhere.
"""

from __future__ import annotations

import json
import re
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FrameLocator, Locator, Request, expect

from tests.browser.conftest import OpenBrowser
from tests.browser.devices import DESKTOP, DEVICES, Device
from tests.browser.person import Person, in_order
from tests.browser.watch import Watch
from tests.support.people import SOFIA

UNFOLD = "Show as other assistants show it"
EVERYWHERE = pytest.mark.parametrize(
    ("held", "scheme"), [(DESKTOP, "light"), (DEVICES[1], "dark")], ids=["desktop-light", "phone-dark"]
)


def unfold(turn: Locator) -> FrameLocator:
    """Show the last result of a turn as other hosts do, by the keyboard. Returns what is in the frame."""
    summary = turn.locator("summary", has_text=UNFOLD).last
    summary.press("Enter")
    expect(turn.locator("iframe").last).to_be_visible()
    return turn.frame_locator("iframe").last


def accessible(person: Person) -> None:
    """Nothing that axe objects to, frames included."""
    found = Axe().run(person.page)
    assert found.violations_count == 0, json.dumps(found.response["violations"])[:2000]


@EVERYWHERE
@pytest.mark.holds("I3", "I6")
def test_from_the_grid_into_the_cart(visitor: OpenBrowser, held: Device, scheme: Literal["light", "dark"]) -> None:
    """A click in a frame is a call of the assistant of this conversation: refused until its person allows it, then done,
    and both on record as asked for by a widget.
    """
    sofia = visitor(SOFIA, device=held, color_scheme=scheme)
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    sofia.page.on("request", note)
    sofia.sign_in("/assistant/")
    turn = sofia.say("black hoodies under 60, in L")
    assert not [url for url in asked if "widget-" in url or "app-bridge" in url or "/widgets/" in url], "nothing before"
    frame = unfold(turn)
    expect(frame.get_by_role("heading", name="3 found")).to_be_visible()
    expect(frame.locator("html")).to_have_attribute("data-theme", scheme)
    accessible(sofia)
    frame.get_by_role("button", name="Long Context").press("Enter")
    add = frame.get_by_role("button", name="Add to cart")
    add.press("Enter")
    expect(frame.get_by_role("status")).to_contain_text("Switch on “buy” above the conversation")
    expect(sofia.cart_link).not_to_contain_text("1")
    sofia.page.locator("#may-transact").click()
    expect(sofia.page.locator("#may-transact")).to_have_attribute("aria-pressed", "true")
    add.press("Enter")
    expect(frame.get_by_role("status")).to_contain_text("It is in the cart: 1 item")
    expect(sofia.cart_link).to_contain_text("1 item")
    accessible(sofia)
    entries = sofia.audit_of(sofia.conversation)
    in_order(
        entries,
        "is asked by a widget for add_to_cart",
        ("refused add_to_cart", "scope transact was not consented to"),
        "allows transact",
        "is asked by a widget for add_to_cart",
        "allowed add_to_cart",
    )


@EVERYWHERE
def test_what_a_widget_would_say_or_open_is_the_persons_to_do(
    visitor: OpenBrowser, held: Device, scheme: Literal["light", "dark"]
) -> None:
    """It fills the composer and sends nothing; a link leads to the receipt in this conversation, and never out of the shop."""
    sofia = visitor(SOFIA, device=held, color_scheme=scheme)
    sofia.sign_in("/assistant/")
    asked = sofia.say("buy a long context hoodie in black, L")
    sofia.press(asked.get_by_role("button", name="Allow in this conversation"))
    frame = unfold(sofia.turns.last)
    expect(frame.get_by_role("heading", name="Waiting for you to confirm")).to_be_visible()
    accessible(sofia)
    frame.get_by_role("button", name="I have decided").press("Enter")
    expect(frame.get_by_role("status")).to_contain_text("has not decided yet")
    frame.get_by_role("button", name="Open the shop's page").press("Enter")
    sofia.page.wait_for_url(re.compile(r"/assistant/cnv_\w+#receipt-rcp_\w+$"))
    receipt = sofia.page.locator(".receipt")
    expect(receipt).to_be_in_viewport()

    cart = unfold(sofia.say("what is in my cart?"))
    order = cart.get_by_role("button", name="Ask to order this")
    turns = sofia.turns.count()
    order.press("Enter")
    field = sofia.page.get_by_role("textbox", name="Message to your assistant")
    expect(field).to_have_value("Please order what is in my cart.")
    expect(field).to_be_focused()
    expect(sofia.turns).to_have_count(turns)


def test_a_frame_follows_the_theme_and_goes_when_it_is_folded(visitor: OpenBrowser) -> None:
    """The same in the dock. Folded, nothing of it is left; unfolded again, it begins with what the call returned."""
    sofia = visitor(SOFIA, color_scheme="light")
    sofia.sign_in("/products/context-tee?colour=ink&size=M")
    sofia.open_dock()
    turn = sofia.say("black hoodies under 60, in L")
    frame = unfold(turn)
    expect(frame.locator("html")).to_have_attribute("data-theme", "light")
    sofia.page.emulate_media(color_scheme="dark")
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    frame.get_by_role("button", name="Long Context").click()
    expect(frame.get_by_role("button", name="Add to cart")).to_be_visible()
    accessible(sofia)
    turn.locator("summary", has_text=UNFOLD).press("Enter")
    expect(turn.locator("iframe")).to_have_count(0)
    expect(unfold(turn).get_by_role("heading", name="3 found")).to_be_visible()


@pytest.mark.holds("I6", "I9")
def test_what_a_frame_cannot_do(visitor: OpenBrowser, watch: Watch) -> None:
    """Its code cannot order, cannot lead out of the shop, reads nothing of the page around it, and outlives no sign-out."""
    watch.expect_answer(400)
    watch.expect_answer(401)
    sofia = visitor(SOFIA)
    sofia.sign_in("/assistant/")
    frame = unfold(sofia.say("black hoodies under 60, in L"))
    expect(frame.get_by_role("heading", name="3 found")).to_be_visible()
    inside = frame.locator("html")
    assert inside.evaluate("() => origin") == "null"
    assert (
        inside.evaluate("() => { try { return parent.document.title; } catch (error) { return error.name; } }")
        == "SecurityError"
    )
    inside.evaluate("() => bridge.open('https://elsewhere.example/')")
    expect(frame.get_by_role("status")).to_have_text("Please open https://elsewhere.example/")
    assert inside.evaluate("() => bridge.call('place_order', {})") is None
    expect(frame.get_by_role("status")).to_contain_text("Nothing was done.")
    expect(sofia.notice).to_contain_text("That cannot be done from here.")
    other_tab = sofia.new_tab("/sessions")
    other_tab.get_by_role("button", name="Sign out everywhere").click()
    expect(other_tab.get_by_role("link", name="Sign in again")).to_be_visible()
    frame.get_by_role("button", name="Long Context").click()
    expect(sofia.notice).to_contain_text("You are signed out.")
    expect(frame.get_by_role("status")).to_contain_text("Nothing was done.")
