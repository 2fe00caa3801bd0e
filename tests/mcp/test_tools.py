"""`tools/list` and `tools/call`: the registry as others see it, and the gateway's outcomes as results."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from shop.principal import CONSENTABLE
from shop.tools.registry import TOOLS
from tests.mcp.host import ERAS, Host, host_of
from tests.support.people import FINN, SOFIA, ShopUnderTest
from tests.support.state import COLLEAGUES_ORDER, FOREIGN_ORDER, HOODIE, NO_ORDER, ONE_ENGINE, OWN_ORDER, watching


@ONE_ENGINE
def test_every_tool_that_a_person_can_allow_is_listed_in_full(host: Host) -> None:
    """Title, description, both schemas, hints and who may call it, in both places where hosts look."""
    listed = {tool["name"]: tool for tool in host.result("tools/list")["tools"]}
    assert set(listed) == {name for name, tool in TOOLS.items() if tool.workflow in CONSENTABLE}
    for name, tool in listed.items():
        declared = TOOLS[name]
        assert tool["title"] == declared.title and tool["description"].startswith(declared.description)
        assert tool["inputSchema"] == declared.schema() and tool["outputSchema"]["type"] == "object"
        for schema in (tool["inputSchema"], tool["outputSchema"]):
            jsonschema.Draft202012Validator.check_schema(schema)
        hints = tool["annotations"]
        assert hints["readOnlyHint"] is declared.read_only and hints["destructiveHint"] is declared.destructive
        assert hints["idempotentHint"] is declared.idempotent and hints["openWorldHint"] is False
        assert tool["securitySchemes"] == [{"type": "oauth2", "scopes": [declared.workflow]}]
        assert tool["_meta"]["securitySchemes"] == tool["securitySchemes"]
        assert ("confirms" in tool["description"]) >= declared.must_be_confirmed


@pytest.mark.holds("I1", "I5")
@pytest.mark.parametrize("version", ERAS)
def test_each_result_fits_its_schema_and_is_short_and_on_record(shop: ShopUnderTest, version: str) -> None:
    """Structured content that validates, the same as text, each below about 4 KB; and each call is an event of its own."""
    host = host_of(shop.sign_in(SOFIA), "browse", "read", "transact", version=version)
    schemas = {tool["name"]: tool["outputSchema"] for tool in host.result("tools/list")["tools"]}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("search_products", {}),
        ("search_products", {"limit": 12}),
        ("get_product", {"product": "context-tee"}),
        ("list_orders", {}),
        ("get_order", {"number": OWN_ORDER}),
        ("view_cart", {}),
        ("what_may_i_do", {}),
        ("add_to_cart", {"sku": HOODIE, "quantity": 2}),
        ("update_cart", {"sku": HOODIE, "quantity": 1}),
        ("place_order", {}),
        ("check_approval", {}),
    ]
    for name, arguments in calls:
        with watching(shop) as seen:
            result = host.call(name, arguments)
        assert not result["isError"], result
        jsonschema.validate(result["structuredContent"], schemas[name])
        assert len(json.dumps(result["structuredContent"], ensure_ascii=False).encode()) < 4300
        assert 0 < len(result["content"][0]["text"].encode()) < 4300
        called = [event for event in seen.events if event.name.startswith("tool_call")]
        assert [event.content["facts"]["tool"] for event in called] == [name]
        assert host.assistant and called[0].content["actor"]["client"] == host.assistant.client_id


@ONE_ENGINE
@pytest.mark.holds("I10")
def test_not_yours_is_not_there(host: Host) -> None:
    """A colleague's order, another organization's and none: the same answer to the letter."""
    answers = []
    for number in (COLLEAGUES_ORDER, FOREIGN_ORDER, NO_ORDER):
        result = host.call("get_order", {"number": number})
        assert result["isError"] and result["structuredContent"]["code"] == "not_found"
        answers.append(json.dumps(result).replace(number, "NUMBER"))
    assert len(set(answers)) == 1


@ONE_ENGINE
def test_refusals_say_what_the_model_may_know_and_where_the_person_reads_the_rest(shop: ShopUnderTest) -> None:
    """A coarse code and a sentence: no rule, no role, no limit; the reason stands on the shop's own page."""
    host = host_of(shop.sign_in(FINN), "browse", "read", "transact")
    refused = host.call("add_to_cart", {"sku": HOODIE})["structuredContent"]
    assert set(refused) == {"outcome", "code", "message", "person_reads_why_at"} and refused["code"] == "not_permitted"
    for arguments in ({}, {"sku": 5}, {"sku": HOODIE, "price": 1}, {"sku": HOODIE, "quantity": 10**400}):
        invalid = host.call("add_to_cart", arguments)
        assert invalid["isError"] and invalid["structuredContent"]["code"] == "invalid_arguments"
    assert "quantity" in invalid["content"][0]["text"]


@ONE_ENGINE
@pytest.mark.holds("I6")
def test_tools_of_people_are_not_for_assistants(host: Host) -> None:
    """One that only a person's own click may run is not listed, and is refused by name."""
    name = next(name for name, tool in TOOLS.items() if tool.workflow not in CONSENTABLE)
    arguments = {"name": "Home", "text": "Somewhere 1, 12345 Town"}
    assert host.call("save_address" if "save_address" in TOOLS else name, arguments)["isError"]
