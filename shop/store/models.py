"""Tables of the store. Prices and totals are minor units of EUR; the database itself refuses negative stock."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.database import Base, sorted_alike, word


class Product(Base):
    """A thing the shop sells, in one or more variants. What search needs is computed by `listing.entry`."""

    __tablename__ = "products"
    __table_args__ = (Index(None, "lowest", "position"), Index(None, "name_key", "position"))

    slug: Mapped[str] = mapped_column(String(60), primary_key=True)
    position: Mapped[int] = mapped_column(unique=True)
    """Its place in the catalogue, and its row in the full-text index."""
    name: Mapped[str] = mapped_column(String(80))
    category: Mapped[str] = mapped_column(String(40))
    tagline: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    drawn: Mapped[bool] = mapped_column(default=True)
    """Whether there is a drawing of ours; an imported product has none."""
    name_key: Mapped[str] = mapped_column(sorted_alike(80))
    """The name as it is looked up and sorted."""
    head: Mapped[str] = mapped_column(Text)
    """The words that say what it is: name, category, colours, sizes."""
    body: Mapped[str] = mapped_column(Text)
    """All other words, and the values of its filters as lexemes."""
    lowest: Mapped[int]
    highest: Mapped[int]
    """The range of its variants' prices."""
    variants: Mapped[list[Variant]] = relationship(
        back_populates="product", order_by="Variant.position", lazy="selectin"
    )


PARCEL = "/pictures/plain/parcel.svg"
"""What is shown of a product that nobody has drawn."""


class Variant(Base):
    """One colour and size of a product, with its own price and stock."""

    __tablename__ = "variants"
    __table_args__ = (
        CheckConstraint("stock >= 0", name="stock_not_negative"),
        Index(None, "product_slug", "colour", "size", "price", "stock"),
    )

    sku: Mapped[str] = mapped_column(String(100), primary_key=True)
    product_slug: Mapped[str] = mapped_column(ForeignKey("products.slug"))
    position: Mapped[int]
    colour: Mapped[str] = mapped_column(String(40))
    size: Mapped[str] = mapped_column(String(60))
    price: Mapped[int]
    stock: Mapped[int]
    product: Mapped[Product] = relationship(back_populates="variants", lazy="joined")

    @property
    def picture(self) -> str:
        """Path of the drawing in this variant's colour; of a parcel, when there is none of the product."""
        return f"/pictures/{self.product_slug}/{self.colour}.svg" if self.product.drawn else PARCEL


class Catalogue(Base):
    """The catalogue as a whole: one row, whose version is another one after each change of goods."""

    __tablename__ = "catalogue"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[str] = mapped_column(String(40))


class TermKind(StrEnum):
    """What a term of the catalogue is: a word (of a name, or only of descriptions), or a filter's value."""

    NAME = "name"
    WORD = "word"
    CATEGORY = "category"
    COLOUR = "colour"
    SIZE = "size"


class Term(Base):
    """A word that search knows, or a value that goods can be filtered by. Written by `vocabulary.publish` only."""

    __tablename__ = "terms"

    kind: Mapped[TermKind] = mapped_column(word(TermKind), primary_key=True)
    value: Mapped[str] = mapped_column(String(60), primary_key=True)
    lexeme: Mapped[str] = mapped_column(Text)
    """How the full-text index spells it."""
    products: Mapped[int]
    """How many products have it."""
    position: Mapped[int]
    """Of a word: its rank. Of a value: its place in a list of values."""


class Address(Base):
    """A saved address: an organization's, or one person's own beside it. Orders go to one of these."""

    __tablename__ = "addresses"
    __table_args__ = (UniqueConstraint("organization", "owner", "key"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization: Mapped[str] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(40), default="")
    """The person whose own it is; empty: the organization's. Not NULL, which would be unique beside another NULL."""
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(60))
    key: Mapped[str] = mapped_column(String(180))
    """The name as it is compared: without case."""
    text: Mapped[str] = mapped_column(String(200))

    @validates("name")
    def _set_key(self, _attribute: str, name: str) -> str:
        self.key = address_key(name)
        return name


def address_key(name: str) -> str:
    """An address's name as it is compared: without case and outer spaces."""
    return name.strip().casefold()


class Cart(Base):
    """One person's cart. `version` grows with every change, and an order remembers which version it was made from."""

    __tablename__ = "carts"
    __table_args__ = (UniqueConstraint("organization", "owner"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization: Mapped[str] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(40))
    version: Mapped[int] = mapped_column(default=1)
    last_call: Mapped[str | None] = mapped_column(String(60))
    """The call that changed the cart last; None when that cannot be undone."""
    lines_before: Mapped[dict[str, Any] | None]
    """What was in the cart before that call, in its order: SKU to quantity."""
    version_after: Mapped[int | None]
    """The version that this call made: any other version, and something has changed since."""
    lines: Mapped[list[CartLine]] = relationship(
        order_by="CartLine.position", lazy="selectin", cascade="all, delete-orphan"
    )


class CartLine(Base):
    """So many of one variant."""

    __tablename__ = "cart_lines"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    cart_id: Mapped[str] = mapped_column(ForeignKey("carts.id"), primary_key=True)
    sku: Mapped[str] = mapped_column(ForeignKey("variants.sku"), primary_key=True)
    position: Mapped[int]
    quantity: Mapped[int]
    variant: Mapped[Variant] = relationship(lazy="joined")


class OrderStatus(StrEnum):
    """Where an order is."""

    PENDING = "pending"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class Order(Base):
    """What was bought, frozen at the moment of placing. At most one order for a version of a cart: placing is idempotent."""

    __tablename__ = "orders"
    __table_args__ = (UniqueConstraint("cart_id", "cart_version"),)

    number: Mapped[str] = mapped_column(String(20), primary_key=True)
    organization: Mapped[str] = mapped_column(String(40), index=True)
    owner: Mapped[str] = mapped_column(String(40), index=True)
    placed_through: Mapped[str | None] = mapped_column(String(100))
    """The client that acted for the owner; None when the owner clicked."""
    status: Mapped[OrderStatus] = mapped_column(word(OrderStatus), default=OrderStatus.PENDING)
    placed_at: Mapped[datetime]
    shipped_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    address_name: Mapped[str] = mapped_column(String(60))
    address_text: Mapped[str] = mapped_column(String(200))
    delivery: Mapped[int]
    total: Mapped[int]
    cart_id: Mapped[str] = mapped_column(String(40))
    cart_version: Mapped[int]
    confirmed_as: Mapped[str | None] = mapped_column(String(64), index=True)
    """Pin of what a human confirmed."""
    lines: Mapped[list[OrderLine]] = relationship(
        order_by="OrderLine.position", lazy="selectin", cascade="all, delete-orphan"
    )


class OrderLine(Base):
    """One variant as it was bought: name, picture and price stay as they were."""

    __tablename__ = "order_lines"

    order_number: Mapped[str] = mapped_column(ForeignKey("orders.number"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(100))
    product_slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(80))
    colour: Mapped[str] = mapped_column(String(40))
    size: Mapped[str] = mapped_column(String(60))
    picture: Mapped[str] = mapped_column(String(150))
    quantity: Mapped[int]
    unit_price: Mapped[int]
