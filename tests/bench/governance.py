"""Governance tax: what find, validate, authorize and record cost on top of doing the thing itself."""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, String, Table, insert

from shop.database import moment
from shop.store import orders
from shop.tools.views.orders import order_view
from tests.bench.figure import Figure, medians, timed
from tests.bench.ground import ground

_ORDER = "CC-5QF1A7"


def governance_tax(rounds: int = 400) -> Figure:
    """A read tool through the gateway, against the same function called bare plus one committed insert."""
    with ground() as shop:
        probe = Table("probe", MetaData(), Column("id", Integer, primary_key=True), Column("what", String(200)))
        probe.create(shop.database.engine)

        def bare() -> None:
            with shop.database.write() as db:
                order = orders.find_order(db, _ORDER)
                if order is None:
                    raise LookupError(_ORDER)
                order_view(order, own=True, now=moment(db)).model_dump(mode="json")
                db.execute(insert(probe).values(what="looked at an order"))

        def governed() -> None:
            outcome = shop.gateway.call_tool(
                shop.assistant, shop.assistant.conversation, "get_order", {"number": _ORDER}
            )
            if outcome.kind != "succeeded":
                raise RuntimeError(outcome)
            outcome.for_model()

        plain, through = medians(timed(bare), timed(governed), rounds=rounds)
    how = f"`get_order`, SQLite on disk, audit durable: {through * 1e3:.2f} ms through the gateway, {plain * 1e3:.2f} ms bare with one committed insert; medians of {rounds} in turns"
    return Figure("governance tax", through / plain, 3, "×", how)
