"""What may be told of orders."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from shop.store import orders
from shop.store.models import Order, OrderLine, OrderStatus
from shop.tools.tool import Result
from shop.tools.views.amounts import Money, money
from shop.tools.views.carts import AddressView, LineView


class TimelineStep(Result):
    """A step of an order's way, with its moment (ISO 8601, UTC) once it is reached."""

    step: str
    label: str
    at: str | None
    done: bool


class OrderView(Result):
    """An order with everything its owner may know of it."""

    number: str
    status: OrderStatus
    placed_at: str
    lines: list[LineView]
    delivery: Money
    total: Money
    address: AddressView
    placed_by: str
    can_cancel: bool
    cancel_until: str | None
    """Until when it can be cancelled (ISO 8601, UTC); None when it cannot be."""
    timeline: list[TimelineStep]

    def audit_facts(self) -> dict[str, Any]:
        return {"order": self.number, "total": self.total.minor, "status": self.status}


class OrderSummary(Result):
    """An order in a list."""

    number: str
    placed_at: str
    status: OrderStatus
    total: Money
    items: int
    summary: str
    picture: str
    """Of its first line."""


class OrderList(Result):
    """The latest orders, and how many there are in all."""

    count: int
    orders: list[OrderSummary]
    whose: Literal["own", "organization"] = "own"

    def audit_facts(self) -> dict[str, Any]:
        return {"count": self.count}


def order_view(order: Order, *, own: bool, now: datetime) -> OrderView:
    """An order in full; `own` tells whether the reader is its owner."""
    until = orders.cancel_until(order, now) if own else None
    return OrderView(
        number=order.number,
        status=OrderStatus(order.status),
        placed_at=_iso(order.placed_at),
        lines=[_order_line_view(line) for line in order.lines],
        delivery=money(order.delivery),
        total=money(order.total),
        address=AddressView(name=order.address_name, text=order.address_text),
        placed_by=_placed_by(order, own),
        can_cancel=until is not None,
        cancel_until=_iso(until) if until else None,
        timeline=[
            TimelineStep(
                step=step.status or "placed",
                label=(step.status or "placed").capitalize(),
                at=_iso(step.at) if step.at else None,
                done=step.at is not None,
            )
            for step in orders.timeline(order)
        ],
    )


def order_summary(order: Order) -> OrderSummary:
    """An order in one line."""
    first, others = order.lines[0], len(order.lines) - 1
    more = f" and {others} more" if others else ""
    return OrderSummary(
        number=order.number,
        placed_at=_iso(order.placed_at),
        status=OrderStatus(order.status),
        total=money(order.total),
        items=sum(line.quantity for line in order.lines),
        summary=f"{first.quantity} × {first.name}{more}",
        picture=first.picture,
    )


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _placed_by(order: Order, own: bool) -> str:
    whose = "you" if own else "its owner"
    return f"the assistant, on behalf of {whose}" if order.placed_through else whose


def _order_line_view(line: OrderLine) -> LineView:
    return LineView(
        sku=line.sku,
        product=line.product_slug,
        name=line.name,
        colour=line.colour,
        size=line.size,
        quantity=line.quantity,
        unit_price=money(line.unit_price),
        line_total=money(line.unit_price * line.quantity),
        picture=line.picture,
    )
