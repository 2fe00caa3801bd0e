"""How an assistant gets its authority in a conversation, and how its person widens, narrows and pauses it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shop.conversations import delegation
from shop.credentials.delegations import Delegation
from shop.credentials.ledger import NotAlive
from shop.principal import Principal, Workflow
from tests.support.clock import TestClock
from tests.support.people import SOFIA, Assistant, ShopUnderTest, Visitor

LIFETIME = timedelta(hours=1)


def assistant_of(visitor: Visitor, earlier: Assistant, person: Principal | None = None) -> Principal:
    """The assistant's principal in a conversation, for whoever is signed in in this browser now."""
    person = person or visitor.principal()
    with visitor.shop.database.write() as db:
        return delegation.assistant_for(db, person, earlier.conversation, build="test", lifetime=LIFETIME)


def started(assistant: Assistant) -> list[dict[str, object]]:
    return [event.content["facts"] for event in assistant.events() if event.name == "delegation.started"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.holds("I4", "NHI5", "LLM06", "ASVS-8.3.3")
def test_an_assistant_is_its_person_with_an_actor_and_the_smallest_scopes(shop: ShopUnderTest) -> None:
    """Same subject, organization and session; an actor, a delegation, and browse and read only."""
    sofia = shop.sign_in(SOFIA)
    person, assistant = sofia.principal(), sofia.assistant()
    principal = assistant.principal
    assert (principal.subject, principal.organization, principal.session) == (
        person.subject,
        person.organization,
        person.session,
    )
    assert principal.actor and principal.actor.client_id == "client:shop-assistant"
    assert principal.conversation == assistant.conversation.id
    assert principal.scopes == {Workflow.BROWSE, Workflow.READ}
    assert started(assistant) == [{"scopes": ["browse", "read"], "predecessor": None}]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_delegation_serves_its_session_as_long_as_it_lives(shop: ShopUnderTest) -> None:
    """The next turn in the same session goes on with the same delegation, and what was allowed in it."""
    sofia = shop.sign_in(SOFIA)
    assistant = sofia.assistant("transact")
    again = assistant_of(sofia, assistant)
    assert again.delegation == assistant.principal.delegation and Workflow.TRANSACT in again.scopes
    assert len(started(assistant)) == 1


@pytest.mark.holds("NHI5", "NHI7", "LLM06")
def test_another_session_gets_its_own_delegation_linked_to_the_one_before(shop: ShopUnderTest) -> None:
    """A conversation that is resumed in a new session starts again with browse and read, linked to its predecessor."""
    sofia = shop.sign_in(SOFIA)
    assistant = sofia.assistant("transact")
    resumed = assistant_of(shop.sign_in(SOFIA), assistant)
    assert resumed.delegation != assistant.principal.delegation
    assert resumed.scopes == {Workflow.BROWSE, Workflow.READ}
    with shop.database.read() as db:
        stored = db.get_one(Delegation, resumed.delegation)
    assert (stored.predecessor_id, stored.session_id) == (assistant.principal.delegation, resumed.session)
    assert started(assistant)[-1]["predecessor"] == assistant.principal.delegation
    assert assistant.call("add_to_cart", sku="refresh-token-mug-ink").kind == "succeeded", (
        "the old session is still signed in"
    )


@pytest.mark.holds("NHI7")
def test_a_delegation_expires_and_takes_what_was_allowed_with_it(shop: ShopUnderTest, clock: TestClock) -> None:
    """After its lifetime the same session gets a new one that starts small; the old one can do nothing."""
    sofia = shop.sign_in(SOFIA)
    assistant = sofia.assistant("transact")
    clock.pass_by(minutes=50)
    sofia.get("/sessions")  # the person is there, so the session lives on
    clock.pass_by(minutes=11)
    renewed = assistant_of(sofia, assistant)
    assert renewed.delegation != assistant.principal.delegation
    assert renewed.scopes == {Workflow.BROWSE, Workflow.READ}
    refused = assistant.call("view_cart")
    assert refused.decision and refused.decision.rule == "credential.delegation.expired"


@pytest.mark.holds("I3", "I6", "LLM06", "ASVS-8.3.2")
def test_consent_acts_at_the_next_call_and_so_does_taking_it_back(shop: ShopUnderTest) -> None:
    """Allowing and withdrawing a workflow change the next call, each recorded once, by the person and not the assistant."""
    assistant = shop.sign_in(SOFIA).assistant()
    assert assistant.call("add_to_cart", sku="refresh-token-mug-ink").kind == "denied"
    for _ in range(2):
        assistant.allow("transact")
    assert assistant.call("add_to_cart", sku="refresh-token-mug-ink").kind == "succeeded"
    for _ in range(2):
        assistant.withdraw("transact")
    assert assistant.call("add_to_cart", sku="refresh-token-mug-ink").kind == "denied"
    consents = [event for event in assistant.events() if event.name in {"consent.granted", "consent.withdrawn"}]
    assert [event.name for event in consents] == ["consent.granted", "consent.withdrawn"]
    assert [event.content["actor"] for event in consents] == [None, None]
    assert [event.content["facts"]["scopes"] for event in consents] == [
        ["browse", "read", "transact"],
        ["browse", "read"],
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_an_assistant_starts_with_can_be_taken_back_too(shop: ShopUnderTest) -> None:
    """A person may close even reading and browsing, for this conversation only."""
    sofia = shop.sign_in(SOFIA)
    assistant, other = sofia.assistant(), sofia.assistant()
    assistant.withdraw("read")
    assert assistant.call("view_cart").kind == "denied"
    assert assistant.call("search_products", query="mug").kind == "succeeded"
    assert other.call("view_cart").kind == "succeeded"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("workflow", ["support", "administer"])
@pytest.mark.holds("LLM06")
def test_nothing_beyond_the_shop_can_be_allowed(shop: ShopUnderTest, workflow: str) -> None:
    """Support and administration are no assistant's: neither the page nor the code behind it takes them."""
    sofia = shop.sign_in(SOFIA)
    assistant = sofia.assistant()
    with pytest.raises(ValueError, match="cannot be allowed"):
        assistant.allow(workflow)
    refused = sofia.post(f"/assistant/{assistant.conversation.id}/consent", workflow=workflow, allow="1")
    assert refused.status_code == 400
    assert [event.name for event in assistant.events()] == ["conversation.started", "delegation.started"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.holds("I3", "I6")
def test_an_assistant_delegates_to_nobody_and_the_signed_out_to_none(shop: ShopUnderTest) -> None:
    """Authority comes from a living person: not from another assistant, and not after the session has ended."""
    sofia = shop.sign_in(SOFIA)
    assistant, person = sofia.assistant(), sofia.principal()
    with pytest.raises(ValueError, match="not from another assistant"):
        assistant_of(sofia, assistant, assistant.principal)
    sofia.post("/sign-out")
    with pytest.raises(NotAlive):
        assistant_of(sofia, assistant, person)


@pytest.mark.holds("ASI08", "ASVS-8.3.2")
def test_pausing_stops_every_assistant_of_the_person_and_resuming_brings_back_what_was_allowed(
    shop: ShopUnderTest,
) -> None:
    """Paused, every conversation's next call is refused, the person's own clicks are not; resumed, consents still hold."""
    sofia = shop.sign_in(SOFIA)
    assistants = [sofia.assistant("transact"), sofia.assistant()]
    for _ in range(2):
        sofia.post("/assistant/pause")
    refusals = [assistant.call("view_cart") for assistant in assistants]
    assert [refused.for_model()["code"] for refused in refusals] == ["paused", "paused"]
    assert sofia.call("view_cart").kind == "succeeded"
    for _ in range(2):
        sofia.post("/assistant/resume")
    assert assistants[0].call("add_to_cart", sku="refresh-token-mug-ink").kind == "succeeded"
    names = [event.name for event in shop.chain(sofia.principal().organization)]
    assert [name for name in names if name.startswith("assistant.")] == ["assistant.paused", "assistant.resumed"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_principal_for_another_conversation_is_a_mistake_of_ours(shop: ShopUnderTest) -> None:
    """A delegation is for one conversation: using it in another one is a bug, and is not carried out."""
    sofia = shop.sign_in(SOFIA)
    assistant, other = sofia.assistant(), sofia.assistant()
    with pytest.raises(ValueError, match="one conversation"):
        shop.gateway.call_tool(assistant.principal, other.conversation.id, "view_cart", {})
    moved = replace(assistant.principal, conversation=other.conversation.id)
    assert moved.delegation != other.principal.delegation
