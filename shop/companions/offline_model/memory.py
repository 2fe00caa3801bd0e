"""What a conversation says about itself: who said what, which calls ran, what they showed.

The model has no other memory than the input items of the request. `read_conversation` groups them into exchanges (a
person's message and all that followed it); `Memory` then learns from the calls, one after the other, what "the second
one", "it" and "my last order" mean. Tool results are data here: nothing in them is read as a wish (but see
`gullible.py`).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shop.companions.offline_model import lexicon

Json = dict[str, Any]
SUCCEEDED: Final = "succeeded"


@dataclass(frozen=True)
class Call:
    """A tool call, proposed or made."""

    name: str
    arguments: Json = field(default_factory=dict)

    def is_like(self, other: "Call") -> bool:
        """Whether `other` is the same call, when arguments that only one of the two names do not count."""
        shared = self.arguments.keys() & other.arguments.keys()
        return self.name == other.name and all(self.arguments[key] == other.arguments[key] for key in shared)


@dataclass(frozen=True)
class Outcome:
    """What a call came to: `succeeded`, `denied`, `awaiting_approval` or `failed`, in the gateway's words."""

    kind: str
    result: Json = field(default_factory=dict)
    code: str = ""
    message: str = ""

    @property
    def succeeded(self) -> bool:
        return self.kind == SUCCEEDED

    @property
    def is_open(self) -> bool:
        """It waits for the person, whose decision may still turn the same call into an effect."""
        return self.kind == "awaiting_approval" or self.code == "consent_needed"


@dataclass(frozen=True)
class Step:
    """A call that was made, with its outcome. `told` says that the assistant has already spoken about it."""

    call: Call
    outcome: Outcome
    told: bool


@dataclass
class Exchange:
    """A person's message and what followed it, up to the next one."""

    asked: str
    steps: list[Step] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def ended_with_question(self) -> bool:
        """Whether the assistant asked something back. Its offers never end in a question mark, so that is enough."""
        return bool(self.said) and self.said[-1].rstrip().endswith("?")


def read_conversation(items: Iterable[Mapping[str, Any]]) -> list[Exchange]:
    """The exchanges of a request's input items, oldest first.

    A continuation, which is calls without a new message of the person, belongs to the last exchange.
    """
    exchanges: list[Exchange] = []
    calls: dict[str, Call] = {}
    for item in items:
        kind, role = item.get("type", "message"), item.get("role")
        if kind == "message" and role == "user":
            exchanges.append(Exchange(text_of(item.get("content"))))
        elif not exchanges:
            continue
        elif kind == "message" and role == "assistant":
            current = exchanges[-1]
            current.said.append(text_of(item.get("content")))
            current.steps = [Step(step.call, step.outcome, told=True) for step in current.steps]
        elif kind == "function_call":
            calls[str(item.get("call_id"))] = Call(str(item.get("name")), _json_object(item.get("arguments")))
        elif kind == "function_call_output" and (call := calls.get(str(item.get("call_id")))):
            _add_step(exchanges[-1].steps, call, _outcome(item.get("output")))
    return exchanges


def text_of(content: object) -> str:
    """The plain text of a message's content, which is a string or a list of typed parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def _add_step(steps: list[Step], call: Call, outcome: Outcome) -> None:
    """After the person's decision the same call comes again, executed: it takes the place of the one that waited."""
    for place, step in enumerate(steps):
        if step.outcome.is_open and step.call.is_like(call):
            steps[place] = Step(call, outcome, told=False)
            return
    steps.append(Step(call, outcome, told=False))


def _json_object(text: object) -> Json:
    try:
        value = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _outcome(output: object) -> Outcome:
    found = _json_object(text_of(output))
    result = found.get("result")
    return Outcome(
        kind=str(found.get("outcome", "failed")),
        result=result if isinstance(result, dict) else {},
        code=str(found.get("code", "" if found else "unavailable")),
        message=str(found.get("message", "")),
    )


@dataclass
class Memory:
    """What was shown so far. `focus` is what "it" means: a slug, a SKU, or an order number."""

    products: dict[str, Json] = field(default_factory=dict)
    complete: set[str] = field(default_factory=set)
    shown: list[str] = field(default_factory=list)
    filters: Json = field(default_factory=dict)
    focus: str | None = None
    last_sku: str | None = None
    cart: Json | None = None
    orders: list[Json] = field(default_factory=list)
    order_number: str | None = None
    ordered_last: bool = False

    def learn(self, call: Call, outcome: Outcome) -> None:
        """Remember what a successful call showed. What was refused showed nothing."""
        if not outcome.succeeded:
            return
        result = outcome.result
        if call.name == "search_products":
            self._learn_products(call, result)
        elif call.name == "get_product":
            self._learn_product(result)
        elif call.name in {"view_cart", "add_to_cart", "update_cart"}:
            self._learn_cart(call, result)
        elif call.name == "list_orders":
            self.orders = list(result.get("orders", []))
        elif call.name in {"get_order", "place_order", "cancel_order"}:
            self._learn_order(call, result)

    def _learn_products(self, call: Call, result: Json) -> None:
        found = [product for product in result.get("products", []) if product.get("product")]
        self.products.update({product["product"]: product for product in found})
        self.complete.difference_update(product["product"] for product in found)
        self.shown = [product["product"] for product in found]
        self.filters = {key: call.arguments.get(key) for key in ("colour", "size") if call.arguments.get(key)}
        self.focus = self.shown[0] if len(self.shown) == 1 else None

    def _learn_product(self, product: Json) -> None:
        if slug := product.get("product"):
            self.products[slug] = product
            self.complete.add(slug)
            self.focus = slug

    def _learn_cart(self, call: Call, cart: Json) -> None:
        self.cart = cart
        if call.name != "view_cart":
            self.focus = self.last_sku = str((cart.get("added") or {}).get("sku") or call.arguments.get("sku"))
            self.ordered_last = False

    def _learn_order(self, call: Call, order: Json) -> None:
        self.order_number = self.focus = order.get("number")
        if call.name == "place_order":
            self.cart, self.ordered_last = None, True
            lines = order.get("lines") or [{}]
            skus = [line.get("sku") for line in lines]
            self.last_sku = self.last_sku if self.last_sku in skus else skus[-1]

    def product_of(self, reference: str | None) -> Json | None:
        """The product that a slug, or a SKU of one of its variants, belongs to."""
        if reference is None:
            return None
        if reference in self.products:
            return self.products[reference]
        for product in self.products.values():
            if any(variant.get("sku") == reference for variant in product.get("variants", [])):
                return product
        return None

    def lines(self) -> list[Json]:
        return list(self.cart.get("lines", [])) if self.cart else []

    def line_of(self, sku: str | None) -> Json | None:
        return next((line for line in self.lines() if line.get("sku") == sku), None)


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


def variants_like(variants: Iterable[Json], colour: str | None, size: str | None) -> list[Json]:
    """The variants (or cart lines) in this colour and size, as far as they are given."""
    return [
        variant
        for variant in variants
        if (colour is None or str(variant.get("colour")).casefold() == colour.casefold())
        and (size is None or str(variant.get("size")).casefold() == size.casefold())
    ]


def _stem(word: str) -> str:
    word = lexicon.CATEGORIES.get(word, word)
    return word.removesuffix("s")
