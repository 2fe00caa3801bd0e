"""Carts and quotes. A quote is what checking out right now would cost: computed by the server, from current rows.

Each change remembers the call that made it and what was in the cart before, so that the latest can be undone for as
long as nothing changed the cart since. Placing an order is such a change, and cannot be undone here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shop.database import new_id
from shop.store.addresses import find_address
from shop.store.catalogue import find_variant
from shop.store.errors import CartEmpty, NothingToUndo, NotThere, OutOfStock, StoreError
from shop.store.models import Address, Cart, CartLine, OrderLine, Variant

DELIVERY = 0
"""Delivery to a company address costs nothing, in minor units."""
MOST_OF_ONE = 99
MOST_LINES = 50


class TooMany(StoreError):
    """More than a cart holds."""

    code = "invalid_arguments"


@dataclass(frozen=True, kw_only=True)
class Quote:
    """A cart priced for one address. `lines` are (variant, quantity)."""

    cart: Cart
    lines: list[tuple[Variant, int]]
    address: Address
    delivery: int
    total: int


@dataclass(frozen=True)
class Skipped:
    """Something that could not be put into the cart, or not all of it, and why."""

    name: str
    why: str


def cart_of(db: Session, organization: str, owner: str, *, for_change: bool = False) -> Cart:
    """The owner's cart; made when there is none. Locked when it is about to change (PostgreSQL)."""
    query = select(Cart).where(Cart.organization == organization, Cart.owner == owner)
    cart = db.scalars(query.with_for_update() if for_change else query).one_or_none()
    if cart is None:
        cart = Cart(id=new_id("crt"), organization=organization, owner=owner, version=1, lines=[])
        if for_change:
            try:
                with db.begin_nested():
                    db.add(cart)
            except IntegrityError:  # another tab made it at the same moment (PostgreSQL)
                return db.scalars(query.with_for_update()).one()
    return cart


def add(db: Session, cart: Cart, sku: str, quantity: int, *, by: str) -> CartLine:
    """Put some more of a variant into a cart, `by` a call. Raises `NotThere`, `OutOfStock`, `TooMany`."""
    variant = find_variant(db, sku)
    line = _line(cart, variant.sku)
    wanted = quantity + (line.quantity if line else 0)
    _check(variant, wanted, len(cart.lines) + (line is None))
    _remember(cart, by, _quantities(cart))
    line = _set(cart, variant, wanted)
    db.flush()
    return line


def change(db: Session, cart: Cart, sku: str, quantity: int, *, by: str) -> None:
    """Set how many of a variant are in a cart; 0 takes it out. Raises `NotThere`, `OutOfStock`, `TooMany`."""
    variant = find_variant(db, sku)
    line = _line(cart, variant.sku)
    if line is None:
        raise NotThere("This is not in the cart.")
    if quantity:
        _check(variant, quantity, len(cart.lines))
    _remember(cart, by, _quantities(cart))
    if quantity:
        line.quantity = quantity
    else:
        cart.lines.remove(line)
    db.flush()


def refill(db: Session, cart: Cart, lines: Iterable[OrderLine], *, by: str) -> list[Skipped]:
    """Put an earlier order's lines into a cart, as far as there is stock. Returns what is missing."""
    skipped: list[Skipped] = []
    before = _quantities(cart)
    for ordered in lines:
        variant = db.get(Variant, ordered.sku)
        present = before.get(ordered.sku, 0)
        room = _room(cart, variant) - present if variant else 0
        if room < ordered.quantity:
            what = f"{ordered.name} in {ordered.colour}, {ordered.size}"
            skipped.append(Skipped(what, _why_not(variant, is_full=len(cart.lines) >= MOST_LINES and not present)))
        if variant and room > 0:
            _set(cart, variant, present + min(room, ordered.quantity))
    if _quantities(cart) != before:
        _remember(cart, by, before)
    db.flush()
    return skipped


def undoable(cart: Cart) -> str | None:
    """The call whose change can be undone now, if there is one."""
    return cart.last_call if cart.version_after == cart.version else None


