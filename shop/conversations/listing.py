"""Lists of conversations for those who read their audit: filtered, and page by page on an index.

The order is by when each was last active, and the mark of a page (`before`) holds that moment and an id: what is new meanwhile
comes on top, and nothing is pushed out of an older page.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from shop.audit.chain import AuditEvent
from shop.audit.events import EventName
from shop.audit.queries import having
from shop.conversations.models import Conversation
from shop.principal import IN_APP_ASSISTANT

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DIGITS = 16
"""Of a mark's microseconds: some three centuries."""


class Mark(NamedTuple):
    """Where a page begins: below the conversation that was last active then."""

    active_at: datetime
    id: str

    @classmethod
    def of(cls, text: str) -> Mark:
        """Read a mark from an address. Raises `ValueError`."""
        microseconds, _, identifier = text.partition(".")
        if not (
            microseconds.isascii() and microseconds.isdecimal() and len(microseconds) <= _MOST_DIGITS and identifier
        ):
            raise ValueError("no mark of a page")
        return cls(_EPOCH + timedelta(microseconds=int(microseconds)), identifier[:40])

    def __str__(self) -> str:
        return f"{(self.active_at - _EPOCH) // timedelta(microseconds=1)}.{self.id}"


@dataclass(frozen=True, kw_only=True)
class Sought:
    """Which conversations of an organization a reader asks for. None: nothing in particular."""

    subjects: Sequence[str] | None = None
    client: str | None = None
    names: Collection[EventName] | None = None
    """Events of which it has at least one."""
    hides_not_found: bool = False
    """See `shop.audit.queries.Wanted`."""
    since: datetime | None = None
    until: datetime | None = None
    """It was active at some time from `since` on and before `until`."""

    def where(self) -> list[ColumnElement[bool]]:
        """The conditions on `Conversation`."""
        conditions: list[ColumnElement[bool]] = []
        if self.subjects is not None:
            conditions.append(Conversation.subject.in_(self.subjects))
        if self.client is not None:
            is_in_chat = self.client == IN_APP_ASSISTANT
            conditions.append(Conversation.client_id.is_(None) if is_in_chat else Conversation.client_id == self.client)
        if self.names is not None:
            of_it = AuditEvent.chain == Conversation.id
            named = having(self.names, hides_not_found=self.hides_not_found)
            conditions.append(select(AuditEvent.id).where(of_it, named).exists())
        if self.since is not None:
            conditions.append(Conversation.active_at >= self.since)
        if self.until is not None:
            conditions.append(Conversation.started_at < self.until)
        return conditions


def page_of(
    db: Session, organization: str, sought: Sought, *, before: Mark | None, limit: int
) -> tuple[list[Conversation], Mark | None]:
    """The conversations of an organization that are sought, latest first, and the mark of the page after these, if there is one.

    The caller has asked the policy, and sought nobody's whom the reader may not read.
    """
    query = select(Conversation).where(Conversation.organization == organization, *sought.where())
    if before is not None:
        at, identifier = before
        is_older = or_(Conversation.active_at < at, and_(Conversation.active_at == at, Conversation.id < identifier))
        query = query.where(Conversation.active_at <= at, is_older)
    ordered = query.order_by(Conversation.active_at.desc(), Conversation.id.desc())
    found = list(db.scalars(ordered.limit(limit + 1)))
    rows = found[:limit]
    return rows, Mark(rows[-1].active_at, rows[-1].id) if len(found) > limit else None
