"""Scene 13 in a browser: a person lets an assistant in, sees it, narrows it, revokes it; its next call is refused each time."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenBrowser
from tests.browser.devices import DEVICES, Device
from tests.browser.outside import let_in
from tests.support.people import INES, SOFIA

MUG = {"sku": "refresh-token-mug-bone", "quantity": 1}


@pytest.mark.holds("I9")
@pytest.mark.parametrize("screen", DEVICES, ids=lambda screen: screen.name)
def test_what_is_allowed_can_be_taken_back_in_place(screen: Device, visitor: OpenBrowser) -> None:
    """From the account menu to the assistant, its record, less of it, and the end of it."""
    sofia = visitor(SOFIA, device=screen)
    sofia.sign_in("/")
    outside = let_in(sofia, "Buy for you")
    assert outside.is_served("add_to_cart", **MUG)
    sofia.open("/")
    page = sofia.page
    page.get_by_role("button", name="Your account").click()
    page.locator("#account").get_by_role("link", name="Connected assistants").click()
    expect(page.get_by_role("heading", name="A traveller")).to_be_visible()
    take_back = page.get_by_role("button", name="Take back what is unticked")
    expect(take_back).to_be_hidden()
    page.get_by_role("checkbox", name="Buy for you").uncheck()
    take_back.click()
    expect(page.get_by_text("Taken back. It acts from its very next call.")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Buy for you")).to_have_count(0)
    assert not outside.is_served("add_to_cart", **MUG)
    assert outside.is_served("view_cart")
    page.locator(".lately a").click()
    expect(page.get_by_text("Outside of the shop, in A traveller")).to_be_visible()
    page.get_by_role("link", name="A traveller").click()
    page.locator("summary", has_text="Revoke A traveller").click()
    expect(page.get_by_text("What this does not undo:")).to_be_visible()
    page.get_by_role("button", name="Revoke A traveller").click()
    expect(page.get_by_role("heading", name="No assistant from outside acts for you")).to_be_visible()
    expect(page.get_by_text("you revoked it")).to_be_visible()
    assert not outside.is_served("view_cart")


def test_an_administrator_stops_all_and_lets_them_go_on(visitor: OpenBrowser) -> None:
    """One press, confirmed, and every assistant is refused; another, and all goes on where it was."""
    sofia, ines = visitor(SOFIA), visitor(INES)
    sofia.sign_in("/")
    outside = let_in(sofia)
    ines.sign_in("/admin/agents/")
    ines.page.locator("summary", has_text="Stop all assistants").click()
    ines.page.get_by_role("button", name="Stop all assistants").click()
    expect(ines.page.get_by_text("All assistants are stopped.")).to_be_visible()
    assert not outside.is_served("view_cart")
    ines.page.get_by_role("button", name="Let them go on").click()
    expect(ines.page.get_by_text("Assistants may go on.")).to_be_visible()
    assert outside.is_served("view_cart")


def test_an_address_is_copied_by_a_press(visitor: OpenBrowser) -> None:
    """The button says that it did, and the clipboard has the shop's address for assistants."""
    anyone = visitor(SOFIA, permissions=["clipboard-read", "clipboard-write"])
    page = anyone.open("/connect")
    button = page.locator("[data-copy=mcp-url]")
    button.click()
    expect(button).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == anyone.shop.url("/mcp")
