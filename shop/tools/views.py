"""The results of tools: the allow-list of fields that may leave for a model (invariant I12), typed once.

A field that is not declared here does not leave. Pages of the shop show people the same views.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from shop.store import orders
from shop.store.addresses import addresses_of
from shop.store.carts import DELIVERY
from shop.store.carts import Skipped as NotPut
from shop.store.catalogue import Page
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
    """Some of the matches of a search, from `offset` on, and how many there are in all."""

    count: int
    count_is_exact: bool
    """False: there are more than `count`, and nobody counted further."""
    products: list[ProductView]
    corrected_query: str | None = None
    """What was searched for, when a word of the query is in no product but is close to one that is."""
    offset: int = 0

    def audit_facts(self) -> dict[str, Any]:
        return {"count": self.count}


class ComparedRow(Result):
    """What one line of a comparison is about, and its value for each product, in their order."""

    label: str
    values: list[str]


class Comparison(Result):
    """Two to four products in full, and what can be set side by side."""

    products: list[ProductView]
    rows: list[ComparedRow]

    def audit_facts(self) -> dict[str, Any]:
        return {"products": [product.product for product in self.products]}


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
    seen_by: list[str]
    """Who can read this conversation, in words."""


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


def product_list(page: Page, offset: int = 0) -> ProductList:
    """What a search found, from `offset` on."""
    return ProductList(
        count=page.count,
        count_is_exact=page.is_exact,
        products=[product_view(match.product, match.variants) for match in page.matches],
        corrected_query=page.corrected,
        offset=offset,
    )


def comparison(products: list[Product]) -> Comparison:
    """Products side by side."""
    views = [product_view(product, product.variants, details=True) for product in products]
    rows: dict[str, list[str]] = {
        "Price": [_price_range(view.variants) for view in views],
        "Kind": [view.category for view in views],
        "Colours": [", ".join(view.colours) for view in views],
        "Sizes": [", ".join(view.sizes) for view in views],
        "In stock": [_availability(view.variants) for view in views],
        "In short": [view.tagline for view in views],
    }
    return Comparison(products=views, rows=[ComparedRow(label=label, values=values) for label, values in rows.items()])


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
        summary=f"{first.quantity} x {first.name}{more}",
        picture=first.picture,
    )


def address_view(address: Address) -> AddressView:
    """An address as people and models see it."""
    return AddressView(name=address.name, text=address.text)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _price_range(variants: list[VariantView]) -> str:
    lowest, highest = min(v.price.minor for v in variants), max(v.price.minor for v in variants)
    return euros(lowest) if lowest == highest else f"{euros(lowest)} to {euros(highest)}"


def _availability(variants: list[VariantView]) -> str:
    available = sum(variant.in_stock for variant in variants)
    if available in {0, len(variants)}:
        return "yes" if available else "sold out"
    return f"{available} of {len(variants)} choices"


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
        picture=line.picture,
    )
