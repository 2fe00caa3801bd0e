"""A call and a revocation at the same instant: whichever commits first wins, and the other one sees it (I8, I9)."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shop.agents import blocks, decisions
from shop.conversations.delegation import set_paused
from shop.credentials import fair_locks
from shop.credentials.ledger import live
from shop.database import Database
from shop.identity.members import Profile, provision
from shop.identity.models import Connection, Person
from shop.principal import Principal
from shop.revocation import cascade
from shop.store import carts
from shop.tools.gateway import Gateway
from tests.oauth.looks import events, only_grant
from tests.revocation.scene import SKU
from tests.revocation.waiting import PATIENCE, HeldPolicy, Running, wait_until_blocked
from tests.support.assistants import connect
from tests.support.people import INES, SOFIA, Assistant, ShopUnderTest, Visitor

Revocation = Callable[[Session, Principal], None]
REVOCATIONS: dict[str, tuple[Revocation, str]] = {
    "sign-out here": (cascade.sign_out, "signed_out"),
    "sign-out everywhere": (cascade.sign_out_everywhere, "signed_out"),
    "pause": (lambda db, person: set_paused(db, person, True), "paused"),
}
each_revocation = pytest.mark.parametrize(("revoke", "code"), REVOCATIONS.values(), ids=REVOCATIONS)


@pytest.fixture
def sofia(shop: ShopUnderTest) -> Visitor:
    """A buyer, signed in."""
    return shop.sign_in(SOFIA)


def held_gateway(shop: ShopUnderTest) -> tuple[Gateway, HeldPolicy]:
    policy = HeldPolicy(shop.services.policy)
    return Gateway(shop.database, policy, receipt_lifetime=shop.services.settings.receipt_lifetime), policy


def in_cart(shop: ShopUnderTest, person: Principal) -> int:
    with shop.database.read() as db:
        return sum(line.quantity for line in carts.cart_of(db, person.organization, person.subject).lines)


def names(assistant: Assistant) -> list[str]:
    return [str(event.name) for event in assistant.events()]


def committed(database: Database, change: Revocation, person: Principal) -> None:
    with database.write() as db:
        change(db, person)


@pytest.mark.holds("I8", "I9", "ASVS-8.3.2", "ASI08")
@each_revocation
def test_a_revocation_waits_for_an_effect_that_was_alive_first(
    shop: ShopUnderTest, sofia: Visitor, revoke: Revocation, code: str
) -> None:
    """A call that found itself alive finishes, with its event, before the revocation commits; the next one is refused."""
    assistant, person = sofia.assistant("transact"), sofia.principal()
    gateway, held = held_gateway(shop)
    call = Running(
        lambda: gateway.call_tool(assistant.principal, assistant.conversation.id, "add_to_cart", {"sku": SKU})
    )
    assert held.asked.wait(20)
    revocation = Running(lambda: committed(shop.database, revoke, person))
    wait_until_blocked(shop, revocation)
    assert not revocation.done
    held.go_on.set()
    assert call.result().kind == "succeeded"
    revocation.result()
    assert in_cart(shop, person) == 1
    refused = assistant.call("add_to_cart", sku=SKU)
    assert refused.for_model()["code"] == code
    assert in_cart(shop, person) == 1
    told = names(assistant)
    assert told.index("tool_call.succeeded") < told.index("tool_call.denied")
    if "delegation.ended" in told:
        assert told.index("tool_call.succeeded") < told.index("delegation.ended")


@pytest.mark.holds("I8")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@each_revocation
def test_row_locks_alone_hold_it_too(
    shop: ShopUnderTest, sofia: Visitor, revoke: Revocation, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an engine whose advisory locks do nothing, a revocation may wait for long, and is never overtaken by an effect."""
    monkeypatch.setattr(fair_locks, "_wait", lambda _db, _locks: None)
    test_a_revocation_waits_for_an_effect_that_was_alive_first(shop, sofia, revoke, code)


@pytest.mark.holds("I8", "I9", "ASVS-8.3.2", "ASI08")
@each_revocation
def test_a_call_waits_for_a_revocation_that_was_there_first_and_is_refused(
    shop: ShopUnderTest, sofia: Visitor, revoke: Revocation, code: str
) -> None:
    """A call that begins while a revocation is about to commit does not slip through: it waits, and is refused."""
    assistant, person = sofia.assistant("transact"), sofia.principal()
    with shop.database.write() as db:
        revoke(db, person)
        call = Running(lambda: assistant.call("add_to_cart", sku=SKU))
        wait_until_blocked(shop, call)
    refused = call.result()
    assert (refused.kind, refused.for_model()["code"]) == ("denied", code)
    assert in_cart(shop, person) == 0
    assert "tool_call.succeeded" not in names(assistant)
    assert names(assistant)[-1] == "tool_call.denied"


@pytest.mark.holds("I8")
def test_a_revocation_that_rolls_back_revokes_nothing(shop: ShopUnderTest, sofia: Visitor) -> None:
    """A call that waited for a revocation which then failed goes on as if it had never been."""
    assistant, person = sofia.assistant("transact"), sofia.principal()
    calls: list[Running] = []

    def fail() -> None:
        with shop.database.write() as db:
            cascade.sign_out_everywhere(db, person)
            calls.append(Running(lambda: assistant.call("add_to_cart", sku=SKU)))
            wait_until_blocked(shop, calls[0])
            raise LookupError("the revocation failed")

    with pytest.raises(LookupError):
        fail()
    assert calls[0].result().kind == "succeeded"
    assert "delegation.ended" not in names(assistant)


