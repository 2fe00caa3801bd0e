"""Recipes for looking around: search, details, and finding the one product or variant that a clause means.

A recipe is a generator. It yields the calls that it wants, gets their outcomes sent, and returns what is to be said;
`plan.py` says how that works without any state between two requests.
"""

from collections.abc import Generator
from typing import Final

from shop.companions.offline_model import say
from shop.companions.offline_model.memory import Call, Json, Memory, Outcome, matching, variants_like
from shop.companions.offline_model.say import Said
from shop.companions.offline_model.understand import Clause

Plan = Generator[Call, Outcome, Said]
Finding = Generator[Call, Outcome, Json | Said]
"""A search for one thing that ends with the thing, or with the question or regret that has to be said instead."""

_WISHES: Final = ("colour", "size", "max_price")


def search(clause: Clause, memory: Memory) -> Plan:
    """What fits; and if nothing does, what there is without the wishes for colour, size and price."""
    call = _search_call(clause)
    outcome = yield call
    if not outcome.succeeded:
        return say.result_of(call, outcome)
    if outcome.result.get("count") or not (clause.category or clause.names) or not _wishes(clause):
        return say.found(outcome.result, clause.colour, clause.size)
    call = Call("search_products", {key: value for key, value in call.arguments.items() if key not in _WISHES})
    wider = yield call
    if not wider.succeeded or not wider.result.get("count"):
        return say.found(outcome.result, clause.colour, clause.size)
    return say.found_wider(wider.result, _wishes(clause))


def details(clause: Clause, memory: Memory) -> Plan:
    """One product, or the answer to what was asked about it."""
    product = yield from find_product(clause, memory, by_name=True)
    if isinstance(product, Said):
        return product
    call = Call("get_product", {"product": product["product"]})
    # A look-up by name may have fetched just this product already.
    outcome = Outcome("succeeded", product) if "description" in product else (yield call)
    if not outcome.succeeded:
        return say.result_of(call, outcome)
    return say.details(outcome.result, clause.colour, clause.size, clause.asks_price)


def find_product(clause: Clause, memory: Memory, *, by_name: bool = False) -> Finding:
    """The one product that is meant: by its place, by its name, or by what was last spoken of.

    `by_name` asks the shop for the very product first, where the name is not known yet; otherwise the shop is searched.
    """
    if clause.ordinal:
        return _at_place(clause.ordinal, memory)
    if known := _already_known(clause, memory):
        return known
    if by_name and clause.names:
        # With its kind it reads like a slug ("context-tee"), without it like a name ("long context").
        spelled = ("-" if clause.category else " ").join(clause.words)
        outcome = yield Call("get_product", {"product": spelled})
        if outcome.succeeded and outcome.result.get("product"):
            return outcome.result
    return (yield from _look_up(clause))


def find_variant(product: Json, clause: Clause, memory: Memory) -> Finding:
    """The one variant that is meant: what the clause says of colour and size, else what the search before asked for."""
    asked = memory.filters if product["product"] in memory.shown else {}
    fitting = _fitting(product, clause, asked)
    if not fitting and product["product"] not in memory.complete:
        # A search shows only what fitted it; what else there is stands on the product itself.
        call = Call("get_product", {"product": product["product"]})
        outcome = yield call
        if not outcome.succeeded:
            return say.result_of(call, outcome)
        product = outcome.result
        fitting = _fitting(product, clause, asked)
    if not fitting:
        return say.not_in_stock(product, clause.colour, clause.size)
    return fitting[0] if len(fitting) == 1 else say.ask_variant(product, fitting)


def _fitting(product: Json, clause: Clause, asked: Json) -> list[Json]:
    variants = [variant for variant in product.get("variants", []) if variant.get("in_stock")]
    fitting = variants_like(variants, clause.colour, clause.size)
    # The earlier search only helps to choose; it never forbids what the clause now asks for.
    narrowed = variants_like(fitting, clause.colour or asked.get("colour"), clause.size or asked.get("size"))
    return narrowed or fitting


def _already_known(clause: Clause, memory: Memory) -> Json | Said | None:
    """What was shown or spoken of and fits the clause, or the question which of several; None if nothing known fits."""
    shown = [memory.products[slug] for slug in memory.shown]
    focus = memory.product_of(memory.focus) or memory.product_of(memory.last_sku)
    if focus and any(matching(clause.words, [focus])):
        return focus
    # A kind alone ("the hoodie") can only mean what stands before our eyes; a name may be from longer ago.
    known = list(matching(clause.words, memory.products.values() if clause.names else shown))
    if not clause.words and not known:
        return say.WHICH
    if len(known) > 1:
        return say.ask_which(str(product["name"]) for product in known)
    # "Is it warm?" is about it, whatever "warm" may be; "that teapot mug" names another thing.
    about_it = focus if clause.refers and not clause.category else None
    return known[0] if known else about_it


def _at_place(ordinal: int, memory: Memory) -> Json | Said:
    count = len(memory.shown)
    if not count:
        return say.WHICH
    if ordinal > count:
        return say.too_far(count)
    return memory.products[memory.shown[ordinal - 1 if ordinal > 0 else -1]]


def _look_up(clause: Clause) -> Finding:
    """Search the shop for what the clause names; if nothing is there, without colour and size, to say what there is."""
    call = _search_call(clause)
    outcome = yield call
    if outcome.succeeded and not outcome.result.get("products") and (clause.colour or clause.size):
        call = Call("search_products", {key: value for key, value in call.arguments.items() if key not in _WISHES})
        outcome = yield call
    if not outcome.succeeded:
        return say.result_of(call, outcome)
    products = list(outcome.result.get("products", []))
    exact = list(matching(clause.names, products)) or products
    if not exact:
        return say.nothing_called(" ".join(clause.words))
    return exact[0] if len(exact) == 1 else say.ask_which(str(product["name"]) for product in exact)


def _search_call(clause: Clause) -> Call:
    wanted = {
        "query": " ".join(clause.names) or None,
        "category": clause.category,
        "colour": clause.colour,
        "size": clause.size,
        "max_price": clause.max_price,
    }
    return Call("search_products", {key: value for key, value in wanted.items() if value is not None})


def _wishes(clause: Clause) -> list[str]:
    price = f"under €{clause.max_price // 100}" if clause.max_price else None
    return [wish for wish in (clause.colour, f"size {clause.size}" if clause.size else None, price) if wish]
