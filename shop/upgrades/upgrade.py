"""Creating, upgrading and checking a database. A fresh one is created from the models; one that has data runs Alembic's revisions.

All revisions run in one transaction, on both engines, so an upgrade that fails or is killed leaves the database as it was. One
process upgrades at a time; others wait for its lock, and find that there is nothing left to do.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DatabaseError

from shop.database import BUSY_TIMEOUT_MS, Database
from shop.upgrades.recognition import recognised
from shop.upgrades.tables import METADATA

_log = logging.getLogger(__name__)
_LOCK = 7_341_912_006
"""The key of the advisory lock on PostgreSQL: any number that nobody else uses in this database."""
_UPGRADE_TIMEOUT_MS = 600_000
"""How long another process waits on SQLite for the one that upgrades, in milliseconds. A large upgrade takes minutes."""


class UnusableDatabase(click.ClickException):
    """This program cannot work with the database; the message is a sentence for the operator. A command prints it without a trace."""

    exit_code = 2


@dataclass(frozen=True)
class Schema:
    """Which revision a database is of."""

    revision: str | None
    """None when none of the tables is there yet."""
    is_stamped: bool

    @property
    def is_current(self) -> bool:
        """Whether there is nothing to upgrade."""
        return self.is_stamped and self.revision == head()


def bring_up_to_date(database: Database) -> Schema:
    """Create the tables where there are none, or upgrade one that an earlier version made. Returns what was found.

    Raises `UnusableDatabase` when a newer version made it, when no known version did, when a part of it is missing, or when it
    cannot be opened, read or changed.
    """
    with _connected(database) as connection:
        if _stamp(connection) == head():  # without the lock: this is asked at every start
            return Schema(head(), is_stamped=True)
    with _connected(database) as connection, _locked(connection, database.is_sqlite):
        found = _schema(connection)  # read below the lock: another process may have upgraded meanwhile
        if found.is_current:
            return found
        config = _config(connection)
        if found.revision is None:
            METADATA.create_all(connection)
            command.stamp(config, "head")
            return found
        if not found.is_stamped:
            command.stamp(config, found.revision)
        _log.warning("the database is of revision %s, and is upgraded to %s now", found.revision, head())
        command.upgrade(config, "head")
        _require_whole(connection)
        return found


def schema_of(database: Database) -> Schema:
    """Which revision a database is of. Changes nothing; raises `UnusableDatabase` like `bring_up_to_date`."""
    with _connected(database) as connection:
        return _schema(connection)


@cache
def head() -> str:
    """The revision of the present schema."""
    (found,) = ScriptDirectory.from_config(_config()).get_heads()
    return found


@contextmanager
def _connected(database: Database) -> Iterator[Connection]:
    try:
        connection = database.engine.connect()
    except DatabaseError as error:
        raise UnusableDatabase(f"The database cannot be opened: {str(error.orig).strip()}") from error
    try:
        with connection:
            yield connection
    except (
        DatabaseError
    ) as error:  # it may not be written, is locked by another program, or is of a form that nobody expects
        statement = (error.statement or "").strip().partition("\n")[0]
        raise UnusableDatabase(
            f"The database cannot be upgraded, and is as it was before: {str(error.orig).strip()} (in: {statement})"
        ) from error


@contextmanager
def _locked(connection: Connection, is_sqlite: bool) -> Iterator[None]:
    """One transaction, in which nobody else upgrades."""
    try:
        with connection.begin():
            if is_sqlite:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={_UPGRADE_TIMEOUT_MS}")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield
    except Exception as error:
        error.add_note("The transaction was rolled back: the database is as it was before the upgrade.")
        raise
    finally:
        if is_sqlite:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _schema(connection: Connection) -> Schema:
    if (stamp := _stamp(connection)) is not None:
        if stamp not in _known():
            raise UnusableDatabase(
                f"A newer version of the shop made the database (revision {stamp}); this one knows it up to {head()}."
                " Run that newer version, or bring back the backup that was made before its upgrade."
            )
        return Schema(stamp, is_stamped=True)
    if METADATA.tables.keys().isdisjoint(inspect(connection).get_table_names()):
        return Schema(None, is_stamped=False)
    if revision := recognised(connection):
        return Schema(revision, is_stamped=False)
    raise UnusableDatabase(
        "The database was made by an earlier version of the shop, or by another program, and this one cannot upgrade it."
        f" Move it away ({connection.engine.url.render_as_string()}), and a new one is made."
    )


def _stamp(connection: Connection) -> str | None:
    """The revision that the database says it is of; several, which only a hand can have written, are none that is known."""
    stamps = MigrationContext.configure(connection).get_current_heads()
    return " and ".join(sorted(stamps)) if stamps else None


def _require_whole(connection: Connection) -> None:
    """Every table and column is there. A database without a stamp is recognised by a few of them only, and its creation may have
    been interrupted. Raises `UnusableDatabase`, with which the upgrade is rolled back.
    """
    there = {
        name: {one["name"] for one in found} for (_, name), found in inspect(connection).get_multi_columns().items()
    }
    missing = [
        column.table.name if column.table.name not in there else f"{column.table.name}.{column.name}"
        for table in METADATA.sorted_tables
        for column in table.columns
        if column.name not in there.get(table.name, ())
    ]
    if missing:
        raise UnusableDatabase(
            f"A part of the database is missing: {', '.join(dict.fromkeys(missing))}. Bring back a backup that has it. If the first"
            f" start of an earlier version was interrupted, nothing is in it: move it away"
            f" ({connection.engine.url.render_as_string()}), and a new one is made."
        )


@cache
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
