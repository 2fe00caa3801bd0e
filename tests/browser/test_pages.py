"""Buying by hand, the theme, and the first day that comes back: the storefront in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenBrowser
from tests.browser.devices import DEVICES, Device
from tests.browser.person import ORDER_NUMBER
from tests.browser.watch import Watch
from tests.support.people import FINN, SOFIA


@pytest.mark.parametrize("screen", DEVICES, ids=lambda screen: screen.name)
def test_a_person_buys_without_the_assistant(screen: Device, visitor: OpenBrowser) -> None:
    """From the shelf to an order by pages alone: sign-in comes in between and leads back to the chosen size."""
    sofia = visitor(SOFIA, device=screen)
    page = sofia.open("/?q=long+context")
    page.get_by_role("link", name="Long Context").click()
    page.get_by_role("link", name="XL", exact=True).click()
    page.get_by_role("link", name="Sign in to buy").click()
    sofia.type_email()
    sofia.pick_themselves()
    expect(page.get_by_role("heading", name="Size: XL")).to_be_visible()
    page.get_by_label("How many").fill("2")
    page.get_by_role("button", name="Add to cart").click()
    expect(sofia.cart_link).to_contain_text("2 items")
    page.get_by_role("link", name="Check out").click()
    page.get_by_label("Warehouse").check()
    expect(page.locator(".receipt")).to_contain_text("€116.00")
    page.get_by_role("button", name="Confirm €116.00").click()
    expect(page.get_by_role("heading", name="Order CC-")).to_contain_text(ORDER_NUMBER)
    expect(page.locator("main")).to_contain_text("Quay Road 19")
    expect(sofia.cart_link).to_have_text("Cart")


@pytest.mark.holds("I7")
def test_a_checkout_page_that_has_grown_old_buys_nothing(visitor: OpenBrowser, watch: Watch) -> None:
    """What changed in another tab since the page was opened is shown before anything is bought."""
    watch.expect_answer(409)
    sofia = visitor(SOFIA)
    sofia.sign_in("/products/refresh-token-mug?colour=bone")
    sofia.page.get_by_role("button", name="Add to cart").click()
    sofia.page.get_by_role("link", name="Check out").click()
    old = sofia.page.get_by_role("button", name="Confirm €14.00")
    other_tab = sofia.new_tab("/products/bearer-tote?colour=bone")
    other_tab.get_by_role("button", name="Add to cart").click()
    expect(other_tab.get_by_role("heading", name="2 items")).to_be_visible()
    old.click()
    expect(sofia.page.get_by_text("Something changed. Nothing was bought.")).to_be_visible()
    expect(sofia.page.get_by_role("button", name="Confirm €30.00")).to_be_visible()
    assert sofia.new_tab("/orders").locator(".ledger > li").count() == 1


def test_a_refusal_leads_somewhere_that_is_not_refused(visitor: OpenBrowser, watch: Watch) -> None:
    """Who has no role that may buy is told so, and is not sent back to a cart that they may not have."""
    watch.expect_answer(403)
    finn = visitor(FINN)
    finn.sign_in("/products/bearer-tote?colour=bone")
    finn.page.get_by_role("button", name="Add to cart").click()
    expect(finn.page.get_by_role("heading", name="This was not done")).to_be_visible()
    finn.page.locator("main .actions a").first.click()
    expect(finn.page.get_by_role("heading", name="Goods for people who speak protocol.")).to_be_visible()


def test_a_chosen_theme_is_kept(visitor: OpenBrowser) -> None:
    """Dark stays dark on the next page, after a reload and in another tab, whatever the system says."""
    sofia = visitor(SOFIA, color_scheme="light")
    page, background = sofia.open("/"), "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.locator("footer").get_by_role("button", name="Dark").click()
    dark = page.evaluate(background)
    assert dark != light
    page.reload()
    assert page.evaluate(background) == dark
    expect(page.locator("footer").get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    other_tab = sofia.new_tab("/sign-in")
    assert other_tab.evaluate(background) == dark
    other_tab.locator("footer").get_by_role("button", name="System").click()
    expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")
    assert page.evaluate(background) == light


def test_the_first_day_comes_back_while_the_shop_is_open(visitor: OpenBrowser) -> None:
    """`flask reset` runs beside the server: orders are as seeded, and who was signed in has to sign in again."""
    sofia = visitor(SOFIA)
    sofia.sign_in("/products/bearer-tote?colour=bone")
    sofia.page.get_by_role("button", name="Add to cart").click()
    expect(sofia.cart_link).to_contain_text("1 item")
    assert "as it was on its first day" in sofia.shop.flask("reset")
    sofia.open("/orders")
    expect(sofia.page.get_by_role("heading", name="Hello. Where do you work?")).to_be_visible()
    sofia.sign_in("/orders")
    expect(sofia.page.locator(".ledger > li")).to_have_count(1)
    expect(sofia.cart_link).to_have_text("Cart")
