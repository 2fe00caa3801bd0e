"""Whatever value stands where another is expected: a proper answer or a proper error, in both eras and on both engines."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from mcp_types import CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY

from tests.mcp.host import ERAS, host_of
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import watching

ODD: list[Any] = [None, True, -1, 10**400, "", "\ud83d", "a\x00b", "x" * 5000, [None], {"\ud83d": {"a": ["\x00"]}}]
"""Not what is asked for, beyond every number, half a character, what PostgreSQL cannot store, too long, of another shape."""
GOOD: dict[str, dict[str, Any]] = {
    "completion/complete": {
        "ref": {"type": "ref/prompt", "name": "find_a_gift"},
        "argument": {"name": "recipient", "value": "a"},
    },
    "prompts/get": {"name": "find_a_gift", "arguments": {"recipient": "a colleague"}},
    "resources/list": {"cursor": "12"},
    "resources/read": {"uri": "shop://products/context-tee"},
    "tools/call": {"name": "search_products", "arguments": {"query": "mug"}, "requestState": "x", "inputResponses": {}},
}
NAMES = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
META = ("openai/session", "progressToken", PROTOCOL_VERSION_META_KEY, CLIENT_CAPABILITIES_META_KEY)


def in_header(value: object) -> str | None:
    """A name as the header repeats it: whatever fits into none is written in base64."""
    if not isinstance(value, str):
        return None
    is_plain = value.isascii() and value.isprintable()
    encoded = base64.b64encode(value.encode(errors="surrogatepass")).decode()
    return value if is_plain else f"=?base64?{encoded}?="


@pytest.mark.parametrize("version", ERAS)
def test_an_odd_value_is_answered_like_any_other(shop: ShopUnderTest, version: str) -> None:
    """Never a failure of ours, never a page: a JSON-RPC answer with one of the statuses that the transport knows."""
    host = host_of(shop.sign_in(SOFIA), version=version)
    cases: list[tuple[str, dict[str, Any]]] = [
        (method, {**good, field: odd}) for method, good in GOOD.items() for field in good for odd in ODD
    ]
    cases += [("tools/call", {"name": "get_order", "arguments": {"number": odd}}) for odd in ODD]
    cases += [("tools/call", {"name": "list_orders", "_meta": {key: odd}}) for key in META for odd in ODD]
    for method, params in cases:
        host.meta = params.pop("_meta", {})
        answer = host.ask(method, params, headers={"Mcp-Name": in_header(params.get(NAMES.get(method, "")))})
        assert answer.status_code in {200, 400, 404}, (method, params, answer.text)
        assert {"jsonrpc", "id"} < set(answer.get_json()), (method, params)


@pytest.mark.parametrize("version", ERAS)
def test_an_odd_id_comes_back_as_it_came(shop: ShopUnderTest, version: str) -> None:
    """What was done is told under the very id that asked for it, half a character and all (JSON-RPC 2.0 §5)."""
    host = host_of(shop.sign_in(SOFIA), version=version)
    meta = {PROTOCOL_VERSION_META_KEY: version, CLIENT_CAPABILITIES_META_KEY: {}}
    for odd in (-1, 10**400, "", "\ud83d", "a\x00b", "x" * 5000):
        params: dict[str, Any] = {"name": "list_orders", "arguments": {}, "_meta": meta}
        body = {"jsonrpc": "2.0", "id": odd, "method": "tools/call", "params": params}
        answer = host.send(body, headers=host.headers("tools/call", params))
        assert answer.status_code == 200 and "result" in answer.get_json(), (odd, answer.text)
        assert answer.get_json()["id"] == odd


def test_what_is_odd_changes_nothing(shop: ShopUnderTest) -> None:
    """Tools that change something say what is wrong with their arguments, and do nothing."""
    host = host_of(shop.sign_in(SOFIA), "browse", "read", "transact")
    host.call("view_cart")
    with watching(shop) as seen:
        for tool, field in (
            ("add_to_cart", "sku"),
            ("update_cart", "sku"),
            ("place_order", "note"),
            ("cancel_order", "number"),
        ):
            for odd in ODD:
                assert host.call(tool, {field: odd})["isError"], (tool, odd)
    assert seen.changed <= {"conversations"} and set(seen.names) <= {"tool_call.failed", "tool_call.denied"}
