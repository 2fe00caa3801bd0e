"""A small shop that answers tool calls as the gateway does, on the real catalogue, in memory.

Its goods, addresses and orders are those of `seed_data`, so that they never drift from what the shop sells.
"""

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from rapidfuzz import process

Json = dict[str, Any]

SEED_DATA = Path(__file__).parents[3] / "seed_data"
TOOLS: dict[str, list[str]] = {
    "search_products": [
        *("query", "category", "colour", "size", "max_price", "min_price", "without"),
        *("in_stock", "sort", "limit", "offset"),
    ],
    "get_product": ["product"],
    "compare_products": ["products"],
    "view_cart": [],
    "check_approval": ["approval"],
    "list_orders": ["limit"],
    "get_order": ["number"],
    "list_addresses": [],
    "what_may_i_do": [],
    "add_to_cart": ["sku", "product", "colour", "size", "quantity"],
    "update_cart": ["sku", "quantity"],
    "undo_cart_change": ["change"],
    "reorder": ["number"],
    "place_order": ["address"],
    "cancel_order": ["number"],
}
CART_CHANGES = frozenset({"add_to_cart", "update_cart", "undo_cart_change", "reorder"})
TRANSACT = CART_CHANGES | {"place_order", "cancel_order"}
NOT_FOUND = {"outcome": "failed", "code": "not_found", "message": "There is no such thing."}
SOFIA = "acme-10417"


def money(minor: int) -> Json:
    return {"minor": minor, "text": f"€{minor / 100:.2f}"}


def tool_schemas(*names: str) -> list[Json]:
    """Function tools as a Responses request holds them; all of them if none is named."""
    return [
        {
            "type": "function",
            "name": name,
            "strict": False,
            "parameters": {"type": "object", "properties": {argument: {} for argument in TOOLS[name]}},
        }
        for name in names or TOOLS
    ]


@cache
def catalogue() -> list[Json]:
    """The products of the seed data, each with all of its variants, as `get_product` gives them."""
    return [_product(seed) for seed in tomllib.loads((SEED_DATA / "products.toml").read_text("utf-8"))["product"]]


def _product(seed: Json) -> Json:
    variants = list(_variants(seed))
    text = {key: seed[key] for key in ("name", "category", "tagline", "description")}
    price = money(min(variant["price"]["minor"] for variant in variants))
    return {"product": seed["slug"], **text, "price": price, "variants": variants, **_choices(variants)}


def _variants(seed: Json) -> Iterator[Json]:
    own = {(one["colour"], one["size"]): one for one in seed.get("variants", [])}
    for colour in seed["colours"]:
        for size in seed["sizes"] or ["one size"]:
            stock = own.get((colour, size), {}).get("stock", seed["stock"])
            price = own.get((colour, size), {}).get("price", seed["price"])
            sku = f"{seed['slug']}-{colour}" + (f"-{size}" if seed["sizes"] else "")
            sku = sku.lower().replace(" ", "-").replace(".", "-")
            yield {
                "sku": sku,
                "colour": colour,
                "size": size,
                "price": money(price),
                "in_stock": stock > 0,
                "stock": stock,
            }


def _choices(variants: list[Json]) -> Json:
    return {f"{key}s": list(dict.fromkeys(variant[key] for variant in variants)) for key in ("colour", "size")}


