"""The official Python client over HTTP, in both eras: every tool, resources, prompts, completion, confirmation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from mcp import Client, MCPError, UrlElicitationRequiredError
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult, PromptReference, ResourceTemplateReference

from tests.mcp.live import served, speak
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import HOODIE, ONE_ENGINE, OWN_ORDER, count_orders

pytestmark = ONE_ENGINE
BUYING = ("browse", "read", "transact")
MODES = ("auto", "legacy", "2026-07-28")


@pytest.mark.parametrize("mode", MODES)
def test_everything_works_with_it(shop: ShopUnderTest, build_shop: Callable[..., ShopUnderTest], mode: str) -> None:
    """Negotiation, every tool (it validates each result against its schema), resources, prompts, completion."""
    sofia = shop.sign_in(SOFIA)
    calls: dict[str, dict[str, Any]] = {
        "search_products": {"query": "hoodie"},
        "get_product": {"product": "context-tee"},
        "compare_products": {"products": ["context-tee", "long-context-hoodie"]},
        "view_cart": {},
        "list_orders": {},
        "get_order": {"number": OWN_ORDER},
        "list_addresses": {},
        "what_may_i_do": {},
        "add_to_cart": {"sku": HOODIE},
        "update_cart": {"sku": HOODIE, "quantity": 2},
        "undo_cart_change": {},
        "reorder": {"number": OWN_ORDER},
        "place_order": {},
        "check_approval": {},
        "cancel_order": {"number": OWN_ORDER},
    }

    async def talk(client: Client) -> None:
        assert client.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == set(calls)
        for name, arguments in calls.items():
            result = await client.call_tool(name, arguments)
            assert result.is_error == (name == "cancel_order"), (name, result)
        resources = await client.list_resources()
        assert resources.resources[0].uri == f"shop://orders/{OWN_ORDER}" and resources.next_cursor
        for uri in (f"shop://orders/{OWN_ORDER}", "shop://products/context-tee"):
            assert (await client.read_resource(uri)).contents[0].uri == uri
        assert len((await client.list_resource_templates()).resource_templates) == 2
        assert {prompt.name for prompt in (await client.list_prompts()).prompts} >= {"find_a_gift"}
        gift = await client.get_prompt("find_a_gift", {"recipient": "a friend"})
        assert "a friend" in str(gift.messages[0].content)
        prompt = PromptReference(name="find_a_gift")
        assert (await client.complete(prompt, {"name": "budget", "value": "2"})).completion.values == ["25"]
        order = ResourceTemplateReference(uri="shop://orders/{number}")
        assert (await client.complete(order, {"name": "number", "value": ""})).completion.values == [OWN_ORDER]
        with pytest.raises(MCPError):
            await client.read_resource("shop://orders/CC-NONE00")

    with served(build_shop) as live:
        speak(sofia, live, talk, *BUYING, mode=mode)


def test_2026_its_person_opens_the_page_and_the_call_goes_through(
    shop: ShopUnderTest, build_shop: Callable[..., ShopUnderTest]
) -> None:
    """The client's own driver asks, its person confirms in a browser of their own, and one call has the order."""
    sofia, before, opened = shop.sign_in(SOFIA), count_orders(shop), list[str]()

    async def open_page(_context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        assert params.mode == "url"
        opened.append(params.url)
        path = "/approvals/" + params.url.rpartition("/")[2]
        assert "Buy this?" in (await asyncio.to_thread(sofia.get, path)).text
        await asyncio.to_thread(sofia.post, f"{path}/confirm")
        return ElicitResult(action="accept")

    async def talk(client: Client) -> Any:
        await client.call_tool("add_to_cart", {"sku": HOODIE})
        return await client.call_tool("place_order", {})

    with served(build_shop) as live:
        result = speak(sofia, live, talk, *BUYING, elicitation_callback=open_page)
    assert not result.is_error and result.structured_content["number"].startswith("CC-")
    assert len(opened) == 1 and count_orders(shop) == before + 1


@pytest.mark.holds("I6")
def test_a_client_that_accepts_everything_orders_nothing(
    shop: ShopUnderTest, build_shop: Callable[..., ShopUnderTest]
) -> None:
    """In both eras: what it gets is a link that waits, or the error that names the page."""
    sofia, before = shop.sign_in(SOFIA), count_orders(shop)

    async def accept(_context: ClientRequestContext, _params: ElicitRequestParams) -> ElicitResult:
        return ElicitResult(action="accept")

    async def talk(client: Client) -> Any:
        await client.call_tool("add_to_cart", {"sku": HOODIE})
        try:
            return (await client.call_tool("place_order", {})).structured_content["waiting_for"]
        except MCPError as error:
            return UrlElicitationRequiredError.from_error(error.error).elicitations[0].url

    with served(build_shop) as live:
        assert speak(sofia, live, talk, *BUYING, elicitation_callback=accept) == "approval"
        assert "/approvals/rcp_" in speak(sofia, live, talk, *BUYING, elicitation_callback=accept, mode="legacy")
    assert count_orders(shop) == before
