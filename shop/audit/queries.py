"""What readers of the audit ask: events with their personal values joined back, a chain or an organization at a time.

No authorization here: `shop.admin` asks `shop.authorization` first and records `audit.viewed`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, and_, func, not_, or_, select, union_all
from sqlalchemy.orm import Session

from shop.audit.chain import AuditChain, AuditEvent, AuditPersonal
from shop.audit.events import EventName

MOST_COUNTED = 1000
"""How far events are counted for a list; beyond it a number says that there are more."""


@dataclass(frozen=True)
class RecordedEvent:
    """An event as a reader sees it: what was hashed, and the personal values that have not been erased."""

    name: EventName
    at: datetime
    hash: str
    content: dict[str, Any]
    personal: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.content["id"])


def latest_of_call(db: Session, conversation: str, names: tuple[EventName, ...], limit: int) -> list[RecordedEvent]:
    """The latest events with one of these names in a conversation, latest first."""
    rows = db.execute(
        select(AuditEvent, AuditPersonal)
        .outerjoin(AuditPersonal, AuditPersonal.event_id == AuditEvent.id)
        .where(AuditEvent.chain == conversation, AuditEvent.name.in_(names))
        .order_by(AuditEvent.sequence.desc())
        .limit(limit)
    )
    return [_recorded(event, personal) for event, personal in rows if event.is_readable()]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which events of a chain a reader asks for. What is None or empty asks for nothing in particular."""

    names: frozenset[EventName] | None = None
    subjects: Sequence[str] | None = None
    client: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """The moment before which it happened."""
    hides_not_found: bool = False
    """For a conversation's own person: a refusal that stands for "not found" counts as a failure (invariant I10)."""

    def where(self) -> list[ColumnElement[bool]]:
        """The conditions on `AuditEvent`."""
        conditions = [] if self.names is None else [having(self.names, hides_not_found=self.hides_not_found)]
        if self.subjects is not None:
            conditions.append(AuditEvent.subject.in_(self.subjects))
        if self.client is not None:
            conditions.append(AuditEvent.client == self.client)
        if self.since is not None:
            conditions.append(AuditEvent.at >= self.since)
        if self.until is not None:
            conditions.append(AuditEvent.at < self.until)
        return conditions


@dataclass(frozen=True)
class Page:
    """Some events of a chain in their order, as they are stored, and as a reader sees them."""

    stored: list[AuditEvent]
    events: list[RecordedEvent]
    older: int | None
    """The sequence that the page of older events is asked with (`before`); None when these are the first that are wanted."""


def page_of_chain(
    db: Session, chain: str, wanted: Wanted, *, before: int | None, limit: int, is_trail: bool = False
) -> Page:
    """The latest events that are wanted, of those with a sequence below `before`. `is_trail`: an organization's own chain."""
    conditions = [AuditEvent.chain == chain, *wanted.where()]
    if is_trail:
        conditions.append(AuditEvent.conversation.is_(None))  # what the indexes of trails are for
        if wanted.since or wanted.until:
            first, last = _bounds(db, conditions)
            conditions.append(AuditEvent.sequence.between(first, last))
    if before is not None:
        conditions.append(AuditEvent.sequence < before)
    if wanted.names is not None:
        conditions = [AuditEvent.chain == chain, AuditEvent.sequence.in_(_latest_named(conditions, wanted, limit + 1))]
    query = (
        select(AuditEvent, AuditPersonal)
        .outerjoin(AuditPersonal, AuditPersonal.event_id == AuditEvent.id)
        .where(*conditions)
        .order_by(AuditEvent.sequence.desc())
        .limit(limit + 1)
    )
    found = db.execute(query).all()
    rows = found[:limit][::-1]
    return Page(
        stored=[event for event, _ in rows],
        events=[_recorded(event, personal) for event, personal in rows if event.is_readable()],
        older=rows[0][0].sequence if len(found) > limit else None,
    )


def _latest_named(conditions: Sequence[ColumnElement[bool]], wanted: Wanted, limit: int) -> CompoundSelect[int]:
    """The latest sequences of each name that is wanted: each on the index of names, where one query for all would read the whole
    chain for what is rare in it.
    """
    names = set(wanted.names or ()) | ({EventName.TOOL_CALL_DENIED} if wanted.hides_not_found else set())
    latest = select(AuditEvent.sequence).where(*conditions).order_by(AuditEvent.sequence.desc()).limit(limit)
    each = [latest.where(AuditEvent.name == name).subquery() for name in sorted(names)]
    return union_all(*(select(one.c.sequence) for one in each))


def _bounds(db: Session, conditions: Sequence[ColumnElement[bool]]) -> tuple[int, int]:
    """The first and last sequence of what a trail has in a range of time: found on the index by time alone, so that the page
    itself can be read in the order of sequences.
    """
    outermost = select(func.min(AuditEvent.sequence), func.max(AuditEvent.sequence)).where(*conditions)
    first, last = db.execute(outermost).one()
    return first or 0, last or 0


def sequence_at(db: Session, chain: str, at: datetime) -> int:
    """About where a chain was at a moment: the first sequence from then on. Moments grow with sequences, but for transactions
    that overlapped: good to choose the page on which to look.
    """
    low, high = 1, (db.scalar(select(AuditChain.sequence).where(AuditChain.id == chain)) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        there = db.scalar(select(AuditEvent.at).where(AuditEvent.chain == chain, AuditEvent.sequence == middle))
        low, high = (middle + 1, high) if there is None or there < at else (low, middle)
    return low


def having(names: Collection[EventName], *, hides_not_found: bool = False) -> ColumnElement[bool]:
    """The condition that an event has one of these names, as its reader sees them."""
    condition = AuditEvent.name.in_(sorted(names))
    sees_denied, sees_failed = (name in names for name in (EventName.TOOL_CALL_DENIED, EventName.TOOL_CALL_FAILED))
    if not hides_not_found or sees_denied == sees_failed:
        return condition
    # Within a JSON text its quotes are escaped, so these are keys and values of the event, and no word of anybody's.
    hidden = and_(
        AuditEvent.name == EventName.TOOL_CALL_DENIED, AuditEvent.body.contains('"code":"not_found"', autoescape=True)
    )
    return and_(condition, not_(hidden)) if sees_denied else or_(condition, hidden)


def tallies(
    db: Session, chains: Sequence[str], groups: Mapping[str, Collection[EventName]], *, hides_not_found: bool = False
) -> dict[str, dict[str, int]]:
    """For each chain, how many of its events have a name of each group; none is counted beyond `MOST_COUNTED`."""
    columns = [
        select(func.count())
        .select_from(
            select(AuditEvent.sequence)
            .where(AuditEvent.chain == AuditChain.id, having(names, hides_not_found=hides_not_found))
            .limit(MOST_COUNTED)
            .correlate(AuditChain)
            .subquery()
        )
        .correlate(AuditChain)
        .scalar_subquery()
        .label(group)
        for group, names in groups.items()
    ]
    rows = db.execute(select(AuditChain.id, *columns).where(AuditChain.id.in_(chains)))
    nothing = dict.fromkeys(groups, 0)
    return {chain: nothing for chain in chains} | {
        chain: dict(zip(groups, numbers, strict=True)) for chain, *numbers in rows
    }


def _recorded(event: AuditEvent, personal: AuditPersonal | None) -> RecordedEvent:
    values = {field: value for field, (_salt, value) in (personal.values if personal else {}).items()}
    return RecordedEvent(EventName[event.name.replace(".", "_").upper()], event.at, event.hash, event.content(), values)
