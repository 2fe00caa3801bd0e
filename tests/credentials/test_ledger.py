"""The ledger of live authority: what `live()` says of each lapse, and what ending one ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import select, update

from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import Authority, Kind, Lapse, NotAlive, below, end, is_paused, live
from shop.database import Database, moment
from shop.principal import EVERY_SCOPE, FIRST_SCOPES, Principal, Workflow
from tests.credentials.ground import (
    ABSOLUTE,
    IDLE,
    a_person,
    delegated,
    membership,
    organization,
    session,
    with_assistant,
)
from tests.support.clock import TestClock

Level = Callable[[Principal], str | None]
LEVELS: list[tuple[Kind, Level]] = [
    (Kind.ORGANIZATION, lambda principal: principal.organization),
    (Kind.MEMBERSHIP, lambda principal: principal.membership),
    (Kind.SESSION, lambda principal: principal.session),
    (Kind.DELEGATION, lambda principal: principal.delegation),
]


def ask(database: Database, principal: Principal) -> Principal:
    with database.read() as db:
        return live(db, principal)


def told(lapsed: NotAlive) -> tuple[Lapse, Kind, str, str | None]:
    return lapsed.lapse, lapsed.kind, lapsed.authority, lapsed.because


def change(database: Database, identifier: str | None, **values: object) -> None:
    with database.write() as db:
        db.execute(update(Authority).where(Authority.id == identifier).values(**values))


def ends(database: Database) -> dict[str, tuple[datetime | None, str | None]]:
    """When and why each authority ended."""
    with database.read() as db:
        rows = db.execute(select(Authority.id, Authority.ended_at, Authority.ended_because))
        return {row.id: (row.ended_at, row.ended_because) for row in rows}


@pytest.mark.holds("I8", "NHI1")
@pytest.mark.parametrize(("kind", "level"), LEVELS, ids=[kind for kind, _ in LEVELS])
def test_an_end_anywhere_above_is_an_end(database: Database, kind: Kind, level: Level) -> None:
    """A principal is alive only while everything that it hangs on is; the lapse names which one, and why."""
    assistant = with_assistant(database, a_person(database, "buyer"))
    assert ask(database, assistant).subject == assistant.subject
    with database.write() as db:
        end(db, [str(level(assistant))], EndReason("a reason"))
    with pytest.raises(NotAlive) as lapsed:
        ask(database, assistant)
    assert told(lapsed.value) == (Lapse.ENDED, kind, level(assistant), "a reason")
    assert str(lapsed.value) == f"{kind} ended (a reason)"


@pytest.mark.parametrize(("kind", "level"), LEVELS, ids=[kind for kind, _ in LEVELS])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_suspension_anywhere_above_suspends(database: Database, clock: TestClock, kind: Kind, level: Level) -> None:
    """What is suspended carries nothing, until it is restored."""
    assistant = with_assistant(database, a_person(database, "buyer"))
    change(database, level(assistant), suspended_at=clock())
    with pytest.raises(NotAlive) as lapsed:
        ask(database, assistant)
    assert told(lapsed.value) == (Lapse.SUSPENDED, kind, level(assistant), None)
    change(database, level(assistant), suspended_at=None)
    assert ask(database, assistant)


@pytest.mark.parametrize(("kind", "level"), LEVELS, ids=[kind for kind, _ in LEVELS])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_expiry_anywhere_above_ends_exactly_then(
    database: Database, clock: TestClock, kind: Kind, level: Level
) -> None:
    """A credential is good until its end, and not at it or after it."""
    assistant = with_assistant(database, a_person(database, "buyer"))
    with database.write() as db:
        db.execute(update(Authority).where(Authority.id == level(assistant)).values(expires_at=moment(db)))
        with pytest.raises(NotAlive) as lapsed:
            live(db, assistant)
    assert told(lapsed.value) == (Lapse.EXPIRED, kind, level(assistant), None)


@pytest.mark.parametrize(("kind", "level"), LEVELS, ids=[kind for kind, _ in LEVELS])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_not_in_the_ledger_is_nobody(database: Database, kind: Kind, level: Level) -> None:
    """An identifier that no row has, whatever it looks like, is no authority."""
    assistant = with_assistant(database, a_person(database, "buyer"))
    forged = f"{str(level(assistant))[:4]}00000000000000000000000000"
    field = {Kind.ORGANIZATION: "organization", Kind.MEMBERSHIP: "membership", Kind.SESSION: "session"}.get(
        kind, "delegation"
    )
    with pytest.raises(NotAlive) as lapsed:
        ask(database, replace(assistant, **{field: forged}))  # type: ignore[arg-type]
    assert told(lapsed.value) == (Lapse.UNKNOWN, kind, forged, None)


@pytest.mark.holds("ASI08")
@pytest.mark.parametrize("level", [LEVELS[0][1], LEVELS[1][1]], ids=["organization", "membership"])
def test_a_pause_stops_actors_and_nobody_else(database: Database, clock: TestClock, level: Level) -> None:
    """Paused assistants are refused; the person's own click goes on."""
    person = a_person(database, "buyer")
    assistant = with_assistant(database, person)
    change(database, level(person), assistants_paused_at=clock())
    with pytest.raises(NotAlive) as lapsed:
        ask(database, assistant)
    assert (lapsed.value.lapse, lapsed.value.authority) == (Lapse.PAUSED, level(person))
    assert ask(database, person).roles == {"buyer"}
    with database.read() as db:
        assert is_paused(db, person)
    change(database, level(person), assistants_paused_at=None)
    assert ask(database, assistant)
    with database.read() as db:
        assert not is_paused(db, person)


