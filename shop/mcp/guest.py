"""Who an anonymous client is, where a deployment allows one (SHOP_ANONYMOUS_BROWSE): a guest, audited like anybody.

The guest is an ordinary principal of a technical organization: membership with the role *guest*, grant with the scope
*browse*. So no check anywhere knows of it (invariant I15). While the setting is off, its organization is ended: a process
that still thinks otherwise gets nothing done.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import Authority, Kind, end, lock
from shop.database import Database
from shop.principal import Actor, Principal, Workflow

GUEST = Principal(
    subject="guest",
    organization="org_guest",
    membership="mem_guest",
    grant="gnt_guest",
    actor=Actor(client_id="guest:mcp"),
    scopes=frozenset({Workflow.BROWSE}),
)


def is_guest(principal: Principal) -> bool:
    """Whether a principal is the anonymous guest."""
    return principal.subject == GUEST.subject


def apply(database: Database, allowed: bool) -> None:
    """Bring the setting in force: the guest's authorities live, or they have ended."""
    with database.write() as db:
        is_there = db.get(Authority, GUEST.organization) is not None
        if not allowed:
            end(db, [GUEST.organization] if is_there else [], EndReason.ANONYMOUS_BROWSING_OFF)
        elif is_there:
            _revive(db)
        else:
            _provision(db)


def _provision(db: Session) -> None:
    db.add(Authority(id=GUEST.organization, kind=Kind.ORGANIZATION))
    db.flush()
    db.add(Authority(id=GUEST.membership, kind=Kind.MEMBERSHIP, parent_id=GUEST.organization, roles=["guest"]))
    db.flush()
    scopes = sorted(GUEST.scopes)
    db.add(Authority(id=GUEST.grant, kind=Kind.GRANT, parent_id=GUEST.membership, scopes=scopes))


def _revive(db: Session) -> None:
    for identifier in GUEST.authorities:
        authority = lock(db, identifier)
        if authority.ended_at is not None:
            authority.ended_at, authority.ended_because = None, None
