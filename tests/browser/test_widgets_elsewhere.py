"""What other hosts do to widgets: they refuse, cancel, pass on words only, never answer, and have looks of their own.

The official bridge of MCP Apps is the host here, or a frame that has `window.openai` and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.accessible import accessible
from tests.browser.devices import DESKTOP, DEVICES, Device
from tests.browser.widget_hosts import OfficialHost, OpenAIOnly, Theme
from tests.mcp.host import HANDSHAKE, OPENS_URLS, Host, host_of
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import HOODIE, ONE_ENGINE, OWN_ORDER, set_variant

pytestmark = ONE_ENGINE

Looks = tuple[Device, Theme]
ONE_MOMENT = "One moment …"
FIRST_TOOLS: dict[str, tuple[str, dict[str, Any]]] = {
    "products": ("search_products", {"query": "hoodie"}),
    "product": ("get_product", {"product": "long-context-hoodie"}),
    "comparison": ("compare_products", {"products": ["context-tee", "long-context-hoodie"]}),
    "cart": ("view_cart", {}),
    "order": ("get_order", {"number": OWN_ORDER}),
}


@pytest.fixture
def host(shop: ShopUnderTest) -> Host:
    """Of an assistant that may transact."""
    return host_of(shop.sign_in(SOFIA), "browse", "read", "transact")


@pytest.fixture(params=[(DESKTOP, "light"), (DEVICES[1], "dark")], ids=["desktop-light", "phone-dark"])
def looks(request: pytest.FixtureRequest) -> Looks:
    """A device and a theme, for the tests that try both."""
    held: Looks = request.param
    return held


@pytest.fixture
def official(browser: Browser, host: Host, request: pytest.FixtureRequest) -> Iterator[OfficialHost]:
    """A host on the official bridge, in which nothing may fail."""
    held: Looks = request.getfixturevalue("looks") if "looks" in request.fixturenames else (DESKTOP, "light")
    shown = OfficialHost(browser, host, *held)
    yield shown
    shown.context.close()
    assert shown.problems == []


@pytest.fixture
def openai(browser: Browser, host: Host) -> Iterator[OpenAIOnly]:
    """A host with `window.openai` only, in which nothing may fail."""
    shown = OpenAIOnly(browser, host, DESKTOP, "light")
    yield shown
    shown.context.close()
    assert shown.problems == []


def words_of(result: dict[str, Any]) -> dict[str, Any]:
    """A result as a host passes it on that knows texts only."""
    return {"content": result["content"]}


def test_what_a_host_refuses_is_said_with_what_the_person_can_do(official: OfficialHost, looks: Looks) -> None:
    """`ui/message` with `isError`, a link that is not opened, a call that fails: words, and a button for the next step."""
    cart = official.host.call("add_to_cart", {"sku": HOODIE, "quantity": 1})
    refuses = {"ui/message": "isError", "ui/open-link": "throw", "tools/call": "throw"}
    frame = official.begin("cart", ("sendToolInput", {"arguments": {}}), ("sendToolResult", cart), refuses=refuses)
    frame.get_by_role("button", name="Ask to order this").press("Enter")
    status = frame.get_by_role("status")
    expect(status).to_have_text("Please write in the conversation: “Please order what is in my cart.”")
    frame.get_by_role("button", name="Copy these words").press("Enter")
    expect(status).to_contain_text("Please order what is in my cart.")
    expect(frame.get_by_role("button", name="Copy these words")).to_be_focused()
    accessible(official.page)
    more = frame.get_by_role("button", name="One more")
    more.press("Enter")
    expect(status).to_have_text("Not here.")
    expect(more).to_be_focused()
    official.page.evaluate("() => { bridge.oncalltool = ({ name, arguments: given }) => callTool(name, given); }")
    frame.get_by_role("button", name="Try again").press("Enter")
    expect(frame.get_by_text("2 items")).to_be_visible()
    expect(status).to_be_empty()
    expect(more).to_be_focused()

    frame = official.show("order", "place_order", {}, refuses=refuses)
    frame.get_by_role("button", name="Open the shop's page").press("Enter")
    expect(frame.get_by_role("status")).to_contain_text(f"Please open {BASE_URL}/approvals/rcp_")
    expect(frame.get_by_role("button", name="Copy the address")).to_be_visible()


@pytest.mark.parametrize("widget", FIRST_TOOLS)
def test_one_moment_never_stays(official: OfficialHost, widget: str) -> None:
    """Cancelled, failed, in words only, or never: each widget says so, offers what can be done, and draws it when that is pressed."""
    tool, arguments = FIRST_TOOLS[widget]
    good = official.host.call(tool, arguments)
    failed = {"isError": True, "content": [{"type": "text", "text": "The program's connection broke."}]}
    given = ("sendToolInput", {"arguments": arguments})
    for then, said in (
        (("sendToolCancelled", {"reason": "user action"}), "This was stopped before the shop's answer came."),
        (("sendToolResult", failed), "The program's connection broke."),
        (("sendToolResult", words_of(good)), "Your assistant's program passed on the shop's answer as text only."),
        (None, "Nothing has come from the shop yet."),
    ):
        frame = official.begin(widget, given, *([then] if then else []))
        if then is None:
            expect(frame.get_by_text(ONE_MOMENT)).to_be_visible()
            official.end_patience()
        expect(frame.get_by_role("status")).to_have_text(said)
        expect(frame.get_by_text(ONE_MOMENT)).to_have_count(0)
        expect(frame.get_by_role("heading").first).to_be_visible()
        frame.get_by_role("button", name="Ask in the conversation").click()
        assert official.heard("ui/message")
    accessible(official.page)
    frame.locator("html").evaluate("() => { say('Again:', bridge.nextSteps()); }")
    frame.locator("[data-key=next-again]").press("Enter")
    expect(
        frame.locator("#view img").first if widget != "cart" else frame.get_by_text("Nothing is in it.")
    ).to_be_visible()
    expect(frame.get_by_role("heading").first).to_be_focused()


def test_a_purchase_that_waits_in_a_host_that_passes_on_words(official: OfficialHost) -> None:
    """The link is a button, and no id and no word for models is shown."""
    official.host.call("add_to_cart", {"sku": HOODIE})
    waits = official.host.call("place_order")
    frame = official.begin("order", ("sendToolInput", {"arguments": {}}), ("sendToolResult", words_of(waits)))
    expect(frame.get_by_role("heading", name="Waiting for you to confirm")).to_be_visible()
    expect(frame.locator("body")).not_to_contain_text("rcp_")
    expect(frame.locator("main")).not_to_contain_text("check_approval")
    frame.get_by_role("button", name="Open the shop's page").click()
    assert official.heard("ui/open-link") == [{"url": waits["structuredContent"]["approve_at"]}]


def test_a_refusal_is_worded_for_its_reader_and_leads_to_why(official: OfficialHost) -> None:
    """An assistant that may only look: the person is not told of "this person", and the page that says why is a button."""
    told = {
        "outcome": "denied",
        "code": "over_limit",
        "message": "This is over a limit.",
        "person_reads_why_at": f"{BASE_URL}/audit/",
    }
    result = {"isError": True, "structuredContent": told, "content": [{"type": "text", "text": "code: over_limit"}]}
    frame = official.begin("order", ("sendToolResult", result))
    expect(frame.get_by_role("status")).to_contain_text("The shop's page tells you which one")
    frame.get_by_role("button", name="See why").click()
    assert official.heard("ui/open-link") == [{"url": f"{BASE_URL}/audit/"}]


def test_the_person_closed_the_question_to_open_the_page(official: OfficialHost, looks: Looks) -> None:
    """A URL elicitation that was told *cancel*, in both revisions: the widget says that nothing is ordered and what can be done."""
    sofia = official.host.shop.sign_in(SOFIA)
    for version in ("2026-07-28", HANDSHAKE):
        host = host_of(sofia, "browse", "read", "transact", version=version, capabilities=OPENS_URLS)
        host.call("add_to_cart", {"sku": HOODIE})
        if version == HANDSHAKE:
            error = host.ask("tools/call", {"name": "place_order", "arguments": {}}).get_json()["error"]
            then: tuple[str, dict[str, Any]] = (
                "sendToolCancelled",
                {"reason": f"MCP error {error['code']}: {error['message']}"},
            )
        else:
            asked = host.call("place_order")
            answer = {"approval": {"action": "cancel"}}
            then = (
                "sendToolResult",
                host.call("place_order", requestState=asked["requestState"], inputResponses=answer),
            )
        frame = official.begin("order", ("sendToolInput", {"arguments": {}}), then)
        expect(frame.get_by_role("heading", name="Waiting for you to confirm")).to_be_visible()
        expect(frame.get_by_text("You closed the question without deciding. Nothing has been ordered.")).to_be_visible()
        frame.get_by_role("button", name="Open the shop's page").press("Enter")
        (opened,) = official.heard("ui/open-link")
        assert opened["url"].startswith(f"{BASE_URL}/approvals/rcp_")
    accessible(official.page)


def test_a_stopped_purchase_finds_what_waits(official: OfficialHost) -> None:
    """A host that stops a call and says no more: the person asks for what waits, and is led to its page."""
    official.host.call("add_to_cart", {"sku": HOODIE})
    official.host.call("place_order")
    frame = official.begin("order", ("sendToolInput", {"arguments": {}}), ("sendToolCancelled", {}))
    expect(frame.get_by_role("status")).to_contain_text("Nothing is ordered until you confirm it")
    frame.get_by_role("button", name="See what became of it").press("Enter")
    expect(frame.get_by_role("heading", name="Waiting for you to confirm")).to_be_focused()
    frame.get_by_role("button", name="Open the shop's page").press("Enter")
    (opened,) = official.heard("ui/open-link")
    assert opened["url"].startswith(f"{BASE_URL}/approvals/rcp_")


def test_the_hosts_looks_are_used_and_the_shops_typeface_heads(official: OfficialHost) -> None:
    """Display modes are declared; style variables, fonts, language, time zone and safe areas hold, and change with the host."""
    fonts = f"@font-face{{font-family:Host;src:url({BASE_URL}/static/vendor/fonts/inter-latin-wght-normal.woff2)}}"
    context = {
        "locale": "de-DE",
        "timeZone": "Pacific/Auckland",
        "safeAreaInsets": {"top": 30, "right": 0, "bottom": 8, "left": 4},
        "styles": {
            "variables": {
                "--color-background-primary": "light-dark(rgb(250, 250, 255), rgb(10, 10, 20))",
                "--color-text-primary": "light-dark(rgb(1, 2, 3), rgb(240, 240, 240))",
                "--font-sans": "Host, sans-serif",
                "--border-radius-lg": "3px",
            },
            "css": {"fonts": fonts},
        },
    }
    frame = official.show("order", "get_order", {"number": OWN_ORDER}, context=context)
    heading = frame.get_by_role("heading", name=f"Order {OWN_ORDER}")
    expect(heading).to_be_visible()
    assert official.heard("capabilities") == [{"availableDisplayModes": ["inline", "fullscreen"]}]
    body = frame.locator("body")
    expect(body).to_have_css("color", "rgb(1, 2, 3)")
    expect(frame.locator("html")).to_have_css("background-color", "rgb(250, 250, 255)")
    expect(body).to_have_css("padding-top", "44px")
    expect(body).to_have_css("padding-left", "18px")
    expect(body).to_have_css("font-family", "Host, sans-serif")
    loaded = "async (_, name) => { await document.fonts.ready; return [...document.fonts].filter((one) => one.family === name).map((one) => one.status); }"
    assert body.evaluate(loaded, "Fraunces") == body.evaluate(loaded, "Host") == ["loaded"]
    assert str(heading.evaluate("node => getComputedStyle(node).fontFamily")).startswith("Fraunces")
    times = frame.locator("time")
    at = times.first.get_attribute("datetime")
    written = "(_, [at, locale, timeZone]) => new Date(at).toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'short', timeZone })"
    expect(times.first).to_have_text(body.evaluate(written, [at, "de-DE", "Pacific/Auckland"]))
    official.page.evaluate(
        "context => bridge.setHostContext(context)", {**context, "theme": "dark", "locale": "en-GB", "styles": {}}
    )
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    expect(times.first).to_have_text(body.evaluate(written, [at, "en-GB", "Pacific/Auckland"]))
    expect(body).to_have_css("color", "rgb(243, 238, 230)")


def test_a_cart_that_is_changed_here_is_told_to_the_model(official: OfficialHost) -> None:
    """By `ui/update-model-context`, in words that hold the whole cart; also for what is put in from a product."""
    frame = official.show("product", "get_product", {"product": "long-context-hoodie"})
    frame.get_by_role("button", name="Add to cart").click()
    expect(frame.get_by_role("status")).to_contain_text("It is in the cart: 1 item")
    (told,) = official.heard("ui/update-model-context")
    assert "holds 1 item: 1 × Long Context" in told["content"][0]["text"]
    frame = official.show("cart", "view_cart", {})
    frame.get_by_role("button", name="One more").click()
    expect(frame.get_by_text("2 items")).to_be_visible()
    (told,) = official.heard("ui/update-model-context")
    assert "holds 2 items: 2 × Long Context" in told["content"][0]["text"] and "€" in told["content"][0]["text"]


def test_hosts_with_the_openai_aliases_only_get_a_height_and_a_state(openai: OpenAIOnly) -> None:
    """What the person did in the widget is there again when its frame is, and a result in an alias's shape is understood."""
    openai.host.call("add_to_cart", {"sku": HOODIE})
    frame = openai.show("cart", "view_cart", {})
    frame.get_by_role("button", name="One more").click()
    expect(frame.get_by_text("2 items")).to_be_visible()
    heights = openai.heard("notifyIntrinsicHeight")
    assert heights and all(isinstance(height, int) and height > 40 for height in heights)
    state = openai.heard("setWidgetState")[-1]
    assert state["drawing"] == "cart" and state["content"]["items"] == 2 and "holds 2 items" in state["note"]
    openai.kept = json.dumps(state)
    frame = openai.load("cart")
    expect(frame.get_by_text("2 items")).to_be_visible()
    stale = {**state["content"], "items": 1}
    openai.change(
        toolOutput=stale,
        theme="dark",
        locale="de-DE",
        safeArea={"insets": {"top": 9, "right": 0, "bottom": 0, "left": 0}},
    )
    expect(frame.locator("body")).to_have_css("padding-top", "23px")
    expect(frame.get_by_text("2 items")).to_be_visible()
    openai.change(toolOutput={**stale, "items": 7})
    expect(frame.get_by_text("7 items")).to_be_visible()


