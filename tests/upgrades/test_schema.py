"""The schema that the upgrades make is the one that the models declare."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

import shop.application  # noqa: F401  # every table
from shop.database import Base, Database
from shop.upgrades import DatabaseRefused, bring_up_to_date, head


def test_a_new_database_is_stamped_and_is_made_once(tmp_path: Path) -> None:
    """An empty database gets every table and the stamp of the last revision, and a second start changes nothing."""
    database = Database(f"sqlite:///{tmp_path / 'shop.db'}")
    for _ in range(2):
        bring_up_to_date(database)
        with database.engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True}
            )  # the search index is made by statements of its own
            assert context.get_current_revision() == head()
            assert [one for one in compare_metadata(context, Base.metadata) if "product_index" not in str(one)] == []
    database.dispose()


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """A stamp that this program does not know is refused in one sentence, and stays."""
    database = Database(f"sqlite:///{tmp_path / 'shop.db'}")
    bring_up_to_date(database)
    with database.write() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseRefused, match="newer version"):
        bring_up_to_date(database)
    database.dispose()
