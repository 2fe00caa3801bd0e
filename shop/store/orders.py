"""Orders: placed once, cancelled once, never sold twice.

Two rules do it, both in the database, so they hold whichever process dies at whichever instant (invariant I13): stock
is taken by `UPDATE … WHERE stock >= quantity`, and (cart, version) is unique among orders.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from shop.database import moment
from shop.store.carts import Quote
from shop.store.errors import NotCancellable, OutOfStock
from shop.store.models import Order, OrderLine, OrderStatus, Variant

CANCEL_WINDOW = timedelta(minutes=30)
"""How long after placing an order can be cancelled, while it is pending."""
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letters that are mistaken for digits."""

_WHOSE = select(Order.number, Order.organization, Order.owner).where(Order.number == bindparam("number"))
"""Built once, and run on the connection itself: this is on the way of every call about an order."""


class Whose(NamedTuple):
    """An order's number as it is stored, and whom it belongs to."""

    number: str
    organization: str
    owner: str


def random_number() -> str:
    """A fresh order number. Random, so that nobody learns from a number how much others order (invariant I10)."""
    return "CC-" + "".join(secrets.choice(_ALPHABET) for _ in range(6))


def place(
    db: Session,
    quote: Quote,
    *,
    placed_through: str | None,
    confirmed_as: str | None,
    new_number: Callable[[], str] = random_number,
) -> Order:
    """Turn a quote into an order: take the stock, freeze the prices, empty the cart. Raises `OutOfStock`."""
    for variant, quantity in sorted(quote.lines, key=lambda line: line[0].sku):  # one order of locks for everyone
        taken = db.execute(
            update(Variant)
            .where(Variant.sku == variant.sku, Variant.stock >= quantity)
            .values(stock=Variant.stock - quantity)
            .returning(Variant.sku)
        ).one_or_none()
        if taken is None:
            raise OutOfStock(f"{variant.product.name} in {variant.colour}, {variant.size} has just sold out.")
    order = Order(
        number=_unused(db, new_number),
        organization=quote.cart.organization,
        owner=quote.cart.owner,
        placed_through=placed_through,
        status=OrderStatus.PENDING,
        placed_at=moment(db),
        address_name=quote.address.name,
        address_text=quote.address.text,
        delivery=quote.delivery,
        total=quote.total,
        cart_id=quote.cart.id,
        cart_version=quote.cart.version,
        confirmed_as=confirmed_as,
        lines=[_line(position, variant, quantity) for position, (variant, quantity) in enumerate(quote.lines, 1)],
    )
    db.add(order)
    quote.cart.lines.clear()
    quote.cart.version += 1
    db.flush()
    return order


def find_order(db: Session, number: str, *, for_change: bool = False) -> Order | None:
    """An order by its number, whoever's it is: the caller decides who may see it.

    Locked for a change, it is read anew: what this transaction saw of it before it had the lock may be old (PostgreSQL).
    """
    return db.get(Order, _written(number), with_for_update=for_change or None, populate_existing=for_change)


def whose(db: Session, number: str) -> Whose | None:
    """Whose an order is, whoever asks: all that a decision about it needs, and no more of it is read."""
    row = db.connection().execute(_WHOSE, {"number": _written(number)}).one_or_none()
    return Whose(*row) if row else None


def _written(number: str) -> str:
    """An order number as it is stored, however a person types it."""
    return number.strip().upper()


def orders_of(db: Session, organization: str, owner: str | None, limit: int) -> tuple[int, list[Order]]:
    """How many orders an owner has (None: everybody of the organization), and the latest of them."""
    mine = (Order.organization == organization, *([Order.owner == owner] if owner is not None else []))
    total = db.scalar(select(func.count()).select_from(Order).where(*mine)) or 0
    latest = select(Order).where(*mine).order_by(Order.placed_at.desc(), Order.number).limit(limit)
    return total, list(db.scalars(latest))


def order_confirmed_as(db: Session, organization: str, owner: str, pin: str) -> Order | None:
    """The owner's order that was confirmed by this pin: what a second click on the same thing finds."""
    mine = (Order.organization == organization, Order.owner == owner, Order.confirmed_as == pin)
    return db.scalars(select(Order).where(*mine)).one_or_none()


def cancel_until(order: Order, now: datetime) -> datetime | None:
    """Until when the order can be cancelled; None when it cannot be, or not any more."""
    until = order.placed_at + CANCEL_WINDOW
    return until if order.status == OrderStatus.PENDING and now < until else None


def require_cancellable(order: Order, now: datetime) -> None:
    """Raises `NotCancellable` unless the order is pending and was placed within the last 30 minutes."""
    if order.status != OrderStatus.PENDING:
        raise NotCancellable(f"Order {order.number} is {order.status}; only a pending order can be cancelled.")
    if cancel_until(order, now) is None:
        minutes = CANCEL_WINDOW // timedelta(minutes=1)
        raise NotCancellable(
            f"Order {order.number} can't be cancelled any more: that is possible for {minutes} minutes after placing."
        )


def cancel(db: Session, order: Order) -> Order:
    """Cancel a pending order within its window, and return its stock. Raises `NotCancellable`."""
    require_cancellable(order, moment(db))
    order.status, order.cancelled_at = OrderStatus.CANCELLED, moment(db)
    for line in sorted(order.lines, key=lambda line: line.sku):
        db.execute(update(Variant).where(Variant.sku == line.sku).values(stock=Variant.stock + line.quantity))
    db.flush()
    return order


@dataclass(frozen=True)
class Step:
    """One step of an order's way; `at` is None as long as it is not reached."""

    status: OrderStatus | None
    """None is the first step: placed."""
    at: datetime | None


def timeline(order: Order) -> list[Step]:
    """The order's way so far, and what comes next: placed, shipped, delivered; or placed and cancelled."""
    placed = Step(None, order.placed_at)
    if order.status == OrderStatus.CANCELLED:
        return [placed, Step(OrderStatus.CANCELLED, order.cancelled_at)]
    return [placed, Step(OrderStatus.SHIPPED, order.shipped_at), Step(OrderStatus.DELIVERED, order.delivered_at)]


def _unused(db: Session, new_number: Callable[[], str]) -> str:
    while True:
        number = new_number()
        if db.get(Order, number) is None:
            return number


def _line(position: int, variant: Variant, quantity: int) -> OrderLine:
    return OrderLine(
        position=position,
        sku=variant.sku,
        product_slug=variant.product_slug,
        name=variant.product.name,
        colour=variant.colour,
        size=variant.size,
        picture=variant.picture,
        quantity=quantity,
        unit_price=variant.price,
    )
