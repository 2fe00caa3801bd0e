"""What a decision costs as an organization grows, and whether threads ever get a wrong one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import insert

from shop.authorization.conditions import Resource
from shop.authorization.permissions import Permission
from shop.authorization.policy import Policy
from shop.credentials.ledger import Authority, Kind, live
from shop.principal import EVERY_SCOPE, Principal
from shop.settings import ROOT
from tests.bench.figure import Figure, medians, timed
from tests.bench.ground import Ground, ground

_MANY = 1_000_000
_THREADS, _EACH = 64, 400


def decision_cost(rounds: int = 2000) -> Figure:
    """Live state and decision with a million people's role assignments in the ledger, against ten."""
    with ground() as few, ground() as many:
        _people(few, 10)
        _people(many, _MANY)
        small, large = medians(timed(lambda: _decide(few)), timed(lambda: _decide(many)), rounds=rounds)
    how = f"live credential and policy decision: {large * 1e6:.0f} µs with {_MANY:,} memberships, {small * 1e6:.0f} µs with 10; medians of {rounds} in turns"
    return Figure("decision cost at a million people", large / small, 1.2, "×", how)


def concurrent_decisions() -> Figure:
    """Threads that decide at once on one policy: how many decisions are wrong, or raise."""
    policy = Policy.from_file(ROOT / "seed_data" / "policy" / "policy.csv")
    cases = [
        (_principal("buyer"), Permission.ORDERS_PLACE, _order(100), True),
        (_principal("buyer"), Permission.ORDERS_PLACE, _order(1_000_000), False),
        (_principal("shopper"), Permission.ORDERS_PLACE, _order(100), False),
        (_principal("buyer"), Permission.ORDERS_READ, _order(100, organization="org_b"), False),
        (_principal("auditor"), Permission.AUDIT_READ, _order(100, owner="usr_other"), True),
        (_principal("guest"), Permission.CATALOGUE_READ, Resource(kind="catalogue"), True),
    ]

    def work(offset: int) -> int:
        wrong = 0
        for step in range(_EACH):
            principal, action, resource, expected = cases[(offset + step) % len(cases)]
            try:
                decided = policy.is_allowed(principal=principal, action=action, resource=resource).allowed
            except Exception:
                wrong += 1
            else:
                wrong += decided is not expected
        return wrong

    with ThreadPoolExecutor(_THREADS) as pool:
        wrong = sum(pool.map(work, range(_THREADS)))
    how = f"{_THREADS} threads, {_THREADS * _EACH:,} decisions of six kinds; an exception counts as wrong"
    return Figure("wrong decisions under concurrency", wrong, 0, "decisions", how)


def _people(shop: Ground, number: int) -> None:
    rows = (
        {
            "id": f"mem_bench{index:020d}",
            "kind": Kind.MEMBERSHIP,
            "parent_id": shop.person.organization,
            "roles": ["buyer" if index % 3 else "shopper"],
            "order_limit": 20_000,
        }
        for index in range(number)
    )
    batch: list[dict[str, object]] = []
    with shop.database.write() as db:
        for row in rows:
            batch.append(row)
            if len(batch) == 20_000:
                db.execute(insert(Authority), batch)
                batch = []
        if batch:
            db.execute(insert(Authority), batch)


def _decide(shop: Ground) -> None:
    with shop.database.read() as db:
        principal = live(db, shop.assistant)
        own = Resource(kind="orders", owner=principal.subject, organization=principal.organization)
        decision = shop.policy.is_allowed(principal=principal, action=Permission.ORDERS_READ, resource=own)
    if not decision.allowed:
        raise RuntimeError(decision)


def _principal(role: str) -> Principal:
    return Principal(
        subject="usr_a",
        organization="org_a",
        membership="mem_a",
        session="ses_a",
        roles=frozenset({role}),
        scopes=EVERY_SCOPE,
        order_limit=20_000,
    )


def _order(amount: int, *, owner: str = "usr_a", organization: str = "org_a") -> Resource:
    return Resource(kind="order", id="CC-1", owner=owner, organization=organization, amount=amount)