def test_a_host_with_the_aliases_only_that_never_answers(openai: OpenAIOnly) -> None:
    """No result, no messages: said in words; and the person still gets their cart."""
    frame = openai.load("cart")
    expect(frame.get_by_text(ONE_MOMENT)).to_be_visible()
    openai.end_patience()
    expect(frame.get_by_role("status")).to_have_text("Nothing has come from the shop yet.")
    frame.get_by_role("button", name="Show my cart").press("Enter")
    expect(frame.get_by_text("Nothing is in it.")).to_be_visible()


def test_focus_stays_where_the_person_is(official: OfficialHost) -> None:
    """A button that is gone leaves its person at the line in its place, else at the heading: never on a button that a second press would use."""
    other = official.host.call("get_product", {"product": "context-tee"})["structuredContent"]["variants"][0]["sku"]
    for sku in (HOODIE, other):
        cart = official.host.call("add_to_cart", {"sku": sku, "quantity": 1})
    frame = official.begin("cart", ("sendToolResult", cart))
    lines = frame.locator(".lines > li")
    lines.first.get_by_role("button", name="Take out").press("Enter")
    expect(lines).to_have_count(1)
    expect(lines.first).to_be_focused()
    lines.first.get_by_role("button", name="Take out").press("Enter")
    expect(frame.get_by_role("heading", name="Your cart")).to_be_focused()

    frame = official.show("products", "search_products", {"query": "hoodie", "limit": 2})
    tile = frame.locator(".grid button").last
    tile.press("Enter")
    expect(frame.get_by_role("heading").first).to_be_focused()
    frame.get_by_role("button", name="Back to all").press("Enter")
    expect(tile).to_be_focused()


