"""When each assistant was last at work, and in which conversations: for the person whose it is, and for administrators."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shop.conversations.models import Conversation
from shop.principal import IN_APP_ASSISTANT, Principal


def last_active(db: Session, organization: str) -> dict[str, datetime]:
    """When each client last did something for anybody in an organization, by `client_id`."""
    query = select(Conversation.client_id, func.max(Conversation.active_at))
    rows = db.execute(query.where(Conversation.organization == organization).group_by(Conversation.client_id))
    return {client_id or IN_APP_ASSISTANT: at for client_id, at in rows}


def with_client(db: Session, person: Principal, client_id: str, limit: int) -> tuple[list[Conversation], int]:
    """A person's latest conversations in one external assistant, and how many there are in all."""
    mine = (
        Conversation.organization == person.organization,
        Conversation.subject == person.subject,
        Conversation.client_id == client_id,
    )
    latest = select(Conversation).where(*mine).order_by(Conversation.active_at.desc()).limit(limit)
    return list(db.scalars(latest)), db.scalar(select(func.count()).select_from(Conversation).where(*mine)) or 0
