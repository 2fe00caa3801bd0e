"""Fair locks in front of the ledger's rows: an ending waits for the calls that came before it, and for no other.

A row lock alone is not fair. PostgreSQL lets a new `FOR SHARE` overtake a waiting `FOR UPDATE`, so an assistant that calls
without pause holds off its own revocation for minutes. PostgreSQL's advisory locks queue in the order of arrival. So each
transaction first takes, in one statement of its own, one advisory lock for each authority that it depends on:

    shared      whoever acts below an authority (every call, every page), and whoever changes something below it
    exclusive   whoever ends or changes that very authority

Rules that keep it free of deadlocks and fair (`take` enforces the first two, on SQLite too):

1. Locks are taken from the organization downwards, then by id.
2. A shared lock is never turned into an exclusive one. Name what will be changed when you first ask (`live(changing=…)`).
3. Only the topmost authority that changes is locked exclusively. What hangs below it cannot be in use then, because whoever
   uses it holds a shared lock above. One person's sign-out never waits for a colleague's calls.
4. They are taken before any row is read. READ COMMITTED reads each statement's rows anew; a lock that is taken inside the
   reading statement would see the rows as they were before it waited.

The row locks of `ledger.py` stay. They are what invariant I8 rests on: a path that forgot its advisory lock, or an engine that
only pretends to have them (some that speak PostgreSQL's protocol do), is then unfair, never wrong. SQLite has one writer at a
time, and its writers queue in `Database.write`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

FROM_THE_TOP = ("org", "mem", "agt", "ses", "gnt", "dlg", "tok")
"""The first three letters of an authority's id say what it is; this is the order in which they are locked."""
_DEPTH = {prefix: depth for depth, prefix in enumerate(FROM_THE_TOP)}


class LockOrder(RuntimeError):
    """A bug of ours: a transaction asks for its locks in an order in which two of them could wait for each other."""


def take(db: Session, *, shared: Iterable[str] = (), exclusive: Iterable[str] = ()) -> None:
    """Wait in line for a place at each of these authorities, and keep the places until the transaction ends.

    What the transaction already holds is not asked for again. Raises `LockOrder`.
    """
    places = _places_of(db)
    wanted = dict.fromkeys(shared, False) | dict.fromkeys(exclusive, True)
    missing = sorted((identifier for identifier in wanted if identifier not in places.held), key=_depth)
    for identifier, is_exclusive in wanted.items():
        if is_exclusive and places.held.get(identifier) is False:
            raise LockOrder(f"{identifier} is locked as shared: say at the first lock that it will change")
    if not missing:
        return
    if places.deepest and _depth(missing[0]) < _depth(places.deepest):
        raise LockOrder(f"{missing[0]} stands above {places.deepest}, which is locked already: take both at once")
    places.held.update({identifier: wanted[identifier] for identifier in missing})
    places.deepest = missing[-1]
    _wait(db, [(identifier, wanted[identifier]) for identifier in missing])


def take_named(db: Session, name: str) -> None:
    """Wait in line at something that is no authority, until the transaction ends; `name` has a prefix that no id has.

    To be called before `take`, so that nobody who holds a lock of an authority waits here. On SQLite it does nothing: there is
    one writer at a time.
    """
    _wait(db, [(name, True)])


def note_created(db: Session, identifier: str) -> None:
    """An authority that this very transaction made is its own: nobody else knows of it, so there is nothing to wait for."""
    _places_of(db).held[identifier] = True


@dataclass
class _Places:
    """What one transaction holds."""

    held: dict[str, bool] = field(default_factory=dict)
    """Id → whether it is held exclusively."""
    deepest: str | None = None
    """The last one that it waited for."""


def _places_of(db: Session) -> _Places:
    places: _Places = db.info.setdefault("authority_locks", _Places())
    return places


def _depth(identifier: str) -> tuple[int, str]:
    """Where an authority stands in the one order of locks. An unknown kind of id stands at the end."""
    return _DEPTH.get(identifier[:3], len(_DEPTH)), identifier


def _wait(db: Session, locks: list[tuple[str, bool]]) -> None:
    """Take locks by their names, each exclusively or not, in this order."""
    if db.get_bind().dialect.name == "postgresql":
        keys = {f"key_{at}": _key(name) for at, (name, _) in enumerate(locks)}
        db.connection().execute(_statement(tuple(is_exclusive for _, is_exclusive in locks)), keys)


@lru_cache(maxsize=256)
def _statement(modes: tuple[bool, ...]) -> TextClause:
    """The locks of one transaction, in order: PostgreSQL evaluates the columns of a SELECT from left to right."""
    columns = (
        f"pg_advisory_xact_lock{'' if is_exclusive else '_shared'}(:key_{at})" for at, is_exclusive in enumerate(modes)
    )
    return text(f"SELECT {', '.join(columns)}")


def _key(identifier: str) -> int:
    """The 64 bits by which PostgreSQL knows an authority's lock. That two ids share one makes them wait, and nothing else."""
    return int.from_bytes(hashlib.blake2b(identifier.encode(), digest_size=8).digest(), "big", signed=True)
