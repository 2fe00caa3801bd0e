"""How long an ending takes while assistants call without pause, on PostgreSQL, in processes of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.agents import blocks
from shop.authorization.policy import Policy
from shop.conversations.delegation import set_paused
from shop.credentials.agents import ClientKind, note_agent
from shop.credentials.grants import Consent, open_grant
from shop.credentials.ledger import live
from shop.credentials.sessions import start_session
from shop.credentials.tokens import new_token
from shop.database import Database, moment
from shop.demo.seeding import Seed
from shop.identity.members import Profile, provision
from shop.identity.models import Connection, Organization
from shop.principal import CONSENTABLE, Principal
from shop.revocation import cascade
from shop.settings import ROOT
from shop.tools.gateway import Gateway
from tests.bench.figure import Figure
from tests.bench.ground import HOUR
from tests.support.engines import PostgresEngine
from tests.support.traffic import traffic

PROCESSES, THREADS = 2, 4
_GOAL = 0.5


@dataclass(frozen=True)
class Scene:
    """Who calls, who ends it, and a colleague who has nothing to do with it."""

    policy: Policy
    person: Principal
    caller: Principal
    administrator: Principal
    colleague: Principal
    colleagues_assistant: Principal


Ending = Callable[[Session, Scene], None]
ENDINGS: dict[str, Ending] = {
    "Revoke": lambda db, scene: cascade.revoke_grant(db, scene.person, scene.caller.grant or ""),
    "Suspend": lambda db, scene: cascade.suspend(db, scene.policy, scene.administrator, scene.person.membership),
    "Stop all": lambda db, scene: blocks.stop_all_assistants(db, scene.policy, scene.administrator, True),
    "Block": lambda db, scene: blocks.block_agent(db, scene.policy, scene.administrator, _agent(scene)),
    "Pause": lambda db, scene: set_paused(db, scene.person, True),
    "Sign out everywhere": lambda db, scene: cascade.sign_out_everywhere(db, scene.person),
}


def revocation_under_traffic(rounds: int = 3) -> Figure:
    """The slowest of each of the six endings, and of a colleague's call and *Revoke* meanwhile, with eight callers."""
    slowest: dict[str, float] = dict.fromkeys(ENDINGS, 0.0)
    colleague, let_through, calls = 0.0, 0, 0
    with postgres() as fresh:
        for name in list(ENDINGS) * rounds:
            took, waited, after, accepted = _once(fresh(), ENDINGS[name])
            slowest[name] = max(slowest[name], took)
            colleague, let_through, calls = max(colleague, waited), let_through + after, calls + accepted
    each = ", ".join(f"*{name}* {seconds * 1e3:.0f} ms" for name, seconds in slowest.items())
    how = (
        f"PostgreSQL, {PROCESSES * THREADS} callers in {PROCESSES} processes that never pause, the slowest of {rounds}: {each}; "
        f"a colleague's first call or own *Revoke* meanwhile {colleague * 1e3:.0f} ms; {let_through} of {calls} calls began after the commit"
    )
    worst = max(colleague, *slowest.values())
    return Figure("an ending under traffic", worst if not let_through else float("inf"), _GOAL, "s", how)


def _once(url: str, end: Ending) -> tuple[float, float, int, int]:
    """Seconds that an ending took, those that a colleague waited, calls let through after it, and calls in all."""
    database = Database(url)
    policy = Policy.from_file(ROOT / "seed_data" / "policy" / "policy.csv")
    gateway = Gateway(database, policy, receipt_lifetime=HOUR)
    scene = _scene(database, policy)
    with traffic(url, database.clock(), [scene.caller], processes=PROCESSES, threads=THREADS) as seen:
        start = time.monotonic()
        gateway.call_tool(scene.colleagues_assistant, None, "view_cart", {})
        called = time.monotonic()
        with database.write() as db:
            cascade.revoke_all_grants(db, scene.colleague)
        clicked = time.monotonic()
        with database.write() as db:
            end(db, scene)
        committed = time.monotonic()
    database.dispose()
    waited = max(called - start, clicked - called)
    return committed - clicked, waited, seen.begun_after(committed), len(seen.accepted)


def _scene(database: Database, policy: Policy) -> Scene:
    with database.write() as db:
        person, administrator = _signed_in(db, "one", "shop-buyers"), _signed_in(db, "two", "shop-admins")
        colleague = _signed_in(db, "three", "shop-buyers")
        return Scene(policy, person, _assistant(db, person), administrator, colleague, _assistant(db, colleague))


def _signed_in(db: Session, name: str, group: str) -> Principal:
    slug = select(Organization.id).where(Organization.slug == "acme").scalar_subquery()
    connection = db.scalars(select(Connection).where(Connection.organization_id == slug)).one()
    profile = Profile(subject=name, email=f"{name}@acme.example", name=name, given_name=name, groups=(group,))
    person, membership = provision(db, connection, profile)
    session, _ = start_session(
        db,
        person_id=person.id,
        membership_id=membership.id,
        organization_id=membership.organization_id,
        connection_id=connection.id,
        method="oidc",
        provider_session=None,
        user_agent="bench",
        idle=HOUR,
        absolute=HOUR,
    )
    return session.principal()


def _assistant(db: Session, person: Principal) -> Principal:
    agent, _ = note_agent(
        db,
        organization_id=person.organization,
        client_id=f"client-of-{person.subject}",
        kind=ClientKind.DYNAMIC,
        name="A measurement",
        publisher=None,
    )
    consent = Consent(scopes=frozenset(CONSENTABLE), risky_tools={}, redirect_host="")
    grant, _ = open_grant(
        db,
        agent,
        consent,
        membership_id=person.membership,
        person_id=person.subject,
        authenticated_by=person.own_session,
        lifetime=HOUR,
    )
    token = new_token(db, grant.id, frozenset(CONSENTABLE), until=moment(db) + HOUR)
    return live(db, grant.principal(token.id))


def _agent(scene: Scene) -> str:
    return (scene.caller.actor.agent if scene.caller.actor else None) or ""


@contextmanager
def postgres() -> Iterator[Callable[[], str]]:
    """A PostgreSQL server of our own; gives the URLs of fresh, seeded databases."""
    policy = Policy.from_file(ROOT / "seed_data" / "policy" / "policy.csv")

    def seed(url: str) -> None:
        database = Database(url, threads=2)
        Seed(ROOT / "seed_data", lambda index: f"http://127.0.0.1:{index + 1}").apply(database, policy)
        database.dispose()

    server = PostgresEngine(Path(mkdtemp()), seed)
    try:
        yield server.fresh
    finally:
        server.stop()
