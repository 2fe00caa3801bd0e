"""Finding what a clause means: the products, and the one variant of a product.

These are parts of recipes: generators that yield the calls they want and get their outcomes sent (`plan.py`). Where a thing
is not there or not clear, they raise what is to be said instead.
"""

from collections.abc import Generator, Sequence
from typing import Final

from shop.companions.offline_model import say_goods as say
from shop.companions.offline_model.clauses import CHANGES, Clause
from shop.companions.offline_model.conversation import Call, Json, Outcome
from shop.companions.offline_model.memory import Memory, in_stock, matching, objects, variants_like
from shop.companions.offline_model.picking import picked
from shop.companions.offline_model.say import Said, result_of

Plan = Generator[Call, Outcome, Said]
"""A recipe: yields calls, returns what is to be said."""
Finding = Generator[Call, Outcome, Json]
"""A search for one thing, that ends with the thing, or raises `Answered`."""
Findings = Generator[Call, Outcome, list[Json]]

WISHES: Final = ("colour", "size", "max_price", "min_price")
"""The arguments of a search that are left out when nothing fits them."""


class Answered(Exception):
    """A recipe ends here: with a question, a regret, or what a refused call is answered with."""

    def __init__(self, said: Said) -> None:
        super().__init__(said.text)
        self.said = said


def made(call: Call) -> Generator[Call, Outcome, Outcome]:
    """Make a call without whose success the recipe cannot go on."""
    outcome = yield call
    if not outcome.succeeded:
        raise Answered(result_of(call, outcome))
    return outcome


def the_one(found: Sequence[Json]) -> Json:
    """The only one of several products, or the question which of them is meant."""
    if len(found) == 1:
        return found[0]
    raise Answered(say.ask_which(found))


def find_products(clause: Clause, memory: Memory, *, by_name: bool = False) -> Findings:
    """The products that are meant: by their place, by their name, or as what was last spoken of.

    `by_name` asks the shop for the very product first, where the name is not known yet; otherwise the shop is searched.
    """
    if clause.pick:
        return (yield from _picked(clause, memory))
    if (slug := _before_ones_eyes(clause, memory)) is not None:
        return [(yield from _by_slug(slug, memory))]
    if (known := _already_known(clause, memory)) is not None:
        return [known]
    if by_name and clause.names:
        # With its kind it reads like a slug ("context-tee"), without it like a name ("long context").
        spelled = ("-" if clause.category_word else " ").join(clause.words)
        outcome = yield Call("get_product", {"product": spelled})
        if outcome.succeeded and outcome.result.get("product"):
            return [outcome.result]
    return [(yield from _look_up(clause, memory))]


def find_product(clause: Clause, memory: Memory, *, by_name: bool = False) -> Finding:
    """The one product that is meant."""
    return the_one((yield from find_products(clause, memory, by_name=by_name)))


def find_variant(product: Json, clause: Clause, memory: Memory) -> Finding:
    """The one variant that is meant: what the clause says of colour and size, else what was looked at or searched for."""
    fitting = _fitting(product, clause, memory)
    if not fitting and product["product"] not in memory.complete:
        # A search shows only what fitted it; what else there is stands on the product itself.
        outcome = yield from made(Call("get_product", {"product": product["product"]}))
        product = outcome.result
        fitting = _fitting(product, clause, memory)
    if len(fitting) == 1:
        return fitting[0]
    unclear = say.ask_variant(product, fitting) if fitting else say.not_in_stock(product, clause.colour, clause.size)
    raise Answered(unclear)


def search_call(clause: Clause, category: str | None) -> Call:
    """The search for what a clause says, among one kind of goods or all."""
    wanted = {
        "query": " ".join(clause.names) or None,
        "category": category,
        "colour": clause.colour,
        "size": clause.size,
        "max_price": clause.share,
        "min_price": clause.min_price,
        "without": list(clause.without) or None,
        "sort": clause.sort,
    }
    return Call("search_products", {key: value for key, value in wanted.items() if value is not None})


