"""Recomputing chains: a whole one, in parts of bounded memory, or the events that a page shows with their links.

Nothing here is stored: a verdict says what was recomputed just now, and nothing about any earlier time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.audit.chain import (
    GENESIS,
    REPEATED,
    AuditChain,
    AuditEvent,
    AuditPersonal,
    client_of,
    commitment,
    digest,
    written,
)
from shop.database import Database

_PART = 500
"""Events that are read and recomputed at a time."""
_CUT = "events at the end of the chain are missing"
_READ = select(
    *(getattr(AuditEvent, name) for name in REPEATED),
    AuditEvent.at,
    AuditEvent.client,
    AuditEvent.hash,
    AuditEvent.body,
).order_by(AuditEvent.sequence)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome of recomputing a chain, or some of its events."""

    ok: bool
    events: int
    """How many events were recomputed."""
    text: str
    is_whole: bool = True
    """Whether they are all that the chain has."""


def verify(db: Session, chain: str) -> Verdict:
    """Recompute a chain: each hash, each link, each commitment whose value is still there, and the head."""
    walk = _Walk(chain)
    while not walk.is_over:
        walk.step(db)
    return walk.verdict()


def verify_in_parts(database: Database, chain: str) -> Verdict:
    """Recompute a chain as `verify` does, each part in a read transaction of its own: a long chain holds nobody up."""
    walk = _Walk(chain)
    while not walk.is_over:
        with database.read() as db:
            walk.step(db)
    return walk.verdict()


def verify_shown(db: Session, chain: str, shown: Sequence[AuditEvent]) -> Verdict:
    """Recompute some events of a chain, in their order: each hash and commitment, the link of each to the one before it, of
    the last to the one after it, and whether the chain ends where its head says.
    """
    head = db.get(AuditChain, chain)
    length = head.sequence if head else 0
    fault = _fault_of_shown(db, chain, shown) or _fault_of_end(db, head)
    if fault is None and shown:
        fault = _fault_after(db, chain, shown[-1], length)
    is_whole = fault is None and [event.sequence for event in shown] == list(range(1, length + 1))
    return Verdict(ok=fault is None, events=len(shown), text=fault or f"{len(shown)} events", is_whole=is_whole)


class _Walk:
    """How far a chain has been recomputed. It holds one part at a time."""

    def __init__(self, chain: str) -> None:
        self._chain = chain
        self._count, self._previous = 0, GENESIS
        self._fault: str | None = None
        self.is_over = False

    def step(self, db: Session) -> None:
        """Recompute the next part. The chain may grow meanwhile, so the head is read before the events that it must cover."""
        head = db.execute(
            select(AuditChain.sequence, AuditChain.head).where(AuditChain.id == self._chain)
        ).one_or_none()
        query = _READ.where(AuditEvent.chain == self._chain).limit(_PART)
        events = db.execute(query.where(AuditEvent.sequence > self._count) if self._count else query).all()
        personal = _personal(db, [event.id for event in events])
        for event in events:
            self._fault = self._fault_of(event, personal)
            if self._fault:
                break
            self._count, self._previous = self._count + 1, event.hash
        if self._fault is None and len(events) < _PART:
            self._compare(head, is_all_there_is=not events)
        self.is_over = self.is_over or self._fault is not None

    def verdict(self) -> Verdict:
        """What came of it."""
        text = self._fault or f"{self._count} events"
        return Verdict(ok=self._fault is None, events=self._count, text=text)

    def _fault_of(self, event: Any, personal: dict[str, dict[str, Any]]) -> str | None:
        if event.sequence != self._count + 1:
            return f"event {self._count + 1} is missing"
        return _fault(event, self._previous, personal)

    def _compare(self, head: Any, *, is_all_there_is: bool) -> None:
        """Whether the events end where the head says; what was written since the head was read is looked at once more."""
        if head is None or head.sequence < self._count:
            self._fault = _CUT if head is None or is_all_there_is else None
            return
        self.is_over = True
        if (head.sequence, head.head) != (self._count, self._previous):
            self._fault = _CUT


def _fault_of_shown(db: Session, chain: str, shown: Sequence[AuditEvent]) -> str | None:
    personal = _personal(db, [event.id for event in shown])
    hashes = {event.sequence: event.hash for event in shown}
    beside = {number - 1 for number in hashes if number - 1 not in hashes}
    query = select(AuditEvent.sequence, AuditEvent.hash).where(AuditEvent.chain == chain)
    hashes |= {number: hashed for number, hashed in db.execute(query.where(AuditEvent.sequence.in_(beside)))}
    for event in shown:
        before = GENESIS if event.sequence == 1 else hashes.get(event.sequence - 1)
        if before is None:
            return f"event {event.sequence - 1} is missing"
        if fault := _fault(event, before, personal):
            return fault
    return None


def _fault_after(db: Session, chain: str, last: AuditEvent, length: int) -> str | None:
    """Whether the event after the last one shown, if there is one, names it."""
    if last.sequence == length:
        return None
    following = last.sequence + 1
    body = db.scalar(select(AuditEvent.body).where(AuditEvent.chain == chain, AuditEvent.sequence == following))
    if body is None:
        return f"event {following} is missing"
    content = _read(body)
    is_next = content is not None and content["previous_hash"] == last.hash
    return None if is_next else f"event {following} does not follow its predecessor"


def _fault_of_end(db: Session, head: AuditChain | None) -> str | None:
    """Whether the event that the head names is there, and none after it."""
    if head is None:
        return _CUT
    last = select(AuditEvent.sequence, AuditEvent.hash).where(AuditEvent.chain == head.id)
    found = db.execute(last.order_by(AuditEvent.sequence.desc()).limit(1)).one_or_none()
    return None if found and (found.sequence, found.hash) == (head.sequence, head.head) else _CUT


def _fault(event: Any, previous: str, personal: dict[str, dict[str, Any]]) -> str | None:
    """What is wrong with an event: its hash, its link to the one before, its columns, a personal value beside it."""
    content = _read(event.body)
    if digest(event.body.encode()) != event.hash or not content:
        return f"event {event.sequence} was changed after it was written"
    if content["previous_hash"] != previous:
        return f"event {event.sequence} does not follow its predecessor"
    columns = {name: getattr(event, name) for name in REPEATED} | {"at": written(event.at)}
    if any(content[name] != column for name, column in columns.items()) or event.client != client_of(content):
        return f"the columns of event {event.sequence} disagree with its body"
    for name, (salt, value) in personal.get(event.id, {}).items():
        if content["personal"].get(name) != commitment(salt, value):
            return f"a personal value of event {event.sequence} was changed"
    return None


_PARTS = {*REPEATED, "at", "previous_hash", "actor", "facts", "personal"}


def _read(body: str) -> dict[str, Any] | None:
    """An event's content; None when somebody put something else there than an event."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and content.keys() >= _PARTS else None


def _personal(db: Session, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    rows = db.execute(select(AuditPersonal.event_id, AuditPersonal.values).where(AuditPersonal.event_id.in_(ids)))
    return {identifier: values for identifier, values in rows}
