"""Hash chains: what makes a changed, removed or cut-off event show.

Each conversation has its own chain, each organization one for what happens outside conversations. An event's
`body` is canonical JSON (RFC 8785) that holds its sequence and the hash of its predecessor; its hash is the SHA-256
of exactly those bytes. A chain alone cannot prove that nobody rewrote all of it: a later step signs checkpoints.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import rfc8785
from sqlalchemy import Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shop.database import Base

_CLIENT_CHARACTERS = 300
GENESIS = "0" * 64
"""The previous hash of a chain's first event."""
REPEATED = ("id", "chain", "sequence", "name", "organization", "conversation", "subject", "tool_call")
"""What columns of an event repeat of its body as it is; `at` too, in the database's own form, and `client`."""


class AuditChain(Base):
    """The head of a chain. Its row is the lock that orders the chain's writers."""

    __tablename__ = "audit_chains"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization: Mapped[str | None] = mapped_column(String(40), index=True)
    sequence: Mapped[int]
    head: Mapped[str] = mapped_column(String(64))


def _index_of_trails(*columns: str) -> Index:
    """An index for an organization's trail only: what happens in conversations, every tool call among it, does not pay for it."""
    outside = text("conversation IS NULL")
    return Index(None, "chain", *columns, postgresql_where=outside, sqlite_where=outside)


class AuditEvent(Base):
    """An immutable fact. The columns repeat what `body` says, for queries; `body` is what the hash covers.

    An index is paid for by every call, so there is one only for what is asked today.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        UniqueConstraint("chain", "sequence"),
        Index(None, "chain", "name", "sequence"),
        _index_of_trails("subject", "sequence"),
        _index_of_trails("client", "sequence"),
        _index_of_trails("at", "sequence"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    chain: Mapped[str] = mapped_column(String(40))
    sequence: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    organization: Mapped[str | None] = mapped_column(String(40))
    conversation: Mapped[str | None] = mapped_column(String(40))
    subject: Mapped[str | None] = mapped_column(String(40))
    tool_call: Mapped[str | None] = mapped_column(String(40))
    client: Mapped[str | None] = mapped_column(String(300))
    """The assistant that acted, else the client that the event is about."""

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


class AuditPersonal(Base):
    """Personal values of one event: `{field: [salt, value]}`. Erasing the row erases the person, not the chain.

    Whose they are is the event's `subject`, which the hash covers: no row can hide from an erasure.
    """

    __tablename__ = "audit_personal"

    event_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    values: Mapped[dict[str, Any]]


def client_of(content: Mapping[str, Any]) -> str | None:
    """The assistant that acted, else the client that an event is about: what its column `client` repeats."""
    client = (content["actor"] or {}).get("client") or content["facts"].get("client")
    return client[:_CLIENT_CHARACTERS] if isinstance(client, str) else None


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
