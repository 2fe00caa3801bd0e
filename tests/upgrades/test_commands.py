"""`flask db …`, and a start: what an operator is told of a database that is not of this version."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask.testing import FlaskCliRunner
from sqlalchemy import text

from shop.database import Database
from shop.settings import ROOT, Settings
from shop.upgrades.commands import database_app, is_asked_for
from shop.upgrades.upgrade import bring_up_to_date, head
from tests.support.providers import ServedProvider
from tests.test_serving import free_ports
from tests.upgrades.old_databases import VERSIONS, load, rows_of, structure_of

NEWER = (
    f"A newer version of the shop made the database (revision 9999); this one knows it up to {head()}."
    " Run that newer version, or bring back the backup that was made before its upgrade.\n"
)


@pytest.fixture
def run(settings: Settings) -> FlaskCliRunner:
    """Runs the commands on the database of this test."""
    return database_app(settings).test_cli_runner()


def make_newer(database: Database) -> None:
    """Give a database the stamp of a revision that nobody knows yet."""
    bring_up_to_date(database)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))


def test_check_says_what_an_upgrade_would_do_and_changes_nothing(
    old: Database, run: FlaskCliRunner, version: str
) -> None:
    """Status 1 before, 0 after; in between nothing but the upgrade has touched the database."""
    before = structure_of(old), rows_of(old)
    checked = run.invoke(args=["db", "check"])
    assert checked.exit_code == 1
    assert f"is of revision {VERSIONS[version]}, and this version of the shop needs {head()}" in checked.output
    assert "make a backup" in checked.output and "uv run flask db upgrade" in checked.output
    assert (structure_of(old), rows_of(old)) == before

    upgraded = run.invoke(args=["db", "upgrade"])
    assert upgraded.exit_code == 0
    assert upgraded.output == f"The database was upgraded from revision {VERSIONS[version]} to {head()}.\n"
    checked = run.invoke(args=["db", "check"])
    assert (checked.exit_code, checked.output) == (0, f"The database is up to date (revision {head()}).\n")
    again = run.invoke(args=["db", "upgrade"])
    assert (again.exit_code, again.output) == (
        0,
        f"The database is up to date (revision {head()}). Nothing was done.\n",
    )


def test_an_empty_database_is_said_to_be_empty(empty: Database) -> None:
    """Nothing is there to upgrade: status 1; the upgrade creates the tables."""
    settings = Settings(database_url=empty.url.render_as_string(hide_password=False))
    run = database_app(settings).test_cli_runner()
    checked = run.invoke(args=["db", "check"])
    assert (
        checked.exit_code == 1 and "has no tables yet" in checked.output and structure_of(empty).keys() <= {"triggers"}
    )
    created = run.invoke(args=["db", "upgrade"])
    assert (created.exit_code, created.output.partition(". ")[0]) == (0, f"The tables were created (revision {head()})")


def test_a_newer_database_is_refused_in_a_sentence(old: Database, run: FlaskCliRunner) -> None:
    """Both commands end with status 2 and say what to do, without a trace."""
    make_newer(old)
    for command in ("check", "upgrade"):
        refused = run.invoke(args=["db", command])
        assert (refused.exit_code, refused.output) == (2, f"Error: {NEWER}")


@pytest.mark.parametrize(
    ("typed", "is_ours"),
    [
        ("flask db check", True),
        ("flask db --help", True),
        ("flask --debug -A app --env-file .env db upgrade", True),
        ("flask --app=app db check", True),
        ("flask --app db run", False),
        ("flask chat --as db", False),
        ("flask", False),
    ],
)
def test_the_shop_is_not_started_for_a_command_of_the_database(
    monkeypatch: pytest.MonkeyPatch, typed: str, is_ours: bool
) -> None:
    """It is told by the first word that is no option; a server that was started with such words has no command at all."""
    monkeypatch.setattr(sys, "argv", typed.split())
    assert not is_asked_for()
    with click.Context(click.Command("flask")):
        assert is_asked_for() == is_ours


@pytest.fixture
def data_dir_of_before(tmp_path: Path, providers: list[ServedProvider]) -> Iterator[tuple[Path, Database]]:
    """The data folder of an earlier version, for programs of their own."""
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    load("f9d72b2", url, providers)
    database = Database(url, threads=1)
    yield tmp_path, database
    database.dispose()


def started(data_dir: Path, *command: str, port: int | None = None) -> tuple[int, str]:
    """Run a program to its end. Returns its status and all that it said."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SHOP_", "DATABASE_URL"))}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=inherited | {"SHOP_DATA_DIR": str(data_dir), "PORT": str(port or free_ports())},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout


def test_the_programs_themselves(data_dir_of_before: tuple[Path, Database]) -> None:
    """`flask db check` does not upgrade by coming to life; a shop does not start on a newer database, in whatever way."""
    data_dir, database = data_dir_of_before
    status, said = started(data_dir, "-m", "flask", "db", "check")
    assert status == 1 and f"of revision {VERSIONS['f9d72b2']}" in said
    assert "alembic_version" not in structure_of(database)
    make_newer(database)
    assert started(data_dir, "app.py") == (1, NEWER)
    assert started(data_dir, "-m", "flask", "sweep") == (1, NEWER)


def test_a_port_in_use_is_said_before_the_database_is_looked_at(data_dir_of_before: tuple[Path, Database]) -> None:
    """A second start by mistake does not upgrade the database below the first, whatever version that one is of."""
    data_dir, database = data_dir_of_before
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = started(data_dir, "app.py", port=port)
    assert (status, said.partition(". ")[0]) == (1, f"Port {port} is in use")
    assert "alembic_version" not in structure_of(database)
