"""Foreign goods: a catalogue from somewhere else, as one JSON file.

The models below are its schema; `seed_data/catalogue.schema.json` is generated from them. A file is read and checked as a
whole before anything is written, and then loaded in one transaction: there is never half a catalogue. Importing again
updates what changed. Nothing is removed: a variant that its product does not list any more is sold out.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from sqlalchemy import Table, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from shop.database import Base
from shop.store import listing
from shop.store.models import Catalogue, Product, Variant
from shop.store.vocabulary import publish

IN_STOCK = 100
"""How many there are of a variant that is only said to be in stock."""
MOST_BYTES = 64 * 1024 * 1024
MOST_PRODUCTS = 20_000
MOST_VARIANTS = 100
_MOST_PROBLEMS = 20
_VARIANTS_AT_ONCE = 10_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters but the tab and the line's end."""
_NO_COLOUR, _NO_SIZE = "one colour", "one size"

T = TypeVar("T", bound=Hashable)
Attribute = InstrumentedAttribute[str]
Columns = dict[str, Any]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Sku = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100, to_lower=True)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=40, strip_whitespace=True)]
Kind = Annotated[
    str, StringConstraints(min_length=1, max_length=40, strip_whitespace=True, to_lower=True, pattern=r"^[^/?#%\\]+$")
]


class CannotImport(Exception):
    """The file cannot be imported, and nothing was; `problems` says for each product and field why."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @field_validator("*", mode="after")
    @classmethod
    def _readable(cls, value: object) -> object:
        for text in (*value, *value.values()) if isinstance(value, dict) else (value,):
            if isinstance(text, str) and _CONTROL.search(text):
                raise ValueError("holds a control character")
        return value


class ForeignVariant(_Strict):
    """One choice of a product."""

    sku: Sku = Field(description="Unique in the whole shop, in any case.")
    options: dict[Word, Word] = Field(
        default_factory=dict,
        max_length=5,
        description="`colour` and `size`; any other option becomes part of the size's text.",
    )
    price: int = Field(ge=0, le=10_000_000, description="In euro cents.")
    availability: Literal["in_stock", "out_of_stock"] | Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        description=f"How many there are; `in_stock` counts as {IN_STOCK}."
    )

    @field_validator("options", mode="after")
    @classmethod
    def _named_once(cls, options: dict[str, str]) -> dict[str, str]:
        named = {"colour" if name.lower() == "color" else name.lower(): value for name, value in options.items()}
        if len(named) < len(options):
            raise ValueError("an option is named twice")
        return named

    @property
    def colour(self) -> str:
        """The colour, in lower case."""
        return self.options.get("colour", _NO_COLOUR).lower()

    @property
    def size(self) -> str:
        """The size, then all that is neither size nor colour."""
        others = [f"{name} {value}" for name, value in self.options.items() if name not in {"colour", "size"}]
        return ", ".join([*filter(None, [self.options.get("size")]), *others]) or _NO_SIZE

    @property
    def stock(self) -> int:
        """How many can be sold."""
        if isinstance(self.availability, int):
            return self.availability
        return IN_STOCK if self.availability == "in_stock" else 0

    @model_validator(mode="after")
    def _fits(self) -> ForeignVariant:
        if len(self.colour) > 40 or len(self.size) > 60:
            raise ValueError("options: a colour has at most 40 characters, and all others together at most 60")
        return self


class ForeignProduct(_Strict):
    """A thing to sell, in one or more variants."""

    slug: Slug = Field(description="Its id, and its place in addresses: lower-case words joined by hyphens.")
    name: str = Field(min_length=1, max_length=80)
    category: Kind = Field(description="Its place in addresses; a plural reads best, for instance `lamps`.")
    tagline: str = Field(default="", max_length=200)
    description: str = Field(default="", max_length=5000)
    variants: list[ForeignVariant] = Field(min_length=1, max_length=MOST_VARIANTS)

    @field_validator("variants", mode="after")
    @classmethod
    def _all_different(cls, variants: list[ForeignVariant]) -> list[ForeignVariant]:
        if double := _first_double((variant.colour, variant.size) for variant in variants):
            raise ValueError(f"two variants are {' and '.join(double)}: options must tell them apart")
        return variants


class ForeignCatalogue(_Strict):
    """A catalogue of foreign goods."""

    currency: Literal["EUR"] = Field(description="The shop sells in euros only.")
    products: list[ForeignProduct] = Field(max_length=MOST_PRODUCTS)

    @model_validator(mode="after")
    def _all_different(self) -> ForeignCatalogue:
        if slug := _first_double(product.slug for product in self.products):
            raise ValueError(f"product {slug!r}: slug: stands twice in the file")
        if sku := _first_double(variant.sku for product in self.products for variant in product.variants):
            raise ValueError(f"variant {sku!r}: sku: stands twice in the file")
        return self


@dataclass
class Imported:
    """What an import did to products."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0


def read_catalogue(path: Path) -> ForeignCatalogue:
    """Read and check a file. Raises `CannotImport`."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise CannotImport([f"{path} is too large: {size // 2**20} MiB, where {MOST_BYTES // 2**20} are the most."])
        content = path.read_bytes()
    except OSError as error:
        raise CannotImport([f"{path} cannot be read: {error.strerror}."]) from error
    try:
        return ForeignCatalogue.model_validate_json(content)
    except ValidationError as error:
        raise CannotImport(_problems(error, content)) from error


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


def _first_double(values: Iterable[T]) -> T | None:
    seen: set[T] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def _problems(error: ValidationError, content: bytes) -> list[str]:
    """What is wrong, with the product and the field; the first twenty."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return [f"This is not JSON: {found[0]['msg'].removeprefix('Invalid JSON: ')}."]
    given = json.loads(content)
    said = list(dict.fromkeys(f"{_place(one['loc'], given)}{_reason(one)}" for one in found))
    more = [f"… and {len(said) - _MOST_PROBLEMS} more."] if len(said) > _MOST_PROBLEMS else []
    return [*said[:_MOST_PROBLEMS], *more]


def _place(path: tuple[int | str, ...], given: Any) -> str:
    """Where a problem is, in words: `product 'desk-lamp', variant 'desk-lamp-red': price: `."""
    things: list[str] = []
    while len(path) > 1 and isinstance(path[1], int):
        given = given[path[0]][path[1]]
        kind, key = ("product", "slug") if path[0] == "products" else ("variant", "sku")
        name = given.get(key) if isinstance(given, dict) else None
        things.append(f"{kind} {name[:100]!r}" if isinstance(name, str) else f"{kind} no. {path[1] + 1}")
        path = path[2:]
    field = str(path[0])[:60] if path else ""
    return "".join(f"{part}: " for part in (", ".join(things), field) if part)


def _reason(problem: ErrorDetails) -> str:
    return problem["msg"].removeprefix("Value error, ")


def schema() -> dict[str, Any]:
    """The JSON schema of a file."""
    return {"title": "A catalogue of foreign goods", **ForeignCatalogue.model_json_schema()}


if __name__ == "__main__":
    json.dump(schema(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
