"""The writer: one event at a time on each chain, whoever writes, and none without its effect."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from dataclasses import replace

import pytest
from sqlalchemy import select

from shop.audit.chain import AuditChain, AuditEvent, AuditPersonal
from shop.audit.events import EventName
from shop.audit.verification import verify
from shop.audit.writer import SYSTEM_CHAIN, record, request_id
from shop.credentials.ledger import Authority, Kind
from shop.database import Database
from shop.principal import Principal
from tests.support.people import ShopUnderTest

THREADS, EACH = 8, 6
PERSON = Principal(subject="usr_1", organization="org_1", membership="mem_1", session="ses_1")


def sequences(database: Database, chain: str) -> list[int]:
    with database.read() as db:
        query = select(AuditEvent.sequence).where(AuditEvent.chain == chain).order_by(AuditEvent.sequence)
        return list(db.scalars(query))


def write_at_once(database: Database, chain_of: Callable[[int], str]) -> None:
    """Threads that begin together, each with several transactions."""
    together = threading.Barrier(THREADS, timeout=30)

    def write(number: int) -> None:
        together.wait()
        for _ in range(EACH):
            with database.write() as db:
                record(
                    db,
                    EventName.MESSAGE_RECEIVED,
                    principal=replace(PERSON, conversation=chain_of(number)),
                    personal={"message": f"from {number}"},
                )

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(write, range(THREADS)))


def test_concurrent_writers_on_one_chain_leave_no_gap(database: Database) -> None:
    """First writers who race for a new chain, and all who follow, are put in one order without gap or fork."""
    write_at_once(database, lambda number: "cnv_shared")
    assert sequences(database, "cnv_shared") == list(range(1, THREADS * EACH + 1))
    with database.read() as db:
        assert verify(db, "cnv_shared").ok


def test_concurrent_writers_on_two_processes_leave_no_gap(database: Database, database_url: str) -> None:
    """Two processes that share nothing but the database write one chain."""
    other = Database(database_url, clock=database.clock, threads=4)
    together = threading.Barrier(2, timeout=30)

    def write(process: Database) -> None:
        together.wait()
        for _ in range(EACH):
            with process.write() as db:
                record(db, EventName.CONVERSATION_STARTED, principal=replace(PERSON, conversation="cnv_shared"))

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, [database, other]))
    other.dispose()
    assert sequences(database, "cnv_shared") == list(range(1, 2 * EACH + 1))
    with database.read() as db:
        assert verify(db, "cnv_shared").ok


def test_concurrent_writers_on_many_chains_leave_no_gap(database: Database) -> None:
    """Conversations have chains of their own; each is whole."""
    write_at_once(database, lambda number: f"cnv_{number}")
    for number in range(THREADS):
        assert sequences(database, f"cnv_{number}") == list(range(1, EACH + 1))
        with database.read() as db:
            assert verify(db, f"cnv_{number}").ok


def test_a_rollback_leaves_no_event(database: Database) -> None:
    """When the effect does not commit, neither does its record: no event, no value, no moved head."""
    with database.write() as db:
        record(db, EventName.CONVERSATION_STARTED, principal=replace(PERSON, conversation="cnv_1"))

    def fail() -> None:
        with database.write() as db:
            db.add(Authority(id="org_of_a_rollback", kind=Kind.ORGANIZATION))
            for chain in ("cnv_1", "cnv_2"):
                record(
                    db,
                    EventName.MESSAGE_RECEIVED,
                    principal=replace(PERSON, conversation=chain),
                    personal={"message": "never said"},
                )
            raise LookupError("the effect failed")

    with pytest.raises(LookupError):
        fail()
    assert (sequences(database, "cnv_1"), sequences(database, "cnv_2")) == ([1], [])
    with database.read() as db:
        assert db.get(Authority, "org_of_a_rollback") is None
        assert db.get(AuditChain, "cnv_2") is None
        said = [row.values for row in db.scalars(select(AuditPersonal))]
        assert "never said" not in str(said)
        assert verify(db, "cnv_1").ok
    with database.write() as db:
        record(db, EventName.MESSAGE_RECEIVED, principal=replace(PERSON, conversation="cnv_1"))
    assert sequences(database, "cnv_1") == [1, 2]


@pytest.mark.parametrize(
    ("principal", "organization", "conversation", "chain"),
    [
        (replace(PERSON, conversation="cnv_1"), None, None, "cnv_1"),
        (PERSON, None, None, "org_1"),
        (PERSON, None, "cnv_2", "cnv_2"),
        (None, "org_2", None, "org_2"),
        (None, None, None, SYSTEM_CHAIN),
    ],
    ids=["a conversation's principal", "a person", "a named conversation", "an organization", "nobody"],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_event_goes_to_the_nearest_chain(
    database: Database, principal: Principal | None, organization: str | None, conversation: str | None, chain: str
) -> None:
    """The conversation's chain, else the organization's, else the system's."""
    with database.write() as db:
        identifier = record(
            db,
            EventName.POLICY_ACTIVATED,
            principal=principal,
            organization=organization,
            conversation=conversation,
        )
        assert db.get_one(AuditEvent, identifier).chain == chain


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_events_of_one_request_share_its_id(database: Database) -> None:
    """What one request caused can be found together; outside a request there is no id."""

    def write(request: str | None) -> object:
        request_id.set(request)
        with database.write() as db:
            identifier = record(db, EventName.AUDIT_VIEWED, principal=PERSON)
            return db.get_one(AuditEvent, identifier).content()["request_id"]

    assert [Context().run(write, request) for request in ("req_1", "req_1", None)] == ["req_1", "req_1", None]


def test_a_text_among_the_facts_is_cut(shop: ShopUnderTest) -> None:
    """Whatever a stranger sent and a caller repeats, an event's texts have an end; numbers and short texts stay as they are."""
    facts = {"error": "x" * 100_000, "list": ["y" * 3000, "short"], "inner": {"deep": "z" * 3000}, "number": 7}
    with shop.database.write() as db:
        record(db, EventName.SIGN_IN_FAILED, facts=facts)
    kept = shop.chain("system")[-1].content["facts"]
    assert [len(kept["error"]), len(kept["list"][0]), len(kept["inner"]["deep"])] == [2000] * 3
    assert kept["error"].endswith("x…") and kept["list"][1] == "short" and kept["number"] == 7
