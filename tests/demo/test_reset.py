"""Seeding and reset: configuration is in force at every start, goods are state, and reset brings the first day back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from shop.audit.verification import verify
from shop.credentials.sessions import SignedInSession
from shop.database import Base
from shop.demo.seeding import Seed
from shop.identity.models import Connection, Organization
from shop.settings import ROOT
from shop.store.models import Order, Product, Variant
from tests.support.people import SOFIA, ShopUnderTest
from tests.support.state import HOODIE, ONE_ENGINE, stock


def goods(shop: ShopUnderTest) -> list[tuple[object, ...]]:
    """All variants with price and stock, and all orders with owner's organization and status."""
    with shop.database.read() as db:
        variants = db.execute(select(Variant.sku, Variant.price, Variant.stock).order_by(Variant.sku)).all()
        orders = db.execute(
            select(Order.number, Organization.slug, Order.status, Order.total)
            .join(Organization, Organization.id == Order.organization)
            .order_by(Order.number)
        ).all()
    return [tuple(row) for row in (*variants, *orders)]


def rows(shop: ShopUnderTest) -> dict[str, int]:
    """How many rows each table has."""
    with shop.database.read() as db:
        return {t.name: db.scalar(select(func.count()).select_from(t)) or 0 for t in Base.metadata.sorted_tables}


def order_a_hoodie(shop: ShopUnderTest) -> None:
    """Somebody orders, so that stock, orders, sessions and the record are not what they were."""
    sofia = shop.sign_in(SOFIA)
    sofia.call("add_to_cart", sku=HOODIE, quantity=2)
    _, pin = shop.gateway.show(sofia.principal(), "place_order", {"address": "Office"})  # type: ignore[misc]
    sofia.call("place_order", seen=pin, address="Office")


def test_reset_brings_goods_back_and_ends_sessions(shop: ShopUnderTest) -> None:
    """Stock and orders are those of the first day, nobody is signed in, and the record begins anew and holds."""
    before = goods(shop)
    order_a_hoodie(shop)
    assert stock(shop, HOODIE) == 38 and goods(shop) != before
    visitor = shop.sign_in(SOFIA)
    result = shop.app.test_cli_runner().invoke(args=["reset"])
    assert result.exit_code == 0 and "as it was on its first day" in result.output
    assert goods(shop) == before
    with shop.database.read() as db:
        assert db.scalar(select(func.count()).select_from(SignedInSession)) == 0
        for chain in ("system", *db.scalars(select(Organization.id))):
            assert verify(db, chain).ok
    assert [str(event.name) for event in shop.chain("system")] == ["policy.activated"]
    assert visitor.get("/orders").status_code == 302
    assert shop.sign_in(SOFIA).get("/orders").status_code == 200


@ONE_ENGINE
def test_a_reset_that_fails_changes_nothing(shop: ShopUnderTest, tmp_path: Path, seed: Seed) -> None:
    """A seed folder with a fault leaves everything as it was: the reset is one transaction."""
    order_a_hoodie(shop)
    before = rows(shop)
    folder = tmp_path / "seed_data"
    shutil.copytree(ROOT / "seed_data", folder)
    text = (folder / "orders.toml").read_text(encoding="utf-8")
    (folder / "orders.toml").write_text(text.replace("context-tee-ink-m", "no-such-thing"), encoding="utf-8")
    with pytest.raises(Exception, match=r"No row was found|no-such-thing"):
        Seed(folder, lambda index: f"http://127.0.0.1:{index + 1}").reset(shop.database, shop.services.policy)
    assert rows(shop) == before


@ONE_ENGINE
def test_a_restart_keeps_what_happened(shop: ShopUnderTest, build_shop: Callable[..., ShopUnderTest]) -> None:
    """Starting again on the same database seeds no goods twice, ends no session, and writes no event."""
    order_a_hoodie(shop)
    before, everything = goods(shop), rows(shop)
    again = build_shop()
    assert goods(again) == before and rows(again) == everything


@ONE_ENGINE
def test_configuration_is_in_force_after_a_restart(shop: ShopUnderTest, tmp_path: Path) -> None:
    """An edited organizations file changes names, limits, groups and connections at the next start, and no goods."""
    order_a_hoodie(shop)
    before, folder = goods(shop), tmp_path / "seed_data"
    shutil.copytree(ROOT / "seed_data", folder)
    text = (folder / "organizations.toml").read_text(encoding="utf-8")
    edits = {
        'name = "Acme"': 'name = "Acme Works"',
        "buyer = 20000": "buyer = 100",
        '["acme.example"]': '["ACME.test"]',
    }
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "organizations.toml").write_text(text, encoding="utf-8")
    Seed(folder, lambda index: f"http://127.0.0.1:{index + 1}").apply(shop.database, shop.services.policy)
    with shop.database.read() as db:
        organization = db.scalars(select(Organization).where(Organization.slug == "acme")).one()
        connection = db.scalars(select(Connection).where(Connection.organization_id == organization.id)).one()
        assert db.scalar(select(func.count()).select_from(Product))
    assert (organization.name, organization.order_limits["buyer"]) == ("Acme Works", 100)
    assert (connection.domains, connection.issuer) == (["acme.test"], "http://127.0.0.1:1")
    assert goods(shop) == before


def test_the_embedded_people_are_shown_only_where_they_can_sign_in(seed: Seed) -> None:
    """The sign-in page offers the people of embedded providers, each with a line and an address of their company."""
    people: list[dict[str, Any]] = seed.people()
    assert {person["organization"] for person in people} == {"Acme", "Globex"}
    for person in people:
        assert person["line"] and person["email"].endswith(f"@{person['organization'].lower()}.example")
