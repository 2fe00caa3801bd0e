"""Hash chains: what makes a changed, removed or cut-off event show.

Each conversation has its own chain, each organization one for what happens outside conversations. An event's
`body` is canonical JSON (RFC 8785) that holds its sequence and the hash of its predecessor; its hash is the SHA-256
of exactly those bytes. A chain alone cannot prove that nobody rewrote all of it: a later step signs checkpoints.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785
from sqlalchemy import String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.database import Base

GENESIS = "0" * 64
"""The previous hash of a chain's first event."""
REPEATED = ("id", "chain", "sequence", "name", "organization", "conversation", "subject", "tool_call")
"""What columns of an event repeat of its body as it is; `at` too, in the database's own form."""


class AuditChain(Base):
    """The head of a chain. Its row is the lock that orders the chain's writers."""

    __tablename__ = "audit_chains"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization: Mapped[str | None] = mapped_column(String(40), index=True)
    sequence: Mapped[int]
    head: Mapped[str] = mapped_column(String(64))


class AuditEvent(Base):
    """An immutable fact. The columns repeat what `body` says, for queries; `body` is what the hash covers.

    An index is paid for by every call, so there is one only for what is asked today.
    """

    __tablename__ = "audit_events"
    __table_args__ = (UniqueConstraint("chain", "sequence"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    chain: Mapped[str] = mapped_column(String(40))
    sequence: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(String(40), index=True)
    at: Mapped[datetime]
    organization: Mapped[str | None] = mapped_column(String(40))
    conversation: Mapped[str | None] = mapped_column(String(40))
    subject: Mapped[str | None] = mapped_column(String(40))
    tool_call: Mapped[str | None] = mapped_column(String(40))

    def content(self) -> dict[str, Any]:
        """The event as it was written."""
        content: dict[str, Any] = json.loads(self.body)
        return content

    def is_readable(self) -> bool:
        """Whether the body is JSON at all. One that is not was forged, and `verify` says so."""
        try:
            return bool(self.content())
        except ValueError:
            return False

    def columns(self) -> dict[str, Any]:
        """What the columns repeat of the body, as the body writes it."""
        return {name: getattr(self, name) for name in REPEATED} | {"at": written(self.at)}


class AuditPersonal(Base):
    """Personal values of one event: `{field: [salt, value]}`. Erasing the row erases the person, not the chain.

    Whose they are is the event's `subject`, which the hash covers: no row can hide from an erasure.
    """

    __tablename__ = "audit_personal"

    event_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    values: Mapped[dict[str, Any]]


def written(at: datetime) -> str:
    """A moment as bodies write it: ISO 8601 to the microsecond, in UTC."""
    return at.isoformat(timespec="microseconds")


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of a JSON value; raises `ValueError` for what has none.

    Nearly every value holds no fraction, and then `json` writes the same bytes in a third of the time: each call waits for this.
    """
    if _has_one_spelling(value):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return rfc8785.dumps(value)


def _has_one_spelling(value: Any) -> bool:
    """Whether RFC 8785 leaves nothing to do but to sort: no fraction or large number, no key beyond ASCII."""
    if isinstance(value, dict):
        return all(map(str.isascii, value)) and all(map(_has_one_spelling, value.values()))
    if isinstance(value, list):
        return all(map(_has_one_spelling, value))
    return value is None or isinstance(value, str) or (isinstance(value, int) and abs(value) < 2**53)


def digest(data: bytes) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def commit_to(value: Any) -> tuple[str, str]:
    """A fresh salt (128 bits) and the commitment to a value under it: SHA-256(salt ‖ canonical value).

    Without the salt a commitment cannot be guessed, so the hash of an e-mail address tells nobody the address.
    """
    salt = secrets.token_hex(16)
    return salt, commitment(salt, value)


def commitment(salt: str, value: Any) -> str:
    """The commitment to a value under a salt."""
    return digest(bytes.fromhex(salt) + canonical(value))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome of verifying a chain."""

    ok: bool
    events: int
    text: str


def verify(db: Session, chain: str) -> Verdict:
    """Recompute a chain: each hash, each link, each commitment whose value is still there, and the head."""
    head = db.get(AuditChain, chain)
    events = db.scalars(select(AuditEvent).where(AuditEvent.chain == chain).order_by(AuditEvent.sequence)).all()
    fault = _fault(events, head, _personal(db, events))
    text = fault or f"{len(events)} events"
    return Verdict(ok=fault is None, events=len(events), text=text)


def _personal(db: Session, events: Sequence[AuditEvent]) -> dict[str, dict[str, Any]]:
    ids = [event.id for event in events]
    rows = db.scalars(select(AuditPersonal).where(AuditPersonal.event_id.in_(ids)))
    return {row.event_id: row.values for row in rows}


def _fault(events: Sequence[AuditEvent], head: AuditChain | None, personal: dict[str, dict[str, Any]]) -> str | None:
    previous = GENESIS
    for expected, event in enumerate(events, start=1):
        if event.sequence != expected:
            return f"event {expected} is missing"
        if digest(event.body.encode()) != event.hash:
            return f"event {expected} was changed after it was written"
        if not event.is_readable():
            return f"event {expected} was changed after it was written"
        content = event.content()
        if content["previous_hash"] != previous:
            return f"event {expected} does not follow its predecessor"
        if any(content[name] != column for name, column in event.columns().items()):
            return f"the columns of event {expected} disagree with its body"
        for name, (salt, value) in personal.get(event.id, {}).items():
            if content["personal"].get(name) != commitment(salt, value):
                return f"a personal value of event {expected} was changed"
        previous = event.hash
    if head is None or (head.sequence, head.head) != (len(events), previous):
        return "events at the end of the chain are missing"
    return None
