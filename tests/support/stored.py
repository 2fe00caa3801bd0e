"""All that is stored of a conversation or a chain: for tests, which are short. Pages ask for a bounded part."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.audit.queries import RecordedEvent, Wanted, page_of_chain
from shop.conversations.models import Turn


def events_of_chain(db: Session, chain: str) -> list[RecordedEvent]:
    """All events of a chain in their order."""
    return page_of_chain(db, chain, Wanted(), before=None, limit=1_000_000).events


def turns_of(db: Session, conversation_id: str) -> list[Turn]:
    """A conversation's turns in their order, with their items."""
    return list(db.scalars(select(Turn).where(Turn.conversation_id == conversation_id).order_by(Turn.number)))
