"""Recomputing a part of a chain: what a page shows, with its links, and a whole chain in parts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from shop.audit.chain import AuditChain, AuditEvent, canonical, digest
from shop.audit.verification import Verdict, verify, verify_in_parts, verify_shown
from shop.database import Database
from tests.support.long import add_events, fetching

CHAIN, LENGTH = "cnv_long", 1200


@pytest.fixture
def long_chain(database: Database) -> Database:
    """A database with one long chain."""
    with database.write() as db:
        add_events(db, CHAIN, "org_1", LENGTH)
    return database


def shown(database: Database, first: int, last: int) -> Verdict:
    """What a page of these events says."""
    query = select(AuditEvent).where(AuditEvent.chain == CHAIN, AuditEvent.sequence.between(first, last))
    with database.read() as db:
        return verify_shown(db, CHAIN, db.scalars(query.order_by(AuditEvent.sequence)).all())


def change(db: Session, sequence: int, *, rehash: bool) -> None:
    """Write another outcome into an event, and with `rehash` the hash that belongs to it."""
    of_it = (AuditEvent.chain == CHAIN, AuditEvent.sequence == sequence)
    event = db.scalars(select(AuditEvent).where(*of_it)).one()
    body = canonical(event.content() | {"outcome": "another"})
    db.execute(update(AuditEvent).where(*of_it).values(body=body.decode(), hash=digest(body) if rehash else event.hash))


def remove(db: Session, *sequences: int) -> None:
    """Take events out."""
    db.execute(delete(AuditEvent).where(AuditEvent.chain == CHAIN, AuditEvent.sequence.in_(sequences)))


def test_a_page_says_what_it_recomputed(long_chain: Database) -> None:
    """So many events, and that they are not the whole chain; all of them, and that they are; none, of a chain that is not there."""
    assert shown(long_chain, 501, 600) == Verdict(ok=True, events=100, text="100 events", is_whole=False)
    assert shown(long_chain, 1, LENGTH) == Verdict(ok=True, events=LENGTH, text=f"{LENGTH} events")
    assert shown(long_chain, 1, 0) == Verdict(ok=True, events=0, text="0 events", is_whole=False)
    with long_chain.read() as db:
        assert not verify_shown(db, "cnv_of_nobody", []).ok


BROKEN: list[tuple[str, Callable[[Session], object], str]] = [
    ("on the page", lambda db: change(db, 550, rehash=False), "event 550 was changed"),
    ("on the page, with its hash", lambda db: change(db, 550, rehash=True), "event 551 does not follow"),
    ("just before it, with its hash", lambda db: change(db, 500, rehash=True), "event 501 does not follow"),
    ("the last on it, with its hash", lambda db: change(db, 600, rehash=True), "event 601 does not follow"),
    ("a gap on the page", lambda db: remove(db, 550), "event 550 is missing"),
    ("a gap just before it", lambda db: remove(db, 500), "event 500 is missing"),
    ("a gap just after it", lambda db: remove(db, 601), "event 601 is missing"),
    ("the end of the chain", lambda db: remove(db, LENGTH), "events at the end of the chain are missing"),
    ("the head", lambda db: db.execute(delete(AuditChain)), "events at the end of the chain are missing"),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("tamper", "says"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_page_notices_what_touches_it(long_chain: Database, tamper: Callable[[Session], object], says: str) -> None:
    """A change on the page, at its edges or at the chain's end shows on it; verifying the whole finds it too."""
    with long_chain.write() as db:
        tamper(db)
    verdict = shown(long_chain, 501, 600)
    assert not verdict.ok and says in verdict.text
    assert not verify_in_parts(long_chain, CHAIN).ok


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_page_does_not_speak_for_others(long_chain: Database) -> None:
    """What was changed far away shows where it stands, and in the whole chain: no page says more than it recomputed."""
    with long_chain.write() as db:
        change(db, 20, rehash=False)
    assert shown(long_chain, 501, 600) == Verdict(ok=True, events=100, text="100 events", is_whole=False)
    assert verify_in_parts(long_chain, CHAIN).text == "event 20 was changed after it was written"


def test_a_whole_chain_is_recomputed_in_parts_while_it_grows(
    long_chain: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part in a read transaction of its own, between which others write: what they add is recomputed too."""
    reads = long_chain.read
    grown: list[int] = []

    def read() -> object:
        if len(grown) < 3:
            grown.append(1)
            with long_chain.write() as db:
                add_events(db, CHAIN, "org_1", 1)
        return reads()

    monkeypatch.setattr(long_chain, "read", read)
    assert verify_in_parts(long_chain, CHAIN) == Verdict(ok=True, events=LENGTH + 3, text=f"{LENGTH + 3} events")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_events_beyond_the_head_are_no_part_of_a_chain(long_chain: Database) -> None:
    """An event that somebody added without moving the head is noticed, whichever way it is verified."""
    with long_chain.write() as db:
        head = db.get_one(AuditChain, CHAIN)
        was = (head.sequence, head.head)
        add_events(db, CHAIN, "org_1", 1)
        db.execute(update(AuditChain).where(AuditChain.id == CHAIN).values(sequence=was[0], head=was[1]))
    with long_chain.read() as db:
        assert not verify(db, CHAIN).ok
    assert not verify_in_parts(long_chain, CHAIN).ok and not shown(long_chain, 501, 600).ok


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_page_costs_what_it_shows(long_chain: Database) -> None:
    """A page of a hundred events reads those and their neighbours, however long the chain is."""
    with fetching(long_chain) as fetched:
        shown(long_chain, 501, 600)
    assert fetched.rows < 110, fetched
