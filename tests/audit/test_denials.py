"""The recorder of refusals: the first of a known party are events, floods and strangers are counted, and nothing gets lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from shop.audit.chain import AuditChain
from shop.audit.denial_windows import FIRST, DenialWindow, close_windows
from shop.audit.denials import Handle, note_denial, record_denial, record_refused_handle
from shop.audit.events import EventName
from shop.audit.queries import RecordedEvent
from shop.audit.verification import verify
from shop.audit.writer import SYSTEM_CHAIN
from shop.database import Database, new_id
from shop.principal import Actor, Principal
from tests.support.at_once import at_once
from tests.support.clock import TestClock
from tests.support.stored import events_of_chain


@pytest.fixture
def clock() -> TestClock:
    """At the beginning of a minute, so that a test's refusals fall into one window."""
    clock = TestClock()
    clock.now = clock.now.replace(second=0)
    return clock


def somebody(**changed: Any) -> Principal:
    given = {"subject": "usr_1", "organization": "org_1", "membership": "mem_1", "session": "ses_1", **changed}
    return Principal(**given)


def assistant() -> Principal:
    return somebody(session=None, grant="gnt_1", token="tok_1", actor=Actor(client_id="client:other", agent="agt_1"))


def refuse(database: Database, principal: Principal | None, kind: str = "place_order over_limit", **more: Any) -> None:
    record_denial(database, EventName.TOOL_CALL_DENIED, kind, principal=principal, outcome="denied", **more)


def events(database: Database, chain: str) -> list[RecordedEvent]:
    with database.read() as db:
        return events_of_chain(db, chain)


def counts(database: Database, chain: str) -> list[dict[str, Any]]:
    """The facts of what was counted there."""
    return [e.content["facts"] for e in events(database, chain) if e.name is EventName.DENIALS_COUNTED]


def windows(database: Database) -> int:
    with database.read() as db:
        return db.scalar(select(func.count()).select_from(DenialWindow)) or 0


def chains_hold(database: Database) -> bool:
    with database.read() as db:
        return all(verify(db, chain).ok for chain in db.scalars(select(AuditChain.id)).all())


@pytest.mark.holds("LLM10")
def test_a_flood_of_a_known_principal_is_ten_events_and_one_that_counts(database: Database, clock: TestClock) -> None:
    """Five hundred refusals in a minute: the first ten each, then one event for the rest, by the same principal; sums are exact."""
    for _ in range(500):
        refuse(database, assistant())
    assert [event.name for event in events(database, "org_1")] == [EventName.TOOL_CALL_DENIED] * FIRST
    assert close_windows(database) == 0, "the minute is not over"
    clock.pass_by(minutes=2)
    assert (close_windows(database), close_windows(database), windows(database)) == (1, 0, 0)
    *_, counted = events(database, "org_1")
    assert counted.name is EventName.DENIALS_COUNTED and len(events(database, "org_1")) == FIRST + 1
    facts = counted.content["facts"]
    assert (facts["count"], facts["recorded"]) == (500 - FIRST, FIRST)
    assert (facts["event"], facts["kind"]) == ("tool_call.denied", "place_order over_limit")
    assert facts["since"] < facts["until"]
    content = counted.content
    assert (content["subject"], content["actor"]["client"], content["grant"]) == ("usr_1", "client:other", "gnt_1")
    assert content["organization"] == "org_1" and content["request_id"] is None
    assert chains_hold(database)


def test_few_refusals_are_events_and_their_window_goes_without_a_word(database: Database, clock: TestClock) -> None:
    """What has an event each needs no count."""
    for _ in range(FIRST):
        refuse(database, somebody())
    clock.pass_by(minutes=2)
    assert close_windows(database) == 1
    assert [event.name for event in events(database, "org_1")] == [EventName.TOOL_CALL_DENIED] * FIRST


def test_the_first_of_each_kind_and_of_each_principal_is_seen(database: Database) -> None:
    """A flood of one kind hides neither another kind, nor another person, nor the same person's own clicks."""
    for _ in range(FIRST + 20):
        refuse(database, assistant())
    refuse(database, assistant(), "place_order not_permitted")
    refuse(database, somebody(subject="usr_2"))
    refuse(database, somebody())
    refuse(database, somebody(organization="org_2"))
    seen = [event.content["subject"] for event in events(database, "org_1")[FIRST:]]
    assert seen == ["usr_1", "usr_2", "usr_1"] and len(events(database, "org_2")) == 1


def test_a_minute_later_the_first_are_seen_again(database: Database, clock: TestClock) -> None:
    """A loop that goes on for three minutes: ten events and one count for each; the next refusal closes what is over."""
    for _ in range(3):
        for _ in range(25):
            refuse(database, assistant())
        clock.pass_by(minutes=1, seconds=10)
    close_windows(database)
    assert [facts["count"] for facts in counts(database, "org_1")] == [15, 15, 15]
    assert len(events(database, "org_1")) == 3 * (FIRST + 1) and windows(database) == 0