def _fitting(product: Json, clause: Clause, memory: Memory) -> list[Json]:
    stocked = [variant for variant in in_stock(product) if variant.get("colour") not in clause.without]
    fitting = variants_like(stocked, clause.colours, clause.size)
    page = memory.page
    if page and page.kind == "product" and page.name == product["product"]:
        colour, size = page.colour, page.size
    elif clause.more and (line := memory.line_of(memory.last_sku)) and line.get("product") == product["product"]:
        # "Another in L" is like the one before, but for what is said.
        colour, size = line.get("colour"), line.get("size")
    elif product["product"] in memory.shown:
        colour, size = memory.asked_for("colour"), memory.asked_for("size")
    else:
        return fitting
    # What was looked at only helps to choose; it never forbids what the clause now asks for.
    colours = clause.colours or ((colour,) if colour else ())
    return variants_like(fitting, colours, clause.size or size) or variants_like(fitting, colours, None) or fitting


def _before_ones_eyes(clause: Clause, memory: Memory) -> str | None:
    """The product of the page that the person is on, if the clause means it."""
    page = memory.page
    if page is None or page.kind != "product" or clause.names:
        return None
    means_it = clause.this or memory.focus == page.name or (memory.focus is None and not memory.shown)
    of_this_kind = not clause.category_word or clause.this or (memory.focus == page.name and clause.refers)
    return page.name if means_it and of_this_kind else None


def _by_slug(slug: str, memory: Memory) -> Finding:
    if slug in memory.fresh:
        return memory.products[slug]
    call = Call("get_product", {"product": slug})
    outcome = yield from made(call)
    if not outcome.result.get("product"):
        raise Answered(result_of(call, outcome))
    return outcome.result


def _picked(clause: Clause, memory: Memory) -> Findings:
    """Some of what was shown; or, of goods that were not shown, what a search finds first."""
    shown = memory.shown_products()
    if clause.words:
        shown = list(matching(clause.words, shown))
    if not shown and clause.names_a_thing and clause.words and not clause.pick.places:
        outcome = yield from made(search_call(clause, clause.category))
        found = objects(outcome.result.get("products"))
        return picked(clause.pick, found) or [the_one(found)]
    if meant := picked(clause.pick, shown, memory.product_of(memory.focus)):
        return meant
    raise Answered(say.too_far(len(shown)) if shown else say.WHICH)


def _already_known(clause: Clause, memory: Memory) -> Json | None:
    """What was shown or spoken of and fits the clause; None if nothing known fits."""
    shown = memory.shown_products()
    focus = memory.product_of(memory.focus)
    if focus is None and memory.display != "products":  # goods that were shown since are nearer than what was bought
        focus = memory.product_of(memory.last_sku)
    if clause.some:
        return None
    if focus and any(matching(clause.words, [focus])):
        return focus
    # A kind alone ("the hoodie") can only mean what stands before our eyes; a name may be from longer ago.
    known = list(matching(clause.words, memory.products.values() if clause.names else shown))
    if len(known) > 1 and clause.colours:
        known = [product for product in known if variants_like(in_stock(product), clause.colours, None)] or known
    if not clause.words and not known:
        raise Answered(say.WHICH)
    if known:
        return the_one(known)
    # "Is it warm?" is about it, whatever "warm" may be; "that teapot mug" names another thing.
    return (
        focus
        if clause.refers and not clause.category_word and not (clause.names and clause.intent in CHANGES)
        else None
    )


def _look_up(clause: Clause, memory: Memory) -> Finding:
    """Search the shop for what the clause names; if nothing is there, without colour and size, to say what there is."""
    call = search_call(clause, clause.category)
    outcome = yield call
    if outcome.succeeded and not outcome.result.get("products") and (clause.colour or clause.size):
        call = Call("search_products", {key: value for key, value in call.arguments.items() if key not in WISHES})
        outcome = yield call
    if not outcome.succeeded:
        raise Answered(result_of(call, outcome))
    products = objects(outcome.result.get("products"))
    if not products and clause.names and clause.category:
        call = Call("search_products", {"category": clause.category})
        outcome = yield call
        others = objects(outcome.result.get("products")) if outcome.succeeded else []
        raise Answered(say.nothing_called(" ".join(clause.words), others))
    exact = list(matching(clause.names, products))
    if not exact and clause.intent in CHANGES and clause.names:
        # Found by its text, or by another spelling: shown, and not taken for what was named.
        raise Answered(say.nothing_called(" ".join(clause.words), products))
    if not products:
        raise Answered(say.nothing_called(" ".join(clause.words)))
    return the_one(exact or products)
