"""A call that fits several things: a form for the choice where the client shows forms, words everywhere else (I6, M4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from mcp import Client
from mcp.client.context import ClientRequestContext
from mcp_types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult
from mcp_types.jsonrpc import INVALID_PARAMS

from shop.credentials.end_reasons import EndReason
from shop.mcp.wire import AUTHENTICATION_REQUIRED, INSUFFICIENT_SCOPE
from tests.flows.scenes import in_cart
from tests.mcp.host import HANDSHAKE, OLDER, STATELESS, Host, failure, host_of
from tests.mcp.live import served, speak
from tests.support.people import NOAH, SOFIA, ShopUnderTest, Visitor
from tests.support.state import HOODIE, ONE_ENGINE, chains_hold, count_orders, set_variant, watching

BUYING = ("browse", "read", "transact")
FORMS: dict[str, Any] = {"elicitation": {"form": {}}}
SOME_TEE: dict[str, Any] = {"product": "The Context Tee"}
CHOSEN = {"colour": "ink", "size": "M"}


def buying(visitor: Visitor, **more: Any) -> Host:
    """A host that may buy, and shows forms."""
    return host_of(visitor, *BUYING, **{"capabilities": FORMS, **more})


def call(arguments: dict[str, Any] = SOME_TEE, **more: Any) -> dict[str, Any]:
    """The parameters of a call that adds to the cart."""
    return {"name": "add_to_cart", "arguments": arguments, **more}


def retry(asked: dict[str, Any], answer: dict[str, Any] | None, arguments: dict[str, Any] = SOME_TEE) -> dict[str, Any]:
    """The same call with what the person answered."""
    given = {"inputResponses": {"choice": answer}} if answer else {}
    return call(arguments, requestState=asked["requestState"], **given)


def form_of(asked: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The form that an answer asks to be filled in, and its schema."""
    params = asked["inputRequests"]["choice"]["params"]
    return params, params["requestedSchema"]


def accept(**content: Any) -> dict[str, Any]:
    """A form that was filled in like this."""
    return {"action": "accept", "content": content}


@pytest.mark.holds("MCP-FORM", "I5")
def test_the_person_chooses_in_a_form_and_one_variant_is_in_the_cart(shop: ShopUnderTest) -> None:
    """Two flat choices of what is in stock, asked after the call was authorized; the answer is a call like any, on record."""
    sofia = shop.sign_in(SOFIA)
    host = buying(sofia)
    with watching(shop) as seen:
        asked = host.result("tools/call", call())
    assert asked["resultType"] == "input_required" and set(asked["inputRequests"]) == {"choice"}
    form, schema = form_of(asked)
    assert form["mode"] == "form"
    assert {name: one["enum"] for name, one in schema["properties"].items()} == {
        "colour": ["black", "ink", "bone", "rust"],
        "size": ["S", "M", "L", "XL"],
    }
    assert schema["required"] == ["colour", "size"] and "ink (S, M, L), bone" in form["message"]
    assert seen.changed <= {"conversations"} and seen.names == ["conversation.started", "tool_call.failed"]
    assert seen.events[1].content["facts"]["code"] == "choice_needed" and in_cart(sofia) == 0

    jsonschema.validate(CHOSEN, schema)
    with watching(shop) as seen:
        done = host.result("tools/call", retry(asked, accept(**CHOSEN)))
    assert done["structuredContent"]["added"]["sku"] == "context-tee-ink-m" and in_cart(sofia) == 1
    assert seen.names == ["tool_call.succeeded"] and chains_hold(shop)
    assert seen.events[0].content["facts"]["sku"] == "context-tee-ink-m"
    assert seen.events[0].content["decision"]["effect"] == "allow"
    assert seen.events[0].personal["arguments"] == {**SOME_TEE, **CHOSEN}


@ONE_ENGINE
@pytest.mark.holds("MCP-FORM")
def test_only_what_is_open_is_asked(shop: ShopUnderTest) -> None:
    """A size when the colour was said, nothing when one variant is left, and again what an answer left out."""
    host = buying(shop.sign_in(SOFIA))
    asked = host.result("tools/call", call({**SOME_TEE, "colour": "INK"}))
    options = form_of(asked)[1]["properties"]
    assert {name: one["enum"] for name, one in options.items()} == {"size": ["S", "M", "L"]}
    done = host.call("add_to_cart", {**SOME_TEE, **CHOSEN})
    assert done["structuredContent"]["added"]["sku"] == "context-tee-ink-m"

    first = host.result("tools/call", call())
    second = host.result("tools/call", retry(first, accept(colour="bone", gift_wrap=True)))
    assert set(form_of(second)[1]["properties"]) == {"size"}
    done = host.result("tools/call", retry(second, accept(size="L")))
    assert done["structuredContent"]["added"]["sku"] == "context-tee-bone-l"
    assert host.result("tools/call", retry(first, None))["resultType"] == "input_required"


@ONE_ENGINE
@pytest.mark.holds("MCP-FORM")
def test_a_person_who_does_not_choose_gets_nothing(shop: ShopUnderTest) -> None:
    """Declined or dismissed: a result that says so, and nothing done, even when only one variant is left meanwhile."""
    sofia = shop.sign_in(SOFIA)
    host = buying(sofia)
    only_two = {"product": "long-context-hoodie", "colour": "bone", "size": None, "quantity": 4}
    for sku in ("long-context-hoodie-bone-s", "long-context-hoodie-bone-l"):
        asked = host.result("tools/call", call(only_two))
        set_variant(shop, sku, stock=0)
        for action in ("decline", "cancel"):
            with watching(shop) as seen:
                told = host.result("tools/call", retry(asked, {"action": action}, only_two))
            assert told["isError"] and told["structuredContent"]["code"] == "declined"
            assert (seen.changed, seen.names) == (set(), [])
    assert in_cart(sofia) == 0


