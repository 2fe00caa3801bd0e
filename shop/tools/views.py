"""The results of tools: the allow-list of fields that may leave for a model (invariant I12), typed once.

A field that is not declared here does not leave. Pages of the shop show people the same views.
"""

from __future__ import annotations

from typing import Any, Literal

from shop.store.carts import DELIVERY, addresses
from shop.store.catalogue import Match
from shop.store.models import Address, Cart, Order, OrderLine, OrderStatus, Product, Variant
from shop.store.money import euros
from shop.tools.permit import Permit
from shop.tools.tool import Result


class Money(Result):
    """An amount in EUR: `minor` is in cents, `text` is how people read it."""

    minor: int
    text: str


class VariantView(Result):
    """One colour and size; `stock` is told with a product's details only."""

    sku: str
    colour: str
    size: str
    price: Money
    in_stock: bool
    stock: int | None = None


class ProductView(Result):
    """A product with its fitting variants."""

    product: str
    name: str
    category: str
    tagline: str
    description: str | None = None
    colours: list[str]
    sizes: list[str]
    price: Money
    variants: list[VariantView]
    picture: str
    page: str

    def audit_facts(self) -> dict[str, Any]:
        return {"product": self.product}


class ProductList(Result):
    """The first matches of a search, and how many there are in all."""

    count: int
    products: list[ProductView]

    def audit_facts(self) -> dict[str, Any]:
        return {"count": self.count}


class AddressView(Result):
    """A saved address of the organization."""

    name: str
    text: str


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


class CartView(Result):
    """A cart as it stands now, at today's prices."""

    lines: list[LineView]
    items: int
    delivery: Money
    total: Money
    address: AddressView | None
    addresses: list[AddressView]
    added: Added | None = None

    def audit_facts(self) -> dict[str, Any]:
        added = {"sku": self.added.sku, "quantity": self.added.quantity} if self.added else {}
        return {"items": self.items, "total": self.total.minor} | added


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


class OrderList(Result):
    """The latest orders, and how many there are in all."""

    count: int
    orders: list[OrderSummary]
    whose: Literal["own", "organization"] = "own"

    def audit_facts(self) -> dict[str, Any]:
        return {"count": self.count}


class WorkflowView(Result):
    """A workflow, whether it is allowed here, and the tools in it."""

    workflow: str
    allowed: bool
    means: str
    tools: list[str]


class RefusalView(Result):
    """A refusal in this conversation, as coarse as it was told when it happened."""

    tool: str
    code: str
    message: str


class AccessView(Result):
    """What the person may do, what of it the assistant may do here, and what was refused lately."""

    person: str
    roles: list[str]
    order_limit: Money | None
    workflows: list[WorkflowView]
    paused: bool
    refusals: list[RefusalView]


def money(minor: int) -> Money:
    """An amount, both ways."""
    return Money(minor=minor, text=euros(minor))


def product_view(product: Product, variants: list[Variant], *, details: bool = False) -> ProductView:
    """A product with some of its variants; with `details` also its description and stock."""
    return ProductView(
        product=product.slug,
        name=product.name,
        category=product.category,
        tagline=product.tagline,
        description=product.description if details else None,
        colours=list(dict.fromkeys(variant.colour for variant in variants)),
        sizes=list(dict.fromkeys(variant.size for variant in variants)),
        price=money(min(variant.price for variant in variants)),
        variants=[_variant_view(variant, details) for variant in variants],
        picture=variants[0].picture,
        page=f"/products/{product.slug}",
    )


def product_list(matches: list[Match], limit: int) -> ProductList:
    """The first of the matches."""
    shown = [product_view(match.product, match.variants) for match in matches[:limit]]
    return ProductList(count=len(matches), products=shown)


def cart_view(permit: Permit, cart: Cart, added: Added | None = None) -> CartView:
    """A cart, with the addresses that its order could go to."""
    lines = [_line_view(line.variant, line.quantity, line.variant.price) for line in cart.lines]
    saved = [AddressView(name=a.name, text=a.text) for a in addresses(permit.db, cart.organization)]
    return CartView(
        lines=lines,
        items=sum(line.quantity for line in lines),
        delivery=money(DELIVERY),
        total=money(DELIVERY + sum(line.line_total.minor for line in lines)),
        address=saved[0] if saved else None,
        addresses=saved,
        added=added,
    )


def order_view(order: Order, *, own: bool) -> OrderView:
    """An order in full; `own` tells whether the reader is its owner."""
    return OrderView(
        number=order.number,
        status=OrderStatus(order.status),
        placed_at=order.placed_at.isoformat(timespec="seconds"),
        lines=[_order_line_view(line) for line in order.lines],
        delivery=money(order.delivery),
        total=money(order.total),
        address=AddressView(name=order.address_name, text=order.address_text),
        placed_by=_placed_by(order, own),
        can_cancel=own and order.status == OrderStatus.PENDING,
    )


def order_summary(order: Order) -> OrderSummary:
    """An order in one line."""
    first, others = order.lines[0], len(order.lines) - 1
    more = f" and {others} more" if others else ""
    return OrderSummary(
        number=order.number,
        placed_at=order.placed_at.isoformat(timespec="seconds"),
        status=OrderStatus(order.status),
        total=money(order.total),
        items=sum(line.quantity for line in order.lines),
        summary=f"{first.quantity} x {first.name}{more}",
    )


def address_view(address: Address) -> AddressView:
    """An address as people and models see it."""
    return AddressView(name=address.name, text=address.text)


def _placed_by(order: Order, own: bool) -> str:
    whose = "you" if own else "its owner"
    return f"the assistant, on behalf of {whose}" if order.placed_through else whose


def _variant_view(variant: Variant, details: bool) -> VariantView:
    return VariantView(
        sku=variant.sku,
        colour=variant.colour,
        size=variant.size,
        price=money(variant.price),
        in_stock=variant.stock > 0,
        stock=variant.stock if details else None,
    )


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
        picture=f"/pictures/{line.product_slug}/{line.colour}.svg",
    )
