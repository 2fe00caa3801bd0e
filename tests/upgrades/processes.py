"""Processes that upgrade a database, and meet or die where a test wants them to."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Any

from sqlalchemy import event

from shop.database import Database
from shop.upgrades.upgrade import bring_up_to_date

PATIENCE = 60
"""Seconds until a process that does not come on is given up."""
LAST_STEP = ("ALTER TABLE authorities DROP COLUMN epoch",)
"""How a statement of the last revision begins: what the others do is done by then."""
DIED = 9
"""The exit status of a process that died in the middle."""
_LOCKS = ("BEGIN IMMEDIATE", "SELECT pg_advisory_xact_lock")


def context() -> ForkServerContext:
    """Starts processes from a server that has imported this module once: an interpreter for each would take seconds."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload([__name__])
    return found


def before_statement(database: Database, beginnings: tuple[str, ...], do: Callable[[], object]) -> None:
    """Do something whenever a statement that begins so is about to run."""

    @event.listens_for(database.engine, "before_cursor_execute")
    def _look(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(beginnings):
            do()


def upgrade_slowly(url: str, in_the_middle: Event, other_waits: Event, found: Queue[tuple[str, str | None]]) -> None:
    """A process that upgrades, and is in the middle of it until the other waits for it."""

    def pause() -> None:
        in_the_middle.set()
        assert other_waits.wait(PATIENCE)

    _upgrade("slow", url, LAST_STEP, pause, found)


def upgrade_meanwhile(url: str, in_the_middle: Event, other_waits: Event, found: Queue[tuple[str, str | None]]) -> None:
    """A process that comes when the other is in the middle, and says when it asks for the lock."""
    assert in_the_middle.wait(PATIENCE)
    _upgrade("meanwhile", url, _LOCKS, other_waits.set, found)


def upgrade_and_die(url: str) -> None:
    """A process that is gone in the middle of its upgrade, without a word to anybody."""
    database = Database(url, threads=1)
    before_statement(database, LAST_STEP, lambda: os._exit(DIED))
    bring_up_to_date(database)


def _upgrade(
    name: str, url: str, beginnings: tuple[str, ...], do: Callable[[], object], found: Queue[tuple[str, str | None]]
) -> None:
    database = Database(url, threads=1)
    before_statement(database, beginnings, do)
    found.put((name, bring_up_to_date(database).revision))
    database.dispose()