class FakeShop:
    """Answers like the gateway. `may_buy` is the person's consent; orders wait until the call comes `confirmed`."""

    def __init__(self, *, may_buy: bool = True, limit: int = 20000) -> None:
        self.may_buy = may_buy
        self.limit = limit
        self.cart: dict[str, int] = {}
        self.before: dict[str, int] | None = None
        """The cart before its last change, while that can be undone."""
        self.placed = 0
        self.orders: list[Json] = [
            self._order(seed["number"], seed["status"], {one["sku"]: one["quantity"] for one in seed["lines"]})
            for seed in _seeded("orders", "order")
            if seed["sub"] == SOFIA
        ]

    def call(self, name: str, arguments: Json, *, confirmed: bool = False) -> Json:
        if name in TRANSACT and not self.may_buy:
            return {"outcome": "denied", "code": "consent_needed", "workflow": "transact", "message": "Not yet."}
        if name in {"place_order", "cancel_order"} and not confirmed:
            refusal = self._refused_at_once(name, arguments)
            return refusal or {"outcome": "awaiting_approval", "message": "The person confirms on the page."}
        held = dict(self.cart)
        answer: Json = getattr(self, f"_{name}")(**arguments)
        if name in CART_CHANGES:
            self.before = held if name != "undo_cart_change" else None
        return answer if "outcome" in answer else {"outcome": "succeeded", "result": answer}

    def _refused_at_once(self, name: str, arguments: Json) -> Json | None:
        if name == "cancel_order":
            order = self._find(arguments["number"])
            if order is None:
                return NOT_FOUND
            return None if order["can_cancel"] else {"outcome": "failed", "code": "not_cancellable", "message": ""}
        if not self.cart:
            return {"outcome": "failed", "code": "cart_empty", "message": ""}
        over = self._view_cart()["total"]["minor"] > self.limit
        return {"outcome": "denied", "code": "over_limit", "message": "Too much."} if over else None

    def _check_approval(self, approval: str = "") -> Json:
        return NOT_FOUND

    # --- browse ---

    def _search_products(
        self, query: str = "", sort: str = "best", limit: int = 6, offset: int = 0, **wanted: Any
    ) -> Json:
        found: list[Json] = []
        words = [_singular(word) for word in query.lower().split() if word not in {"in", "the", "of", "a"}]
        if corrected := _corrected(words):
            words = corrected
        for product in catalogue():
            fitting = [variant for variant in product["variants"] if _fits(variant, wanted)]
            written = " ".join(
                product[key] for key in ("name", "product", "category", "tagline", "description")
            ).lower()
            unwanted = {product["category"], *product["name"].lower().split()} & set(wanted.get("without", ()))
            if (
                fitting
                and not unwanted
                and all(word in written for word in words)
                and wanted.get("category") in {None, product["category"]}
            ):
                price = money(min(variant["price"]["minor"] for variant in fitting))
                found.append({**product, "description": None, "price": price, "variants": fitting, **_choices(fitting)})
        found.sort(
            key=lambda product: -sum(word in f"{product['name']} {product['category']}".lower() for word in words)
        )
        if sort in {"price_up", "price_down"}:
            found.sort(key=lambda product: product["price"]["minor"], reverse=sort == "price_down")
        correction = {"corrected_query": " ".join(words)} if corrected else {}
        page = found[offset : offset + limit]
        return {"count": len(found), "count_is_exact": True, "products": page, "offset": offset} | correction

    def _get_product(self, product: str) -> Json:
        named = product.lower().removeprefix("the ")
        for found in catalogue():
            if named in {
                found["name"].lower().removeprefix("the "),
                found["product"],
                found["product"].replace("-", " "),
            }:
                return found
        slug = named.replace(" ", "-")
        return next((found for found in catalogue() if found["product"] == slug), NOT_FOUND)

    def _compare_products(self, products: list[str]) -> Json:
        found = [self._get_product(product) for product in products]
        return NOT_FOUND if NOT_FOUND in found else {"products": found, "rows": []}

    # --- read ---

    def _view_cart(self) -> Json:
        lines = [_line(sku, quantity) for sku, quantity in self.cart.items()]
        total = sum(line["line_total"]["minor"] for line in lines)
        amounts = {"items": sum(self.cart.values()), "delivery": money(0), "total": money(total)}
        return {"lines": lines, **amounts, "address": _addresses()[0], "addresses": _addresses(), "skipped": []}

    def _list_addresses(self) -> Json:
        whose = [{"whose": "organization", "usual": place == 0} for place, _ in enumerate(_addresses())]
        return {"addresses": [address | more for address, more in zip(_addresses(), whose, strict=True)]}

    def _list_orders(self) -> Json:
        return {"count": len(self.orders), "orders": self.orders}

    def _get_order(self, number: str) -> Json:
        return self._find(number) or NOT_FOUND

    def _what_may_i_do(self) -> Json:
        browse = {"workflow": "browse", "allowed": True, "means": "look through the shop", "tools": []}
        transact = {"workflow": "transact", "allowed": self.may_buy, "means": "fill your cart and order", "tools": []}
        refusals = [{"tool": "place_order", "code": "over_limit", "message": "That is over the order limit."}]
        person = {"person": "Sofia Hart", "roles": ["buyer"], "order_limit": money(self.limit)}
        seen_by = ["you", "the auditors of Acme"]
        return {**person, "workflows": [browse, transact], "paused": False, "refusals": refusals, "seen_by": seen_by}

    # --- transact ---

    def _add_to_cart(self, sku: str, quantity: int = 1) -> Json:
        line = _line(sku, quantity)
        if line["stock"] < quantity:
            return {"outcome": "failed", "code": "out_of_stock", "message": "Not enough are left."}
        self.cart[sku] = self.cart.get(sku, 0) + quantity
        return self._view_cart() | {"added": line}

    def _update_cart(self, sku: str, quantity: int) -> Json:
        self.cart[sku] = quantity
        if not quantity:
            del self.cart[sku]
        return self._view_cart()

    def _undo_cart_change(self, change: str | None = None) -> Json:
        if self.before is None:
            return {"outcome": "failed", "code": "nothing_to_undo", "message": "Nothing to undo."}
        self.cart = self.before
        return self._view_cart()

    def _reorder(self, number: str) -> Json:
        order = self._find(number)
        if order is None:
            return NOT_FOUND
        for line in order["lines"]:
            self.cart[line["sku"]] = self.cart.get(line["sku"], 0) + line["quantity"]
        return self._view_cart()

    def _place_order(self, address: str = "Office") -> Json:
        self.placed += 1
        order = self._order(f"CC-7K3MQ{self.placed + 1}", "pending", self.cart, address)
        self.orders.insert(0, order)
        self.cart, self.before = {}, None
        return order

    def _cancel_order(self, number: str) -> Json:
        order = self._find(number)
        assert order is not None
        order |= {"status": "cancelled", "can_cancel": False}
        return order

    def _find(self, number: str) -> Json | None:
        return next((order for order in self.orders if order["number"] == number), None)

    def _order(self, number: str, status: str, items: dict[str, int], address: str = "Office") -> Json:
        lines = [_line(sku, quantity) for sku, quantity in items.items()]
        total = money(sum(line["line_total"]["minor"] for line in lines))
        pending = status == "pending"
        timeline = [
            {"step": "placed", "label": "Placed", "at": "2026-01-01T09:00:00+00:00", "done": True},
            {"step": "shipped", "label": "Shipped", "at": None, "done": not pending},
        ]
        order = {"number": number, "status": status, "lines": lines, "total": total, "timeline": timeline}
        return {**order, "address": {"name": address, "text": ""}, "can_cancel": pending, "cancel_until": None}


