"""The rows that go when their time is over: every table with an expiry, each by an index, a batch at a time.

A batch is a short transaction of its own, with a pause after it, so that nobody's request waits for more than one. Rows that
another transaction has locked are left for the next time. What has an expiry and is not here is kept on purpose: sessions,
grants and delegations (the audit and the pages of their person tell of them), receipts (what was decided is evidence).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Delete, Select, delete, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from shop.credentials.tokens import RefreshToken, forget_expired_tokens
from shop.database import Base, Database, moment
from shop.guards.counters import RateLimitCounter
from shop.identity.models import SignInAttempt
from shop.oauth.client_authentication import UsedAssertion
from shop.oauth.clients.client import Client, is_in_no_inventory
from shop.oauth.clients.metadata_document import forget_surplus_documents
from shop.oauth.endpoints.consent_request import ConsentQuestion
from shop.oauth.grants.assertion_checks import IdentityAssertion
from shop.oauth.grants.authorization_code import AuthorizationCode

BATCH = 500
"""Rows in one transaction: some milliseconds."""
_MOST_BATCHES = 20
"""Of one table in one run; the rest waits for the next one, and no other job waits for long."""
_PAUSE = 0.02
"""Seconds between two batches, in which others write."""

Forget = Callable[[Session, int], int]
"""Deletes at most so many rows. Returns how many there were."""


@dataclass(frozen=True)
class Expiring:
    """Rows of one table that go when the moment in an indexed column is past: all, or only some."""

    column: InstrumentedAttribute[Any]
    only: ColumnElement[bool] | None = None

    @property
    def table(self) -> type[Base]:
        return cast(type[Base], self.column.class_)

    def __call__(self, db: Session, limit: int) -> int:
        return _rows_deleted(db, self.deleting(db, limit))

    def deleting(self, db: Session, limit: int) -> Delete:
        """The statement: the oldest rows first, found by the index of the column."""
        key = list(self.table.__mapper__.primary_key)
        past: Select[Any] = select(*key).where(self.column < moment(db)).order_by(self.column).limit(limit)
        if self.only is not None:
            past = past.where(self.only)
        oldest = past.with_for_update(skip_locked=True)
        return delete(self.table).where(tuple_(*key).in_(oldest) if len(key) > 1 else key[0].in_(oldest))


SWEPT: dict[str, Forget] = {
    "sign-in attempts": Expiring(SignInAttempt.expires_at),
    "consent questions": Expiring(ConsentQuestion.expires_at),
    "unused codes": Expiring(AuthorizationCode.expires_at, AuthorizationCode.used_at.is_(None)),
    "used codes": Expiring(AuthorizationCode.forget_at),
    "identity assertions": Expiring(IdentityAssertion.expires_at),
    "client assertions": Expiring(UsedAssertion.expires_at),
    "refresh tokens": Expiring(RefreshToken.expires_at),
    "access tokens": forget_expired_tokens,
    "clients that nobody let in": Expiring(Client.expires_at, is_in_no_inventory()),
    "client metadata documents beyond the newest": forget_surplus_documents,
    "rate limit counters": Expiring(RateLimitCounter.expires_at),
}
"""Everything that expires, by what it is called in messages."""


def sweep(database: Database, pause: Callable[[float], object] = time.sleep) -> dict[str, int]:
    """Delete what has expired. Returns how many rows of each kind went, of those of which any did."""
    gone: dict[str, int] = {}
    for name, forget in SWEPT.items():
        for _ in range(_MOST_BATCHES):
            with database.write() as db:
                rows = forget(db, BATCH)
            gone[name] = gone.get(name, 0) + rows
            if rows < BATCH:
                break
            pause(_PAUSE)
    return {name: rows for name, rows in gone.items() if rows}


def _rows_deleted(db: Session, statement: Delete) -> int:
    return cast(CursorResult[Any], db.execute(statement, execution_options={"synchronize_session": False})).rowcount
