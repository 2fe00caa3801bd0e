"""Widgets: self-contained documents as resources, and tools that say which one shows their result."""

from __future__ import annotations

import re

import pytest

from shop.tools.registry import TOOLS
from shop.tools.results.widgets import CALLED_BY_WIDGETS, OF_TOOLS, WIDGETS, document
from tests.mcp.host import ERAS, host_of
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import ONE_ENGINE, watching

_MIME_TYPE = "text/html;profile=mcp-app"
_DOMAINS = {
    "csp": {"connectDomains": [], "resourceDomains": [BASE_URL], "frameDomains": []},
    "openai/widgetCSP": {"connect_domains": [], "resource_domains": [BASE_URL], "frame_domains": []},
}


@ONE_ENGINE
@pytest.mark.parametrize("version", ERAS)
def test_a_widget_is_a_resource_whose_rules_name_only_our_origin(shop: ShopUnderTest, version: str) -> None:
    """Listed and read in both eras, with the same rules in both dialects; for an assistant that may only browse, too."""
    host = host_of(shop.sign_in(SOFIA), "browse", version=version)
    listed = {one["uri"]: one for one in host.result("resources/list")["resources"] if one["uri"].startswith("ui://")}
    assert set(listed) == {f"ui://context-and-co/{name}.html" for name in WIDGETS}
    for uri, resource in listed.items():
        with watching(shop) as seen:
            (content,) = host.result("resources/read", {"uri": uri})["contents"]
        assert not seen.changed and not seen.events, "a document that is the same for everybody is no call"
        assert content["text"].startswith("<!doctype html>") and content["uri"] == uri
        for described in (resource, content):
            assert described["mimeType"] == _MIME_TYPE
            meta = described["_meta"]
            assert meta["ui"] == {"csp": _DOMAINS["csp"], "prefersBorder": True}
            assert meta["openai/widgetCSP"] == _DOMAINS["openai/widgetCSP"] and meta["openai/widgetDescription"]
    assert host.ask("resources/read", {"uri": "ui://context-and-co/none.html"}).get_json()["error"]


@ONE_ENGINE
@pytest.mark.parametrize("version", ERAS)
def test_a_tool_says_which_widget_shows_it_and_whether_one_may_call_it(shop: ShopUnderTest, version: str) -> None:
    """In both dialects. Nothing that a human must confirm can be started by code in a frame."""
    host = host_of(shop.sign_in(SOFIA), version=version)
    tools = {tool["name"]: tool["_meta"] for tool in host.result("tools/list")["tools"]}
    assert set(OF_TOOLS) | CALLED_BY_WIDGETS <= set(tools)
    for name, meta in tools.items():
        may_call = meta["ui"]["visibility"] == ["model", "app"]
        assert may_call == meta["openai/widgetAccessible"] == (name in CALLED_BY_WIDGETS)
        assert not (may_call and TOOLS[name].must_be_confirmed) and meta["securitySchemes"]
        uri = f"ui://context-and-co/{OF_TOOLS[name].widget.name}.html" if name in OF_TOOLS else None
        assert meta["ui"].get("resourceUri") == meta.get("openai/outputTemplate") == uri
        said = [meta.get(f"openai/toolInvocation/{state}") for state in ("invoking", "invoked")]
        assert all(0 < len(text) <= 64 for text in said if text) and all(said) == bool(uri)


@pytest.mark.parametrize("name", WIDGETS)
def test_a_widget_is_one_small_document_that_fetches_nothing_and_writes_no_markup(name: str) -> None:
    """Everything is inside, in one style and one script; what is loaded besides are the shop's own typefaces."""
    html = document(name, BASE_URL)
    assert len(html.encode()) < 40_000
    assert html.count("<script") == html.count("<style") == 1 and "{%" not in html and "{{" not in html
    faces = re.findall(rf"url\({BASE_URL}/static/vendor/fonts/[\w-]+\.woff2\)", html)
    assert len(faces) == 2 and html.count(f'data-shop="{BASE_URL}"') == html.count(BASE_URL) - len(faces) == 1
    inside = re.sub(rf"url\({BASE_URL}/[^)]*\)", "", html).replace(BASE_URL, "")
    assert not re.search(r"(https?:)?//\w|@import|url\(|<link|<iframe|\ssrc=", inside), (
        "no address but those in results"
    )
    for way in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "setTimeout"):
        assert way not in html, way
    for way in ("fetch(", "XMLHttpRequest", "WebSocket", "sendBeacon", "localStorage", "document.cookie"):
        assert way not in html, way
    called = set(re.findall(r'bridge\.call\("(\w+)"', html))
    assert called <= CALLED_BY_WIDGETS


@ONE_ENGINE
def test_the_typefaces_can_be_fetched_from_a_frame_whose_origin_is_nobodys(shop: ShopUnderTest) -> None:
    """A browser asks for fonts by CORS; a picture needs none, and a page never gets it."""
    client = shop.app.test_client()
    for face in re.findall(rf"url\({BASE_URL}(/[^)]+)\)", document("cart", BASE_URL)):
        font = client.get(face, base_url=BASE_URL, headers={"Origin": "null"})
        assert font.status_code == 200 and font.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in client.get("/", base_url=BASE_URL, headers={"Origin": "null"}).headers


@ONE_ENGINE
def test_four_products_fit_into_a_comparison(shop: ShopUnderTest) -> None:
    """A host gets under 4 KB; every product of the table is among it, with a value in each row."""
    host = host_of(shop.sign_in(SOFIA), "browse")
    named = ["context-tee", "long-context-hoodie", "zero-trust-hoodie", "human-in-the-loop-poster"]
    compared = host.call("compare_products", {"products": named})["structuredContent"]
    assert [product["product"] for product in compared["products"]] == named
    assert all(len(row["values"]) == len(named) for row in compared["rows"]) and len(compared["rows"]) == 6
