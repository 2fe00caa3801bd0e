"""The store below the tools: owners are opaque, and nothing decides who may. What people do goes through the gateway."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shop.store import carts, orders
from shop.store.models import Order, OrderLine, OrderStatus, Variant
from tests.support.people import ShopUnderTest


def fill(shop: ShopUnderTest, organization: str, owner: str, sku: str, quantity: int) -> None:
    """Put some of a variant into somebody's cart."""
    with shop.database.write() as db:
        carts.add(db, carts.cart_of(db, organization, owner, for_change=True), sku, quantity, by="call_test")


def buy(db: Session, organization: str, owner: str) -> Order:
    """Order what is in somebody's cart, at today's prices."""
    cart = carts.cart_of(db, organization, owner, for_change=True)
    return orders.place(db, carts.quote(db, cart, None), placed_through=None, confirmed_as=None)


def checkout(shop: ShopUnderTest, organization: str, owner: str) -> Order:
    """The same in a transaction of its own."""
    with shop.database.write() as db:
        return buy(db, organization, owner)


def cancel(shop: ShopUnderTest, number: str) -> Order:
    """Cancel an order in a transaction of its own."""
    with shop.database.write() as db:
        order = orders.find_order(db, number, for_change=True)
        assert order is not None
        return orders.cancel(db, order)


def sold(shop: ShopUnderTest, sku: str, organization: str) -> int:
    """How many of a variant are in an organization's orders that stand."""
    counted = (
        select(func.sum(OrderLine.quantity))
        .join(Order, Order.number == OrderLine.order_number)
        .where(OrderLine.sku == sku, Order.organization == organization, Order.status != OrderStatus.CANCELLED)
    )
    with shop.database.read() as db:
        return db.scalar(counted) or 0


def left(shop: ShopUnderTest, sku: str) -> int:
    """How many of a variant are in stock."""
    with shop.database.read() as db:
        return db.get_one(Variant, sku).stock
