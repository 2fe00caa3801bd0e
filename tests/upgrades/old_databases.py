"""Databases that earlier versions of the shop made, from the fixtures beside this file."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import inspect, text
from sqlalchemy.engine.interfaces import ReflectedIndex

from shop.database import Database
from tests.support.providers import ServedProvider

VERSIONS = {"06ae3c4": "0001", "f9d72b2": "0002"}
"""Commit that made a fixture → revision of its schema. Neither carries a stamp."""
_FIXTURES = Path(__file__).parent / "fixtures"


@dataclass(frozen=True)
class Known:
    """What only the people of a fixture know, and where their story stands."""

    made_at: datetime
    conversation: str
    order: str
    """Sofia's, placed by the in-app assistant in `conversation`."""
    pending_receipt: str
    client_id: str
    """The external assistant that Mara lets in."""
    refresh_token: str


def known_of(version: str, engine: str) -> Known:
    """What there is to know of one fixture."""
    found = json.loads((_FIXTURES / version / f"{engine}.json").read_text(encoding="utf-8"))
    return Known(**{**found, "made_at": datetime.fromisoformat(found["made_at"])})


def load(version: str, url: str, providers: list[ServedProvider]) -> None:
    """Fill an empty database with a fixture. Its organizations sign in at the providers of this run."""
    engine = "sqlite" if url.startswith("sqlite") else "postgresql"
    dump = (_FIXTURES / version / f"{engine}.sql").read_text(encoding="utf-8")
    for slug, provider in zip(("acme", "globex"), providers, strict=True):
        dump = dump.replace(f"http://{slug}.issuer.invalid", f"http://127.0.0.1:{provider.port}")
    if engine == "sqlite":
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.executescript(f"BEGIN; {dump} COMMIT;")
        connection.close()
    else:
        with psycopg.connect(url) as server:
            server.execute(dump.encode())


def rows_of(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, as the engine gives it: table → rows, sorted."""
    with database.engine.connect() as connection:
        tables = [name for name in inspect(connection).get_table_names() if not name.startswith("product_index")]
        found = {name: connection.execute(text(f'SELECT * FROM "{name}"')).mappings().all() for name in tables}
    return {name: sorted((dict(row) for row in rows), key=repr) for name, rows in found.items()}


def structure_of(database: Database) -> dict[str, Any]:
    """Tables, columns, keys and indices, with their names. The order of columns is of no matter."""
    with database.engine.connect() as connection:
        inspector = inspect(connection)
        found: dict[str, Any] = {
            name: {
                "columns": {one["name"]: (str(one["type"]), one["nullable"]) for one in inspector.get_columns(name)},
                "primary key": inspector.get_pk_constraint(name),
                "foreign keys": sorted(map(repr, inspector.get_foreign_keys(name))),
                "unique": sorted(map(repr, inspector.get_unique_constraints(name))),
                "indices": sorted(map(_written, inspector.get_indexes(name))),
            }
            for name in inspector.get_table_names()
        }
        if database.is_sqlite:
            triggers = text("SELECT sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
            found["triggers"] = connection.scalars(triggers).all()
    return found


def _written(index: ReflectedIndex) -> str:
    where = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return repr((index["name"], index["column_names"], index["unique"], where))
