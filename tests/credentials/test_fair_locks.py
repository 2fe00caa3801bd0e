"""Fair locks in front of the ledger: first come, first served; from the top down; and never turned from shared to exclusive."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest
from sqlalchemy import text

from shop.credentials import fair_locks
from shop.credentials.fair_locks import LockOrder
from shop.credentials.ledger import live
from shop.database import Database
from tests.credentials.ground import a_person, membership, organization

ORGANIZATION, MEMBERSHIP, GRANT = "org_1", "mem_1", "gnt_1"


class Waiting:
    """A transaction in a thread of its own, which takes locks, says so, and keeps them until it is told to go."""

    def __init__(self, database: Database, order: list[str], name: str, *, exclusive: Iterable[str] = ()) -> None:
        self.has_them, self._go = threading.Event(), threading.Event()

        def run() -> None:
            with database.write() as db:
                shared = [ORGANIZATION] if exclusive else [ORGANIZATION, MEMBERSHIP]
                fair_locks.take(db, shared=shared, exclusive=exclusive)
                order.append(name)
                self.has_them.set()
                self._go.wait(30)

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def end(self) -> None:
        self._go.set()
        self._thread.join(30)


def wait_for_waiters(database: Database, how_many: int) -> None:
    """Return once so many transactions wait in line."""
    query = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    pause = threading.Event()
    for _ in range(2_000):
        with database.engine.connect() as connection:
            if connection.execute(query).scalar_one() >= how_many:
                return
        pause.wait(0.01)
    raise AssertionError("nobody waits")


@pytest.mark.holds("I9")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_whoever_comes_after_an_ending_waits_behind_it(database: Database) -> None:
    """A new caller does not overtake an ending that waits for an earlier caller, which is what row locks let it do."""
    order: list[str] = []
    earlier = Waiting(database, order, "earlier caller")
    assert earlier.has_them.wait(30)
    ending = Waiting(database, order, "ending", exclusive=[MEMBERSHIP])
    wait_for_waiters(database, 1)
    later = Waiting(database, order, "later caller")
    wait_for_waiters(database, 2)
    earlier.end()
    assert ending.has_them.wait(30)
    assert not later.has_them.is_set()
    ending.end()
    assert later.has_them.wait(30)
    later.end()
    assert order == ["earlier caller", "ending", "later caller"]


@pytest.mark.holds("I9", "I10")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_nobody_waits_for_a_colleagues_ending(database: Database) -> None:
    """What ends at a membership holds the organization as everybody does: a colleague's lock is had at once."""
    ending = Waiting(database, [], "ending", exclusive=[MEMBERSHIP])
    assert ending.has_them.wait(30)
    with database.write() as db:
        db.execute(text("SET LOCAL lock_timeout = '5s'"))
        fair_locks.take(db, shared=[ORGANIZATION, "mem_2"], exclusive=["gnt_2"])
    ending.end()


def test_a_shared_lock_is_never_turned_into_an_exclusive_one(database: Database) -> None:
    """Two transactions that both did that would wait for each other for ever: it is a bug, and told as one."""
    with database.write() as db:
        fair_locks.take(db, shared=[ORGANIZATION, MEMBERSHIP])
        with pytest.raises(LockOrder, match="say at the first lock"):
            fair_locks.take(db, exclusive=[MEMBERSHIP])


def test_locks_are_taken_from_the_organization_downwards(database: Database) -> None:
    """Whoever holds something below does not wait for something above; named in one go, they are put in order."""
    with database.write() as db:
        fair_locks.take(db, shared=[GRANT, ORGANIZATION], exclusive=[MEMBERSHIP])
        fair_locks.take(db, shared=[MEMBERSHIP, GRANT, ORGANIZATION])  # held already, one of them exclusively
        fair_locks.take(db, exclusive=["tok_1"])
    with database.write() as db:
        fair_locks.take(db, shared=[GRANT])
        with pytest.raises(LockOrder, match="take both at once"):
            fair_locks.take(db, shared=[MEMBERSHIP])


def test_what_a_transaction_made_itself_is_not_waited_for(database: Database) -> None:
    """A membership that was made here can be locked after something that stands below it: nobody else knows of it."""
    with database.write() as db:
        above = organization(db)
        fair_locks.take(db, exclusive=["tok_1"])
        new = membership(db, above, "buyer")
        fair_locks.take(db, shared=[new], exclusive=[above])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_transaction_that_does_nothing_is_ended_by_the_database(database: Database) -> None:
    """A process that was stopped in the middle of a transaction holds what it locked for seconds, not for ever."""
    person = a_person(database, "buyer")
    with database.write() as db:
        live(db, person)
        assert db.scalar(text("SHOW idle_in_transaction_session_timeout")) == "10s"
        db.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
        ended = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        pause = threading.Event()
        with database.engine.connect() as other:
            for _ in range(2_000):
                if not other.execute(ended).scalar_one():
                    break
                pause.wait(0.01)
            assert not other.execute(ended).scalar_one()
        db.invalidate()
