"""What readers of the audit ask: events with their personal values joined back, a chain or an organization at a time.

No authorization here: `shop.admin` asks `shop.authorization` first and records `audit.viewed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shop.audit.chain import AuditEvent, AuditPersonal
from shop.audit.events import EventName


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


def events_of_chain(
    db: Session, chain: str, *, before: int | None = None, limit: int | None = None
) -> list[RecordedEvent]:
    """A chain's events in their order; with `limit`, the last ones, of those with a sequence below `before`."""
    query = (
        select(AuditEvent, AuditPersonal)
        .outerjoin(AuditPersonal, AuditPersonal.event_id == AuditEvent.id)
        .where(AuditEvent.chain == chain)
        .order_by(AuditEvent.sequence.desc())
    )
    if before is not None:
        query = query.where(AuditEvent.sequence < before)
    if limit is not None:
        query = query.limit(limit)
    rows = db.execute(query).all()
    return [_recorded(event, personal) for event, personal in reversed(rows) if event.is_readable()]


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


def counts(db: Session, conversations: list[str]) -> dict[str, dict[str, int]]:
    """How often each event name occurs, for each conversation."""
    found: dict[str, dict[str, int]] = {identifier: {} for identifier in conversations}
    rows = db.execute(
        select(AuditEvent.chain, AuditEvent.name, func.count())
        .where(AuditEvent.chain.in_(conversations))
        .group_by(AuditEvent.chain, AuditEvent.name)
    )
    for chain, name, number in rows:
        found[chain][name] = number
    return found


def _recorded(event: AuditEvent, personal: AuditPersonal | None) -> RecordedEvent:
    values = {field: value for field, (_salt, value) in (personal.values if personal else {}).items()}
    return RecordedEvent(EventName[event.name.replace(".", "_").upper()], event.at, event.hash, event.content(), values)
