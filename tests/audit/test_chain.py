"""Hash chains: what an event is made of, and what verifying finds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from shop.audit.chain import GENESIS, AuditChain, AuditEvent, AuditPersonal, canonical, commitment
from shop.audit.events import EventName
from shop.audit.verification import verify
from shop.audit.writer import record
from shop.database import Database
from shop.principal import IN_APP_ASSISTANT, Actor, Principal
from tests.support.stored import events_of_chain

CHAIN = "cnv_of_a_test"
ASSISTANT = Principal(
    subject="usr_1",
    organization="org_1",
    membership="mem_1",
    session="ses_1",
    actor=Actor(client_id=IN_APP_ASSISTANT, build="b1"),
    delegation="dlg_1",
    conversation=CHAIN,
)


def write(database: Database, *messages: str) -> None:
    for message in messages:
        with database.write() as db:
            record(
                db,
                EventName.MESSAGE_RECEIVED,
                principal=ASSISTANT,
                turn="trn_1",
                tool_call="call_1",
                resource=("conversation", CHAIN),
                facts={"characters": len(message)},
                personal={"message": message, "again": message},
            )


def stored(database: Database) -> list[AuditEvent]:
    with database.read() as db:
        return list(db.scalars(select(AuditEvent).where(AuditEvent.chain == CHAIN).order_by(AuditEvent.sequence)))


def verdict(database: Database) -> tuple[bool, str]:
    with database.read() as db:
        found = verify(db, CHAIN)
        return found.ok, found.text


def test_an_event_is_canonical_json_that_its_hash_covers(database: Database) -> None:
    """The body is RFC 8785 bytes, holds its sequence and its predecessor's hash, and the hash is of exactly these bytes."""
    write(database, "one", "zwei — 2,5 €", "\u0000 three \U0001f9e6")
    previous = GENESIS
    for sequence, event in enumerate(stored(database), start=1):
        body: dict[str, Any] = json.loads(event.body)
        assert event.body.encode() == rfc8785.dumps(body)
        assert event.hash == hashlib.sha256(event.body.encode()).hexdigest()
        assert (body["sequence"], body["previous_hash"], body["chain"]) == (sequence, previous, CHAIN)
        assert datetime.fromisoformat(body["at"]).tzinfo == UTC
        previous = event.hash
    with database.read() as db:
        head = db.get_one(AuditChain, CHAIN)
        assert (head.sequence, head.head, head.organization) == (3, previous, "org_1")
    assert verdict(database) == (True, "3 events")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(value=JSON)
def test_canonical_bytes_are_those_of_the_library_for_every_value(value: object) -> None:
    """The short way writes what `rfc8785` writes, byte for byte, and refuses what it refuses."""
    try:
        expected = rfc8785.dumps(value)  # type: ignore[arg-type] # whatever hypothesis makes up
    except ValueError:
        with pytest.raises(ValueError):
            canonical(value)
        return
    assert canonical(value) == expected


@pytest.mark.holds("I4")
def test_an_event_names_subject_actor_and_where_they_came_from(database: Database) -> None:
    """Who acted for whom, under which credential, is in the hashed body of each event."""
    write(database, "hello")
    body = json.loads(stored(database)[0].body)
    assert body["subject"] == "usr_1"
    assert body["actor"] == {"client": IN_APP_ASSISTANT, "build": "b1"}
    assert (body["session"], body["delegation"], body["conversation"]) == ("ses_1", "dlg_1", CHAIN)
    assert (body["turn"], body["tool_call"]) == ("trn_1", "call_1")
    assert body["resource"] == {"kind": "conversation", "id": CHAIN}


def test_a_personal_value_stands_beside_its_event(database: Database) -> None:
    """The event holds a commitment; the value and its salt are in a row of their own, joined back for readers."""
    write(database, "my name is Sofia")
    event = stored(database)[0]
    assert "Sofia" not in event.body
    with database.read() as db:
        row = db.get_one(AuditPersonal, event.id)
        salt, value = row.values["message"]
        assert value == "my name is Sofia"
        assert json.loads(event.body)["personal"]["message"] == commitment(salt, value)
        assert events_of_chain(db, CHAIN)[0].personal["message"] == "my name is Sofia"


def test_commitments_are_salted(database: Database) -> None:
    """The same value twice, in one event or in two, has four different commitments: nobody can compare or guess."""
    write(database, "the same", "the same")
    proofs = [proof for event in stored(database) for proof in json.loads(event.body)["personal"].values()]
    assert len(set(proofs)) == len(proofs) == 4
    plain = {hashlib.sha256(data).hexdigest() for data in (b"the same", b'"the same"')}
    assert not plain & set(proofs)
    with database.read() as db:
        salts = [salt for row in db.scalars(select(AuditPersonal)) for salt, _ in row.values.values()]
    assert all(len(bytes.fromhex(salt)) >= 16 for salt in salts)
    assert len(set(salts)) == len(salts)


