"""One table of authorities, each hanging below another, and the question that guards every effect: alive?

    organization ─▶ membership ─▶ session ─▶ delegation     the shop's own assistant, in one conversation
                               └▶ grant ───▶ token          an external assistant
                 └▶ agent ──────────────────▶ token         an AI client in the organization's inventory; it bounds the grants

`live()` is asked inside the transaction that has the effect (invariant I8). It locks the rows it read
(`FOR SHARE` on PostgreSQL; SQLite has one writer), so a revocation that committed first always wins and one
that comes later waits until the effect is recorded. Before that it waits in line (`fair_locks.py`), so that the one that
comes later waits for the calls that were there before it, and for no other (invariant I9).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import zip_longest

from sqlalchemy import ForeignKey, Index, String, bindparam, case, event, literal_column, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column, object_session

from shop.credentials import fair_locks
from shop.credentials.end_reasons import EndReason
from shop.database import Base, moment, word
from shop.principal import EVERY_SCOPE, Principal


class Kind(StrEnum):
    """What an authority belongs to, from the top down: the order in which rows are locked."""

    ORGANIZATION = "organization"
    MEMBERSHIP = "membership"
    AGENT = "agent"
    SESSION = "session"
    GRANT = "grant"
    DELEGATION = "delegation"
    TOKEN = "token"  # noqa: S105 - the word, not a secret


class Authority(Base):
    """A row that must be alive for anything below it to act. Its id is the id of the thing it stands for."""

    __tablename__ = "authorities"
    __table_args__ = (
        # Partial: a session's end moves with each of its person's requests, and need not be found by it.
        Index(
            "ix_authorities_expired_tokens",
            "expires_at",
            sqlite_where=text("kind = 'token'"),
            postgresql_where=text("kind = 'token'"),
        ),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[Kind] = mapped_column(word(Kind))
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("authorities.id"), index=True)
    expires_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None] = mapped_column(String(40))
    """An `EndReason`, read as one by `NotAlive.reason`: a row may be of another version of this program."""
    suspended_at: Mapped[datetime | None]
    assistants_paused_at: Mapped[datetime | None]
    roles: Mapped[list[str] | None]
    """Of a membership: the roles held. Of an agent: those it has when it acts for nobody."""
    order_limit: Mapped[int | None]
    """Of a membership: highest total of one order, in minor currency units."""
    scopes: Mapped[list[str] | None]
    """The workflows that this authority lets through, None for all: of a delegation or a grant those consented to, of an
    agent the organization's ceiling, of a token those that it was issued for."""

    @property
    def is_suspended_or_ended(self) -> bool:
        """Whether an administrator suspended or blocked it, or it ended: nothing may begin below it."""
        return self.suspended_at is not None or self.ended_at is not None


@event.listens_for(Authority, "after_insert")
def _is_of_this_transaction(_mapper: object, _connection: object, created: Authority) -> None:
    if db := object_session(created):
        fair_locks.note_created(db, created.id)


class Lapse(StrEnum):
    """Why a credential is not alive."""

    UNKNOWN = "unknown"
    ENDED = "ended"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    PAUSED = "paused"


@dataclass(eq=False)  # not frozen: whatever an exception passes through must be able to set its traceback
class NotAlive(Exception):
    """Some authority that the principal hangs on is not alive. Nothing may be done for this principal."""

    lapse: Lapse
    kind: Kind
    authority: str
    because: str | None = None
    """Of an authority that ended: the `EndReason`, as it is stored."""

    @property
    def reason(self) -> EndReason:
        """Why nothing may be done, as the person is told it."""
        if self.kind is Kind.AGENT:
            return EndReason.BLOCKED
        match self.lapse:
            case Lapse.PAUSED:
                return EndReason.STOPPED if self.kind is Kind.ORGANIZATION else EndReason.PAUSED
            case Lapse.SUSPENDED:
                return EndReason.SUSPENDED
            case Lapse.EXPIRED:
                return EndReason.EXPIRED
            case _:
                return EndReason(self.because or str(self.lapse))

    def __str__(self) -> str:
        return f"{self.kind} {self.lapse}" + (f" ({self.because})" if self.because else "")


_KIND_OF_PREFIX = dict(zip(fair_locks.FROM_THE_TOP, Kind, strict=True))
_DOWNWARDS = case(
    {literal_column(f"'{kind}'"): literal_column(str(depth)) for depth, kind in enumerate(Kind)}, value=Authority.kind
)
_LAPSE = case(
    (Authority.ended_at.is_not(None), literal_column(f"'{Lapse.ENDED}'")),
    (Authority.expires_at <= bindparam("now"), literal_column(f"'{Lapse.EXPIRED}'")),
    (Authority.suspended_at.is_not(None), literal_column(f"'{Lapse.SUSPENDED}'")),
    (Authority.assistants_paused_at.is_not(None), literal_column(f"'{Lapse.PAUSED}'")),
).label("lapse")
"""Why a row is not alive, the gravest reason first; null when it is."""
_PLACES = ("organization", "membership", "agent", "credential", "below_it")
"""How many authorities a principal hangs on at most."""
_ALIVE = select(
    Authority.id,
    Authority.kind,
    Authority.parent_id,
    _LAPSE,
    Authority.ended_because,
    Authority.roles,
    Authority.order_limit,
    Authority.scopes,
).where(Authority.id.in_([bindparam(place) for place in _PLACES]))
_LOCKED = _ALIVE.order_by(_DOWNWARDS).with_for_update(read=True)
"""Built once, and run on the connection itself: this is on the way of every call. Rows are locked from the organization
downwards, whatever order the database finds them in, so that a call and a revocation never wait for each other.
"""


