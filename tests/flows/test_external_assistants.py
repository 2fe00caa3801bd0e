"""Scenes 11 to 13 of the story: an external assistant connects, asks for more, buys with its person's click, and is revoked."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from shop.approvals.receipts import ReceiptState
from shop.conversations.models import Conversation
from shop.credentials.grants import Grant
from shop.revocation import cascade
from tests.flows.scenes import in_cart, orders_of
from tests.mcp.host import OPENS_URLS, Host, failure
from tests.support.assistants import ExternalAssistant, registered
from tests.support.people import ADA, NOAH, SOFIA, ShopUnderTest
from tests.support.providers import BASE_URL
from tests.support.state import HOODIE, chains_hold, receipt, watching

BUYING = ("browse", "read", "transact")


@pytest.mark.holds("I2", "I3", "I5", "I11", "M8", "MCP-401", "MCP-403")
def test_scene_11_it_starts_with_little_and_asks_for_what_it_needs(shop: ShopUnderTest) -> None:
    """The first challenge names all that the tools need, and its person allows what is ticked: browse and read. The second leads
    to transact; then an order answers with the shop's own page.
    """
    sofia = shop.sign_in(SOFIA)
    host, assistant = basket(shop)
    challenged = host.ask("tools/list", headers={"Authorization": None})
    assert challenged.status_code == 401
    assert scopes_of(challenged.headers["WWW-Authenticate"]) == BUYING
    assistant.redeem(assistant.ask(sofia, *BUYING).code)
    assert assistant.scope == "browse read"
    with watching(shop) as seen:
        found = host.call("search_products", {"query": "hoodie", "max_price": 6000, "size": "L", "colour": "black"})
        assert found["structuredContent"]["count"] == 3 and host.call("list_orders")["structuredContent"]["orders"]
    with shop.database.read() as db:
        conversation = db.scalars(select(Conversation).where(Conversation.client_id.is_not(None))).one()
        grant = db.scalars(select(Grant)).one()
    assert (conversation.source, conversation.external_id) == ("host_asserted", "v1/basket")
    assert seen.names == ["conversation.started", "tool_call.succeeded", "tool_call.succeeded"]
    called = seen.events[1].content
    assert (called["actor"]["client"], called["grant"]) == (assistant.client_id, grant.id)
    assert (called["subject"], called["conversation"]) == (sofia.principal().subject, conversation.id)

    with watching(shop) as seen:
        refused = host.call("add_to_cart", {"sku": HOODIE})
    (challenge,) = refused["_meta"]["mcp/www_authenticate"]
    assert refused["isError"] and scopes_of(challenge) == BUYING and in_cart(sofia) == 0
    assert seen.names == ["tool_call.denied"] and seen.events[0].content["decision"]["rule"] == "default.scope"
    assistant.connect(sofia, *scopes_of(challenge))
    assert not host.call("add_to_cart", {"sku": HOODIE})["isError"] and in_cart(sofia) == 1
    link = host.call("place_order")["inputRequests"]["approval"]["params"]["url"]
    assert link.startswith(f"{BASE_URL}/approvals/rcp_")
    page = shop.sign_in(ADA).get(f"/audit/conversations/{conversation.id}").text
    for part in ("Talking Basket on behalf of Sofia Hart", "host_asserted", "default.scope", "needs approval"):
        assert part in page


@pytest.mark.holds("I6", "I7", "I9", "I13", "M4", "ASI09", "ASI10")
def test_scenes_12_and_13_one_order_by_the_right_person_and_the_end_of_it(shop: ShopUnderTest) -> None:
    """Two opens, one approval, one effect, however often the client retries; after the revocation nothing, everywhere."""
    sofia, noah = shop.sign_in(SOFIA), shop.sign_in(NOAH)
    host, assistant = basket(shop)
    assistant.connect(sofia, *BUYING)
    host.call("add_to_cart", {"sku": HOODIE})
    asked, before = host.call("place_order"), len(orders_of(sofia))
    path = asked["inputRequests"]["approval"]["params"]["url"].removeprefix(BASE_URL)
    retry = {"name": "place_order", "arguments": {}, "requestState": asked["requestState"]}

    with watching(shop) as seen:
        assert {noah.get(path).status_code, noah.post(f"{path}/confirm").status_code} == {404}
    assert seen.names == ["approval.refused", "approval.refused"]
    assert host.result("tools/call", retry)["structuredContent"]["waiting_for"] == "approval"
    with watching(shop) as seen:
        assert "Talking Basket" in sofia.get(path).text
        assert "confirmed by you" in sofia.get(sofia.post(f"{path}/confirm").headers["Location"]).text
        numbers = {host.result("tools/call", retry)["structuredContent"]["number"] for _ in range(3)}
    (order,) = orders_of(sofia)[before:]
    assert numbers == {order.number} and order.placed_through == assistant.client_id and in_cart(sofia) == 0
    assert receipt(shop, path.rpartition("/")[2]).state is ReceiptState.APPROVED
    assert seen.names[:4] == ["approval.opened", "approval.approved", "order.placed", "tool_call.succeeded"]
    assert seen.names[4:] == ["tool_call.succeeded"] * 3

    me = sofia.principal()
    with shop.database.write() as db:
        grant = db.scalars(select(Grant)).one()
        cascade.revoke_grant(db, me, grant.id)
    with watching(shop) as seen:
        for method, params in (("tools/call", {"name": "view_cart"}), ("tools/list", {}), ("tools/call", retry)):
            assert failure(host.ask(method, params))[0] == 401
    assert seen.names == ["tool_call.denied", "access.denied", "tool_call.denied"]
    assert assistant.refresh().status_code == 400 and sofia.get("/orders").status_code == 200
    revoked = next(e for e in reversed(shop.chain(shop.organization("acme"))) if e.name == "grant.revoked")
    assert grant.id in str(revoked.content) and chains_hold(shop)


def basket(shop: ShopUnderTest) -> tuple[Host, ExternalAssistant]:
    """An assistant that nobody let in yet, in a host that names its conversation."""
    assistant = registered(shop, "Talking Basket")
    return Host(shop, assistant, capabilities=OPENS_URLS, meta={"openai/session": "v1/basket"}), assistant


def scopes_of(challenge: str) -> tuple[str, ...]:
    """The scopes that a challenge names."""
    named = re.search(r'scope="([^"]+)"', challenge)
    assert named, challenge
    return tuple(named.group(1).split())
