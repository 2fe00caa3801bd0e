"""A search as the address bar says it: every choice of a shopper is there, so it can be kept, sent and gone back to.

Pure. What makes no sense in an address is left out, never an error: addresses are typed, cut and copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from shop.store.catalogue import Filters, Sort

_LONGEST = 100
_HIGHEST_PRICE = 9999
"""In whole euros."""
_LAST_PAGE = 999
SORTS: dict[Sort, str] = {
    "best": "Best match",
    "newest": "Newest",
    "price_up": "Price, low first",
    "price_down": "Price, high first",
    "name": "Name",
}
"""The orders that an address can ask for, in words."""


@dataclass(frozen=True, kw_only=True)
class Addressed:
    """What an address asks for. Prices are whole euros; an empty word means: any."""

    q: str = ""
    category: str = ""
    colour: str = ""
    size: str = ""
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool = False
    sort: Sort = "best"
    page: int = 1

    @classmethod
    def read(cls, args: Mapping[str, str], category: str = "") -> Addressed:
        """An address's query, and the category of its path if it has one."""
        words = {name: args.get(name, "").strip()[:_LONGEST] for name in ("q", "category", "colour", "size")}
        return cls(
            q=words["q"],
            category=category or words["category"],
            colour=words["colour"],
            size=words["size"],
            min_price=_whole(args.get("min_price", ""), _HIGHEST_PRICE),
            max_price=_whole(args.get("max_price", ""), _HIGHEST_PRICE),
            in_stock=args.get("in_stock") == "1",
            sort=next((sort for sort in SORTS if sort == args.get("sort")), "best"),
            page=_whole(args.get("page", ""), _LAST_PAGE) or 1,
        )

    def filters(self, *, limit: int = 1, offset: int = 0) -> Filters:
        """The same, as the catalogue takes it: prices in cents."""
        return Filters(
            query=self.q,
            category=self.category or None,
            colour=self.colour or None,
            size=self.size or None,
            min_price=None if self.min_price is None else self.min_price * 100,
            max_price=None if self.max_price is None else self.max_price * 100,
            in_stock=self.in_stock,
            sort=self.sort,
            limit=limit,
            offset=offset,
        )

    @property
    def base(self) -> str:
        """The path without its query: a category that is not searched in is a collection."""
        return f"/collections/{quote(self.category, safe='')}" if self.category and not self.q else "/search"

    @property
    def path(self) -> str:
        """The whole address."""
        query = self.kept()
        return f"{self.base}?{urlencode(query)}" if query else self.base

    def kept(self, *but: str) -> list[tuple[str, str]]:
        """The query of this address without some of its words: what a form must carry along."""
        words = {
            "q": self.q,
            "category": self.category if self.base == "/search" else "",
            "colour": self.colour,
            "size": self.size,
            "min_price": "" if self.min_price is None else str(self.min_price),
            "max_price": "" if self.max_price is None else str(self.max_price),
            "in_stock": "1" if self.in_stock else "",
            "sort": "" if self.sort == "best" else self.sort,
            "page": "" if self.page == 1 else str(self.page),
        }
        return [(name, value) for name, value in words.items() if value and name not in but]

    def but(self, **changed: object) -> Addressed:
        """The same search with something changed; it begins again at its first page."""
        return replace(self, **{"page": 1, **changed})  # type: ignore[arg-type] # names and types are the fields' own

    def bare(self) -> Addressed:
        """The same words in the same collection, narrowed by nothing."""
        return Addressed(q=self.q, category=self.category, sort=self.sort)

    def choice(self) -> dict[str, str]:
        """Colour and size as a product's page takes them."""
        return {name: value for name, value in (("colour", self.colour), ("size", self.size)) if value}


def _whole(text: str, highest: int) -> int | None:
    text = text.strip()[:10]
    return int(text) if text.isdecimal() and text.isascii() and int(text) <= highest else None