def live(db: Session, principal: Principal, *, changing: Iterable[str] = (), beside: Iterable[str] = ()) -> Principal:
    """Return the principal with the authority it has *now*, in this transaction; one indexed query, no cache.

    `changing` names each topmost authority that this transaction goes on to end or change, be it the principal's own or
    another's; `beside` those that it relies on besides. Both wait in line with the principal's own, from the top down, so
    that two such transactions never wait for each other. Raises `NotAlive`.
    """
    wait_in_line(db, principal, changing=changing, beside=beside)
    agent = principal.actor.agent if principal.actor else None
    chain = list(zip(principal.authorities, (None, *principal.authorities), strict=False))
    # An actor's entry in the inventory stands beside the chain, below the organization: it bounds what hangs elsewhere. It is
    # looked at before what it ended, so that a blocked client is told that it is blocked.
    entry: list[tuple[str, str | None]] = [(agent, principal.organization)] if agent else []
    places = [*chain[:2], *entry, *chain[2:]]
    bound = dict(zip_longest(_PLACES, (identifier for identifier, _ in places)), now=moment(db))
    rows = {row.id: row for row in db.connection().execute(_LOCKED, bound)}
    for identifier, above in places:
        row = rows.get(identifier)
        if row is None or row.parent_id != above:  # each hangs on the one before it, or it is nobody's
            raise NotAlive(Lapse.UNKNOWN, _KIND_OF_PREFIX[identifier[:3]], identifier)
        if row.lapse and (row.lapse != Lapse.PAUSED or principal.actor):  # a pause is for assistants, not for people
            raise NotAlive(Lapse(row.lapse), row.kind, identifier, row.ended_because)
    membership, ceiling = rows[principal.membership], rows[agent].scopes if agent else None
    return replace(
        principal,
        roles=frozenset(membership.roles or ()),
        order_limit=membership.order_limit,
        scopes=EVERY_SCOPE.intersection(*(row.scopes for row in rows.values() if row.scopes is not None)),
        ceiling=EVERY_SCOPE if ceiling is None else frozenset(ceiling),
    )


def wait_in_line(db: Session, *principals: Principal, changing: Iterable[str] = (), beside: Iterable[str] = ()) -> None:
    """Take the fair locks of all that these principals hang on, before any row is read. `live` does it for one principal.

    Call it first where a transaction goes on to ask `live` of several.
    """
    chains = [identifier for principal in principals for identifier in principal.authorities]
    agents = [principal.actor.agent for principal in principals if principal.actor and principal.actor.agent]
    fair_locks.take(db, shared=[*chains, *agents, *beside], exclusive=changing)


def paused_at(db: Session, principal: Principal) -> frozenset[Kind]:
    """Where assistants are paused: by this person (membership), for the whole organization, both, or nowhere."""
    above = (principal.organization, principal.membership)
    query = select(Authority.kind).where(Authority.id.in_(above), Authority.assistants_paused_at.is_not(None))
    return frozenset(db.scalars(query))


def is_paused(db: Session, principal: Principal) -> bool:
    """Whether assistants of this person, or of the whole organization, are paused."""
    return bool(paused_at(db, principal))


def end(db: Session, identifiers: Iterable[str], because: EndReason) -> list[tuple[Kind, str]]:
    """End authorities and all that hangs below them. Returns (kind, id) of each that was alive until now."""
    below = select(Authority.id).where(Authority.id.in_(list(identifiers))).cte("below", recursive=True)
    below = below.union_all(select(Authority.id).where(Authority.parent_id == below.c.id))
    ended = db.execute(
        update(Authority)
        .where(Authority.id.in_(select(below.c.id)), Authority.ended_at.is_(None))
        .values(ended_at=moment(db), ended_because=because.value)
        .returning(Authority.kind, Authority.id)
        .execution_options(synchronize_session=False)
    )
    return sorted((Kind(kind), identifier) for kind, identifier in ended)


def below(db: Session, parent: str, kind: Kind) -> list[str]:
    """Ids of the living authorities of one kind that hang directly below `parent`."""
    return list(
        db.scalars(
            select(Authority.id).where(
                Authority.parent_id == parent, Authority.kind == kind, Authority.ended_at.is_(None)
            )
        )
    )


def hold(db: Session, *identifiers: str) -> None:
    """Keep authorities as they are until the transaction ends: taken before one that hangs below them is locked."""
    fair_locks.take(db, shared=identifiers)
    held = select(Authority.id).where(Authority.id.in_(identifiers))
    db.execute(held.order_by(_DOWNWARDS, Authority.id).with_for_update(read=True))


def lock(db: Session, identifier: str) -> Authority:
    """The authority's row, locked for a change of what it allows and read anew; the caller changes it.

    What stands above it is locked or held first (`live`, `hold`), so that nobody waits upwards. Raises `NoResultFound`.
    """
    fair_locks.take(db, exclusive=[identifier])
    locked = select(Authority).where(Authority.id == identifier).with_for_update()
    return db.scalars(locked, execution_options={"populate_existing": True}).one()
