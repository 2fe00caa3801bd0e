"""A seeded shop to measure on, with a signed-in buyer, without a browser or an identity provider in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from shop.authorization.policy import Policy
from shop.conversations import delegation, threads
from shop.credentials.ledger import live
from shop.credentials.sessions import SignedInSession, start_session
from shop.database import Database
from shop.demo.seeding import Seed
from shop.identity.models import Connection, Membership, Person
from shop.principal import Principal
from shop.settings import ROOT
from shop.tools.gateway import Gateway

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Ground:
    """What is measured on: SQLite on disk, `synchronous=FULL`, as in production."""

    folder: Path
    database: Database
    policy: Policy
    gateway: Gateway
    person: Principal
    assistant: Principal


def signed_in(database: Database) -> tuple[SignedInSession, str]:
    """A session of Sofia Hart, started as a sign-in starts it, and its token."""
    with database.write() as db:
        person = db.scalars(select(Person).where(Person.email == "sofia.hart@acme.example")).one()
        membership = db.scalars(select(Membership).where(Membership.person_id == person.id)).one()
        return start_session(
            db,
            person_id=person.id,
            membership_id=membership.id,
            organization_id=membership.organization_id,
            connection_id=db.scalars(
                select(Connection.id).where(Connection.organization_id == membership.organization_id)
            ).one(),
            method="oidc",
            provider_session=None,
            user_agent="bench",
            idle=HOUR,
            absolute=HOUR,
        )


@contextmanager
def ground() -> Iterator[Ground]:
    """A fresh seeded shop in a temporary folder, and Sofia Hart with her assistant."""
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/shop.db")
        policy = Policy.from_file(ROOT / "seed_data" / "policy" / "policy.csv")
        Seed(ROOT / "seed_data", lambda index: f"http://127.0.0.1:{index + 1}").apply(database, policy)
        session, _token = signed_in(database)
        with database.write() as db:
            principal = live(db, session.principal())
            conversation = threads.start(db, policy, principal, "A measurement")
            assistant = delegation.assistant_for(db, principal, conversation, build="bench", lifetime=HOUR)
        gateway = Gateway(database, policy, receipt_lifetime=HOUR)
        yield Ground(Path(folder), database, policy, gateway, principal, assistant)
        database.dispose()
