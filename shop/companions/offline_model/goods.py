"""Recipes for looking around: search, the next page, details, comparison."""

from dataclasses import replace

from shop.companions.offline_model import say_goods as say
from shop.companions.offline_model.clauses import Clause
from shop.companions.offline_model.conversation import Call, Json
from shop.companions.offline_model.finding import WISHES, Findings, Plan, find_products, made, search_call
from shop.companions.offline_model.memory import Memory, matching, objects
from shop.companions.offline_model.picking import picked
from shop.companions.offline_model.say import NO_MEANS

_JOINTS = frozenset({"and", "or", "with", "to"})
MOST_COMPARED = 4
MOST_LEFT_OUT = 4


def search(clause: Clause, memory: Memory) -> Plan:
    """What fits, of each kind that is named; and if nothing does, what there is without some of what was asked."""
    if clause.without and not memory.offers("search_products", "without"):
        return say.NOTHING_LEFT_OUT
    if len(clause.without) > MOST_LEFT_OUT:
        return say.TOO_MUCH_LEFT_OUT
    found: list[Json] = []
    for category in clause.categories or (None,):
        call = search_call(clause, category)
        outcome = yield from made(call)
        found.append(outcome.result)
    if any(result.get("count") for result in found):
        return say.found(found, clause)
    for without in _wider(clause):
        call = Call("search_products", {key: value for key, value in call.arguments.items() if key not in without})
        wider = yield call
        if wider.succeeded and wider.result.get("count"):
            return say.found_wider(wider.result, clause, without)
    return say.found(found, clause)


def next_page(clause: Clause, memory: Memory) -> Plan:
    """More of what was searched for last."""
    if memory.search is None:
        return (yield from search(Clause(clause.intent), memory))
    shown = int(memory.search.arguments.get("offset") or 0) + len(memory.shown)
    if shown >= memory.found:
        return say.no_more(memory.found)
    if not memory.offers("search_products", "offset"):
        return NO_MEANS
    outcome = yield from made(Call("search_products", memory.search.arguments | {"offset": shown}))
    return say.found([outcome.result], clause)


def details(clause: Clause, memory: Memory) -> Plan:
    """One product, or the answer to what was asked about it; several are set side by side."""
    found = yield from find_products(clause, memory, by_name=True)
    if len(found) > 1:
        return (yield from _compared(found, memory))
    product = found[0]
    if product["product"] not in memory.fresh:  # a look-up by name may have fetched just this product already
        product = (yield from made(Call("get_product", {"product": product["product"]}))).result
    return say.details(product, clause)


def compare(clause: Clause, memory: Memory) -> Plan:
    """Two to four products side by side."""
    return (yield from _compared((yield from _to_compare(clause, memory)), memory))


def _compared(products: list[Json], memory: Memory) -> Plan:
    products = products[:MOST_COMPARED]
    if len(products) < 2:
        return say.COMPARE_WHICH
    if "compare_products" not in memory.tools:
        return say.side_by_side(products)
    call = Call("compare_products", {"products": [product["product"] for product in products]})
    return say.compared((yield from made(call)).result)


def _to_compare(clause: Clause, memory: Memory) -> Findings:
    groups = _names_apart(clause)
    if len(groups) > 1 or (groups and (clause.refers or clause.pick)):
        found = list[Json]()
        if focus := (memory.product_of(memory.focus) if clause.refers else None):
            found.append(focus)
        if clause.pick:
            found += picked(clause.pick, memory.shown_products(), memory.product_of(memory.focus))
        for names in groups:
            one = yield from find_products(replace(clause, names=names, pick=type(clause.pick)()), memory, by_name=True)
            found += one[:1]
        return found
    shown = memory.shown_products()
    if clause.categories and not list(matching(clause.words, shown)):
        outcome = yield from made(search_call(clause, clause.category))
        shown = objects(outcome.result.get("products"))
    elif clause.words:
        shown = list(matching(clause.words, shown))
    chosen = picked(clause.pick, shown, memory.product_of(memory.focus)) if clause.pick else shown
    focus = memory.product_of(memory.focus)
    if len(chosen) == 1 and focus is not None and focus is not chosen[0]:
        return [focus, *chosen]
    return chosen or shown


def _names_apart(clause: Clause) -> list[tuple[str, ...]]:
    """ "long context and zero trust" are two names."""
    groups: list[list[str]] = [[]]
    for word in clause.names:
        if word in _JOINTS:
            groups.append([])
        elif word != "the" or groups[-1]:
            groups[-1].append(word)
    return [tuple(group) for group in groups if group]


def _wider(clause: Clause) -> list[tuple[str, ...]]:
    """What may be left out of a search that found nothing, the first try first."""
    tries: list[tuple[str, ...]] = []
    if clause.wishes and (clause.category or clause.names):
        tries.append(WISHES)
    if clause.names and clause.category:
        tries.append(("query", *WISHES))
    return tries
