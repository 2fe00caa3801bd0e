"""The database: declarative base, engine, and the one way to open a transaction.

SQLite by default, PostgreSQL by `DATABASE_URL`; nothing above this module knows which. Two things are
settled here once (design §5): writers on SQLite begin with `BEGIN IMMEDIATE` and queue first-in-first-out
inside the process, and a transaction never nests, so nobody can wait for themselves.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, Dialect, Engine, MetaData, String, Table, create_engine, event, text
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator
from ulid import ULID

from shop.secret_files import keep_private

Clock = Callable[[], datetime]
"""Returns the present, timezone-aware, in UTC. Injected everywhere, so that tests own time."""


BUSY_TIMEOUT_MS = 10_000
"""How long a connection to SQLite waits for another process that writes."""
_MOMENT = "moment"
_LONGEST_IDLE = "10s"
"""How long PostgreSQL lets a transaction do nothing before it ends it. Nothing slow happens inside one, so whoever is silent for so
long is stopped or dead, and what it has locked would hold off everybody else.
"""


def utc_now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


def moment(db: Session) -> datetime:
    """The moment of a transaction: one reading of the clock for everything that it writes."""
    at: datetime = db.info[_MOMENT]
    return at


def new_id(prefix: str) -> str:
    """A new identifier: a prefix that names the kind, then a ULID (48 bits of time, 80 of randomness).

    Identifiers are handles. None is ever accepted as authentication (invariant I11).
    """
    return f"{prefix}_{str(ULID()).lower()}"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no offset, so it is put back when read; naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime: every moment in this program is timezone-aware")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def word(choices: type[StrEnum], length: int = 20) -> SqlEnum:
    """A column that holds one word of an enum, as plain text on both engines, and reads back as the enum's member."""
    return SqlEnum(
        choices,
        native_enum=False,
        length=length,
        create_constraint=False,
        values_callable=lambda e: [str(m) for m in e],
    )


def sorted_alike(length: int) -> String:
    """The type of a column of text that both engines sort in the same order, by code point."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class Base(DeclarativeBase):
    """Declarative base of all tables, with names for constraints that are the same on both engines."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        dict[str, list[str]]: JSON,
        list[str]: JSON,
    }


class FifoLock:
    """A lock that serves waiters in the order they came.

    A plain lock may starve a writer for seconds under load; with a ticket each waits its turn.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            ticket = threading.Lock()
            ticket.acquire()
            self._waiting.append(ticket)
        ticket.acquire()

    def __exit__(self, *exc_info: object) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False


class Database:
    """An engine and its transaction scopes: `write()` and `read()`, one short transaction each.

    No HTTP, no model call and no `yield` of a page inside one; `forbid_in_transaction` lets the callers of
    slow things check that.
    """

    def __init__(self, url: str, *, clock: Clock = utc_now, threads: int = 64) -> None:
        self.clock = clock
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            if self.url.database:
                _keep_private(Path(self.url.database))
        elif self.url.drivername == "postgresql":
            self.url = self.url.set(drivername="postgresql+psycopg")
        self.engine = _engine(self.url, self.is_sqlite, threads)
        self._writers = FifoLock()
        self._open = threading.local()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction that may write: commits at the end, rolls back on any exception."""
        self.forbid_in_transaction("a second transaction")
        with self._writers if self.is_sqlite else nullcontext(), self._transaction("BEGIN IMMEDIATE") as db:
            yield db

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One transaction that only reads: a consistent snapshot on SQLite, read-committed on PostgreSQL."""
        self.forbid_in_transaction("a second transaction")
        with self._transaction("BEGIN") as db:
            yield db

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Session]:
        self._open.inside = True
        try:
            with Session(self.engine, expire_on_commit=False) as db, db.begin():
                if self.is_sqlite:
                    db.connection().exec_driver_sql(begin)
                db.info[_MOMENT] = self.clock()
                yield db
        finally:
            self._open.inside = False

    def forbid_in_transaction(self, what: str) -> None:
        """Raise `RuntimeError` when this thread has a transaction open: `what` must not run inside one."""
        if getattr(self._open, "inside", False):
            raise RuntimeError(f"{what} inside a database transaction: finish the transaction first")

    def is_ready(self) -> bool:
        """Whether the database answers; raises what the driver raises if it does not."""
        with self.read() as db:
            return bool(db.execute(text("SELECT 1")).scalar_one() == 1)

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def _keep_private(path: Path) -> None:
    """Only the owner may read the database, also one that was there before; SQLite gives its other files the same mode."""
    if str(path) == ":memory:" or str(path).startswith("file:"):
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for suffix in ("-wal", "-shm"):
        keep_private(path.with_name(path.name + suffix))
    keep_private(path, create=True)


def insert_on_conflict(table: type[Base] | Table, dialect: str) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say `ON CONFLICT`. SQLAlchemy has a class of its own for each dialect, with the same methods."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def is_deadlock(error: Exception) -> bool:
    """Whether PostgreSQL rolled this transaction back so that another could go on (`deadlock_detected`)."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) == "40P01"


def _engine(url: Any, is_sqlite: bool, threads: int) -> Engine:
    if not is_sqlite:
        engine = create_engine(url, pool_size=threads, max_overflow=8, pool_pre_ping=True)

        @event.listens_for(engine, "connect")
        def _bound_idleness(connection: Any, _record: Any) -> None:
            connection.autocommit = True  # else the setting would be undone with the first transaction
            connection.execute(f"SET idle_in_transaction_session_timeout = '{_LONGEST_IDLE}'")
            connection.autocommit = False

        return engine
    engine = create_engine(
        url,
        pool_size=threads,
        max_overflow=8,
        pool_use_lifo=True,  # the connection that wrote last is the one whose pages nobody else has made stale
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # `_transaction` says BEGIN; the driver's own control hides upgrade errors
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