def test_paging_goes_on_with_the_same_search_without_the_tools_input(openai: OpenAIOnly) -> None:
    """The result itself says what was searched for; a host need not tell its widget what the tool was called with."""
    wanted = {"category": "tees", "max_price": 5000, "limit": 2}
    first = openai.host.call("search_products", wanted)["structuredContent"]
    assert first["search"] == wanted and first["count"] > 2
    second = openai.host.call("search_products", {**wanted, "offset": 2})["structuredContent"]
    frame = openai.load("products")
    openai.change(toolOutput=first)
    frame.get_by_role("button", name="Show more").press("Enter")
    expect(frame.get_by_text(f"3 to {2 + len(second['products'])}")).to_be_visible()
    shown = frame.locator(".grid button b").all_text_contents()
    assert shown == [product["name"] for product in second["products"]]


def test_a_comparison_is_a_table_with_every_product(official: OfficialHost, looks: Looks) -> None:
    """A row for each thing that is compared, a column for each product, each of which opens and leads back."""
    named = ["context-tee", "long-context-hoodie", "zero-trust-hoodie", "bearer-tote"]
    compared = official.host.call("compare_products", {"products": named})["structuredContent"]
    frame = official.show("comparison", "compare_products", {"products": named})
    table = frame.get_by_role("table")
    expect(table.get_by_role("columnheader")).to_have_count(4)
    expect(table.get_by_role("row")).to_have_count(1 + len(compared["rows"]))
    assert [row["label"] for row in compared["rows"]] == ["Price", "Kind", "Colours", "Sizes", "In stock", "In short"]
    for row in compared["rows"]:
        assert frame.get_by_role("row", name=row["label"]).first.locator("td").all_text_contents() == row["values"]
    accessible(official.page)
    name = compared["products"][1]["name"]
    frame.get_by_role("button", name=name).press("Enter")
    expect(frame.get_by_role("heading", name=name)).to_be_focused()
    frame.get_by_role("button", name="Back to all").press("Enter")
    expect(frame.get_by_role("button", name=name)).to_be_focused()


def test_a_product_that_sold_out_meanwhile(official: OfficialHost) -> None:
    """A call that was answered with a failure is said in the shop's words, and the person can ask for the same in words."""
    frame = official.show("product", "get_product", {"product": "long-context-hoodie"})
    for choice in ("black", "L"):
        frame.get_by_role("radio", name=choice, exact=True).click()
    set_variant(official.host.shop, HOODIE, stock=0)
    frame.get_by_role("button", name="Add to cart").press("Enter")
    expect(frame.get_by_role("status")).to_have_text("Sold out: Long Context in black, L.")
    frame.get_by_role("button", name="Ask in the conversation").press("Enter")
    (said,) = official.heard("ui/message")
    assert said["content"][0]["text"] == "Please put Long Context (black, L) into my cart."
