"""Of the workflow *transact*: change the cart. Nothing is ordered here.

The model supplies what to put in and how many; prices and owner are computed (invariant I6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, model_validator

from shop.authorization.permissions import Permission
from shop.principal import Workflow
from shop.store import carts, variant_choice
from shop.tools.permit import Permit
from shop.tools.presentation import Card, InWidget, PersonMay, Presentation, always, with_number
from shop.tools.tool import Arguments, tool
from shop.tools.views import widgets
from shop.tools.views.carts import Added, CartView, cart_view
from shop.tools.workflows.read import order_to_change, own_cart, the_order


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


def _added_title(_given: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    added = result.get("added")
    return f"Put {added['quantity']} × {added['name']} into your cart" if added else "Put something into your cart"


def _after_a_change(result: Mapping[str, Any], may: PersonMay) -> list[str]:
    return [*(["Check out"] if may.order and result.get("lines") else []), "What's in my cart?"]


@tool(
    title="Add to the cart",
    workflow=Workflow.TRANSACT,
    permission=Permission.CART_WRITE,
    resource=own_cart,
    presentation=Presentation(
        refusal_verb="fill a cart",
        call_title=_added_title,
        card=Card.CART,
        can_be_undone=True,
        follow_ups=_after_a_change,
        in_widget=InWidget(widget=widgets.CART, running="Putting it into the cart", done="Put it into the cart"),
        widgets_may_call=True,
    ),
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
    presentation=Presentation(
        refusal_verb="change a cart",
        call_title=always("Changed your cart"),
        card=Card.CART,
        can_be_undone=True,
        follow_ups=_after_a_change,
        in_widget=InWidget(widget=widgets.CART, running="Changing the cart", done="Changed the cart"),
        widgets_may_call=True,
    ),
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
    presentation=Presentation(
        refusal_verb="order something again",
        call_title=with_number("Put order {number} into your cart again"),
        card=Card.CART,
        can_be_undone=True,
        follow_ups=_after_a_change,
        in_widget=None,
        widgets_may_call=False,
    ),
)
def reorder(permit: Permit, arguments: Reorder) -> CartView:
    """Put what an earlier order of the person had into their cart, at today's prices and as far as there is stock.

    `skipped` says what is missing. Nothing is ordered by this: place_order does that.
    """
    cart = carts.cart_of(permit.db, permit.principal.organization, permit.principal.subject, for_change=True)
    skipped = carts.refill(permit.db, cart, order_to_change(permit).lines, by=permit.call_id)
    return cart_view(permit, cart, skipped=skipped)


@tool(
    title="Undo the last change of the cart",
    workflow=Workflow.TRANSACT,
    permission=Permission.CART_WRITE,
    resource=own_cart,
    presentation=Presentation(
        refusal_verb="change a cart",
        call_title=always("Took the last change of your cart back"),
        card=Card.CART,
        can_be_undone=False,
        follow_ups=_after_a_change,
        in_widget=None,
        widgets_may_call=False,
    ),
)
def undo_cart_change(permit: Permit, arguments: UndoCartChange) -> CartView:
    """Take back the last change of the person's cart, as long as nothing has changed it since."""
    cart = carts.cart_of(permit.db, permit.principal.organization, permit.principal.subject, for_change=True)
    return cart_view(permit, cart, skipped=carts.undo(permit.db, cart, arguments.change))
