"""`flask db …`: what an operator asks about the database's schema, without starting the shop on it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import Flask
from flask.cli import AppGroup

from shop.database import Database
from shop.settings import Settings
from shop.upgrades.upgrade import bring_up_to_date, head, schema_of

_WITH_VALUE = ("-A", "--app", "-e", "--env-file")
"""The options that `flask` takes before a command, and whose value is a word of its own."""


def is_asked_for() -> bool:
    """Whether this program is `flask db …`: it must come before the shop, which upgrades its database as it starts."""
    if click.get_current_context(silent=True) is None:
        return False
    arguments = iter(sys.argv[1:])
    for argument in arguments:
        if argument in _WITH_VALUE:
            next(arguments, None)
        elif not argument.startswith("-"):
            return argument == "db"
    return False


def database_app(settings: Settings) -> Flask:
    """An application that has the commands of the database and nothing else."""
    app = Flask("shop.upgrades")
    app.cli.add_command(database_commands(settings))
    return app


def database_commands(settings: Settings) -> AppGroup:
    """The commands, for the database of these settings."""
    db = AppGroup("db", help="The schema of the database.")

    @db.command("upgrade")
    def upgrade() -> None:
        """Upgrade the database that an earlier version made, as the shop does when it starts.

        Waits while another process upgrades it. The exit status is 2 when this version cannot work with the database, which
        then stays as it is.
        """
        with _opened(settings) as database:
            found = bring_up_to_date(database)
        if found.is_current:
            click.echo(f"The database is up to date (revision {head()}). Nothing was done.")
        elif found.revision is None:
            click.echo(f"The tables were created (revision {head()}). The goods come when the shop starts.")
        else:
            click.echo(f"The database was upgraded from revision {found.revision} to {head()}.")

    @db.command("check")
    def check() -> None:
        """Say whether the database is up to date, and change nothing.

        The exit status is 0 when it is, 1 when it has to be upgraded, and 2 when this version cannot work with it.
        """
        with _opened(settings) as database:
            found = schema_of(database)
        if found.is_current:
            click.echo(f"The database is up to date (revision {head()}).")
            return
        if found.revision is None:
            click.echo("The database has no tables yet. The shop creates them when it starts.")
        else:
            click.echo(
                f"The database is of revision {found.revision}, and this version of the shop needs {head()}. Stop every process"
                " of the shop, make a backup, then run uv run flask db upgrade, or start the shop, which does the same."
            )
        sys.exit(1)

    return db


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    database = Database(settings.database_url, threads=1)
    try:
        yield database
    finally:
        database.dispose()
