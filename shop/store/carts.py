"""Carts and quotes. A quote is what checking out right now would cost: computed by the server, from current rows."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shop.database import new_id
from shop.store.catalogue import find_variant
from shop.store.models import Address, Cart, CartEmpty, CartLine, NotThere, OutOfStock, StoreError, Variant

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


def add(db: Session, cart: Cart, sku: str, quantity: int) -> CartLine:
    """Put some more of a variant into a cart. Raises `NotThere`, `OutOfStock`, `TooMany`."""
    variant = find_variant(db, sku)
    line = _line(cart, variant.sku)
    wanted = quantity + (line.quantity if line else 0)
    _check(variant, wanted, len(cart.lines) + (line is None))
    if line is None:
        position = max((other.position for other in cart.lines), default=0) + 1
        line = CartLine(cart_id=cart.id, sku=variant.sku, position=position, quantity=wanted, variant=variant)
        cart.lines.append(line)
    line.quantity = wanted
    cart.version += 1
    db.flush()
    return line


def change(db: Session, cart: Cart, sku: str, quantity: int) -> None:
    """Set how many of a variant are in a cart; 0 takes it out. Raises `NotThere`, `OutOfStock`, `TooMany`."""
    variant = find_variant(db, sku)
    line = _line(cart, variant.sku)
    if line is None:
        raise NotThere("This is not in the cart.")
    if quantity == 0:
        cart.lines.remove(line)
    else:
        _check(variant, quantity, len(cart.lines))
        line.quantity = quantity
    cart.version += 1
    db.flush()


def addresses(db: Session, organization: str) -> list[Address]:
    """The organization's saved addresses, the usual one first."""
    return list(db.scalars(select(Address).where(Address.organization == organization).order_by(Address.position)))


def quote(db: Session, cart: Cart, address_name: str | None) -> Quote:
    """Price a cart for an address (None: the usual one). Raises `CartEmpty`, `NotThere`, `OutOfStock`."""
    if not cart.lines:
        raise CartEmpty("The cart is empty.")
    address = _address(db, cart.organization, address_name)
    for line in cart.lines:
        _check(line.variant, line.quantity, len(cart.lines))
    lines = [(line.variant, line.quantity) for line in cart.lines]
    total = DELIVERY + sum(variant.price * quantity for variant, quantity in lines)
    return Quote(cart=cart, lines=lines, address=address, delivery=DELIVERY, total=total)


def _line(cart: Cart, sku: str) -> CartLine | None:
    return next((line for line in cart.lines if line.sku == sku), None)


def _check(variant: Variant, wanted: int, lines: int) -> None:
    if wanted > MOST_OF_ONE or lines > MOST_LINES:
        raise TooMany(f"A cart holds at most {MOST_OF_ONE} of one article and {MOST_LINES} different articles.")
    if wanted > variant.stock:
        what = f"{variant.product.name} in {variant.colour}, {variant.size}"
        left = f"Only {variant.stock} left of" if variant.stock else "Sold out:"
        raise OutOfStock(f"{left} {what}.")


def _address(db: Session, organization: str, name: str | None) -> Address:
    saved = addresses(db, organization)
    wanted = (name or "").strip().lower()
    found = next((a for a in saved if not wanted or a.name.lower() == wanted), None)
    if found is None:
        known = ", ".join(a.name for a in saved) or "none"
        raise NotThere(f"There is no saved address of that name. Saved addresses: {known}.")
    return found
