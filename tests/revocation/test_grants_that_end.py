"""Grants that end (design §9): by their person, by signing out everywhere, by a suspension, by a block; and what stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shop.agents import blocks, limits
from shop.approvals.receipts import Receipt, ReceiptState
from shop.authorization.decisions import AccessDenied
from shop.credentials.ledger import Authority
from shop.database import new_id
from shop.oauth.resource_server.bearer import authenticate
from shop.principal import Principal, Workflow
from shop.revocation import cascade
from shop.tools.outcomes import AwaitingApproval, Outcome
from tests.oauth.looks import events, facts, is_alive, only_grant, row
from tests.revocation.scene import SKU, assert_refused
from tests.support.assistants import ExternalAssistant, connect
from tests.support.people import GIL, INES, NOAH, SOFIA, ShopUnderTest
from tests.support.state import ONE_ENGINE, watching


def call(assistant: ExternalAssistant, conversation: str, name: str, **arguments: object) -> Outcome:
    """A tool call of an external assistant, as the MCP endpoint makes it."""
    with assistant.shop.app.app_context():
        principal = replace(authenticate(assistant.authorization), conversation=conversation)
    return assistant.shop.gateway.call_tool(principal, conversation, name, arguments)


def waiting_receipt(assistant: ExternalAssistant) -> tuple[str, str]:
    """An order that waits for its person. Returns its conversation and the receipt."""
    conversation = new_id("cnv")
    assert call(assistant, conversation, "add_to_cart", sku=SKU).kind == "succeeded"
    stopped = call(assistant, conversation, "place_order")
    assert isinstance(stopped, AwaitingApproval)
    return conversation, stopped.receipt_id


def do(shop: ShopUnderTest, change: Callable[..., None], *arguments: Any) -> None:
    """Make a change of authority, in a transaction of its own."""
    with shop.database.write() as db:
        change(db, *arguments)


def grant_of(assistant: ExternalAssistant) -> str:
    return only_grant(assistant.shop, assistant.client_id)[0].id


@pytest.mark.holds("I9", "ASVS-10.4.9", "ASI10")
def test_a_person_takes_back_what_they_allowed(shop: ShopUnderTest) -> None:
    """Its very next call is refused, what waited for a click is void, the trail says what ended; everything else stays."""
    sofia = shop.sign_in(SOFIA)
    assistant, other = connect(sofia, "browse", "read", "transact", name="One"), connect(sofia, name="Another")
    conversation, receipt = waiting_receipt(assistant)
    person = sofia.principal()
    do(shop, cascade.revoke_grant, person, grant_of(assistant))
    assert_refused(call(assistant, conversation, "view_cart"), "signed_out", "credential.grant.ended")
    assert row(shop, Receipt, receipt).state is ReceiptState.VOIDED
    event = events(shop, "grant.revoked")[-1].content
    assert event["resource"] == {"kind": "grant", "id": grant_of(assistant)}
    told = event["facts"]
    assert (told["because"], told["client"], told["person"]) == (
        "revoked_by_person",
        assistant.client_id,
        person.subject,
    )
    assert told["receipts"] == [receipt] and len(told["tokens"]) == 1
    assert sofia.get("/sessions").status_code == 200 and is_alive(shop, other.access_token)
    assert assistant.refresh().status_code == 400

    do(shop, cascade.revoke_all_grants, person)
    assert not is_alive(shop, other.access_token) and sofia.get("/sessions").status_code == 200
    with watching(shop) as seen:
        do(shop, cascade.revoke_grant, person, grant_of(assistant))
    assert not seen.events and not seen.changed, "what ended already does not end again"


@pytest.mark.holds("I9", "NHI1", "ASVS-7.4.2")
@pytest.mark.parametrize("how", ["signed out everywhere", "suspended"])
def test_the_end_of_a_person_is_the_end_of_their_assistants(shop: ShopUnderTest, how: str) -> None:
    """Sign-out everywhere and a suspension end every grant of the membership, whoever's browser is open; colleagues' stay."""
    sofia, noah, ines = shop.sign_in(SOFIA), shop.sign_in(NOAH), shop.sign_in(INES)
    assistant, colleagues = connect(sofia), connect(noah)
    membership, administrator = sofia.principal().membership, ines.principal()
    if how == "suspended":
        do(shop, cascade.suspend, shop.services.policy, administrator, membership)
    else:
        sofia.post("/sessions/end-all")
    assert not is_alive(shop, assistant.access_token) and is_alive(shop, colleagues.access_token)
    assert facts(shop, "grant.revoked")["because"] == how.replace(" ", "_")
    assert only_grant(shop, assistant.client_id)[1].ended_because == how.replace(" ", "_")


@ONE_ENGINE
def test_signing_out_here_leaves_external_assistants_as_they_are(shop: ShopUnderTest) -> None:
    """A grant is authenticated by a session, but does not hang below it."""
    sofia = shop.sign_in(SOFIA)
    assistant = connect(sofia)
    sofia.post("/sign-out")
    assert is_alive(shop, assistant.access_token) and assistant.refresh().status_code == 200
    assert events(shop, "grant.revoked") == []


@pytest.mark.holds("I9", "ASI08", "ASI10")
def test_an_administrator_blocks_a_client_for_everybody(shop: ShopUnderTest) -> None:
    """Every grant that it holds in the organization ends, and only there; lifting the block brings none of them back."""
    sofia, noah, gil, ines = (shop.sign_in(email) for email in (SOFIA, NOAH, GIL, INES))
    assistant = connect(sofia)
    elsewhere, here = (ExternalAssistant(shop, assistant.client_id) for _ in range(2))
    here.connect(noah)
    elsewhere.connect(gil)
    agent = events(shop, "agent.first_seen")[-1].content["resource"]["id"]
    administrator, policy = ines.principal(), shop.services.policy
    do(shop, blocks.block_agent, policy, administrator, agent)
    assert [is_alive(shop, one.access_token) for one in (assistant, here, elsewhere)] == [False, False, True]
    assert row(shop, Authority, agent).suspended_at is not None
    assert facts(shop, "agent.blocked") == {"client": assistant.client_id, "tokens": []}
    assert [event.content["facts"]["because"] for event in events(shop, "grant.revoked")] == ["blocked", "blocked"]
    for change in (blocks.block_agent, blocks.unblock_agent, blocks.unblock_agent):
        do(shop, change, policy, administrator, agent)
    assert len(events(shop, "agent.blocked")) == len(events(shop, "agent.unblocked")) == 1
    assert not is_alive(shop, assistant.access_token)
    assert assistant.connect(sofia).refresh().status_code == 200, "a person may let it in again"


@ONE_ENGINE
@pytest.mark.holds("I3", "I9")
def test_a_ceiling_acts_at_the_next_call_and_only_narrows(shop: ShopUnderTest) -> None:
    """The token stays the same; what it may do is what person and organization both allow now."""
    sofia, ines = shop.sign_in(SOFIA), shop.sign_in(INES)
    assistant = connect(sofia, "browse", "read")
    conversation, administrator = new_id("cnv"), ines.principal()
    agent = only_grant(shop, assistant.client_id)[0].agent_id

    def ceiling(*scopes: str) -> None:
        chosen = [Workflow(scope) for scope in scopes]
        do(shop, limits.set_ceiling, shop.services.policy, administrator, agent, chosen)

    assert call(assistant, conversation, "view_cart").kind == "succeeded"
    ceiling("browse", "transact")
    assert_refused(call(assistant, conversation, "view_cart"), "not_permitted", "default.ceiling")
    assert_refused(call(assistant, conversation, "add_to_cart", sku=SKU), "consent_needed", "default.scope")
    ceiling("browse", "read")
    assert call(assistant, conversation, "view_cart").kind == "succeeded"


@ONE_ENGINE
@pytest.mark.holds("I10", "ASVS-8.2.2")
def test_nobody_ends_what_is_not_theirs(shop: ShopUnderTest) -> None:
    """A colleague's grant, another organization's client, one that is not there: refused, told apart by nobody, unchanged."""
    sofia, noah, gil, ines = (shop.sign_in(email) for email in (SOFIA, NOAH, GIL, INES))
    assistant, foreign = connect(sofia), connect(gil)
    agents = [only_grant(shop, one.client_id)[0].agent_id for one in (assistant, foreign)]
    buyer, administrator, policy = noah.principal(), ines.principal(), shop.services.policy

    def refused(by: Principal, change: Callable[..., None], *arguments: Any) -> None:
        before = () if change is cascade.revoke_grant else (policy,)
        with pytest.raises((cascade.NotYours, AccessDenied)):
            do(shop, change, *before, by, *arguments)

    with watching(shop) as seen:
        for grant in (grant_of(assistant), grant_of(foreign), "gnt_none"):
            refused(buyer, cascade.revoke_grant, grant)
        refused(buyer, blocks.block_agent, agents[0])
        for agent in (agents[1], "agt_none"):
            refused(administrator, blocks.block_agent, agent)
            refused(administrator, blocks.unblock_agent, agent)
            refused(administrator, limits.set_ceiling, agent, [])
    assert not seen.changed
    assert is_alive(shop, assistant.access_token) and is_alive(shop, foreign.access_token)
