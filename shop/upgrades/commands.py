"""`flask db …`: what an operator asks about the database's schema, without starting the shop on it."""

from __future__ import annotations

import sys

import click
from flask import Flask
from flask.cli import AppGroup

from shop.database import Database
from shop.settings import Settings
from shop.upgrades.upgrade import bring_up_to_date, head, schema_of


def is_asked_for() -> bool:
    """Whether this program is `flask db …`: it must come before the shop, which upgrades its database as it starts."""
    return click.get_current_context(silent=True) is not None and sys.argv[1:2] == ["db"]


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
        database = Database(settings.database_url, threads=1)
        try:
            found = bring_up_to_date(database)
        finally:
            database.dispose()
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
        database = Database(settings.database_url, threads=1)
        try:
            found = schema_of(database)
        finally:
            database.dispose()
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
