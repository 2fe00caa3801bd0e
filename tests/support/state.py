"""What a test looks at besides the answer: stored rows, and the audit events that something wrote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from sqlalchemy import func, select, update

from shop.approvals.receipts import Receipt
from shop.audit.chain import AuditChain
from shop.audit.queries import RecordedEvent
from shop.audit.verification import verify
from shop.database import Base
from shop.store.models import Order, Variant
from tests.support.people import ShopUnderTest
from tests.support.stored import events_of_chain

ONE_ENGINE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests in which the database does not matter."""

HOODIE = "long-context-hoodie-black-l"
"""€58.00, 40 in stock."""
SCARCE = "long-context-hoodie-bone-m"
"""€58.00, 3 in stock."""
TEE = "context-tee-ink-m"
"""€24.00, 7 in stock."""
SOLD_OUT = "context-tee-ink-xl"
OWN_ORDER, COLLEAGUES_ORDER, FOREIGN_ORDER, NO_ORDER = "CC-5QF1A7", "CC-MARA7V", "CC-GB4X21", "CC-000000"
"""Sofia's delivered order, Mara's, one of Globex, and a number that nobody has."""


@dataclass
class Observed:
    """What something wrote: the tables whose rows changed (the audit's aside), and the events in their order."""

    changed: set[str] = field(default_factory=set)
    events: list[RecordedEvent] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The names of the events."""
        return [str(event.name) for event in self.events]


@contextmanager
def watching(shop: ShopUnderTest) -> Iterator[Observed]:
    """Look at the whole database before and after."""
    seen = Observed()
    before, known = _rows(shop), {event.id for event in _events(shop)}
    yield seen
    after = _rows(shop)
    seen.changed = {table for table in after if after[table] != before[table]}
    seen.events = [event for event in _events(shop) if event.id not in known]


def stock(shop: ShopUnderTest, sku: str) -> int:
    """How many of a variant are left."""
    with shop.database.read() as db:
        return db.get_one(Variant, sku).stock


def set_variant(shop: ShopUnderTest, sku: str, **values: int) -> None:
    """The shopkeeper changes a price or a stock."""
    with shop.database.write() as db:
        db.execute(update(Variant).where(Variant.sku == sku).values(**values))


def count_orders(shop: ShopUnderTest) -> int:
    """How many orders there are, whoever's."""
    with shop.database.read() as db:
        return db.scalar(select(func.count()).select_from(Order)) or 0


def order(shop: ShopUnderTest, number: str) -> Order:
    """An order's stored row."""
    with shop.database.read() as db:
        return db.get_one(Order, number)


def receipt(shop: ShopUnderTest, identifier: str) -> Receipt:
    """A receipt's stored row."""
    with shop.database.read() as db:
        return db.get_one(Receipt, identifier)


def chains_hold(shop: ShopUnderTest) -> bool:
    """Whether every audit chain verifies."""
    with shop.database.read() as db:
        return all(verify(db, chain).ok for chain in db.scalars(select(AuditChain.id)).all())


def _rows(shop: ShopUnderTest) -> dict[str, list[str]]:
    tables = [table for table in Base.metadata.sorted_tables if not table.name.startswith("audit_")]
    with shop.database.read() as db:
        return {table.name: sorted(repr(tuple(row)) for row in db.execute(select(table))) for table in tables}


def _events(shop: ShopUnderTest) -> list[RecordedEvent]:
    with shop.database.read() as db:
        chains = db.scalars(select(AuditChain.id)).all()
        found = [event for chain in chains for event in events_of_chain(db, chain)]
    return sorted(found, key=lambda event: (event.at, event.content["sequence"]))
