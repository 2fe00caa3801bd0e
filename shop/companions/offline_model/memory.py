"""What was shown so far, and therefore what "the second one", "it" and "my last order" mean.

`Memory` learns from the calls of a conversation, one after the other. What was refused showed nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from shop.companions.offline_model.clauses import Clause
from shop.companions.offline_model.conversation import Call, Json, Outcome, Page
from shop.companions.offline_model.lexicon import CATEGORIES

CART_TOOLS: Final = frozenset({"view_cart", "add_to_cart", "update_cart", "reorder", "undo_cart_change"})
ORDER_TOOLS: Final = frozenset({"get_order", "place_order", "cancel_order"})
CART_CHANGES: Final = CART_TOOLS - {"view_cart"}
EFFECTS: Final = CART_CHANGES | {"place_order", "cancel_order"}
"""The tools that change something."""


@dataclass
class Memory:
    """What was shown so far. `focus` is what "it" means: a slug, a SKU, or an order number."""

    tools: Mapping[str, Json] = field(default_factory=dict)
    """The tools that this request offers: the JSON schemas of their parameters, by name."""
    page: Page | None = None
    products: dict[str, Json] = field(default_factory=dict)
    complete: set[str] = field(default_factory=set)
    """The products that were shown with all of their variants."""
    fresh: set[str] = field(default_factory=set)
    """The products that were looked up since the person spoke."""
    shown: list[str] = field(default_factory=list)
    search: Call | None = None
    """The last search, and in `found` how many it found in all."""
    found: int = 0
    focus: str | None = None
    last_sku: str | None = None
    cart: Json | None = None
    saved_addresses: list[Json] | None = None
    orders: list[Json] = field(default_factory=list)
    order_number: str | None = None
    ordered_last: bool = False
    held_before: dict[str, int] | None = None
    """How many of each SKU the cart held before the last message that changed it."""
    display: str = ""
    """What was shown last: `products`, `cart`, `orders`, one `order`, or `addresses`."""
    pending: list[Clause] = field(default_factory=list)
    """Wishes that wait for the answer to a question."""
    last_search: Clause | None = None
    _adds_to_shown: bool = False
    _changes_the_cart: bool = False

    def begin(self, page: Page | None) -> None:
        """A new message, said on this page: coming to another page is looking at what it shows."""
        self._adds_to_shown = self._changes_the_cart = False
        self.fresh = set()
        if page is not None and page != self.page:
            if page.kind == "product":
                self.focus = page.name
            elif page.kind == "order":
                self.focus = self.order_number = page.name
            elif page.kind == "category":
                self.last_search = None
        self.page = page

    def learn(self, call: Call, outcome: Outcome) -> None:
        """Remember what a successful call showed."""
        if not outcome.succeeded:
            return
        result = outcome.result
        if call.name == "search_products":
            self._learn_products(call, result)
        elif call.name == "get_product":
            self._learn_product(result)
        elif call.name == "compare_products":
            self._learn_comparison(result)
        elif call.name in CART_TOOLS:
            self._learn_cart(call, result)
            if outcome.undone:
                self.cart, self.last_sku = None, None
        elif call.name == "list_addresses":
            self.saved_addresses, self.display = objects(result.get("addresses")), "addresses"
        elif call.name == "list_orders":
            self.orders, self.display = objects(result.get("orders")), "orders"
        elif call.name in ORDER_TOOLS:
            self._learn_order(call, result)

    def _learn_products(self, call: Call, result: Json) -> None:
        found = [product for product in objects(result.get("products")) if product.get("product")]
        slugs = [str(product["product"]) for product in found]
        self.products.update(zip(slugs, found, strict=True))
        self.complete.difference_update(slugs)
        # Two searches for one wish ("mugs or bottles") show one row of cards.
        before = self.shown if self._adds_to_shown else []
        self.shown = list(dict.fromkeys([*before, *slugs]))
        self._adds_to_shown = True
        self.display = "products"
        self.search, self.found = call, count_of(result, "count")
        self.focus = self.shown[0] if len(self.shown) == 1 else None

    def _learn_product(self, product: Json) -> None:
        if slug := product.get("product"):
            self.products[str(slug)] = product
            self.complete.add(str(slug))
            self.fresh.add(str(slug))
            self.focus = str(slug)

    def _learn_comparison(self, result: Json) -> None:
        self.shown, self.display = [], "products"
        for product in objects(result.get("products")):
            self._learn_product(product)
            self.shown.append(str(product.get("product")))
        self.focus = None

    def _learn_cart(self, call: Call, cart: Json) -> None:
        held = self._held() if self.cart is not None else None
        self.cart, self.display = cart, "cart"
        now = [str(line.get("sku")) for line in self.lines()]
        if call.name in CART_CHANGES:
            self.ordered_last = False
            if not self._changes_the_cart:
                self._changes_the_cart, self.held_before = True, self._held_before(call) if held is None else held
            added = cart.get("added")
            came = next((sku for sku in reversed(now) if sku not in (held or {})), now[-1] if now else None)
            said = (added.get("sku") if isinstance(added, dict) else None) or call.arguments.get("sku") or came
            self.focus = self.last_sku = str(said) if said else None
        elif len(now) == 1:
            self.last_sku = now[0]

    def _held(self) -> dict[str, int]:
        return {str(line.get("sku")): count_of(line, "quantity") for line in self.lines()}

    def _held_before(self, call: Call) -> dict[str, int] | None:
        """What a cart that was not seen before must have held, if its first change tells."""
        if call.name != "add_to_cart":
            return None
        sku, quantity = str(call.arguments.get("sku")), count_of(call.arguments, "quantity", 1)
        return {one: count - quantity * (one == sku) for one, count in self._held().items()}

    def _learn_order(self, call: Call, order: Json) -> None:
        self.display = "order"
        number = order.get("number")
        self.order_number = self.focus = str(number) if number else None
        if call.name == "place_order":
            self.cart, self.ordered_last = None, True
            skus = [str(line.get("sku")) for line in objects(order.get("lines"))]
            self.last_sku = self.last_sku if self.last_sku in skus or not skus else skus[-1]

    # --- what is there to be spoken of ---

    def offers(self, tool: str, argument: str) -> bool:
        """Whether a tool of this request takes this argument."""
        return argument in self.tools.get(tool, {}).get("properties", {})

    def product_of(self, reference: str | None) -> Json | None:
        """The product that a slug, or a SKU of one of its variants, belongs to."""
        if reference is None:
            return None
        if reference in self.products:
            return self.products[reference]
        for product in self.products.values():
            if any(variant.get("sku") == reference for variant in objects(product.get("variants"))):
                return product
        line = self.line_of(reference)
        return self.products.get(str(line.get("product"))) if line else None

    def most(self, tool: str, argument: str) -> int | None:
        """The highest number that a tool takes for this argument, if its schema tells."""
        schema = self.tools.get(tool, {}).get("properties", {}).get(argument, {})
        return schema["maximum"] if isinstance(schema.get("maximum"), int) else None

    def shown_products(self) -> list[Json]:
        return [self.products[slug] for slug in self.shown if slug in self.products]

    def lines(self) -> list[Json]:
        return objects(self.cart.get("lines")) if self.cart else []

    def line_of(self, sku: str | None) -> Json | None:
        return next((line for line in self.lines() if line.get("sku") == sku), None)

    def asked_for(self, key: str) -> str | None:
        """What the last search asked for, for instance its colour."""
        value = self.search.arguments.get(key) if self.search else None
        return str(value) if value else None

    def names(self) -> frozenset[str]:
        """The words of all names that were shown: they are spelt right, and name something."""
        named = [*self.products.values(), *self.lines()]
        return _words_of(tuple(f"{thing.get('name')} {thing.get('product')}" for thing in named))


@lru_cache(maxsize=1024)
def _words_of(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W\d_]{3,}", " ".join(names).casefold())) - {"and", "for", "the"}


def objects(value: object) -> list[Json]:
    """The JSON objects of a list; nothing where a result is not what it should be."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def count_of(thing: Json, key: str, default: int = 0) -> int:
    """A whole number of a result."""
    value = thing.get(key)
    return value if isinstance(value, int) else default


