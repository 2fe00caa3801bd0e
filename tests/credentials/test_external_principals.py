"""What the ledger says of an external assistant: alive by grant, token and inventory, and bounded by each of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import update

from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import Authority, Kind, Lapse, NotAlive, end, live
from shop.database import Database
from shop.principal import Principal
from tests.credentials.ground import a_person, granted
from tests.support.clock import TestClock


def ask(database: Database, principal: Principal) -> Principal:
    with database.read() as db:
        return live(db, principal)


def agent_of(principal: Principal) -> str:
    assert principal.actor and principal.actor.agent
    return principal.actor.agent


def change(database: Database, identifier: str | None, **values: list[str] | datetime | None) -> None:
    with database.write() as db:
        db.execute(update(Authority).where(Authority.id == identifier).values(**values))


@pytest.mark.holds("I8", "I9")
@pytest.mark.parametrize("level", ["organization", "membership", "grant", "token"])
def test_an_end_anywhere_above_ends_the_assistant(database: Database, level: str) -> None:
    """Grant and token hang below the membership: each end above or at them is the assistant's end, at the next call."""
    assistant = granted(database, a_person(database, "buyer"))
    assert ask(database, assistant).roles == {"buyer"}
    with database.write() as db:
        end(db, [getattr(assistant, level)], EndReason("revoked"))
    with pytest.raises(NotAlive) as lapsed:
        ask(database, assistant)
    assert (lapsed.value.lapse, lapsed.value.kind) == (Lapse.ENDED, Kind(level))


def test_the_end_of_a_session_is_not_the_end_of_a_grant(database: Database) -> None:
    """Signing out of the browser leaves external assistants as they are (design §9)."""
    person = a_person(database, "buyer")
    assistant = granted(database, person)
    with database.write() as db:
        end(db, [person.own_session], EndReason.SIGNED_OUT)
    assert ask(database, assistant)


@pytest.mark.holds("I3")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_each_authority_only_narrows(database: Database) -> None:
    """The scopes are those that token, grant and the organization's ceiling all let through; none of them widens another."""
    assistant = granted(database, a_person(database, "buyer"))
    assert ask(database, assistant).scopes == {"browse", "transact"}
    change(database, agent_of(assistant), scopes=["browse", "read"])
    assert ask(database, assistant).scopes == {"browse"}
    change(database, agent_of(assistant), scopes=None)
    change(database, assistant.grant, scopes=[])
    assert ask(database, assistant).scopes == frozenset()


@pytest.mark.holds("I9")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_blocked_client_is_refused_at_its_next_call(database: Database, clock: TestClock) -> None:
    """An administrator's block acts through the inventory, though no grant hangs below it."""
    assistant = granted(database, a_person(database, "buyer"))
    change(database, agent_of(assistant), suspended_at=clock())
    with pytest.raises(NotAlive) as lapsed:
        ask(database, assistant)
    assert (lapsed.value.lapse, lapsed.value.kind) == (Lapse.SUSPENDED, Kind.AGENT)


@pytest.mark.holds("I10")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_inventory_entry_of_another_organization_bounds_nothing(database: Database) -> None:
    """An entry that hangs elsewhere, or is not there, makes the whole principal nobody."""
    mine, theirs = (granted(database, a_person(database, "buyer")) for _ in range(2))
    assert mine.actor
    for entry in (agent_of(theirs), "agt_00000000000000000000000000"):
        with pytest.raises(NotAlive) as lapsed:
            ask(database, replace(mine, actor=replace(mine.actor, agent=entry)))
        assert (lapsed.value.lapse, lapsed.value.kind) == (Lapse.UNKNOWN, Kind.AGENT)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_credentials_do_not_mix(database: Database) -> None:
    """An external assistant has no session, and a person's click has no grant."""
    person = a_person(database, "buyer")
    assistant = granted(database, person)
    with pytest.raises(ValueError, match="act below a session"):
        replace(assistant, session=person.session)
    with pytest.raises(ValueError, match="needs an actor"):
        replace(person, grant=assistant.grant)
    with pytest.raises(LookupError):
        _ = assistant.own_session
