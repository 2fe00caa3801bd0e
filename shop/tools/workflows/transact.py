"""The workflow *transact*: change the cart, place and cancel orders.

The model supplies what to put where and how many; price, total, buyer and owner are computed here (invariant I6).
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.authorization.conditions import Resource
from shop.authorization.permissions import Permission
from shop.database import moment
from shop.principal import Principal, Workflow
from shop.store import carts, orders, variant_choice
from shop.store.models import CartEmpty, NotCancellable, Order
from shop.store.money import euros
from shop.tools.permit import Permit
from shop.tools.tool import Arguments, Row, Shown, tool
from shop.tools.views.carts import Added, CartView, cart_view
from shop.tools.views.orders import OrderView, order_view
from shop.tools.workflows.read import own_cart, the_order


class AddToCart(Arguments):
    """What, and how many: a variant by its `sku`, or a product with as much of colour and size as is known."""

    sku: str | None = Field(
        default=None, min_length=1, max_length=100, description="The variant's `sku`, from a search or a product."
    )
    product: str | None = Field(
        default=None, min_length=1, max_length=100, description="Without a `sku`: the product's name, or its id."
    )
    colour: str | None = Field(default=None, max_length=40, description="With `product`; null if not known.")
    size: str | None = Field(default=None, max_length=60, description="With `product`; null if not known.")
    quantity: int = Field(default=1, ge=1, le=carts.MOST_OF_ONE)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.sku is None) == (self.product is None) or (self.sku and (self.colour or self.size)):
            raise ValueError("give either `sku` alone, or `product` with the `colour` and `size` that are known")
        return self


class UpdateCart(Arguments):
    """Which line, and how many from now on."""

    sku: str = Field(min_length=1, max_length=100)
    quantity: int = Field(ge=0, le=carts.MOST_OF_ONE, description="0 takes the line out of the cart.")


class PlaceOrder(Arguments):
    """Where to."""

    address: str | None = Field(
        default=None, max_length=60, description="Name of a saved address; the usual one if left out."
    )


class CancelOrder(Arguments):
    """Which order."""

    number: str = Field(min_length=1, max_length=40)


class Reorder(Arguments):
    """Which earlier order."""

    number: str = Field(min_length=1, max_length=40, description="The order number, for instance CC-7K3MQ2.")


class UndoCartChange(Arguments):
    """Which change."""

    change: str | None = Field(
        default=None,
        max_length=40,
        description="Leave it out: the last change is meant. Or the id of the call that made it.",
    )


def _own_checkout(db: Session, principal: Principal, _arguments: Arguments) -> Resource:
    """The order that the person's cart would become, with its amount for the limit."""
    cart = carts.cart_of(db, principal.organization, principal.subject, for_change=True)
    amount = carts.DELIVERY + sum(line.variant.price * line.quantity for line in cart.lines)
    return Resource(kind="order", owner=principal.subject, organization=principal.organization, amount=amount)


@tool(
    title="Add to the cart",
    workflow=Workflow.TRANSACT,
    permission=Permission.CART_WRITE,
    resource=own_cart,
)
def add_to_cart(permit: Permit, arguments: AddToCart) -> CartView:
    """Put a variant into the person's cart: by its exact `sku`, or by its product, colour and size.

    Leave out a colour or size that the person did not say: if there are several, they are asked, or the answer says which.
    """
    cart = carts.cart_of(permit.db, permit.principal.organization, permit.principal.subject, for_change=True)
    sku = arguments.sku or _chosen(permit, arguments)
    line = carts.add(permit.db, cart, sku, arguments.quantity, by=permit.call_id)
    added = Added(
        sku=line.sku,
        name=line.variant.product.name,
        colour=line.variant.colour,
        size=line.variant.size,
        quantity=arguments.quantity,
    )
    return cart_view(permit, cart, added=added)


def _chosen(permit: Permit, arguments: AddToCart) -> str:
    wanted = arguments.product or ""
    return variant_choice.choose(permit.db, wanted, arguments.colour, arguments.size, arguments.quantity).sku


@tool(
    title="Change the cart",
    workflow=Workflow.TRANSACT,
    permission=Permission.CART_WRITE,
    resource=own_cart,
    idempotent=True,
)
def update_cart(permit: Permit, arguments: UpdateCart) -> CartView:
    """Set how many of a variant are in the cart; 0 takes it out."""
    cart = carts.cart_of(permit.db, permit.principal.organization, permit.principal.subject, for_change=True)
    carts.change(permit.db, cart, arguments.sku, arguments.quantity, by=permit.call_id)
    return cart_view(permit, cart)


@tool(
    title="Order the same again",
    workflow=Workflow.TRANSACT,
    permission=Permission.ORDERS_REORDER,
    resource=the_order,
)
def reorder(permit: Permit, arguments: Reorder) -> CartView:
    """Put what an earlier order of the person had into their cart, at today's prices and as far as there is stock.

    `skipped` says what is missing. Nothing is ordered by this: place_order does that.
    """
    cart = carts.cart_of(permit.db, permit.principal.organization, permit.principal.subject, for_change=True)
    skipped = carts.refill(permit.db, cart, _order(permit).lines, by=permit.call_id)
    return cart_view(permit, cart, skipped=skipped)


@tool(
    title="Undo the last change of the cart",
    workflow=Workflow.TRANSACT,
    permission=Permission.CART_WRITE,
    resource=own_cart,
)
def undo_cart_change(permit: Permit, arguments: UndoCartChange) -> CartView:
    """Take back the last change of the person's cart, as long as nothing has changed it since."""
    cart = carts.cart_of(permit.db, permit.principal.organization, permit.principal.subject, for_change=True)
    return cart_view(permit, cart, skipped=carts.undo(permit.db, cart, arguments.change))


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


@tool(
    title="Place the order",
    workflow=Workflow.TRANSACT,
    permission=Permission.ORDERS_PLACE,
    resource=_own_checkout,
    destructive=True,
    preview=_order_to_confirm,
    repeated=_order_of_pin,
    done_code=CartEmpty.code,
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
    order = _order(permit)
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
)
def cancel_order(permit: Permit, arguments: CancelOrder) -> OrderView:
    """Cancel a pending order of the person, up to 30 minutes after it was placed.

    They have to confirm it on the page; until then nothing is cancelled.
    """
    order = orders.cancel(permit.db, _order(permit))
    _record(permit, EventName.ORDER_CANCELLED, order)
    return order_view(order, own=True, now=moment(permit.db))


def _order(permit: Permit) -> Order:
    order = orders.find_order(permit.db, permit.resource.id, for_change=True)
    if order is None:
        raise LookupError("authorized an order that is not there")
    return order


def _record(permit: Permit, name: EventName, order: Order) -> None:
    permit.record(
        name,
        resource=("order", order.number),
        facts={"total": order.total, "items": sum(line.quantity for line in order.lines)},
        personal={"address": f"{order.address_name}, {order.address_text}"},
    )