def amount_of(thing: Json) -> int:
    """What a product or a line's single piece costs, in minor units."""
    for key in ("unit_price", "price"):
        if isinstance(amount := thing.get(key), dict):
            return count_of(amount, "minor")
    return 0


def matching(wanted: Iterable[str], things: Iterable[Json]) -> Iterator[Json]:
    """The products or cart lines in whose name, slug or category every wanted word stands, in singular or plural."""
    stems = {_stem(word) for word in wanted}
    for thing in things:
        written = " ".join(str(thing.get(key, "")) for key in ("name", "product", "category", "sku"))
        if stems <= {_stem(word) for word in re.findall(r"[^\W_]+", written.casefold())}:
            yield thing


def distinct(variants: Iterable[Json], key: str) -> list[str]:
    """The different values of `key`, in the order in which they first come."""
    return list(dict.fromkeys(str(variant.get(key)) for variant in variants))


def variants_like(variants: Iterable[Json], colours: Sequence[str], size: str | None) -> list[Json]:
    """The variants (or cart lines) in the first of these colours that there is, and in this size, as far as given."""
    sized = [one for one in variants if size is None or str(one.get("size")).casefold() == size.casefold()]
    for colour in colours:
        if found := [one for one in sized if str(one.get("colour")).casefold() == colour.casefold()]:
            return found
    return [] if colours else sized


def in_stock(product: Json) -> list[Json]:
    """The variants of a product that can be bought now."""
    return [variant for variant in objects(product.get("variants")) if variant.get("in_stock")]


def _stem(word: str) -> str:
    word = CATEGORIES.get(word, word)
    return word.removesuffix("s")
