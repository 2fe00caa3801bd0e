"""Brings a database to the present schema: `bring_up_to_date` creates, recognises, stamps and upgrades it.

The steps are Alembic's, in `versions/`. All of them run in one transaction, on both engines, so that an upgrade that is killed
leaves the database as it was. One process does it at a time; the others wait for its lock.
"""

from __future__ import annotations

from pathlib import Path

import click
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from shop.database import Base, Database

BEFORE_STAMPS = "0001"
"""The oldest schema that is known. No database of that time carries a stamp."""
FIRST_STAMPED = "0002"

_LOCK = 7_341_912_006
"""The key of the advisory lock on PostgreSQL: any number that nobody else uses in this database."""
_PATIENCE_MS = 600_000
"""How long another process waits on SQLite, in milliseconds: a large upgrade takes minutes."""


class DatabaseRefused(click.ClickException):
    """The database is of a version that this program does not know. A command prints the sentence, without a trace."""


def bring_up_to_date(database: Database) -> None:
    """Create the tables of an empty database, or upgrade one that an earlier version made.

    Raises `DatabaseRefused` when a newer version made it, or when it is none of ours.
    """
    with database.engine.connect() as connection:
        if _stamp_of(connection) == head():
            return
    with database.engine.connect() as connection:
        with connection.begin():
            _lock(connection, database.is_sqlite)
            _upgrade(connection)
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA busy_timeout=10000")


def head() -> str:
    """The revision of the present schema."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    if found is None:
        raise RuntimeError("there are no versions beside this module")
    return found


def _lock(connection: Connection, is_sqlite: bool) -> None:
    if is_sqlite:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={_PATIENCE_MS}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _upgrade(connection: Connection) -> None:
    stamp = _stamp_of(connection)  # read again: another process may have finished while this one waited
    if stamp == head():
        return
    config = _config(connection)
    if stamp is not None:
        _require_known(stamp)
    elif not inspect(connection).get_table_names():
        Base.metadata.create_all(connection)
        command.stamp(config, "head")
        return
    else:
        command.stamp(config, _recognised(connection))
    command.upgrade(config, "head")


def _stamp_of(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _require_known(stamp: str) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if stamp not in known:
        raise DatabaseRefused(
            f"A newer version of this program made the database (revision {stamp}); this one knows it up to {head()}."
            " Run that newer version, or bring back the backup that was made before its upgrade."
        )


def _recognised(connection: Connection) -> str:
    """The revision of a database without a stamp, told by its tables and columns."""
    inspector = inspect(connection)
    tables = set(inspector.get_table_names())
    if "audit_events" in tables:
        has_client = "client" in {column["name"] for column in inspector.get_columns("audit_events")}
        if "rate_counts" in tables and not has_client:
            return BEFORE_STAMPS
        if {"rate_limit_counters", "audit_denial_windows", "client_keys"} <= tables and has_client:
            return FIRST_STAMPED
    raise DatabaseRefused(
        "The database was made by an earlier version of the shop, or by another program, and this one cannot upgrade it."
        f" Move it away ({connection.engine.url.render_as_string()}), and a new one is made."
    )


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
