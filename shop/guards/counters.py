"""Where requests are counted: two storages for the library `limits`, which has none on a SQL database.

`ExactCounters` counts in the caller's transaction, by one statement: no two requests, in whatever process, count as one.
`BufferedCounters` counts in memory and writes to the same table when it is flushed (every second, `shop.upkeep`), so that
a request costs no transaction. What other processes counted is known from each flush on: with several processes a limit may
be exceeded by what they take within one second, and a process that is killed forgets one second.

A window is fixed, and the same in every process: a period of sixty seconds begins with each full minute (UTC). So at most
twice a limit goes through in any period, around the turn of two windows.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from limits.storage import Storage
from sqlalchemy import ColumnElement, String, Table, case, delete, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.database import Base, Clock, Database, insert_on_conflict, moment

_MOST_KEYS = 10_000
"""Windows held in memory before those that are over are thrown away, also when nobody flushes."""
_ROWS_PER_STATEMENT = 500


class RateLimitCounter(Base):
    """How often something was done in the present window of one key."""

    __tablename__ = "rate_limit_counters"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    """As `limits` builds it: the limit's name, who, amount and period."""
    count: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    refusal_recorded_at: Mapped[datetime | None]
    """When the first refusal of this window was recorded in the audit."""


_COUNTERS = cast(Table, RateLimitCounter.__table__)


class ExactCounters(Storage):
    """Counts in the caller's transaction."""

    STORAGE_SCHEME = None

    def __init__(self, db: Session) -> None:
        super().__init__()
        self._db = db

    @property
    def base_exceptions(self) -> type[Exception]:
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` more in the key's window of `expiry` seconds. Returns the window's count."""
        return _add(self._db, [(key, amount, _end_of_window(moment(self._db), expiry))])[key]

    def get(self, key: str) -> int:
        return row.count if (row := self._living(key)) else 0

    def get_expiry(self, key: str) -> float:
        row = self._living(key)
        return (row.expires_at if row else moment(self._db)).timestamp()

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        return cast(Any, self._db.execute(delete(RateLimitCounter))).rowcount  # type: ignore[no-any-return]

    def clear(self, key: str) -> None:
        self._db.execute(delete(RateLimitCounter).where(RateLimitCounter.key == key))

    def _living(self, key: str) -> RateLimitCounter | None:
        query = select(RateLimitCounter).where(RateLimitCounter.key == key)
        row = self._db.scalars(query, execution_options={"populate_existing": True}).one_or_none()
        return row if row and row.expires_at > moment(self._db) else None


@dataclass
class _Window:
    """The present window of one key, in this process."""

    expires_at: datetime
    counted: int = 0
    """In the database, after the latest flush: by all processes."""
    pending: int = 0
    """Counted here since then."""


class BufferedCounters(Storage):
    """Counts in memory; `flush` adds it to the database, and learns what others counted."""

    STORAGE_SCHEME = None

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._clock: Clock = database.clock
        self._windows: dict[str, _Window] = {}
        self._tidy_at = _MOST_KEYS
        self._lock = threading.Lock()
        self._flushing = threading.Lock()

    @property
    def base_exceptions(self) -> type[Exception]:
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` more in the key's window of `expiry` seconds. Returns the window's count, as far as it is known here."""
        now = self._clock()
        with self._lock:
            window = self._windows.get(key)
            if window is None or window.expires_at <= now:
                if len(self._windows) >= self._tidy_at:
                    self._forget_those_over(now)
                    self._tidy_at = max(_MOST_KEYS, 2 * len(self._windows))
                window = self._windows[key] = _Window(_end_of_window(now, expiry))
            window.pending += amount
            return window.counted + window.pending

    def get(self, key: str) -> int:
        with self._lock:
            window = self._windows.get(key)
            return window.counted + window.pending if window and window.expires_at > self._clock() else 0

    def get_expiry(self, key: str) -> float:
        with self._lock:
            window = self._windows.get(key)
            return (window.expires_at if window else self._clock()).timestamp()

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        with self._lock:
            self._windows.clear()
        return None

    def clear(self, key: str) -> None:
        with self._lock:
            self._windows.pop(key, None)

    def flush(self) -> None:
        """Write what was counted since the last flush, in short transactions."""
        with self._flushing:  # two at once would write the same counts twice
            with self._lock:
                self._forget_those_over(self._clock())
                # By key: two processes that flush at once lock the rows in the same order.
                keys = sorted(key for key, window in self._windows.items() if window.pending)
            for start in range(0, len(keys), _ROWS_PER_STATEMENT):
                self._write(keys[start : start + _ROWS_PER_STATEMENT])

    def _write(self, keys: list[str]) -> None:
        with self._lock:
            windows = {key: self._windows[key] for key in keys if key in self._windows}
            taken = {key: window.pending for key, window in windows.items()}
        if not taken:
            return
        with self._database.write() as db:
            counts = _add(db, [(key, taken[key], window.expires_at) for key, window in windows.items()])
        with self._lock:
            for key, window in windows.items():
                window.counted = counts[key]
                window.pending -= taken[key]

    def _forget_those_over(self, now: datetime) -> None:
        self._windows = {key: window for key, window in self._windows.items() if window.expires_at > now}


def claim_refusal(db: Session, key: str) -> bool:
    """Whether nobody has recorded a refusal in this window of the key yet; from now on somebody has."""
    claimed = db.execute(
        update(RateLimitCounter)
        .where(RateLimitCounter.key == key, RateLimitCounter.refusal_recorded_at.is_(None))
        .values(refusal_recorded_at=moment(db))
        .returning(RateLimitCounter.key)
    )
    return claimed.one_or_none() is not None


def _end_of_window(now: datetime, seconds: int) -> datetime:
    return datetime.fromtimestamp((now.timestamp() // seconds + 1) * seconds, now.tzinfo)


def _add(db: Session, counted: Sequence[tuple[str, int, datetime]]) -> dict[str, int]:
    """Add (key, amount, end of its window), each by one statement. Returns the count of each key in its window."""
    new = insert_on_conflict(_COUNTERS, db.get_bind().dialect.name)
    is_over = _COUNTERS.c.expires_at <= moment(db)

    def unless_over(kept: Any, anew: Any) -> ColumnElement[Any]:
        return case((is_over, anew), else_=kept)

    upsert = new.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "count": unless_over(_COUNTERS.c.count + new.excluded.count, new.excluded.count),
            "expires_at": unless_over(_COUNTERS.c.expires_at, new.excluded.expires_at),
            "refusal_recorded_at": unless_over(_COUNTERS.c.refusal_recorded_at, None),
        },
    )
    db.connection().execute(upsert, [{"key": key, "count": n, "expires_at": until} for key, n, until in counted])
    # The rows are ours until the commit, so what is read now is what was counted.
    mine = select(_COUNTERS.c.key, _COUNTERS.c.count).where(_COUNTERS.c.key.in_([key for key, _, _ in counted]))
    return {row[0]: row[1] for row in db.connection().execute(mine)}
