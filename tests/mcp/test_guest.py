"""Anonymous clients: let in only where a deployment says so, and then as an audited guest (I2)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shop.credentials.ledger import NotAlive
from shop.mcp.guest import GUEST
from shop.mcp.wire import ACCESS_REFUSED, AUTHENTICATION_REQUIRED
from shop.settings import Settings
from tests.mcp.host import ERAS, Host, failure
from tests.support.people import ShopUnderTest
from tests.support.state import HOODIE, ONE_ENGINE, watching

Build = Callable[..., ShopUnderTest]


def anonymous(shop: ShopUnderTest, version: str = ERAS[0]) -> Host:
    """A client that brings no token."""
    host = Host(shop, None, version=version)
    if version != ERAS[0]:
        host.shake_hands()
    return host


@pytest.mark.holds("I2", "I5")
def test_a_guest_looks_around_and_is_on_record(build_shop: Build) -> None:
    """Tools are listed, *browse* works, each call is an event with the guest as subject; a token is offered for the rest."""
    shop = build_shop(anonymous_browse=True)
    for version in ERAS:
        host = anonymous(shop, version)
        tools = {tool["name"]: tool["securitySchemes"] for tool in host.result("tools/list")["tools"]}
        assert tools["search_products"] == [{"type": "noauth"}, {"type": "oauth2", "scopes": ["browse"]}]
        assert tools["view_cart"] == [{"type": "oauth2", "scopes": ["read"]}]
        with watching(shop) as seen:
            assert host.call("search_products", {"query": "mug"})["structuredContent"]["count"]
        called = seen.events[-1].content
        assert (called["subject"], called["actor"]["client"], called["grant"]) == ("guest", "guest:mcp", "gnt_guest")
        assert called["organization"] == "org_guest" and called["decision"]["rule"] == "guest.catalogue.read"
        assert host.result("resources/read", {"uri": "shop://products/context-tee"})["contents"]
        listed = host.result("resources/list")["resources"]
        assert listed and not [one for one in listed if "orders" in one["uri"]]


@pytest.mark.holds("I2", "I3", "MCP-401")
def test_a_guest_gets_no_further(build_shop: Build) -> None:
    """What needs a person is 401 with every scope that the tools need, as for anybody without a token; hosts that link by result get the same as one."""
    shop = build_shop(anonymous_browse=True)
    host = anonymous(shop)
    for name in ("view_cart", "add_to_cart"):
        with watching(shop) as seen:
            answer = host.ask(
                "tools/call", {"name": name, "arguments": {"sku": HOODIE} if name == "add_to_cart" else {}}
            )
        assert (
            failure(answer) == (401, AUTHENTICATION_REQUIRED)
            and 'scope="browse read transact"' in answer.headers["WWW-Authenticate"]
        )
        assert "error=" not in answer.headers["WWW-Authenticate"], "nothing was presented"
        assert "tool_call.denied" in seen.names and not {"carts", "cart_lines", "orders"} & seen.changed
    host.meta = {"openai/session": "v1/x"}
    assert "mcp/www_authenticate" in host.call("view_cart")["_meta"]
    assert failure(host.ask("tools/list", headers={"Authorization": "Bearer nonsense"}))[0] == 401, (
        "not taken for a guest"
    )


@ONE_ENGINE
@pytest.mark.holds("I2", "I15")
def test_off_by_default_and_off_again_at_once(build_shop: Build) -> None:
    """Without the setting there is no guest; a process that still has it on finds its rows ended, and nothing gets done."""
    off = build_shop()
    assert failure(anonymous(off).ask("tools/list")) == (401, AUTHENTICATION_REQUIRED)
    with pytest.raises(NotAlive):
        off.gateway.enquiries.alive(GUEST, "/mcp tools/list")
    on = build_shop(anonymous_browse=True)
    assert anonymous(on).call("search_products")["structuredContent"]["count"]
    build_shop()
    assert anonymous(on).call("search_products")["structuredContent"]["code"] == "suspended"
    assert failure(anonymous(on).ask("tools/list")) == (403, ACCESS_REFUSED)
    assert anonymous(build_shop(anonymous_browse=True)).result("tools/list")["tools"]


@ONE_ENGINE
def test_a_reset_brings_the_guest_back(build_shop: Build) -> None:
    """`flask reset` deletes everything, and then brings the setting in force again."""
    shop = build_shop(anonymous_browse=True)
    shop.app.test_cli_runner().invoke(args=["reset"])
    assert anonymous(shop).call("search_products")["structuredContent"]["count"]


def test_the_setting_is_a_switch(tmp_path: Path) -> None:
    """1 or 0; anything else is refused with a sentence."""
    for text, on in (("1", True), ("0", False), ("", False)):
        environment = {"SHOP_ANONYMOUS_BROWSE": text, "SHOP_DATA_DIR": str(tmp_path)}
        assert Settings.from_environment(environment).anonymous_browse is on
    with pytest.raises(ValueError, match=r"SHOP_ANONYMOUS_BROWSE must be 1 \(on\) or 0 \(off\), not 'yes'"):
        Settings.from_environment({"SHOP_ANONYMOUS_BROWSE": "yes", "SHOP_DATA_DIR": str(tmp_path)})