@pytest.mark.holds("I4", "ASVS-8.3.2", "ASVS-8.3.3", "ASI03")
def test_roles_scopes_and_limit_are_those_of_now(database: Database) -> None:
    """Whatever a principal carries, `live()` puts what the rows say today in its place, of the subject's membership."""
    person = a_person(database, "buyer", limit=20_000)
    assistant = with_assistant(database, person)
    stale = replace(assistant, roles=frozenset({"administrator"}), scopes=EVERY_SCOPE, order_limit=10**9)
    now = ask(database, stale)
    assert (sorted(now.roles), now.scopes, now.order_limit) == (["buyer"], FIRST_SCOPES, 20_000)
    assert now == replace(stale, roles=now.roles, scopes=now.scopes, order_limit=now.order_limit)
    change(database, person.membership, roles=["shopper"], order_limit=None)
    change(database, assistant.delegation, scopes=["browse"])
    now = ask(database, stale)
    assert (sorted(now.roles), sorted(now.scopes), now.order_limit) == (["shopper"], [Workflow.BROWSE], None)
    assert ask(database, person).scopes == EVERY_SCOPE


def test_an_end_takes_all_below_and_nothing_beside(database: Database) -> None:
    """Ending a session ends its delegations; ending a membership ends its sessions and theirs; neighbours go on."""
    with database.write() as db:
        of = organization(db)
        mine, colleagues = membership(db, of, "buyer"), membership(db, of, "buyer")
        desk, phone, theirs = (session(db, one, of)[0].principal() for one in (mine, mine, colleagues))
        at_desk = [delegated(db, desk, f"cnv_{number}") for number in range(2)]
        on_phone, of_colleague = delegated(db, phone, "cnv_phone"), delegated(db, theirs, "cnv_theirs")
    with database.write() as db:
        ended = end(db, [desk.own_session], EndReason.SIGNED_OUT)
    assert ended == sorted([(Kind.SESSION, desk.session)] + [(Kind.DELEGATION, str(one.delegation)) for one in at_desk])
    for alive in (phone, on_phone, theirs, of_colleague):
        assert ask(database, alive)
    for dead in (desk, *at_desk):
        with pytest.raises(NotAlive):
            ask(database, dead)
    with database.write() as db:
        ended = end(db, [mine], EndReason("off_boarded"))
    assert set(ended) == {
        (Kind.MEMBERSHIP, mine),
        (Kind.SESSION, phone.session),
        (Kind.DELEGATION, on_phone.delegation),
    }
    assert ask(database, theirs)
    assert ask(database, of_colleague)
    with database.write() as db:
        assert len(end(db, [of], EndReason("terminated"))) == 4
    with pytest.raises(NotAlive):
        ask(database, of_colleague)


