"""Tables of conversations. All of a running turn is stored as it grows, so a reload or another process shows it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.database import Base, word


class Source(StrEnum):
    """How much a conversation's identity can be trusted: who says that these calls belong together (design §8)."""

    SERVER_MINTED = "server_minted"
    """We do: the shop's own chat, or a session that we minted for an external assistant."""
    HOST_ASSERTED = "host_asserted"
    """The external assistant's host does, by an id of its own."""
    INFERRED = "inferred"
    """Nobody does: calls of one grant, with no long pause between them."""
    OVERFLOW = "overflow"
    """Nobody does any more: its host named so many conversations that all further calls of the grant are in one."""


class Conversation(Base):
    """A thread of one person in one organization, in the shop's own chat or in an external assistant."""

    __tablename__ = "conversations"
    __table_args__ = (
        Index(None, "organization", "subject", "active_at", "id"),
        Index(None, "organization", "active_at", "id"),
        UniqueConstraint("organization", "subject", "client_id", "source", "external_id"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(120))
    source: Mapped[Source] = mapped_column(word(Source))
    client_id: Mapped[str | None] = mapped_column(String(300))
    """The external assistant that holds it; None for the shop's own chat."""
    credential: Mapped[str | None] = mapped_column(String(40))
    """Of an inferred one: the grant whose calls it groups."""
    external_id: Mapped[str | None] = mapped_column(String(200))
    """What it is called on the wire: the host's own id, or the session that we minted; None when nobody named it. Of an overflow:
    the grant, so that there is one for each."""
    started_at: Mapped[datetime]
    active_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    """When its person deleted it. The row stays, without a word of what was said: the audit's events hang on it."""


class TurnState(StrEnum):
    """Where a turn is. `waiting` ended with a request to its person and holds no thread."""

    RUNNING = "running"
    COMPLETED = "completed"
    WAITING = "waiting"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Trigger(StrEnum):
    """What began a turn."""

    MESSAGE = "message"
    CONSENT = "consent"
    APPROVAL = "approval"
    RETRY = "retry"


class Turn(Base):
    """One message through its final reply, or one decision of the person and what followed."""

    __tablename__ = "turns"
    __table_args__ = (UniqueConstraint("conversation_id", "number"), Index(None, "conversation_id", "state"))

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    number: Mapped[int]
    trigger: Mapped[Trigger] = mapped_column(word(Trigger))
    message: Mapped[str | None] = mapped_column(Text)
    page_path: Mapped[str | None] = mapped_column(String(300))
    """The page of the shop that the person was on, when the message says that it is about it."""
    page_words: Mapped[str | None] = mapped_column(String(400))
    """The sentence that tells the model of that page, composed by the shop when the message came."""
    replaced_by: Mapped[str | None] = mapped_column(String(40), index=True)
    """The turn whose message took the place of this one's. What this one did stays done, and stays on the page."""
    delegation: Mapped[str] = mapped_column(String(40), index=True)
    build: Mapped[dict[str, Any]]
    """Model, provider, digests of instructions and tool catalogue, policy version (design §8)."""
    state: Mapped[TurnState] = mapped_column(word(TurnState), index=True)
    stop_requested: Mapped[str | None] = mapped_column(String(40))
    """Why the turn should end, an `EndReason`: the stored flag behind Stop, which a revocation sets too."""
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_text: Mapped[str | None] = mapped_column(String(400))
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
    """Last sign of life of the process that runs it; a running turn without one for a minute was interrupted."""
    ended_at: Mapped[datetime | None]
    items: Mapped[list[Item]] = relationship(order_by="Item.position", lazy="selectin")


class ItemKind(StrEnum):
    """Text of the assistant, or a tool call that it proposed."""

    TEXT = "text"
    CALL = "call"


class Item(Base):
    """A part of a turn, in the order it came. Of a call, the id is the tool call's id, in the audit too."""

    __tablename__ = "turn_items"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    turn_id: Mapped[str] = mapped_column(ForeignKey("turns.id"), index=True)
    position: Mapped[int]
    kind: Mapped[ItemKind] = mapped_column(word(ItemKind))
    text: Mapped[str] = mapped_column(Text, default="")
    tool: Mapped[str] = mapped_column(String(80), default="")
    arguments: Mapped[str] = mapped_column(Text, default="")
    """As the model wrote them: JSON, or what it took for JSON."""
    outcome: Mapped[dict[str, Any] | None]
    """What the model was told (`told`), what the person sees (`kind`, `note`), the receipt, the resource."""
    settled: Mapped[bool] = mapped_column(default=False)
    """Of a call that asked its person for something: whether they answered."""
