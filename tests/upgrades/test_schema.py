"""The schema that the upgrades make is the one that the models declare."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, text

from shop.database import Database
from shop.settings import ROOT
from shop.upgrades.tables import METADATA
from shop.upgrades.upgrade import Schema, UnusableDatabase, bring_up_to_date, head, schema_of
from tests.support.engines import Engine
from tests.upgrades.old_databases import VERSIONS, rows_of, structure_of

BETWEEN = {
    "06ae3c4": ["ALTER TABLE authorities DROP COLUMN epoch", "ALTER TABLE audit_events ADD COLUMN client VARCHAR(300)"],
    "f9d72b2": ["ALTER TABLE authorities DROP COLUMN epoch", "DROP TABLE client_keys"],
}
"""What makes of a known version one that nobody knows."""
TABLES_LEFT_OUT = """
from shop.upgrades.tables import METADATA
known = set(METADATA.tables)
import shop.application
print(sorted(set(METADATA.tables) - known))
"""


def differences(database: Database) -> list[Any]:
    """What Alembic would write a revision for. The search index is made by statements of its own (shop/store/search_index.py)."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, METADATA)
    names = ("product_index", "head_index", "whole_index")
    return [one for one in found if not any(name in repr(one) for name in names)]


def test_a_new_database_is_stamped_and_is_made_once(empty: Database) -> None:
    """An empty database gets the tables of the models and the stamp of the last revision; a second start changes nothing."""
    assert schema_of(empty) == Schema(None, is_stamped=False)
    assert bring_up_to_date(empty).revision is None
    assert schema_of(empty) == Schema(head(), is_stamped=True)
    made = structure_of(empty), rows_of(empty)
    assert differences(empty) == []
    assert bring_up_to_date(empty).is_current
    assert (structure_of(empty), rows_of(empty)) == made


def test_no_model_changes_without_a_revision(old: Database, empty: Database) -> None:
    """An upgraded database is what the models declare, and what a new one is, down to the names of keys and indices."""
    bring_up_to_date(old)
    bring_up_to_date(empty)
    assert differences(old) == []
    assert structure_of(old) == structure_of(empty)


def test_a_changed_model_would_be_noticed(empty: Database) -> None:
    """The comparison that the test above relies on sees a column that no revision knows."""
    bring_up_to_date(empty)
    with empty.engine.begin() as connection:
        connection.execute(text("ALTER TABLE people DROP COLUMN given_name"))
    ((what, _, table, column),) = differences(empty)
    assert (what, table, column.name) == ("add_column", "people", "given_name")


def test_every_table_is_known_to_the_upgrades() -> None:
    """`shop/upgrades/tables.py` leaves out no module that declares a table."""
    left_out = subprocess.check_output([sys.executable, "-c", TABLES_LEFT_OUT], cwd=ROOT, text=True)
    assert left_out == "[]\n"


def test_a_database_without_a_stamp_is_recognised(old: Database, version: str) -> None:
    """Each of the two versions that stamped nothing is told from the other."""
    assert schema_of(old) == Schema(VERSIONS[version], is_stamped=False)
    assert not schema_of(old).is_current


@pytest.mark.parametrize("change", [0, 1])
def test_what_is_between_the_known_versions_is_refused(old: Database, version: str, change: int) -> None:
    """A database of neither version is refused in a sentence, and stays as it is."""
    with old.engine.begin() as connection:
        connection.execute(text(BETWEEN[version][change]))
    before = structure_of(old), rows_of(old)
    with pytest.raises(UnusableDatabase, match=r"by another program, and this one cannot upgrade it\."):
        bring_up_to_date(old)
    assert (structure_of(old), rows_of(old)) == before


def test_tables_of_another_program_stay_as_they_are(empty: Database) -> None:
    """The shop's tables are made beside those that are none of its own, unless the other program has one of the same name."""
    with empty.engine.begin() as connection:
        connection.execute(text("CREATE TABLE notes (text VARCHAR(20))"))
        connection.execute(text("CREATE TABLE orders (text VARCHAR(20))"))
    with pytest.raises(
        UnusableDatabase, match=r"^The database was made by an earlier version of the shop, or by another"
    ):
        bring_up_to_date(empty)
    assert structure_of(empty).keys() - {"triggers"} == {"notes", "orders"}
    with empty.engine.begin() as connection:
        connection.execute(text("DROP TABLE orders"))
    assert bring_up_to_date(empty).revision is None
    assert structure_of(empty).keys() >= {"notes", "orders", "alembic_version"}


