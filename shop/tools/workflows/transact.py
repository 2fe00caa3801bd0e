"""The workflow *transact*: place and cancel orders. Its tools for the cart are in `change_cart.py`.

The model says at most which order and which address; price, total, buyer and owner are computed here (invariant I6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.authorization.conditions import Resource
from shop.authorization.permissions import Permission
from shop.database import moment
from shop.principal import Principal, Workflow
from shop.store import carts, orders
from shop.store.errors import CartEmpty, NotCancellable
from shop.store.models import Order
from shop.store.money import euros
from shop.tools.permit import Permit
from shop.tools.presentation import Card, InWidget, PersonMay, Presentation, always, no_follow_ups, with_number
from shop.tools.tool import Arguments, Row, Shown, tool
from shop.tools.views import widgets
from shop.tools.views.orders import OrderView, order_view
from shop.tools.workflows.read import order_to_change, the_order


class PlaceOrder(Arguments):
    """Where to."""

    address: str | None = Field(
        default=None, max_length=60, description="Name of a saved address; the usual one if left out."
    )


class CancelOrder(Arguments):
    """Which order."""

    number: str = Field(min_length=1, max_length=40)


def _own_checkout(db: Session, principal: Principal, _arguments: Arguments) -> Resource:
    """The order that the person's cart would become, with its amount for the limit."""
    cart = carts.cart_of(db, principal.organization, principal.subject, for_change=True)
    amount = carts.DELIVERY + sum(line.variant.price * line.quantity for line in cart.lines)
    return Resource(kind="order", owner=principal.subject, organization=principal.organization, amount=amount)


def _order_to_confirm(permit: Permit, arguments: PlaceOrder) -> Shown:
    cart = carts.cart_of(permit.db, permit.principal.organization, permit.principal.subject, for_change=True)
    quote = carts.quote(permit.db, cart, arguments.address)
    rows = [
        Row(
            label=f"{variant.product.name}, {variant.colour}, {variant.size}"
            + (f" × {quantity}" if quantity > 1 else ""),
            amount=euros(variant.price * quantity),
        )
        for variant, quantity in quote.lines
    ]
    delivery = Row(label=f"Delivery to {quote.address.name}, {quote.address.text}", amount=euros(quote.delivery))
    return Shown(
        title="Buy this?",
        rows=[*rows, delivery],
        total=Row(label="Total, to the company's invoice", amount=euros(quote.total)),
        confirm_label=f"Confirm {euros(quote.total)}",
        version=f"{cart.id}:{cart.version}",
    )


def _order_of_pin(permit: Permit, pin: str) -> OrderView | None:
    order = orders.order_confirmed_as(permit.db, permit.principal.organization, permit.principal.subject, pin)
    return order_view(order, own=True, now=moment(permit.db)) if order else None


def _after_order(_result: Mapping[str, Any], _may: PersonMay) -> list[str]:
    return ["Where is it?", "Cancel it"]


@tool(
    title="Place the order",
    workflow=Workflow.TRANSACT,
    permission=Permission.ORDERS_PLACE,
    resource=_own_checkout,
    destructive=True,
    preview=_order_to_confirm,
    repeated=_order_of_pin,
    done_code=CartEmpty.code,
    presentation=Presentation(
        refusal_verb="place orders",
        call_title=always("Place the order"),
        card=Card.ORDER,
        can_be_undone=False,
        follow_ups=_after_order,
        in_widget=InWidget(widget=widgets.ORDER, running="Preparing the order", done="Asked you to confirm the order"),
        widgets_may_call=False,
    ),
)
def place_order(permit: Permit, arguments: PlaceOrder) -> OrderView:
    """Order what is in the person's cart, to a saved address, on the company's invoice.

    The person is shown a receipt and has to confirm it on the page; until then nothing is bought.
    """
    principal = permit.principal
    cart = carts.cart_of(permit.db, principal.organization, principal.subject, for_change=True)
    quote = carts.quote(permit.db, cart, arguments.address)
    order = orders.place(
        permit.db,
        quote,
        placed_through=principal.actor.client_id if principal.actor else None,
        confirmed_as=permit.pin,
    )
    _record(permit, EventName.ORDER_PLACED, order)
    return order_view(order, own=True, now=moment(permit.db))


def _cancellation_to_confirm(permit: Permit, arguments: CancelOrder) -> Shown:
    order = order_to_change(permit)
    orders.require_cancellable(order, moment(permit.db))
    rows = [
        Row(
            label=f"{line.name}, {line.colour}, {line.size} × {line.quantity}",
            amount=euros(line.unit_price * line.quantity),
        )
        for line in order.lines
    ]
    return Shown(
        title=f"Cancel order {order.number}?",
        rows=rows,
        total=Row(label="Not charged to the company's invoice", amount=euros(order.total)),
        confirm_label="Cancel the order",
        version=order.status,
    )


@tool(
    title="Cancel an order",
    workflow=Workflow.TRANSACT,
    permission=Permission.ORDERS_CANCEL,
    resource=the_order,
    destructive=True,
    preview=_cancellation_to_confirm,
    done_code=NotCancellable.code,
    presentation=Presentation(
        refusal_verb="cancel orders",
        call_title=with_number("Cancel order {number}"),
        card=Card.ORDER,
        can_be_undone=False,
        follow_ups=no_follow_ups,
        in_widget=None,
        widgets_may_call=False,
    ),
)
def cancel_order(permit: Permit, arguments: CancelOrder) -> OrderView:
    """Cancel a pending order of the person, up to 30 minutes after it was placed.

    They have to confirm it on the page; until then nothing is cancelled.
    """
    order = orders.cancel(permit.db, order_to_change(permit))
    _record(permit, EventName.ORDER_CANCELLED, order)
    return order_view(order, own=True, now=moment(permit.db))


def _record(permit: Permit, name: EventName, order: Order) -> None:
    permit.record(
        name,
        resource=("order", order.number),
        facts={"total": order.total, "items": sum(line.quantity for line in order.lines)},
        personal={"address": f"{order.address_name}, {order.address_text}"},
    )
