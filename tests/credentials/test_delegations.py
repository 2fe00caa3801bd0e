"""Delegations: the assistant's authority in one conversation, small at first, short-lived, linked to its predecessor."""

from __future__ import annotations

import pytest

from shop.credentials.delegations import Delegation, latest_delegation, living_delegation
from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import Authority, Kind, Lapse, NotAlive, end, live
from shop.database import Database
from shop.principal import IN_APP_ASSISTANT, Workflow
from tests.credentials.ground import DELEGATED, a_person, delegated, session
from tests.support.clock import TestClock


@pytest.mark.holds("NHI5", "ASI03")
def test_a_delegation_starts_with_the_smallest_useful_scopes(database: Database) -> None:
    """An assistant may look around and read at first, whatever its person's roles are."""
    person = a_person(database, "approver", "administrator", "support")
    with database.write() as db:
        assistant = delegated(db, person, "cnv_1")
        assert live(db, assistant).scopes == {Workflow.BROWSE, Workflow.READ}
        stored, authority = db.get_one(Delegation, assistant.delegation), db.get_one(Authority, assistant.delegation)
        assert (authority.kind, authority.parent_id) == (Kind.DELEGATION, person.session)
        assert (stored.client_id, stored.session_id) == (IN_APP_ASSISTANT, person.session)
        assert stored.predecessor_id is None


@pytest.mark.holds("NHI7")
def test_a_delegation_expires(database: Database, clock: TestClock) -> None:
    """An assistant's authority is over after its minutes, while its person is still signed in."""
    person = a_person(database, "buyer")
    with database.write() as db:
        assistant = delegated(db, person, "cnv_1")
    clock.pass_by(seconds=DELEGATED.total_seconds() - 1)
    with database.read() as db:
        assert live(db, assistant)
        found = living_delegation(db, "cnv_1", person.own_session)
        assert found is not None and found[0].id == assistant.delegation
    clock.pass_by(seconds=1)
    with database.read() as db:
        with pytest.raises(NotAlive) as lapsed:
            live(db, assistant)
        assert (lapsed.value.lapse, lapsed.value.kind) == (Lapse.EXPIRED, Kind.DELEGATION)
        assert living_delegation(db, "cnv_1", person.own_session) is None
        assert live(db, person)


@pytest.mark.holds("NHI1")
def test_a_delegation_ends_with_the_session_that_it_hangs_on(database: Database) -> None:
    """When the person's session ends, their assistant has nothing left to hang on."""
    person = a_person(database, "buyer")
    with database.write() as db:
        assistant = delegated(db, person, "cnv_1")
    with database.write() as db:
        assert (Kind.DELEGATION, assistant.delegation) in end(db, [person.own_session], EndReason.SIGNED_OUT)
        assert living_delegation(db, "cnv_1", person.own_session) is None


def test_a_successor_is_linked_and_starts_small_again(database: Database, clock: TestClock) -> None:
    """A conversation that is resumed has a chain of delegations; consent given under one does not pass to the next."""
    person = a_person(database, "buyer")
    with database.write() as db:
        first = delegated(db, person, "cnv_1")
        db.get_one(Authority, first.delegation).scopes = ["browse", "read", "transact"]
    clock.pass_by(minutes=1)
    with database.write() as db:
        again = session(db, person.membership, person.organization)[0].principal()
        second = delegated(db, again, "cnv_1")
        other = delegated(db, again, "cnv_2")
    with database.read() as db:
        assert db.get_one(Delegation, second.delegation).predecessor_id == first.delegation
        assert db.get_one(Delegation, other.delegation).predecessor_id is None
        assert live(db, second).scopes == {Workflow.BROWSE, Workflow.READ}
        latest = latest_delegation(db, "cnv_1")
        assert latest is not None and latest.id == second.delegation


def test_a_delegation_is_of_one_conversation_and_one_session(database: Database) -> None:
    """Another conversation, or the same one in another session, does not find it."""
    person = a_person(database, "buyer")
    with database.write() as db:
        delegated(db, person, "cnv_1")
        again = session(db, person.membership, person.organization)[0].principal()
        assert living_delegation(db, "cnv_2", person.own_session) is None
        assert living_delegation(db, "cnv_1", again.own_session) is None
        assert living_delegation(db, "cnv_1", person.own_session) is not None
