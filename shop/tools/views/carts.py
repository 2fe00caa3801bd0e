"""What may be told of a cart, and of the addresses that an order can go to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from shop.store.addresses import addresses_of
from shop.store.carts import DELIVERY
from shop.store.carts import Skipped as NotPut
from shop.store.models import Address, Cart, Variant
from shop.tools.permit import Permit
from shop.tools.tool import Result
from shop.tools.views.amounts import Money, money


class AddressView(Result):
    """A saved address."""

    name: str
    text: str


class SavedAddress(AddressView):
    """An address of the address book, and whose it is. The usual one is taken when none is named."""

    whose: Literal["yours", "organization"]
    usual: bool


class AddressList(Result):
    """What an order can go to: the organization's addresses, then the person's own."""

    addresses: list[SavedAddress]

    def audit_facts(self) -> dict[str, Any]:
        return {"count": len(self.addresses)}


class LineView(Result):
    """A line of a cart or an order."""

    sku: str
    product: str
    name: str
    colour: str
    size: str
    quantity: int
    unit_price: Money
    line_total: Money
    picture: str


class Added(Result):
    """What was just put into the cart."""

    sku: str
    name: str
    colour: str
    size: str
    quantity: int


class Skipped(Result):
    """What could not be put into the cart, or not all of it, and why."""

    name: str
    why: str


class CartView(Result):
    """A cart as it stands now, at today's prices."""

    lines: list[LineView]
    items: int
    delivery: Money
    total: Money
    address: AddressView | None
    addresses: list[AddressView]
    added: Added | None = None
    skipped: list[Skipped] = []

    def audit_facts(self) -> dict[str, Any]:
        added = {"sku": self.added.sku, "quantity": self.added.quantity} if self.added else {}
        skipped = {"skipped": len(self.skipped)} if self.skipped else {}
        return {"items": self.items, "total": self.total.minor} | added | skipped


def address_list(permit: Permit) -> AddressList:
    """The address book of the person that a permit is for."""
    saved = addresses_of(permit.db, permit.principal.organization, permit.principal.subject)
    return AddressList(
        addresses=[
            SavedAddress(
                name=address.name,
                text=address.text,
                whose="yours" if address.owner else "organization",
                usual=position == 0,
            )
            for position, address in enumerate(saved)
        ]
    )


def cart_view(permit: Permit, cart: Cart, *, added: Added | None = None, skipped: Sequence[NotPut] = ()) -> CartView:
    """A cart, with the addresses that its order could go to."""
    lines = [_line_view(line.variant, line.quantity, line.variant.price) for line in cart.lines]
    saved = [address_view(a) for a in addresses_of(permit.db, cart.organization, cart.owner)]
    return CartView(
        lines=lines,
        items=sum(line.quantity for line in lines),
        delivery=money(DELIVERY),
        total=money(DELIVERY + sum(line.line_total.minor for line in lines)),
        address=saved[0] if saved else None,
        addresses=saved,
        added=added,
        skipped=[Skipped(name=one.name, why=one.why) for one in skipped],
    )


def address_view(address: Address) -> AddressView:
    """An address as people and models see it."""
    return AddressView(name=address.name, text=address.text)


def _line_view(variant: Variant, quantity: int, unit_price: int) -> LineView:
    return LineView(
        sku=variant.sku,
        product=variant.product_slug,
        name=variant.product.name,
        colour=variant.colour,
        size=variant.size,
        quantity=quantity,
        unit_price=money(unit_price),
        line_total=money(unit_price * quantity),
        picture=variant.picture,
    )