@pytest.mark.holds("I8", "I9")
def test_a_receipt_is_not_confirmed_past_a_revocation(shop: ShopUnderTest, sofia: Visitor) -> None:
    """A confirmation that meets a sign-out everywhere on its way buys nothing."""
    assistant, person = sofia.assistant("transact"), sofia.principal()
    assistant.call("add_to_cart", sku=SKU)
    stopped = assistant.call("place_order")
    with shop.database.write() as db:
        cascade.sign_out_everywhere(db, person)
        click = Running(lambda: shop.gateway.approve(person, stopped.receipt_id))  # type: ignore[union-attr]
        wait_until_blocked(shop, click)
    assert click.result().kind == "denied"
    assert "order.placed" not in names(assistant)
    assert "approval.approved" not in names(assistant)
    assert names(assistant)[-1] == "tool_call.denied"


def test_a_sign_in_and_a_suspension_do_not_wait_for_each_other(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Both take their locks from the organization downwards: a suspension never fails because somebody signs in."""
    ines, person = shop.sign_in(INES).principal(), sofia.principal()
    with shop.database.write() as db:
        _provision_again(db, person)
        suspension = Running(lambda: committed(shop.database, _suspend(shop, person), ines))
        wait_until_blocked(shop, suspension)
        assert live(db, person).subject == person.subject
    suspension.result()
    refused = sofia.call("view_cart")
    assert refused.for_model()["code"] == "suspended"


def test_a_call_and_a_suspension_lock_from_the_organization_downwards(shop: ShopUnderTest, sofia: Visitor) -> None:
    """Also when the database finds the rows in another order: whoever waits holds nothing that lies below."""
    find_rows_by_index(shop)
    assistant = sofia.assistant()
    ines, person = shop.sign_in(INES).principal(), sofia.principal()
    gateway_calls: list[Running] = []
    with shop.database.write() as db:
        live(db, ines, changing=[person.membership])
        gateway_calls.append(Running(lambda: assistant.call("view_cart")))
        wait_until_blocked(shop, gateway_calls[0])
        cascade.suspend(db, shop.services.policy, ines, person.membership)
    assert gateway_calls[0].result().for_model()["code"] == "suspended"


def find_rows_by_index(shop: ShopUnderTest) -> None:
    """Have PostgreSQL find rows as it does in a large table: in the order of their ids, where `mem_` is before `org_`."""
    if shop.engine == "sqlite":
        return
    with shop.database.engine.begin() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        for plan in ("enable_seqscan", "enable_bitmapscan"):
            connection.execute(text(f'ALTER DATABASE "{name}" SET {plan} = off'))
    shop.database.dispose()


def _suspend(shop: ShopUnderTest, whom: Principal) -> Revocation:
    return lambda db, administrator: cascade.suspend(db, shop.services.policy, administrator, whom.membership)


def _provision_again(db: Session, person: Principal) -> None:
    """What a sign-in does first: find the person, and give them the roles that their groups map to today."""
    connection = db.scalars(select(Connection).where(Connection.organization_id == person.organization)).one()
    stored = db.get_one(Person, person.subject)
    provision(
        db,
        connection,
        Profile(
            subject="acme-10417",
            email=stored.email,
            name=stored.name,
            given_name=stored.given_name,
            groups=("shop-buyers",),
        ),
    )


OF_ONES_OWN: dict[str, Callable[[Session, Principal, str], None]] = {
    "revoke": cascade.revoke_grant,
    "sign-out everywhere": lambda db, person, _grant: cascade.sign_out_everywhere(db, person),
}


@pytest.mark.holds("I9", "ASI10")
@pytest.mark.parametrize("ending", OF_ONES_OWN.values(), ids=OF_ONES_OWN)
def test_a_block_and_a_persons_own_ending_do_not_wait_for_each_other(
    shop: ShopUnderTest,
    sofia: Visitor,
    monkeypatch: pytest.MonkeyPatch,
    ending: Callable[[Session, Principal, str], None],
) -> None:
    """A block that is on the trail already goes on to end a grant that its person takes back at this moment: both succeed. When the
    person held the grant's row and the block the trail's head, PostgreSQL gave one of them up.
    """
    person, ines = sofia.principal(), shop.sign_in(INES).principal()
    grant, _ = only_grant(shop, connect(sofia).client_id)
    is_on_trail, go_on = Event(), Event()
    record_decision = decisions.record_decision

    def held(*arguments: Any) -> str:
        event = record_decision(*arguments)
        is_on_trail.set()
        assert go_on.wait(PATIENCE)
        return event

    monkeypatch.setattr(blocks, "record_decision", held)
    block = Running(
        lambda: committed(
            shop.database, lambda db, by: blocks.block_agent(db, shop.services.policy, by, grant.agent_id), ines
        )
    )
    assert is_on_trail.wait(PATIENCE)
    own = Running(lambda: committed(shop.database, lambda db, by: ending(db, by, grant.id), person))
    wait_until_blocked(shop, own)
    go_on.set()
    block.result()
    own.result()
    because = [event.content["facts"]["because"] for event in events(shop, "grant.revoked")]
    assert because == ["blocked"], "it ends once, by whoever was first"
