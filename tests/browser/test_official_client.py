"""Scenes 11 and 12 in one run: the official client connects, asks for more, and buys with its person's own click."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from shop.approvals.receipts import Receipt, ReceiptState
from shop.audit.chain import AuditChain
from shop.audit.queries import RecordedEvent
from shop.audit.verification import verify
from shop.audit.writer import SYSTEM_CHAIN
from shop.conversations.models import Conversation
from shop.credentials.grants import Grant
from shop.store.models import Order
from tests.browser.conftest import OpenBrowser
from tests.browser.desktop import a_program_on_this_computer
from tests.browser.live_shop import LiveShop
from tests.browser.official import OfficialClient, finished, official_client
from tests.browser.person import ORDER_NUMBER, Person, in_order
from tests.browser.watch import Watch
from tests.support.people import ADA, NOAH, SOFIA
from tests.support.state import HOODIE
from tests.support.stored import events_of_chain

NAME = "Talking Basket"


@pytest.mark.holds("I2", "I6", "I7", "I11", "I13", "M4", "M8", "M9", "MCP-401", "MCP-403", "ASI09")
def test_it_starts_with_little_and_buys_with_its_persons_click(
    live_shop: LiveShop, visitor: OpenBrowser, watch: Watch
) -> None:
    """Discovery, registration, consent and step-up as the client does them; one order, by the right person, all on record."""
    watch.expect_answer(404)  # the link in somebody else's browser
    with a_program_on_this_computer() as program:
        sofia = visitor(SOFIA, elsewhere=frozenset({program.origin}))
        with official_client(live_shop.url("/mcp"), program, NAME) as assistant:
            is_let_in_to_look_and_read(sofia, assistant)
            asks_for_more_when_it_needs_more(sofia, assistant)
            page, number = buys_with_her_click(sofia, visitor(NOAH), assistant)
    everything_is_on_record(live_shop, page.rpartition("/")[2], number)
    an_auditor_reads_it(visitor(ADA), page.rpartition("/")[2])


def is_let_in_to_look_and_read(sofia: Person, assistant: OfficialClient) -> None:
    address = assistant.wants_opened()
    for part in ("scope=browse+read+transact&", "code_challenge_method=S256", "resource=http", "redirect_uri=http"):
        assert part in f"{address}&", address
    sofia.page.goto(address)
    sofia.type_email()
    sofia.pick_themselves()
    consents(sofia)
    found = assistant.call("search_products", query="hoodie", colour="black", size="L", max_price=6000)
    assert found["count"] == 3 and assistant.call("list_orders")["orders"]
    assert assistant.kept.tokens and assistant.kept.tokens.scope == "browse read"


def asks_for_more_when_it_needs_more(sofia: Person, assistant: OfficialClient) -> None:
    adding = assistant.begin("add_to_cart", product="Long Context", colour="black", size="L")
    address = assistant.wants_opened()
    assert "scope=browse+read+transact" in address and not adding.done()
    sofia.page.goto(address)
    sofia.page.get_by_role("checkbox", name="Buy for you").check()
    consents(sofia)
    assert finished(adding)["added"]["sku"] == HOODIE


def buys_with_her_click(sofia: Person, noah: Person, assistant: OfficialClient) -> tuple[str, str]:
    """Returns the address of the page and the number of the order."""
    ordering = assistant.begin("place_order")
    page = assistant.wants_opened()
    noah.page.goto(page)
    noah.type_email()
    noah.pick_themselves()
    expect(noah.page.get_by_role("heading", name="There is nothing to decide here")).to_be_visible()
    assert not ordering.done()

    sofia.page.goto(page)
    expect(sofia.page.get_by_role("heading", name="Your assistant asks you")).to_be_visible()
    sofia.page.get_by_role("button", name="Confirm €58.00").click()
    expect(sofia.page.get_by_text("confirmed by you")).to_be_visible()
    assistant.person_is_back()
    number = str(finished(ordering)["number"])
    assert ORDER_NUMBER.fullmatch(number) and number in sofia.page.locator("main").inner_text()
    assert {assistant.call("place_order")["number"] for _ in range(3)} == {number}
    return page, number


def everything_is_on_record(shop: LiveShop, receipt_id: str, number: str) -> None:
    with shop.stored() as db:
        (grant,), (conversation,) = db.scalars(select(Grant)), db.scalars(select(Conversation))
        (order,) = db.scalars(select(Order).where(Order.placed_through == grant.client_id))
        assert order.number == number and db.get_one(Receipt, receipt_id).state is ReceiptState.APPROVED
        assert (conversation.source, conversation.credential) == ("inferred", grant.id)
        chains = (conversation.id, grant.organization_id, SYSTEM_CHAIN)
        talk, around, outside = (events_of_chain(db, chain) for chain in chains)
        assert all(verify(db, chain).ok for chain in db.scalars(select(AuditChain.id)))
    calls = [event for event in talk if event.name.startswith("tool_call.")]
    assert [event.name.removeprefix("tool_call.") for event in calls] == [
        *("succeeded", "succeeded"),  # search_products, list_orders
        *("denied", "succeeded"),  # add_to_cart before and after the step-up
        "awaiting_approval",
        *["succeeded"] * 5,  # the confirmed call, what the client heard of it, and the three that came again
    ]
    assert {(event.content["actor"]["client"], event.content["grant"]) for event in calls} == {
        (grant.client_id, grant.id)
    }
    assert {event.content["subject"] for event in talk} == {order.owner}
    assert names(talk, "approval.", "order.") == ["approval.opened", "approval.approved", "order.placed"]
    (refused,) = (event for event in around if event.name == "approval.refused")
    assert refused.content["subject"] not in {order.owner, None} and refused.content["facts"]["reason"] == "not_found"
    assert names(outside, "client.") == ["client.registered"]
    assert names(around, "grant.") == ["grant.consented", "grant.consented"]


def an_auditor_reads_it(ada: Person, receipt_id: str) -> None:
    with ada.shop.stored() as db:
        (conversation,) = db.scalars(select(Conversation))
    ada.sign_in("/audit/")
    entries = ada.audit_of(conversation.id)
    in_order(
        entries, "search_products", ("refused add_to_cart", "default.scope"), "place_order", receipt_id, "order.placed"
    )
    told = ada.page.locator(".audit .meta").inner_text() + ada.page.locator(".audit .chain").inner_text()
    for part in ("verified", NAME, "self-registered, unverified", "by the grant gnt_", "inferred"):
        assert part in told, told


def consents(sofia: Person) -> None:
    """Allow what is ticked, and come back to the assistant."""
    expect(sofia.page.get_by_role("heading", name=NAME)).to_be_visible()
    sofia.page.get_by_role("button", name="Allow what is ticked").click()
    expect(sofia.page).to_have_title("Back")


def names(events: list[RecordedEvent], *families: str) -> list[str]:
    """The names of the events of these families, in order."""
    return [str(event.name) for event in events if event.name.startswith(families)]
