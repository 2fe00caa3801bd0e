"""What only a real browser shows of the widgets: a host's sandboxed frame draws them, and what they ask for passes `/mcp`.

Both dialects are spoken here by hosts of a few lines: the bridge of MCP Apps, and `window.openai`. The official bridge, which is
not our code, hosts the same widgets in `test_widgets_elsewhere.py` and `test_widgets_in_the_chat.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.accessible import accessible
from tests.browser.devices import DESKTOP, DEVICES
from tests.browser.widget_hosts import OpenAIOnly, WidgetHost
from tests.mcp.host import Host, host_of
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import HOODIE, ONE_ENGINE, OWN_ORDER, set_variant, watching

pytestmark = ONE_ENGINE


@pytest.fixture
def host(shop: ShopUnderTest) -> Host:
    """Of an assistant that may transact."""
    return host_of(shop.sign_in(SOFIA), "browse", "read", "transact")


@pytest.fixture(params=[(DESKTOP, "light"), (DEVICES[1], "dark")], ids=["desktop-light", "phone-dark"])
def widgets(request: pytest.FixtureRequest, browser: Browser, host: Host) -> Iterator[WidgetHost]:
    """A host's page, in which nothing may fail."""
    shown = WidgetHost(browser, host, *request.param)
    yield shown
    shown.context.close()
    assert shown.problems == []


@pytest.fixture
def other(browser: Browser, host: Host) -> Iterator[OpenAIOnly]:
    """A page of a host with `window.openai`, in which nothing may fail."""
    shown = OpenAIOnly(browser, host, DESKTOP, "light")
    yield shown
    shown.context.close()
    assert shown.problems == []


def test_from_the_grid_into_the_cart_and_to_an_order_by_keyboard(widgets: WidgetHost) -> None:
    """Each step of the person in the frame is a call of their assistant, on record; ordering is said in the conversation."""
    frame = widgets.show("products", "search_products", {"query": "hoodie"})
    frame.get_by_role("button", name="Long Context").press("Enter")
    frame.get_by_role("radio", name="L", exact=True).click()
    expect(frame.get_by_role("radio", name="L", exact=True)).to_be_checked()
    accessible(widgets.page)
    with watching(widgets.host.shop) as seen:
        frame.get_by_role("button", name="Add to cart").press("Enter")
        expect(frame.get_by_role("status")).to_contain_text("It is in the cart")
    (called,) = (event for event in seen.events if event.name.startswith("tool_call"))
    assert called.content["facts"]["tool"] == "add_to_cart" and widgets.host.assistant
    assert called.content["actor"]["client"] == widgets.host.assistant.client_id

    frame = widgets.show("cart", "view_cart", {})
    more = frame.get_by_role("button", name="One more").first
    before = widgets.host.call("view_cart")["structuredContent"]["items"]
    more.press("Enter")
    expect(frame.get_by_text(f"{before + 1} items")).to_be_visible()
    expect(more).to_be_focused()
    accessible(widgets.page)
    frame.get_by_role("button", name="Ask to order this").press("Enter")
    (said,) = widgets.heard("ui/message")
    assert said["role"] == "user" and said["content"][0]["text"] == "Please order what is in my cart."

    frame = widgets.show("order", "place_order", {})
    expect(frame.get_by_role("heading", name="Waiting for you to confirm")).to_be_visible()
    frame.get_by_role("button", name="I have decided").press("Enter")
    expect(frame.get_by_role("status")).to_contain_text("has not decided yet")
    frame.get_by_role("button", name="Open the shop's page").press("Enter")
    (opened,) = widgets.heard("ui/open-link")
    assert opened["url"].startswith(f"{BASE_URL}/approvals/rcp_")
    accessible(widgets.page)


def test_an_order_and_a_refusal(widgets: WidgetHost) -> None:
    """An order with its way; and a call that is refused is told in words, while what was seen stays."""
    frame = widgets.show("order", "get_order", {"number": OWN_ORDER})
    expect(frame.get_by_role("heading", name=f"Order {OWN_ORDER}")).to_be_visible()
    accessible(widgets.page)
    frame = widgets.show("product", "get_product", {"product": "long-context-hoodie"})
    for choice in ("black", "L"):
        frame.get_by_role("radio", name=choice, exact=True).click()
        expect(frame.get_by_role("radio", name=choice, exact=True)).to_be_checked()
    set_variant(widgets.host.shop, HOODIE, stock=0)
    frame.get_by_role("button", name="Add to cart").press("Enter")
    expect(frame.get_by_role("status")).to_have_text("Sold out: Long Context in black, L.")
    expect(frame.get_by_role("heading", name="Long Context")).to_be_visible()


def test_the_same_widgets_where_a_host_has_window_openai(other: OpenAIOnly) -> None:
    """Drawn from `toolOutput`; calls, follow-ups and links go by its functions; a new theme changes nothing but the looks."""
    frame = other.show("products", "search_products", {"query": "hoodie"})
    frame.get_by_role("button", name="Long Context").click()
    expect(frame.get_by_role("heading", name="Long Context")).to_be_visible()
    for theme in ("dark", "light"):
        other.change(theme=theme)
        expect(frame.locator("html")).to_have_attribute("data-theme", theme)
    expect(frame.get_by_role("heading", name="Long Context")).to_be_visible()
    with watching(other.host.shop) as seen:
        frame.get_by_role("button", name="Add to cart").click()
        expect(frame.get_by_role("status")).to_contain_text("It is in the cart")
    assert seen.names == ["tool_call.succeeded"]
    frame.get_by_role("button", name="Back to all").click()
    other.change(toolOutput=other.host.call("search_products", {"query": "mug"})["structuredContent"])
    expect(frame.get_by_role("button", name="Refresh Token")).to_be_visible()

    frame = other.show("cart", "view_cart", {})
    frame.get_by_role("button", name="Ask to order this").click()
    assert other.heard("sendFollowUpMessage") == [{"prompt": "Please order what is in my cart."}]
    frame = other.show("order", "place_order", {})
    frame.get_by_role("button", name="Open the shop's page").click()
    (opened,) = other.heard("openExternal")
    assert opened["href"].startswith(f"{BASE_URL}/approvals/rcp_")
    accessible(other.page)
