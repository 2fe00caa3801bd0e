"""Authority that narrows without ending: consent taken back, a pause, a role lost. All act at the very next call."""

from __future__ import annotations

import pytest

from shop.credentials.delegations import Delegation
from shop.credentials.ledger import Authority
from shop.identity.members import set_roles
from shop.identity.models import Membership
from shop.tools.outcomes import Denied
from tests.revocation.scene import SKU, assert_refused, at_work, membership_of
from tests.support.people import NOAH, SOFIA, TARIQ, ShopUnderTest, Visitor


def give_roles(shop: ShopUnderTest, visitor: Visitor, *roles: str) -> None:
    """What the next sign-in would do, or a directory: the membership has other roles from now on."""
    membership = visitor.principal().membership
    with shop.database.write() as db:
        set_roles(db, db.get_one(Membership, membership), list(roles), because="groups of a test")


@pytest.mark.holds("ASVS-8.3.2", "I3", "ASI03")
def test_consent_taken_back_acts_at_the_next_call(shop: ShopUnderTest) -> None:
    """What a person takes back their assistant cannot do any more; reading goes on, and so does the conversation."""
    assistant = shop.sign_in(SOFIA).assistant("transact")
    assert assistant.call("add_to_cart", sku=SKU).kind == "succeeded"
    assistant.withdraw("transact")
    assert_refused(assistant.call("add_to_cart", sku=SKU), "consent_needed", "default.scope")
    assert assistant.call("view_cart").kind == "succeeded"
    with shop.database.read() as db:
        authority = db.get_one(Authority, assistant.principal.delegation)
        assert (authority.scopes, authority.ended_at) == (["browse", "read"], None)
    withdrawn = next(event for event in assistant.events() if event.name == "consent.withdrawn")
    assert withdrawn.content["actor"] is None
    assert withdrawn.content["facts"]["workflow"] == "transact"
    assistant.withdraw("read")
    assistant.withdraw("browse")
    assert_refused(assistant.call("view_cart"), "consent_needed", "default.scope")
    assert_refused(assistant.call("search_products"), "consent_needed", "default.scope")


@pytest.mark.holds("NHI5")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_consent_is_for_one_conversation(shop: ShopUnderTest) -> None:
    """What a person allows in one conversation is not allowed in another, nor in the same one after a new sign-in."""
    sofia = shop.sign_in(SOFIA)
    here, there = sofia.assistant("transact"), sofia.assistant()
    assert here.call("add_to_cart", sku=SKU).kind == "succeeded"
    assert_refused(there.call("add_to_cart", sku=SKU), "consent_needed", "default.scope")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("workflow", ["support", "administer"])
