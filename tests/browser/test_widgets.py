"""What only a real browser shows of the widgets: a host's sandboxed frame draws them, and what they ask for passes `/mcp`.

Both dialects are spoken here by hosts of a few lines: the bridge of MCP Apps, and `window.openai`. The official bridge, which is
not our code, hosts the same widgets in `test_widgets_in_the_chat.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FrameLocator, Page, Route, expect

from tests.browser.devices import DESKTOP, DEVICES, Device
from tests.mcp.host import Host, host_of
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import HOODIE, ONE_ENGINE, OWN_ORDER, set_variant, watching

pytestmark = ONE_ENGINE

_HOST = "http://host.example"
_HOST_PAGE = """<!doctype html><html lang="en"><title>A host</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><style>body{margin:0}iframe{width:100%;border:0}</style><main><h1>A host</h1></main><script>
window.show = (name, theme, args, result) => {
  const frame = document.createElement("iframe");
  const send = (message) => frame.contentWindow.postMessage({ jsonrpc: "2.0", ...message }, "*");
  const hostCapabilities = { serverTools: {}, openLinks: {}, message: {} };
  window.heard = [];
  window.addEventListener("message", async ({ source, data }) => {
    if (source !== frame.contentWindow || !result) return;
    window.heard.push(data);
    if (data.method === "ui/initialize") {
      const hostInfo = { name: "A host", version: "1" };
      send({ id: data.id, result: { protocolVersion: "2026-01-26", hostInfo, hostCapabilities, hostContext: { theme } } });
    } else if (data.method === "ui/notifications/initialized") {
      send({ method: "ui/notifications/tool-input", params: { arguments: args } });
      send({ method: "ui/notifications/tool-result", params: result });
    } else if (data.method === "ui/notifications/size-changed") {
      frame.style.height = data.params.height + "px";
    } else if (data.method === "tools/call") {
      send({ id: data.id, result: await window.callTool(data.params.name, data.params.arguments) });
    } else if (data.id !== undefined) {
      send({ id: data.id, result: {} });
    }
  });
  frame.title = "Widget";
  frame.sandbox = "allow-scripts";
  frame.src = "/widget/" + name;
  document.querySelector("main").append(frame);
};
</script>"""


_IN_THE_OTHER_DIALECT = """<script>
window.heard = [];
const hear = (name) => async (given) => { window.heard.push([name, given]); };
window.openai = {
  theme: null, toolInput: null, toolOutput: null,
  callTool: (name, args) => window.callTool(name, args),
  sendFollowUpMessage: hear("sendFollowUpMessage"),
  openExternal: hear("openExternal"),
};
window.change = (globals) => {
  Object.assign(window.openai, globals);
  window.dispatchEvent(new CustomEvent("openai:set_globals", { detail: { globals } }));
};
</script>"""
"""What such a host has put into the frame before the widget's own script runs."""


class WidgetHost:
    """A page of another company with a frame in it, which speaks the bridge and passes calls on to the shop's `/mcp`."""

    injected = ""
    """What it puts into the frame before the widget's script."""

    def __init__(self, browser: Browser, host: Host, device: Device, theme: Literal["light", "dark"]) -> None:
        self.host, self._theme = host, theme
        self.context = browser.new_context(**device.options())
        self.problems: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.route("**/*", self._answer)
        self.page.expose_function("callTool", host.call)

    def show(self, widget: str, tool: str, arguments: dict[str, Any]) -> FrameLocator:
        """What the person sees after their assistant called a tool."""
        self.page.goto(f"{_HOST}/")
        self.page.evaluate("given => show(...given)", [widget, self._theme, arguments, self.host.call(tool, arguments)])
        return self.page.frame_locator("iframe")

    def heard(self, method: str) -> list[dict[str, Any]]:
        """What the widget asked for by one method."""
        said: list[dict[str, Any]] = self.page.evaluate("heard")
        return [one["params"] for one in said if one.get("method") == method]

    def _answer(self, route: Route) -> None:
        url = route.request.url
        if url.startswith(f"{_HOST}/widget/"):
            (content,) = self.host.result(
                "resources/read", {"uri": f"ui://context-and-co/{url.rpartition('/')[2]}.html"}
            )["contents"]
            pictures = " ".join(content["_meta"]["ui"]["csp"]["resourceDomains"])
            policy = f"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src {pictures}"
            html = content["text"].replace("<script>", f"{self.injected}<script>", 1)
            route.fulfill(body=html, content_type="text/html", headers={"Content-Security-Policy": policy})
        elif url == f"{_HOST}/":
            route.fulfill(body=_HOST_PAGE, content_type="text/html")
        elif url.startswith(f"{BASE_URL}/"):
            got = self.host.shop.app.test_client().get(url.removeprefix(BASE_URL), base_url=BASE_URL)
            route.fulfill(status=got.status_code, body=got.data, content_type=got.content_type)
        else:
            self.problems.append(f"asked for {url}")
            route.abort()


class OtherDialect(WidgetHost):
    """The same company's page, as hosts were that have `window.openai` in the frame and say nothing by messages."""

    injected = _IN_THE_OTHER_DIALECT

    def show(self, widget: str, tool: str, arguments: dict[str, Any]) -> FrameLocator:
        """The result comes after the widget was loaded, as it does there."""
        self.page.goto(f"{_HOST}/")
        self.page.evaluate("name => show(name)", widget)
        output = self.host.call(tool, arguments)["structuredContent"]
        self.change(toolInput=arguments, toolOutput=output, theme=self._theme)
        return self.page.frame_locator("iframe")

    def change(self, **values: object) -> None:
        """The host sets some of its globals anew, and says which."""
        self._in_frame("values => change(values)", values)

    def heard(self, method: str) -> list[dict[str, Any]]:
        said: list[tuple[str, dict[str, Any]]] = self._in_frame("() => heard")
        return [given for name, given in said if name == method]

    def _in_frame(self, script: str, given: object = None) -> Any:
        frame = self.page.locator("iframe").element_handle().content_frame()
        assert frame
        frame.wait_for_load_state()
        return frame.evaluate(script, given)


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
def other(browser: Browser, host: Host) -> Iterator[OtherDialect]:
    """A page of a host with `window.openai`, in which nothing may fail."""
    shown = OtherDialect(browser, host, DESKTOP, "light")
    yield shown
    shown.context.close()
    assert shown.problems == []


def accessible(page: Page) -> None:
    """Nothing that axe objects to, frames included."""
    found = Axe().run(page)
    assert found.violations_count == 0, json.dumps(found.response["violations"])[:2000]


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


def test_the_same_widgets_where_a_host_has_window_openai(other: OtherDialect) -> None:
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
