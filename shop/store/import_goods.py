"""Bringing foreign goods into the shop, or up to date: in one transaction, so there is never half a catalogue.

Nothing is removed: a variant that its product does not list any more is sold out, and stays for the carts that hold it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

from sqlalchemy import Table, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from shop.database import Base
from shop.store import listing
from shop.store.import_file import CannotImport, ForeignCatalogue, ForeignProduct
from shop.store.models import Catalogue, Product, Variant
from shop.store.vocabulary import publish

_VARIANTS_AT_ONCE = 10_000

Attribute = InstrumentedAttribute[str]
Columns = dict[str, Any]


@dataclass
class Imported:
    """What an import did to products."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0


def load(db: Session, catalogue: ForeignCatalogue) -> Imported:
    """Bring goods into the shop, or up to date, in the caller's transaction. Raises `CannotImport`."""
    db.scalar(select(Catalogue.id).with_for_update())  # one import after the other (PostgreSQL)
    done, last = Imported(), db.scalar(select(func.max(Product.position))) or 0
    for products in _batches(catalogue.products):
        known = _stored(db, Product, Product.slug, [product.slug for product in products])
        changed = _load_products(db, products, known, last) | _load_variants(db, products)
        last += len(products) - len(known)
        done.added += len(products) - len(known)
        done.updated += len(changed & known.keys())
        done.unchanged += len(known.keys() - changed)
    if done.added or done.updated:
        publish(db)
    return done


def _batches(products: list[ForeignProduct]) -> Iterator[list[ForeignProduct]]:
    """Products in groups that are large enough to be quick, and that one statement can ask for by their SKUs."""
    batch: list[ForeignProduct] = []
    variants = 0
    for product in products:
        if variants + len(product.variants) > _VARIANTS_AT_ONCE:
            yield batch
            batch, variants = [], 0
        batch.append(product)
        variants += len(product.variants)
    yield batch


def _load_products(db: Session, products: list[ForeignProduct], known: Mapping[str, Columns], last: int) -> set[str]:
    """Write what is new, after the last product, and what is another one now. Returns the slugs of both."""
    if ours := [slug for slug, stored in known.items() if stored["drawn"]]:
        raise CannotImport([f"product {slug!r}: slug: is one of the shop's own products" for slug in ours])
    places = count(last + 1)
    rows = [
        {
            "slug": product.slug,
            "position": known[product.slug]["position"] if product.slug in known else next(places),
            "name": product.name,
            "category": product.category,
            "tagline": product.tagline,
            "description": product.description,
            "drawn": False,
            **listing.entry(product, product.variants),
        }
        for product in products
    ]
    return {str(row["slug"]) for row in _write(db, Product, "slug", rows, known)}


def _load_variants(db: Session, products: list[ForeignProduct]) -> set[str]:
    """Write their variants; one that is no longer listed stays, for carts that hold it, and is sold out.

    Returns the slugs of the products that have another variant now.
    """
    listed = {
        variant.sku: {
            "sku": variant.sku,
            "product_slug": product.slug,
            "position": position,
            "colour": variant.colour,
            "size": variant.size,
            "price": variant.price,
            "stock": variant.stock,
        }
        for product in products
        for position, variant in enumerate(product.variants, start=1)
    }
    known = _stored(db, Variant, Variant.sku, listed)
    if taken := [sku for sku, stored in known.items() if stored["product_slug"] != listed[sku]["product_slug"]]:
        raise CannotImport(
            [f"variant {sku!r}: sku: belongs to product {known[sku]['product_slug']!r} already" for sku in taken]
        )
    before = _stored(db, Variant, Variant.product_slug, [product.slug for product in products])
    gone = [stored | {"stock": 0} for sku, stored in before.items() if sku not in listed]
    changed = _write(db, Variant, "sku", [*listed.values(), *gone], before)
    return {str(row["product_slug"]) for row in changed}


def _stored(db: Session, table: type[Base], column: Attribute, values: Iterable[str]) -> dict[str, Columns]:
    """Rows whose column has one of these values, by their key."""
    key = table.__mapper__.primary_key[0].name
    rows = db.execute(select(*table.__table__.columns).where(column.in_(list(values)))).mappings()
    return {row[key]: dict(row) for row in rows}


def _write(
    db: Session, table: type[Base], key: str, rows: list[Columns], stored: Mapping[str, Columns]
) -> list[Columns]:
    """Insert the rows that are new, and update those that are different. Returns both."""
    new = [row for row in rows if row[key] not in stored]
    different = [row for row in rows if row[key] in stored and row.items() - stored[row[key]].items()]
    if new:
        db.execute(insert(cast(Table, table.__table__)), new)  # the bare table: no objects are made of rows
    if different:
        db.execute(update(table), different)
    return [*new, *different]