def _fits(variant: Json, wanted: Json) -> bool:
    price = variant["price"]["minor"]
    return (
        variant["in_stock"]
        and all(wanted.get(key, variant[key]) == variant[key] for key in ("colour", "size"))
        and variant["colour"] not in wanted.get("without", ())
        and wanted.get("min_price", price) <= price <= wanted.get("max_price", price)
    )


def _line(sku: str, quantity: int) -> Json:
    product, variant = next(
        (product, variant) for product in catalogue() for variant in product["variants"] if variant["sku"] == sku
    )
    line = {
        "product": product["product"],
        "name": product["name"],
        "quantity": quantity,
        "unit_price": variant["price"],
    }
    return {**variant, **line, "line_total": money(variant["price"]["minor"] * quantity)}


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _corrected(words: list[str]) -> list[str]:
    """The words as the shop's search reads them, if one is in no product but is close to one that is."""
    known = _vocabulary()
    unknown = [word for word in words if not any(word in other for other in known)]
    closest = {word: process.extractOne(word, known, score_cutoff=80) for word in unknown}
    return [str((closest.get(word) or [word])[0]) for word in words] if any(closest.values()) else []


@cache
def _vocabulary() -> frozenset[str]:
    return frozenset(
        f"{product['name']} {product['category']}".lower().replace("-", " ") for product in catalogue()
    ) | {word for product in catalogue() for word in product["name"].lower().split()}


@cache
def _addresses() -> list[Json]:
    acme = next(one for one in _seeded("organizations", "organization") if one["slug"] == "acme")
    return [{"name": address["name"], "text": address["text"]} for address in acme["addresses"]]


@cache
def _seeded(file: str, table: str) -> list[Json]:
    rows: list[Json] = tomllib.loads((SEED_DATA / f"{file}.toml").read_text("utf-8"))[table]
    return rows
