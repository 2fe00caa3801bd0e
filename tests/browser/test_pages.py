"""Shopping by pages, by mouse, finger and keyboard, with script and without; the theme, the budget, and the first day that comes back."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.conftest import OpenBrowser
from tests.browser.devices import DESKTOP, PHONE, Device
from tests.browser.person import ORDER_NUMBER, Person
from tests.browser.watch import Watch
from tests.support.people import FINN, SOFIA

BUDGET = 150_000
"""Bytes of a first view, compressed, without its pictures."""


@pytest.mark.parametrize(("screen", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_a_person_shops_by_pages(screen: Device, scheme: Any, visitor: OpenBrowser) -> None:
    """Search, narrow, choose, sign in on the way, buy, cancel, and buy the same again; the assistant is never needed."""
    sofia = visitor(SOFIA, device=screen, color_scheme=scheme)
    page = sofia.open("/")
    search_for(sofia, "long contxt hoodie")
    expect(page.locator(".corrected")).to_contain_text("long context hoodie")
    narrow(sofia, "#colour-black")
    expect(page.get_by_role("link", name="Without black")).to_be_visible()
    page.get_by_role("link", name="Long Context").click()
    expect(page.locator("#picture")).to_have_attribute("alt", "Long Context in black")
    page.get_by_role("link", name="plum", exact=True).click()
    expect(page.locator("#picture")).to_have_attribute("src", "/pictures/long-context-hoodie/plum.svg")
    page.get_by_role("link", name="XL", exact=True).click()
    expect(page.get_by_role("heading", name="Size: XL")).to_be_visible()
    page.get_by_role("link", name="Sign in to buy").click()
    sofia.type_email()
    sofia.pick_themselves()
    expect(page.get_by_role("heading", name="Size: XL")).to_be_visible()
    page.wait_for_load_state()  # its script is there: without it the click would lead to the cart at once
    page.get_by_label("How many").fill("2")
    page.get_by_role("button", name="Add to cart").click()
    expect(sofia.cart_link).to_contain_text("2 items")
    page.get_by_role("link", name="To the cart").click()
    page.get_by_role("button", name="One more of Long Context").click()
    expect(sofia.cart_link).to_contain_text("3 items")
    page.get_by_role("button", name="Undo the last change").click()
    expect(page.get_by_text("Your cart is as it was before.")).to_be_visible()
    expect(sofia.cart_link).to_contain_text("2 items")
    page.get_by_role("link", name="Check out").click()
    page.get_by_text("To another address").click()
    page.get_by_label("What you call it").fill("Home")
    page.get_by_label("Address, in one line").fill("Lime Street 7, 20457 Hamburg")
    page.get_by_role("button", name="Save this address").click()
    expect(page.get_by_label("Home")).to_be_checked()
    page.get_by_role("button", name="Confirm €116.00").click()
    expect(page.get_by_role("heading", name="Order CC-")).to_contain_text(ORDER_NUMBER)
    expect(page.locator("main")).to_contain_text("Lime Street 7")
    expect(sofia.cart_link).to_have_text("Cart")
    order = page.url
    page.get_by_role("button", name="Cancel this order").click()
    page.get_by_role("button", name="Cancel the order").click()
    expect(page.get_by_text("Your order is cancelled.")).to_be_visible()
    page.get_by_role("button", name="Order the same again").click()
    expect(page.get_by_text("at today's prices")).to_be_visible()
    expect(sofia.cart_link).to_contain_text("2 items")
    page.goto(f"{order}/invoice")
    expect(page.locator(".sheet tfoot")).to_contain_text("€116.00")
    page.emulate_media(media="print")
    expect(page.locator("header.bar")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)", (
        "paper, also at night"
    )


def search_for(person: Person, words: str) -> None:
    """Type into the search of the header; on a phone it is a page of its own."""
    if person.device.is_phone:
        person.page.get_by_role("link", name="Search the shop").click()
    field = "Search these goods" if person.device.is_phone else "Search the shop"
    person.page.get_by_role("searchbox", name=field).fill(words)
    person.page.keyboard.press("Enter")


def narrow(person: Person, choice: str) -> None:
    """Choose a filter; on a phone they are in a drawer, which stays open until it is closed."""
    if person.device.is_phone:
        person.page.get_by_role("button", name="Filters").click()
    person.page.locator(choice).click()
    expect(person.page.locator(choice)).to_have_attribute("aria-current", "true")
    if person.device.is_phone:
        person.page.locator("#filters").get_by_role("button", name="Show").click()


def test_a_purchase_by_keyboard_alone(visitor: OpenBrowser) -> None:
    """From the first view to an order without a mouse: every step can be reached, seen and pressed."""
    sofia = visitor(SOFIA)
    sofia.sign_in("/")
    page = sofia.page
    tab_to(page, "Search the shop")
    page.keyboard.type("bearer")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="“bearer”")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()  # the link past the header
    tab_to(page, "Bearer €16.00")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Bearer", exact=True)).to_be_visible()
    tab_to(page, "navy")
    page.keyboard.press("Enter")
    expect(page.locator("#picture")).to_have_attribute("alt", "Bearer in navy")
    expect(page.locator("#colour-navy")).to_be_focused()  # the page changed around the choice
    tab_to(page, "Add to cart")
    page.keyboard.press("Enter")
    expect(page.get_by_text("In your cart:")).to_be_visible()
    tab_to(page, "Check out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check out")).to_be_visible()
    tab_to(page, "Office")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Warehouse")).to_be_checked()
    tab_to(page, "Confirm €16.00")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your order is placed.")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Quay Road 19")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until something that begins with these words has the focus, and see that it shows."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(_FOCUSED).startswith(name):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", (
                f"{name} shows no focus"
            )
            return
    raise AssertionError(f"{name} is not reached by Tab")


_FOCUSED = """() => {
  const it = document.activeElement;
  const words = it.getAttribute("aria-label") ?? it.labels?.[0]?.innerText ?? it.innerText ?? "";
  return words.replace(/\\s+/g, " ").trim();
}"""


def test_everything_works_without_script(visitor: OpenBrowser) -> None:
    """Filters, choices, the cart and the checkout are links and forms: script only spares the reload."""
    sofia = visitor(SOFIA, java_script_enabled=False)
    sofia.sign_in("/search?q=mug")
    page = sofia.page
    page.locator("#colour-ink").click()
    page.get_by_role("link", name="Refresh Token").click()
    page.get_by_role("link", name="moss", exact=True).click()
    expect(page.locator("#picture")).to_have_attribute("alt", "Refresh Token in moss")
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("heading", name="Your cart")).to_be_visible()
    page.get_by_role("button", name="Remove Refresh Token").click()
    page.locator("#flashes").get_by_role("button", name="Undo").click()
    page.get_by_label("How many of").fill("2")
    page.get_by_role("button", name="Update").click()
    page.get_by_role("link", name="Check out").click()
    page.get_by_role("button", name="Confirm €28.00").click()
    expect(page.get_by_text("Your order is placed.")).to_be_visible()


def test_back_and_forward_walk_through_the_choices(visitor: OpenBrowser) -> None:
    """A choice changes only the page's middle and is an address of its own: back undoes it, a reload keeps it."""
    sofia = visitor(SOFIA)
    page = sofia.open("/search?q=hoodie")
    page.evaluate("window.sameDocument = true")
    page.locator("#colour-moss").click()
    expect(page).to_have_url(sofia.shop.url("/search?q=hoodie&colour=moss"))
    page.locator("#size-L").click()
    expect(page).to_have_url(sofia.shop.url("/search?q=hoodie&colour=moss&size=L"))
    assert page.evaluate("window.sameDocument") is True
    page.go_back()
    expect(page.locator("#size-L")).not_to_have_attribute("aria-current", "true")
    expect(page.locator("#colour-moss")).to_have_attribute("aria-current", "true")
    page.reload()
    expect(page.get_by_role("link", name="Without moss")).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/search?q=hoodie", "/products/long-context-hoodie"])
def test_a_first_view_is_light(path: str, visitor: OpenBrowser) -> None:
    """Under 150 kB compressed, without pictures; the watch sees that nothing comes from elsewhere.

    The shop itself sends bodies as they are and leaves compressing to the proxy in front, so the weight is that of each
    body after gzip (fonts are compressed already).
    """
    anyone = visitor(SOFIA)
    seen: list[Response] = []
    anyone.page.on("response", lambda response: seen.append(response))  # noqa: PLW0108 - Playwright marks handlers
    anyone.open(path)
    anyone.page.wait_for_load_state("networkidle")
    weights = {r.url: len(gzip.compress(r.body())) for r in seen if r.request.resource_type != "image"}
    assert any(url.endswith(".woff2") for url in weights) and any("storefront.css" in url for url in weights)
    assert sum(weights.values()) < BUDGET, weights


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
    expect(other_tab.locator("#cart-link")).to_contain_text("2 items")
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
    expect(finn.page.get_by_text("Your role (guest) may not fill a cart.")).to_be_visible()
    finn.open("/cart")
    expect(finn.page.get_by_role("heading", name="This page is not for your role")).to_be_visible()
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