@ONE_ENGINE
@pytest.mark.holds("MCP-FORM", "M4", "I11")
def test_what_was_not_offered_or_not_to_them_is_refused(shop: ShopUnderTest) -> None:
    """An answer beside the form, and a state that is forged, foreign, of another call or too old: -32602, nothing done."""
    sofia = shop.sign_in(SOFIA)
    host, noah = buying(sofia), buying(shop.sign_in(NOAH))
    asked = host.result("tools/call", call())
    for answer in (accept(colour="pink", size="M"), accept(colour="ink", size=["M"]), accept(colour="ink", size=None)):
        assert host.error("tools/call", retry(asked, answer)) == (400, INVALID_PARAMS), answer
    assert host.error("tools/call", retry(asked, {"action": "buy"})) == (400, INVALID_PARAMS)
    good = retry(asked, accept(**CHOSEN))
    assert noah.error("tools/call", good) == (400, INVALID_PARAMS)
    assert host.error("tools/call", {**good, "requestState": good["requestState"][:-2] + "AA"})[0] == 400
    assert host.error("tools/call", {**good, "arguments": {**SOME_TEE, "quantity": 9}}) == (400, INVALID_PARAMS)
    assert host.error("tools/call", {**good, "name": "place_order", "arguments": {}}) == (400, INVALID_PARAMS)
    unsealed = call(inputResponses={"choice": accept(**CHOSEN)})
    assert host.result("tools/call", unsealed)["resultType"] == "input_required", "an answer to no question is none"

    told = host.result("tools/call", retry(asked, accept(colour="ink", size="XL")))["structuredContent"]
    assert told["code"] == "out_of_stock", "each was offered, and they do not come together"
    assert host.assistant
    shop.clock.pass_by(minutes=61)
    host.assistant.refresh()
    assert host.error("tools/call", good) == (400, INVALID_PARAMS)
    assert in_cart(sofia) == 0


@ONE_ENGINE
@pytest.mark.holds("MCP-FORM", "MCP-401", "MCP-403", "I9")
def test_who_may_not_is_not_asked(shop: ShopUnderTest, build_shop: Callable[..., ShopUnderTest]) -> None:
    """A guest, a client without the scope, and one whose grant ended: the refusal, so a form tells nobody what there is."""
    from sqlalchemy import select

    from shop.credentials.grants import Grant
    from shop.credentials.ledger import end

    sofia = shop.sign_in(SOFIA)
    assert failure(host_of(sofia, capabilities=FORMS).ask("tools/call", call())) == (403, INSUFFICIENT_SCOPE)
    host = buying(sofia)
    asked = host.result("tools/call", call())
    with shop.database.write() as db:
        end(db, list(db.scalars(select(Grant.id))), EndReason("revoked"))
    for answer in (accept(**CHOSEN), {"action": "decline"}, None):
        assert host.error("tools/call", retry(asked, answer))[0] == 401
    assert in_cart(sofia) == 0
    guest = Host(build_shop(anonymous_browse=True), None, capabilities=FORMS)
    assert failure(guest.ask("tools/call", call())) == (401, AUTHENTICATION_REQUIRED)


@ONE_ENGINE
@pytest.mark.holds("MCP-FORM")
def test_every_other_client_is_told_in_words(shop: ShopUnderTest) -> None:
    """Without the capability, with pages only, and in the older revisions, which would need a stream: what there is, to ask."""
    sofia = shop.sign_in(SOFIA)
    clients: list[tuple[str, dict[str, Any]]] = [
        (STATELESS, {}),
        (STATELESS, {"elicitation": {"url": {}}}),
        (HANDSHAKE, FORMS),
        (OLDER, {"elicitation": {}}),
    ]
    for version, capabilities in clients:
        told = buying(sofia, version=version, capabilities=capabilities).call("add_to_cart", SOME_TEE)
        assert told["isError"] and told["structuredContent"]["code"] == "choice_needed"
        assert "black (S, M, L, XL), ink (S, M, L), bone" in told["content"][0]["text"]
    empty = buying(sofia, capabilities={"elicitation": {}})
    assert empty.result("tools/call", call())["resultType"] == "input_required", "empty means forms"


@ONE_ENGINE
@pytest.mark.holds("MCP-FORM", "I6")
def test_a_client_that_accepts_everything_fills_a_cart_and_orders_nothing(
    shop: ShopUnderTest, build_shop: Callable[..., ShopUnderTest]
) -> None:
    """The official client's own driver: forms are answered with whatever comes first, pages with 'accept'."""
    sofia, before, modes = shop.sign_in(SOFIA), count_orders(shop), list[str]()

    async def answer(_context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        modes.append(params.mode)
        if not isinstance(params, ElicitRequestFormParams):
            return ElicitResult(action="accept")
        properties = params.requested_schema["properties"]
        return ElicitResult(action="accept", content={name: one["enum"][0] for name, one in properties.items()})

    async def talk(client: Client) -> Any:
        added = await client.call_tool("add_to_cart", {"product": "long-context-hoodie", "size": "L"})
        ordered = await client.call_tool("place_order", {})
        return added.structured_content["added"]["sku"], ordered.structured_content["waiting_for"]

    with served(build_shop) as live:
        assert speak(sofia, live, talk, *BUYING, elicitation_callback=answer) == (HOODIE, "approval")
    assert modes == ["form", "url"] and in_cart(sofia) == 1 and count_orders(shop) == before