def test_an_end_is_final_and_keeps_its_first_reason(database: Database) -> None:
    """Ending what has ended changes nothing: not its reason, not its moment."""
    person = a_person(database, "buyer")
    with database.write() as db:
        end(db, [person.own_session], EndReason.SIGNED_OUT)
    before = ends(database)
    with database.write() as db:
        assert end(db, [person.own_session], EndReason.SIGNED_OUT_EVERYWHERE) == []
        assert end(db, [], EndReason("nothing")) == []
        assert end(db, ["ses_unknown"], EndReason("nothing")) == []
    assert ends(database) == before
    with pytest.raises(NotAlive) as lapsed:
        ask(database, person)
    assert lapsed.value.because == "signed_out"


def test_an_end_changes_what_hangs_below_and_nothing_else(database: Database) -> None:
    """An end is written to what it names and to all below, at one moment and for one reason; to no other row."""
    person = a_person(database, "buyer")
    assistant = with_assistant(database, person)
    before = ends(database)
    with database.write() as db:
        end(db, [person.own_session], EndReason.SIGNED_OUT)
    after = ends(database)
    ended = {identifier: after[identifier] for identifier in after if after[identifier] != before[identifier]}
    assert set(ended) == {person.session, assistant.delegation}
    assert len(set(ended.values())) == 1 and {because for _, because in ended.values()} == {"signed_out"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_below_lists_the_living_children_of_one_kind(database: Database) -> None:
    """Grandchildren, other kinds and what has ended are not in the list."""
    with database.write() as db:
        of = organization(db)
        mine = membership(db, of, "buyer")
        desk, phone = (session(db, mine, of)[0].principal() for _ in range(2))
        delegated(db, desk, "cnv_1")
    with database.write() as db:
        end(db, [phone.own_session], EndReason.SIGNED_OUT)
        assert below(db, mine, Kind.SESSION) == [desk.session]
        assert below(db, mine, Kind.DELEGATION) == []
        assert below(db, of, Kind.MEMBERSHIP) == [mine]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_actor_without_delegation_is_no_principal(database: Database) -> None:
    """An actor's authority is a stored row, so the two come together or not at all."""
    assistant = with_assistant(database, a_person(database, "buyer"))
    with pytest.raises(ValueError, match="an actor needs a delegation"):
        replace(assistant, delegation=None)
    with pytest.raises(ValueError, match="each of these needs an actor"):
        replace(assistant, actor=None)


def test_a_person_lives_until_idle_and_no_longer(database: Database, clock: TestClock) -> None:
    """The ledger's clock is the transaction's: a session is alive just before its idle end and dead just after."""
    assert IDLE < ABSOLUTE
    person = a_person(database, "buyer")
    clock.pass_by(seconds=IDLE.total_seconds() - 1)
    assert ask(database, person)
    clock.pass_by(seconds=1)
    with pytest.raises(NotAlive) as lapsed:
        ask(database, person)
    assert (lapsed.value.lapse, lapsed.value.kind) == (Lapse.EXPIRED, Kind.SESSION)


@pytest.mark.holds("I4")
def test_a_principal_put_together_from_two_people_is_nobody(database: Database) -> None:
    """Every authority hangs on the one before it: a session of one person never serves another's membership."""
    mine, theirs = a_person(database, "guest"), a_person(database, "buyer")
    for mixed in (replace(mine, session=theirs.session), replace(mine, membership=theirs.membership)):
        with pytest.raises(NotAlive) as caught:
            ask(database, mixed)
        assert caught.value.lapse is Lapse.UNKNOWN
