"""What an earlier version of the shop kept is there after the upgrade, and goes on."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from shop.approvals.receipts import Receipt, ReceiptState
from shop.audit.chain import AuditChain, AuditEvent
from shop.audit.events import EventName
from shop.audit.verification import verify
from shop.conversations.models import Item, TurnState
from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import Authority
from shop.database import Database
from shop.identity.models import Connection, ExternalIdentity
from shop.tools.registry import find
from shop.upgrades.recognition import BEFORE_COUNTERS
from shop.upgrades.upgrade import Schema, bring_up_to_date, head, schema_of
from tests.support.assistants import ExternalAssistant
from tests.support.people import ADA, GIL, MARA, SOFIA, ShopUnderTest
from tests.support.state import chains_hold, receipt
from tests.upgrades.old_databases import VERSIONS, Known, rows_of, structure_of
from tests.upgrades.processes import (
    DIED,
    LAST_STEP,
    PATIENCE,
    before_statement,
    context,
    upgrade_and_die,
    upgrade_meanwhile,
    upgrade_slowly,
)

NOT_IN_THE_STORY = {"client_keys", "consent_questions", "identity_assertions", "sign_in_attempts", "used_assertions"}
"""What a fixture may have no row in: keys that were never asked for, and what is gone within minutes."""


def test_every_row_is_kept(old: Database, version: str) -> None:
    """Each row of each table has what it had; bodies and hashes of the audit among it. Only counters of minutes go."""
    before = rows_of(old)
    assert bring_up_to_date(old) == Schema(VERSIONS[version], is_stamped=False)
    after = rows_of(old)
    filled = {table for table, rows in before.items() if rows}
    assert before.keys() - filled <= NOT_IN_THE_STORY
    for table in filled - {"rate_counts", "external_identities"}:
        kept = before[table][0].keys() & after[table][0].keys()
        assert before[table][0].keys() - kept <= {"epoch"}
        assert rows_with(kept, after[table]) == rows_with(kept, before[table]), table
    people = {"subject", "person_id"}
    assert rows_with(people, after["external_identities"]) == rows_with(people, before["external_identities"])
    with old.read() as db:
        connections = {one.organization_id: one.issuer for one in db.scalars(select(Connection))}
        identities = {(one.organization_id, one.issuer) for one in db.scalars(select(ExternalIdentity))}
    assert identities == set(connections.items())


def rows_with(columns: set[str], rows: list[dict[str, Any]]) -> list[str]:
    """These columns of the rows, in one order."""
    return sorted(repr(sorted((name, row[name]) for name in columns)) for row in rows)


def test_every_chain_verifies(old: Database) -> None:
    """Today's verification, which compares the columns of each event with its body, finds every chain of both organizations whole."""
    bring_up_to_date(old)
    with old.read() as db:
        chains = db.scalars(select(AuditChain)).all()
        assert len({chain.organization for chain in chains} - {None}) == 2 and len(chains) == 7
        assert [verify(db, chain.id).ok for chain in chains] == [True] * 7


def test_every_word_that_is_stored_is_known_today(old: Database) -> None:
    """Names of events, reasons of an end, tools and states of what an earlier version wrote are read as what they are."""
    bring_up_to_date(old)
    with old.read() as db:
        names = set(db.scalars(select(AuditEvent.name)))
        reasons = set(db.scalars(select(Authority.ended_because).where(Authority.ended_because.is_not(None))))
        tools = {find(tool).name for tool in db.scalars(select(Item.tool).where(Item.tool != ""))}
        receipts = {one.state for one in db.scalars(select(Receipt))}
    assert {EventName.ORDER_PLACED, EventName.GRANT_REVOKED, EventName.TOOL_CALL_DENIED} <= names <= set(EventName)
    assert {"revoked_by_person", "signed_out"} <= reasons <= set(EndReason)
    assert "place_order" in tools
    assert receipts == {ReceiptState.APPROVED, ReceiptState.OPEN}


def test_a_second_upgrade_changes_nothing(old: Database) -> None:
    """It finds the present revision, and every row and every table stays."""
    bring_up_to_date(old)
    upgraded = structure_of(old), rows_of(old)
    assert bring_up_to_date(old) == Schema(head(), is_stamped=True)
    assert (structure_of(old), rows_of(old)) == upgraded