@pytest.mark.holds("LLM10")
def test_strangers_are_counted_from_the_start(database: Database, clock: TestClock) -> None:
    """Five hundred bad bearers: no event until the minute is over, then one; one row, however many strangers there were."""
    before = len(events(database, SYSTEM_CHAIN))

    def come() -> None:
        for _ in range(50):
            record_refused_handle(database, Handle.ACCESS_TOKEN, where="/mcp", why="invalid_token")

    at_once([come] * 10)
    assert (len(events(database, SYSTEM_CHAIN)), windows(database)) == (before, 1)
    clock.pass_by(minutes=2)
    assert close_windows(database) == 1
    (facts,) = counts(database, SYSTEM_CHAIN)
    assert (facts["count"], facts["recorded"], facts["kind"]) == (500, 0, "access_token invalid_token")
    assert chains_hold(database)


def test_what_a_stranger_says_makes_no_row_of_its_own(database: Database) -> None:
    """Facts differ with every request; the windows are those of our own words."""
    for number in range(50):
        facts = {"page": f"/{number}", "client": f"client {number}"}
        record_denial(database, EventName.TOKEN_REFUSED, "invalid_client", outcome="denied", facts=facts)
    assert windows(database) == 1


def test_nothing_is_lost_when_the_process_dies_within_the_minute(database: Database, clock: TestClock) -> None:
    """The counters are in the database: another process goes on with them, and closes them."""
    for _ in range(30):
        refuse(database, assistant())
        record_refused_handle(database, Handle.ACCESS_TOKEN, where="/mcp", why="invalid_token")
    database.dispose()
    after = Database(database.url.render_as_string(hide_password=False), clock=clock, threads=2)
    for _ in range(5):
        refuse(after, assistant())
    clock.pass_by(minutes=2)
    assert close_windows(after) == 2
    assert [facts["count"] for facts in counts(after, "org_1")] == [25]
    assert [facts["count"] for facts in counts(after, SYSTEM_CHAIN)] == [30]
    assert len(events(after, "org_1")) == FIRST + 1 and chains_hold(after)
    after.dispose()


def test_eight_threads_count_every_refusal_once(database: Database, clock: TestClock) -> None:
    """A principal's own, other people's and strangers' at the same moment: each sum is exact, and each chain verifies."""

    def work(number: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(20):
                refuse(database, assistant())
                refuse(database, somebody(subject=f"usr_{number}"))
                record_refused_handle(database, Handle.ACCESS_TOKEN, where="/mcp", why="invalid_token")

        return run

    at_once([work(number) for number in range(8)])
    clock.pass_by(minutes=2)
    at_once([lambda: close_windows(database)] * 4)
    close_windows(database)
    assert windows(database) == 0 and chains_hold(database)
    of_assistant = [facts for facts in counts(database, "org_1") if facts["count"] == 160 - FIRST]
    others = [facts["count"] for facts in counts(database, "org_1") if facts["count"] != 160 - FIRST]
    assert len(of_assistant) == 1 and others == [20 - FIRST] * 8
    assert [facts["count"] for facts in counts(database, SYSTEM_CHAIN)] == [160]
    denied = [e for e in events(database, "org_1") if e.name is EventName.TOOL_CALL_DENIED]
    assert len(denied) == FIRST * 9


def test_a_count_stands_where_its_refusals_do(database: Database, clock: TestClock) -> None:
    """Of one conversation: in that one's chain. Of several at once: in the organization's, where an auditor finds it."""
    one, other = new_id("cnv"), new_id("cnv")
    for number in range(40):
        refuse(database, assistant(), "all in one", conversation=one)
        refuse(database, assistant(), "in two", conversation=(one, other)[number % 2])
    clock.pass_by(minutes=2)
    close_windows(database)
    assert [facts["kind"] for facts in counts(database, one)] == ["all in one"]
    assert [facts["kind"] for facts in counts(database, "org_1")] == ["in two"]
    assert counts(database, other) == []


def test_a_refusal_that_is_rolled_back_is_not_counted(database: Database) -> None:
    """Counter and event are of the caller's transaction."""

    def refuse_and_fail() -> None:
        with database.write() as db:
            note_denial(db, EventName.GRANT_DENIED, "blocked", principal=somebody(), outcome="denied")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        refuse_and_fail()
    assert windows(database) == 0 and events(database, "org_1") == []


def test_a_late_refusal_of_a_closed_minute_is_counted_all_the_same(database: Database, clock: TestClock) -> None:
    """Its transaction had begun within the minute: the window opens anew, and is closed again."""
    for _ in range(FIRST + 5):
        refuse(database, assistant())
    began = clock.now
    clock.pass_by(minutes=2)
    close_windows(database)
    clock.now = began
    refuse(database, assistant())
    clock.pass_by(minutes=2)
    close_windows(database)
    told = len([e for e in events(database, "org_1") if e.name is EventName.TOOL_CALL_DENIED])
    assert told + sum(facts["count"] for facts in counts(database, "org_1")) == FIRST + 6


def test_one_persons_refusals_wait_for_nobody_elses(database: Database) -> None:
    """A transaction that holds one person's window, and has not committed, delays no other party (PostgreSQL: rows differ)."""
    if database.is_sqlite:
        pytest.skip("one writer at a time, in order, whatever they write")
    with database.write() as db:
        note_denial(db, EventName.TOOL_CALL_DENIED, "x", principal=somebody(), conversation=new_id("cnv"))
        at_once([lambda: refuse(database, somebody(subject="usr_2"), conversation=new_id("cnv"))])
        at_once([lambda: record_refused_handle(database, Handle.ACCESS_TOKEN, where="/mcp")])