def test_nobody_can_allow_more_than_the_three_workflows(shop: ShopUnderTest, workflow: str) -> None:
    """What no assistant may have cannot be switched on, whoever its person is."""
    assistant = shop.sign_in(TARIQ).assistant()
    with pytest.raises(ValueError, match="cannot be allowed to an assistant"):
        assistant.allow(workflow)
    with shop.database.read() as db:
        assert db.get_one(Authority, assistant.principal.delegation).scopes == ["browse", "read"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_support_reads_a_colleagues_order_and_their_assistant_is_not_sent_to_ask(shop: ShopUnderTest) -> None:
    """A right that no consent can pass on is refused in plain words, and not with a request that nobody can grant."""
    tariq = shop.sign_in(TARIQ)
    assistant = tariq.assistant("transact")
    assert tariq.call("get_order", number="CC-MARA7V").kind == "succeeded"
    refused = [assistant.call("get_order", number=number) for number in ("CC-MARA7V", "CC-GB4X21", "CC-000000")]
    assert {outcome.for_model()["code"] for outcome in refused} == {"not_permitted"}
    reasons = {outcome.reason for outcome in refused if isinstance(outcome, Denied)}
    assert len(reasons) == 1
    assert "An assistant cannot be allowed to look at orders" in reasons.pop()
    assert assistant.events()[-1].content["decision"]["facts"]["scope_needed"] == "support"


@pytest.mark.holds("ASI08", "I9")
def test_a_pause_stops_every_assistant_of_the_person_until_lifted(shop: ShopUnderTest) -> None:
    """Each assistant of the person is refused at its next call, in every conversation; their own clicks go on."""
    sofia, noah = at_work(shop.sign_in(SOFIA)), shop.sign_in(NOAH).assistant()
    other = sofia.visitor.assistant()
    assert sofia.visitor.post("/assistant/pause").status_code == 303
    for assistant in (sofia.assistant, other):
        assert_refused(assistant.call("search_products"), "paused", "credential.membership.paused")
        assert assistant.events()[-1].name == "tool_call.denied"
    fresh = sofia.visitor.assistant()
    assert_refused(fresh.call("search_products"), "paused", "credential.membership.paused")
    assert sofia.visitor.call("view_cart").kind == "succeeded"
    assert noah.call("search_products").kind == "succeeded"
    assert membership_of(shop, sofia.visitor).assistants_paused_at is not None

    assert sofia.visitor.post("/assistant/resume").status_code == 303
    for assistant in (sofia.assistant, other, fresh):
        assert assistant.call("search_products").kind == "succeeded"
    assert membership_of(shop, sofia.visitor).assistants_paused_at is None
    names = [str(event.name) for event in shop.chain(shop.organization("acme"))]
    assert [name for name in names if name.startswith("assistant.")] == ["assistant.paused", "assistant.resumed"]


@pytest.mark.holds("ASI08")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_receipt_cannot_be_confirmed_while_paused(shop: ShopUnderTest) -> None:
    """A pause also stops the call that a receipt would run: nothing is bought."""
    sofia = at_work(shop.sign_in(SOFIA))
    sofia.visitor.post("/assistant/pause")
    refused = shop.gateway.approve(sofia.person, sofia.receipt)
    assert_refused(refused, "paused", "credential.membership.paused")
    assert "order.placed" not in [str(event.name) for event in sofia.assistant.events()]


@pytest.mark.holds("ASVS-8.3.2", "I4", "ASVS-8.3.3", "ASI03")
def test_a_lost_role_acts_at_the_next_call(shop: ShopUnderTest) -> None:
    """When the person may no longer order, neither their click nor their assistant, nor an open receipt, does it."""
    sofia = at_work(shop.sign_in(SOFIA))
    give_roles(shop, sofia.visitor, "guest")
    assert_refused(sofia.assistant.call("add_to_cart", sku=SKU), "not_permitted", "default.role")
    assert_refused(sofia.visitor.call("add_to_cart", sku=SKU), "not_permitted", "default.role")
    assert_refused(shop.gateway.approve(sofia.person, sofia.receipt), "not_permitted", "default.role")
    assert "order.placed" not in [str(event.name) for event in sofia.assistant.events()]
    assert sofia.assistant.call("search_products").kind == "succeeded"
    changed = shop.chain(shop.organization("acme"))[-2]
    assert changed.name == "membership.roles_changed"
    assert (changed.content["facts"]["before"], changed.content["facts"]["after"]) == (["buyer"], ["guest"])


@pytest.mark.holds("ASVS-8.3.2")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_gained_role_acts_at_the_next_call_and_only_within_the_consent(shop: ShopUnderTest) -> None:
    """A new role is in force at once for the person; their assistant still has only what was allowed to it."""
    noah = shop.sign_in(NOAH)
    assistant = noah.assistant("transact")
    assert assistant.call("add_to_cart", sku=SKU).kind == "succeeded"
    assert_refused(assistant.call("place_order"), "not_permitted", "default.role")
    give_roles(shop, noah, "buyer")
    assert assistant.call("place_order").kind == "awaiting_approval"
    assert membership_of(shop, noah).order_limit == 20_000
    assistant.withdraw("transact")
    assert_refused(assistant.call("place_order"), "consent_needed", "default.scope")


@pytest.mark.holds("NHI7")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_delegation_runs_out_and_the_next_message_starts_a_small_one(shop: ShopUnderTest) -> None:
    """An assistant's authority is over after its time, without its person's session; a successor has less again."""
    sofia = shop.sign_in(SOFIA)
    assistant = sofia.assistant("transact")
    lifetime = shop.services.settings.delegation_lifetime.total_seconds()
    for _ in range(2):  # the person is there all the time: their session does not idle out
        shop.clock.pass_by(seconds=lifetime / 2)
        assert sofia.get("/sessions").status_code == 200
    assert_refused(assistant.call("search_products"), "signed_out", "credential.delegation.expired")
    assert sofia.call("search_products").kind == "succeeded"
    assistant.allow("browse")  # any consent opens the successor, as the next message would
    with shop.database.read() as db:
        successor = db.query(Delegation).filter_by(predecessor_id=assistant.principal.delegation).one()
        assert db.get_one(Authority, successor.id).scopes == ["browse", "read"]
    assert_refused(assistant.call("search_products"), "signed_out", "credential.delegation.expired")