def undo(db: Session, cart: Cart, call: str | None = None) -> list[Skipped]:
    """Put a cart back to what was in it before its last change; with `call`, only if that made it. Raises `NothingToUndo`.

    What the change took out comes back only as far as it is still in stock; the rest is returned.
    """
    if undoable(cart) is None or call not in (None, cart.last_call):
        raise NothingToUndo("There is nothing to undo: the cart was ordered or changed since.")
    before = dict(cart.lines_before or {})
    now = _quantities(cart)
    skipped: list[Skipped] = []
    cart.lines[:] = [line for line in cart.lines if line.sku in before]
    for position, (sku, quantity) in enumerate(before.items(), start=1):
        variant = db.get_one(Variant, sku)
        # A line that is larger than the stock stays as it was; one that grows again takes only what there is.
        restored = min(quantity, max(variant.stock, now.get(sku, 0)))
        if restored < quantity:
            skipped.append(Skipped(_what(variant), _why_not(variant)))
        if restored:
            _set(cart, variant, restored).position = position
    cart.version += 1
    cart.last_call = cart.lines_before = cart.version_after = None
    db.flush()
    db.refresh(cart, ["lines"])
    return skipped


def quote(db: Session, cart: Cart, address_name: str | None) -> Quote:
    """Price a cart for an address (None: the usual one). Raises `CartEmpty`, `NotThere`, `OutOfStock`."""
    if not cart.lines:
        raise CartEmpty("The cart is empty.")
    address = find_address(db, cart.organization, cart.owner, address_name)
    for line in cart.lines:
        _check(line.variant, line.quantity, len(cart.lines))
    lines = [(line.variant, line.quantity) for line in cart.lines]
    total = DELIVERY + sum(variant.price * quantity for variant, quantity in lines)
    return Quote(cart=cart, lines=lines, address=address, delivery=DELIVERY, total=total)


def _quantities(cart: Cart) -> dict[str, int]:
    return {line.sku: line.quantity for line in cart.lines}


def _remember(cart: Cart, by: str, before: dict[str, int]) -> None:
    """Note what was in the cart before a call changed it; the change is the cart's next version."""
    cart.last_call, cart.lines_before = by, dict(before)
    cart.version += 1
    cart.version_after = cart.version


def _line(cart: Cart, sku: str) -> CartLine | None:
    return next((line for line in cart.lines if line.sku == sku), None)


def _set(cart: Cart, variant: Variant, quantity: int) -> CartLine:
    """The line of a variant with this quantity; a new one stands last."""
    line = _line(cart, variant.sku)
    if line is None:
        position = max((other.position for other in cart.lines), default=0) + 1
        line = CartLine(cart_id=cart.id, sku=variant.sku, position=position, quantity=quantity, variant=variant)
        cart.lines.append(line)
    line.quantity = quantity
    return line


def _check(variant: Variant, wanted: int, lines: int) -> None:
    if wanted > MOST_OF_ONE or lines > MOST_LINES:
        raise TooMany(f"A cart holds at most {MOST_OF_ONE} of one article and {MOST_LINES} different articles.")
    if wanted > variant.stock:
        left = f"Only {variant.stock} left of" if variant.stock else "Sold out:"
        raise OutOfStock(f"{left} {_what(variant)}.")


def _room(cart: Cart, variant: Variant) -> int:
    """How many of a variant the cart can hold."""
    is_full = len(cart.lines) >= MOST_LINES and _line(cart, variant.sku) is None
    return 0 if is_full else min(variant.stock, MOST_OF_ONE)


def _why_not(variant: Variant | None, *, is_full: bool = False) -> str:
    if variant is None:
        return "It is not sold any more."
    if is_full or variant.stock >= MOST_OF_ONE:
        return f"A cart holds at most {MOST_OF_ONE} of one article and {MOST_LINES} different articles."
    return f"Only {variant.stock} left." if variant.stock else "Sold out."


def _what(variant: Variant) -> str:
    return f"{variant.product.name} in {variant.colour}, {variant.size}"