def test_an_erasure_keeps_the_chain_valid(database: Database) -> None:
    """A person's values can be deleted with their salts; every event still verifies, and the value is gone for readers."""
    write(database, "one", "two")
    with database.write() as db:
        theirs = select(AuditEvent.id).where(AuditEvent.subject == "usr_1")
        db.execute(delete(AuditPersonal).where(AuditPersonal.event_id.in_(theirs)))
    assert verdict(database) == (True, "2 events")
    with database.read() as db:
        assert [event.personal for event in events_of_chain(db, CHAIN)] == [{}, {}]


Tampering = Callable[[Session, list[AuditEvent]], object]


def _rewrite(db: Session, event: AuditEvent, *, rehash: bool) -> None:
    body = json.loads(event.body)
    body["facts"] = {"characters": 1}
    text = rfc8785.dumps(body).decode()
    hashed = hashlib.sha256(text.encode()).hexdigest() if rehash else event.hash
    db.execute(update(AuditEvent).where(AuditEvent.id == event.id).values(body=text, hash=hashed))


def _column(name: str, value: object) -> Tampering:
    return lambda db, events: db.execute(update(AuditEvent).where(AuditEvent.id == events[1].id).values({name: value}))


def _cut(db: Session, events: list[AuditEvent], *numbers: int) -> None:
    db.execute(delete(AuditEvent).where(AuditEvent.id.in_([events[number].id for number in numbers])))


def _personal(db: Session, events: list[AuditEvent], values: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    row = db.get_one(AuditPersonal, events[1].id)
    row.values = values(dict(row.values))


def _swap(db: Session, events: list[AuditEvent]) -> None:
    one, two = ({"body": event.body, "hash": event.hash} for event in events[:2])
    db.execute(update(AuditEvent).where(AuditEvent.id == events[0].id).values(two))
    db.execute(update(AuditEvent).where(AuditEvent.id == events[1].id).values(one))


TAMPERING: list[tuple[str, Tampering, str]] = [
    ("changed body", lambda db, e: _rewrite(db, e[1], rehash=False), "event 2 was changed after it was written"),
    ("changed body and hash", lambda db, e: _rewrite(db, e[1], rehash=True), "event 3 does not follow its predecessor"),
    ("changed last body and hash", lambda db, e: _rewrite(db, e[2], rehash=True), "events at the end of the chain"),
    ("body that is no JSON", _column("body", "not JSON"), "event 2 was changed after it was written"),
    ("changed hash", _column("hash", "0" * 64), "event 2 was changed after it was written"),
    ("changed name", _column("name", "order.placed"), "the columns of event 2"),
    ("changed subject", _column("subject", "usr_2"), "the columns of event 2"),
    ("changed organization", _column("organization", "org_2"), "the columns of event 2"),
    ("changed conversation", _column("conversation", "cnv_2"), "the columns of event 2"),
    ("changed tool call", _column("tool_call", None), "the columns of event 2"),
    ("changed time", _column("at", datetime(2026, 1, 1, tzinfo=UTC)), "the columns of event 2"),
    ("moved to another chain", _column("chain", "cnv_2"), "event 2 is missing"),
    ("swapped events", _swap, "event 1 does not follow its predecessor"),
    ("removed first event", lambda db, e: _cut(db, e, 0), "event 1 is missing"),
    ("removed middle event", lambda db, e: _cut(db, e, 1), "event 2 is missing"),
    ("cut-off tail", lambda db, e: _cut(db, e, 2), "events at the end of the chain are missing"),
    ("cut off whole", lambda db, e: _cut(db, e, 0, 1, 2), "events at the end of the chain are missing"),
    ("removed head", lambda db, e: db.execute(delete(AuditChain)), "events at the end of the chain are missing"),
    (
        "changed personal value",
        lambda db, e: _personal(db, e, lambda old: old | {"message": [old["message"][0], "another"]}),
        "a personal value of event 2 was changed",
    ),
    (
        "added personal value",
        lambda db, e: _personal(db, e, lambda old: old | {"name": ["00", "Mallory"]}),
        "a personal value of event 2 was changed",
    ),
    (
        "values of another event",
        lambda db, e: _personal(db, e, lambda _: dict(db.get_one(AuditPersonal, e[2].id).values)),
        "a personal value of event 2 was changed",
    ),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("tamper", "says"), [case[1:] for case in TAMPERING], ids=[case[0] for case in TAMPERING])
def test_tampering_shows(database: Database, tamper: Tampering, says: str) -> None:
    """Whatever is changed in the tables afterwards, verifying says that, and where."""
    write(database, "one", "two", "three")
    assert verdict(database) == (True, "3 events")
    with database.write() as db:
        tamper(db, stored_in(db))
    ok, text = verdict(database)
    assert not ok
    assert says in text


def stored_in(db: Session) -> list[AuditEvent]:
    events = list(db.scalars(select(AuditEvent).where(AuditEvent.chain == CHAIN).order_by(AuditEvent.sequence)))
    for event in events:
        db.expunge(event)
    return events


def test_a_chain_that_never_was_is_not_taken_for_whole(database: Database) -> None:
    """Verifying a chain without events and without head does not say that all is well."""
    with database.read() as db:
        assert not verify(db, "cnv_of_nobody").ok