def test_a_database_of_a_newer_version_is_refused(empty: Database) -> None:
    """A stamp that this program does not know is refused in one sentence, and stays."""
    bring_up_to_date(empty)
    with empty.write() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = rows_of(empty)
    with pytest.raises(UnusableDatabase, match=r"^A newer version of the shop made the database \(revision 9999\)"):
        bring_up_to_date(empty)
    assert rows_of(empty) == before


def test_a_database_that_cannot_be_opened_is_said_in_a_sentence(tmp_path: Path) -> None:
    """Nobody listens there, or the file is something else: what the driver says, without a password."""
    (tmp_path / "shop.db").write_text("not a database, but long enough to look like the first page of one" * 20)
    for url in ("postgresql://shop:secret@127.0.0.1:1/shop", f"sqlite:///{tmp_path / 'shop.db'}"):
        database = Database(url, threads=1)
        with pytest.raises(UnusableDatabase, match=r"^The database cannot be opened: ") as refused:
            bring_up_to_date(database)
        assert "secret" not in refused.value.message
        database.dispose()


@pytest.mark.parametrize(
    ("damage", "missing"),
    [("DROP TABLE turn_items", "turn_items"), ("ALTER TABLE people DROP COLUMN name", "people.name")],
)
def test_a_database_of_which_a_part_is_missing_is_refused_and_stays(old: Database, damage: str, missing: str) -> None:
    """Its telling columns are there and another part is not, as after a first start that was killed: no stamp says it is whole."""
    with old.engine.begin() as connection:
        connection.execute(text(damage))
    before = structure_of(old), rows_of(old)
    with pytest.raises(UnusableDatabase, match=f"^A part of the database is missing: {missing}\\. "):
        bring_up_to_date(old)
    assert (structure_of(old), rows_of(old)) == before


@pytest.mark.parametrize("version", ["f9d72b2"], indirect=True)
def test_a_database_that_may_not_be_changed_is_said_in_a_sentence(old: Database, database_url: str) -> None:
    """A file that may only be read, a role that may create no table: what the engine says, and all is as it was."""
    before = structure_of(old), rows_of(old)
    read_only = Database(database_url, threads=1)

    @event.listens_for(read_only.engine, "connect")
    def _forbid(connection: Any, _record: Any) -> None:
        if read_only.is_sqlite:
            connection.execute("PRAGMA query_only=ON")
        else:
            connection.execute("SET default_transaction_read_only = on")
            connection.commit()

    with pytest.raises(
        UnusableDatabase, match=r"^The database cannot be upgraded, and is as it was before: .*read"
    ) as refused:
        bring_up_to_date(read_only)
    assert refused.value.exit_code == 2
    assert schema_of(read_only) == Schema(VERSIONS["f9d72b2"], is_stamped=False)
    read_only.dispose()
    assert (structure_of(old), rows_of(old)) == before


@pytest.mark.parametrize(
    "stamps", ["CREATE TABLE alembic_version (number INTEGER)", "INSERT INTO alembic_version VALUES ('0001')"]
)
def test_a_stamp_that_makes_no_sense_is_refused_in_a_sentence(empty: Database, stamps: str) -> None:
    """Another program's table of that name, or two revisions at once: nothing is guessed, and nothing is changed."""
    if stamps.startswith("INSERT"):
        bring_up_to_date(empty)
    with empty.engine.begin() as connection:
        connection.execute(text(stamps))
    before = structure_of(empty), rows_of(empty)
    for ask in (schema_of, bring_up_to_date):
        with pytest.raises(UnusableDatabase):
            ask(empty)
    assert (structure_of(empty), rows_of(empty)) == before


def test_a_database_that_tests_use_again_has_its_stamp_again(engine: Engine) -> None:
    """What a test did to the stamp is undone with all else, so that the next shop does not refuse its database."""
    url = engine.fresh()
    for _ in range(2):
        database = Database(url, threads=1)
        assert schema_of(database).is_current
        with database.write() as db:
            db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        database.dispose()
        engine.drop(url)
        url = engine.fresh()
    engine.drop(url)
