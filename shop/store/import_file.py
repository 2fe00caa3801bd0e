"""Foreign goods: a catalogue from somewhere else, as one JSON file.

The models below are its schema; `seed_data/catalogue.schema.json` is generated from them. A file is read and checked as a
whole before anything is written; `import_goods.py` then brings it into the shop.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

IN_STOCK = 100
"""How many there are of a variant that is only said to be in stock."""
MOST_BYTES = 64 * 1024 * 1024
MOST_PRODUCTS = 20_000
MOST_VARIANTS = 100
_MOST_PROBLEMS = 20
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters but the tab and the line's end."""
_NO_COLOUR, _NO_SIZE = "one colour", "one size"

T = TypeVar("T", bound=Hashable)
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