def test_a_failure_in_the_middle_leaves_the_database_as_it_was(old: Database, database_url: str, version: str) -> None:
    """Tables, rows and the missing stamp: all as before, it is said so, and the next attempt succeeds."""
    before = structure_of(old), rows_of(old)

    def fail() -> None:
        raise OSError("the disk is full")

    before_statement(old, LAST_STEP, fail)
    with pytest.raises(OSError, match="the disk is full") as failed:
        bring_up_to_date(old)
    assert failed.value.__notes__ == ["The transaction was rolled back: the database is as it was before the upgrade."]
    assert (structure_of(old), rows_of(old)) == before
    again = Database(database_url, threads=1)
    assert bring_up_to_date(again) == Schema(VERSIONS[version], is_stamped=False)
    assert schema_of(again).is_current
    again.dispose()


@pytest.mark.parametrize("version", ["06ae3c4"], indirect=True)
def test_a_process_that_dies_in_the_middle_leaves_the_database_as_it_was(old: Database, database_url: str) -> None:
    """What it did is undone by the engine, and it holds nobody off."""
    before = structure_of(old), rows_of(old)
    dying = context().Process(target=upgrade_and_die, args=(database_url,))
    dying.start()
    dying.join(PATIENCE)
    assert dying.exitcode == DIED
    assert (structure_of(old), rows_of(old)) == before
    assert bring_up_to_date(old).revision == BEFORE_COUNTERS


@pytest.mark.parametrize("version", ["06ae3c4"], indirect=True)
def test_of_two_processes_one_upgrades_and_the_other_waits(old: Database, database_url: str, version: str) -> None:
    """The second asks for the lock while the first is in the middle; it gets it afterwards, and finds nothing to do."""
    processes = context()
    in_the_middle, other_waits, found = processes.Event(), processes.Event(), processes.Queue()
    given = (database_url, in_the_middle, other_waits, found)
    both = [processes.Process(target=run, args=given) for run in (upgrade_slowly, upgrade_meanwhile)]
    for process in both:
        process.start()
    assert dict(found.get(timeout=PATIENCE) for _ in both) == {"slow": VERSIONS[version], "meanwhile": head()}
    for process in both:
        process.join(PATIENCE)
        assert process.exitcode == 0
    assert schema_of(old).is_current


def test_its_people_go_on_where_they_were(shop: ShopUnderTest, known: Known) -> None:
    """The shop starts on the old database: Sofia finds her conversation and her order and goes on talking, the auditor verifies."""
    sofia = shop.sign_in(SOFIA)
    sofia.conversation = known.conversation
    page = sofia.get(f"/assistant/{known.conversation}")
    assert page.status_code == 200 and "black hoodies under 60, in L" in page.text and known.order in page.text
    assert known.order in sofia.get("/orders").text
    assert known.order in sofia.get(f"/orders/{known.order}").text
    assert shop.sign_in(GIL).get(f"/orders/{known.order}").status_code == 404
    before = len(sofia.turns())
    assert known.order in sofia.say("show me my orders").html
    assert [turn.state for turn in sofia.turns()[before:]] == [TurnState.COMPLETED]

    ada, audit = shop.sign_in(ADA), f"/audit/conversations/{known.conversation}"
    for text in (ada.get(audit).text, ada.post(f"{audit}/verify").text):
        assert "chain verified" in text and "order.placed" in text
    assert "grant.revoked" in ada.get("/audit/organization").text
    assert chains_hold(shop)


def test_an_assistant_of_before_goes_on(shop: ShopUnderTest, known: Known) -> None:
    """Its refresh token still renews, and its person confirms the receipt that waited for them."""
    mara = shop.sign_in(MARA)  # the provider of this run does not know what that of the fixture gave for offline access
    assistant = ExternalAssistant(shop, known.client_id, refresh_token=known.refresh_token)
    assert assistant.refresh().status_code == 200
    assert assistant.scope == "browse read transact" and assistant.refresh().status_code == 200
    assert "An assistant of the earlier version" in mara.get("/assistants").text
    path = f"/approvals/{known.pending_receipt}"
    assert mara.get(path).status_code == 200
    assert "confirmed by you" in mara.get(mara.post(f"{path}/confirm").headers["Location"]).text
    assert receipt(shop, known.pending_receipt).state is ReceiptState.APPROVED
    assert chains_hold(shop)
