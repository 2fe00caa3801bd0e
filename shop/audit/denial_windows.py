"""How often somebody was refused, a minute at a time: counters outside the hash chains, so that a flood does not fill those.

A row is one minute of one party's refusals of one kind. Its key holds nothing that a stranger can choose: strangers share one row
for each kind (`party` is empty), whatever address, client or token they come with, so that their number of rows is bounded by
the vocabulary. Counters are in the database, so nothing is lost when a process dies, and several processes count together.

A window that is over is closed once, by whoever comes first: its row goes, and one event says how many there were that have no
event of their own. Order of locks: a window's row before the head of a chain, and one of each in a transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

from sqlalchemy import JSON, Index, String, Table, and_, case, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.dml import ReturningInsert

from shop.audit.chain import digest
from shop.audit.events import EventName
from shop.audit.writer import record, request_id
from shop.database import Base, Database, insert_on_conflict, moment
from shop.principal import Actor, Principal

WINDOW = timedelta(minutes=1)
FIRST = 10
"""How many refusals of one kind in one minute a known party has as events of their own. A person who errs, or an assistant that
tries several ways, stays below it and is seen call by call; a loop adds at most ten events a minute and kind, and one that counts."""
_LONGEST = 120
_GRACE = timedelta(seconds=5)
"""How long after its end a window stays open for transactions that had begun in it. A later one opens it anew: sums stay exact."""


class DenialWindow(Base):
    """One minute of one party's refusals of one kind."""

    __tablename__ = "audit_denial_windows"

    organization: Mapped[str] = mapped_column(String(40), primary_key=True)
    """Whose trail the refusals belong to; empty for the system's."""
    party: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Digest of who was refused, as far as they proved it; empty for strangers."""
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    """The event that each refusal would be."""
    kind: Mapped[str] = mapped_column(String(_LONGEST), primary_key=True)
    """What tells refusals under that name apart: words of ours only."""
    begins: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]
    hidden: Mapped[int]
    """Of these, how many were answered as "not there" for what is somebody else's (invariant I10): for auditors only."""
    principal: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """Of the party, when it is a principal: identifiers, no personal value and no secret."""
    conversation: Mapped[str] = mapped_column(String(40))
    """The conversation that all of these belong to; empty for none, or several."""

    __table_args__ = (Index(None, "begins"),)


_WINDOWS = cast(Table, DenialWindow.__table__)


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What is counted together, within one minute."""

    name: EventName
    kind: str
    organization: str = ""
    party: str = ""
    principal: Principal | None = None

    @property
    def is_stranger(self) -> bool:
        """Whether nobody proved who they are."""
        return not self.party


def counted(
    name: EventName, kind: str, *, principal: Principal | None, organization: str | None, party: str
) -> Counted:
    """What a refusal counts to: the principal's own kind, else that of a party that proved itself, else the strangers'."""
    if principal is not None:
        client = principal.actor.client_id if principal.actor else ""
        party = f"{principal.subject} {client}"
    organization = (principal.organization if principal else organization) or ""
    who = digest(party.encode(errors="backslashreplace")) if party else ""  # whatever a provider calls somebody
    return Counted(name=name, kind=kind[:_LONGEST], organization=organization, party=who, principal=principal)


def add(db: Session, what: Counted, *, times: int = 1, hidden: int = 0, conversation: str | None = None) -> int:
    """Count some refusals in the caller's transaction. Returns how many this minute's window has now; one statement."""
    connection = db.connection()
    row = {
        "organization": what.organization,
        "party": what.party,
        "name": what.name,
        "kind": what.kind,
        "begins": _begins(moment(db)),
        "count": times,
        "hidden": hidden,
        "principal": _identifiers(what.principal),
        "conversation": conversation or "",
    }
    count: int = connection.execute(_one_more(connection.dialect.name), row).scalar_one()
    return count


@cache
def _one_more(dialect: str) -> ReturningInsert[Any]:
    """The statement that counts, built once for an engine: it is on the way of every refusal."""
    row, window = insert_on_conflict(_WINDOWS, dialect), _WINDOWS.c
    counting: ReturningInsert[Any] = row.on_conflict_do_update(
        index_elements=list(_WINDOWS.primary_key),
        set_={
            "count": window.count + row.excluded.count,
            "hidden": window.hidden + row.excluded.hidden,
            # It stays empty from the first that differs: an empty one equals no conversation.
            "conversation": case((window.conversation == row.excluded.conversation, window.conversation), else_=""),
        },
    ).returning(window.count)
    return counting


def close_windows(database: Database, *, organization: str | None = None, most: int = 100) -> int:
    """Close windows that are over, of one organization or of all, the oldest first. Returns how many were closed.

    For a sweeper, and for whoever reads a trail: call it again while it returns `most`. Each window is a transaction of its own
    and a short one, so that it holds nobody up; two callers at once close each window once.
    """
    query = select(_WINDOWS).order_by(_WINDOWS.c.begins).limit(most)
    if organization is not None:
        query = query.where(_WINDOWS.c.organization == organization)
    with database.read() as db:
        over = db.execute(query.where(_WINDOWS.c.begins <= moment(db) - WINDOW - _GRACE)).mappings().all()
    return sum(_close(database, window) for window in over)


def _close(database: Database, window: Mapping[Any, Any]) -> bool:
    """Take a window's row away and say how many there were, in one transaction; nothing when somebody else did."""
    key = and_(*(column == window[column.name] for column in _WINDOWS.primary_key))
    # Whoever closes it need not have to do with it: what their request caused is not correlated with this.
    token = request_id.set(None)
    try:
        with database.write() as db:
            last = db.execute(delete(_WINDOWS).where(key).returning(*_WINDOWS.c)).mappings().one_or_none()
            if last is not None:
                _record(db, last)
    finally:
        request_id.reset(token)
    return last is not None


def _record(db: Session, window: Mapping[Any, Any]) -> None:
    first = min(window["count"], FIRST) if window["party"] else 0
    if window["count"] == first:
        return  # each has its event
    begins: datetime = window["begins"]
    record(
        db,
        EventName.DENIALS_COUNTED,
        principal=_principal(window["principal"]),
        organization=window["organization"] or None,
        conversation=window["conversation"] or None,
        outcome="denied",
        facts={
            "event": window["name"],
            "kind": window["kind"],
            "count": window["count"] - first,
            "recorded": first,
            "hidden": window["hidden"],
            "since": begins.isoformat(timespec="seconds"),
            "until": (begins + WINDOW).isoformat(timespec="seconds"),
        },
    )


def _begins(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _identifiers(principal: Principal | None) -> dict[str, Any] | None:
    """What `_principal` needs to name the party again: what an event says of it."""
    if principal is None:
        return None
    names = ("subject", "organization", "membership", "session", "delegation", "grant", "token")
    return {name: getattr(principal, name) for name in names} | {
        "actor": asdict(principal.actor) if principal.actor else None
    }


def _principal(identifiers: Mapping[str, Any] | None) -> Principal | None:
    if identifiers is None:
        return None
    actor = identifiers["actor"]
    return Principal(**{**identifiers, "actor": Actor(**actor) if actor else None})
