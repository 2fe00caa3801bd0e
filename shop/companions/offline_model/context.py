"""Completes a clause by what was said before it: "in M", "yes", "the first one", "no, the blue one", "try again".

People answer a question with a word, narrow a search with two, agree with one, and set right what was done. Each
exchange is therefore resolved on top of the one before, so that "add a tee" - "which colour?" - "black" - "which size?" -
"L" ends as one wish.
"""

from dataclasses import replace
from typing import Final

from shop.companions.offline_model.clauses import Clause, Intent, Pick
from shop.companions.offline_model.conversation import Exchange, Step
from shop.companions.offline_model.memory import CART_CHANGES, EFFECTS, Memory, in_stock, matching, variants_like
from shop.companions.offline_model.understand import placed_once, understand

_ANSWERS: Final = frozenset({Intent.FRAGMENT, Intent.ADD, Intent.CHANGE, Intent.YES, Intent.CHECK_OUT})
"""What the answer to a question may look like: "L", "add the L", "make it L", "yes, the L"."""
_IN_BETWEEN: Final = frozenset({Intent.DETAILS, Intent.UNKNOWN, Intent.HELLO, Intent.NICE})
"""What may be said before a question is answered, and does not drop the wish that waits for the answer."""
_LOOKS: Final = frozenset({Intent.SEARCH, Intent.DETAILS, Intent.COMPARE, Intent.NEXT_PAGE})


def resolve(exchange: Exchange, before: list[Clause], previous: Exchange | None, memory: Memory) -> list[Clause]:
    """The complete clauses of `exchange`, given those of the previous one and what had been shown when it began."""
    memory.begin(exchange.page)
    clauses = _resolved(list(understand(exchange.asked, memory.names())), before, previous, memory)
    memory.last_search = next((one for one in reversed(clauses) if one.intent is Intent.SEARCH), memory.last_search)
    return clauses


def _resolved(clauses: list[Clause], before: list[Clause], previous: Exchange | None, memory: Memory) -> list[Clause]:
    first, rest = clauses[0], clauses[1:]
    if previous is not None and previous.ended_with_question and before:
        # Each wish that was fulfilled had one effect, so the one behind them is the one that asked.
        memory.pending = before[min(len(_effects(previous)), len(before) - 1) :]
    if memory.pending and _answers(first, memory.pending[0], memory):
        asked, later, memory.pending = memory.pending[0], memory.pending[1:], []
        return placed_once([_on_top(asked, first), *later, *rest])
    if first.intent not in _IN_BETWEEN:
        memory.pending = []
    if previous is not None and first.intent in {Intent.YES, Intent.AGAIN, Intent.OKAY}:
        return _agreed(first, before, previous)
    if first.pick and memory.display == "addresses" and [one.intent for one in rest] == [Intent.CHECK_OUT]:
        # "The second one, send it there."
        return [replace(rest[0], pick=first.pick)]
    if first.intent is Intent.FRAGMENT or (
        first.intent in {Intent.ADD, Intent.DETAILS} and _only_wishes(first, memory)
    ):
        buys = any(clause.intent is Intent.CHECK_OUT for clause in rest)
        return placed_once([*_completed(first, buys, before, previous, memory), *rest])
    return placed_once([*_by_focus(first, before, previous, memory), *rest])


# --- answers ---------------------------------------------------------------------------------------------------------


def _answers(clause: Clause, asked: Clause, memory: Memory) -> bool:
    """Whether the clause says what a question asked for, rather than something of its own."""
    if clause.intent not in _ANSWERS or not clause.says_something:
        return False
    if clause.intent is Intent.FRAGMENT and not clause.names_a_thing:
        return True
    if asked.intent in _LOOKS and clause.intent is not Intent.FRAGMENT:
        return False
    if clause.categories and not set(clause.categories) <= set(asked.categories):
        return any(matching(clause.words, memory.shown_products()))
    if asked.intent is Intent.CHECK_OUT:
        return clause.intent is Intent.FRAGMENT or bool(clause.address)
    if clause.names:
        return any(matching(clause.names, [*memory.shown_products(), *memory.lines()]))
    return clause.intent is not Intent.CHECK_OUT or clause.wishes


def _on_top(asked: Clause, answer: Clause) -> Clause:
    merged = answer.on_top_of(asked)
    return replace(merged, address=answer.address or answer.names) if asked.intent is Intent.CHECK_OUT else merged


def _agreed(agreement: Clause, before: list[Clause], previous: Exchange) -> list[Clause]:
    """Do the wish before again, if that was asked or it waits for consent; or take up the offer to check out."""
    waits = any(step.outcome.code == "consent_needed" for step in previous.steps)
    if (agreement.intent is Intent.AGAIN or waits) and before:
        return before
    last = previous.steps[-1] if previous.steps and agreement.intent is Intent.YES else None
    if last and last.outcome.succeeded and last.outcome.result.get("items") and "cart" in last.call.name:
        return [Clause(Intent.CHECK_OUT)]
    return [agreement]


def _only_wishes(clause: Clause, memory: Memory) -> bool:
    """ "I want black": with nothing in sight that could be black, that is a search."""
    spoken_of = memory.focus is not None or (memory.page and memory.page.kind == "product")
    points = clause.names_a_thing or clause.refers or clause.more or spoken_of
    return not points and clause.wishes and clause.quantity is None


# --- fragments -------------------------------------------------------------------------------------------------------


def _completed(
    fragment: Clause, buys: bool, before: list[Clause], previous: Exchange | None, memory: Memory
) -> list[Clause]:
    """A fragment that answers no question: a thing to look at or to buy, a new search, a correction of the last."""
    wished = next((clause for clause in before if clause.intent is Intent.ADD), None)
    changed = previous is not None and any(step.call.name in CART_CHANGES for step in _effects(previous))
    known = any(matching(fragment.words, memory.shown_products())) if fragment.words else False
    if changed and fragment.asks and not fragment.names_a_thing and not fragment.sort:
        # "In rust?" asks, and changes nothing.
        return [replace(fragment, intent=Intent.DETAILS, refers=True)]
    shown = len(memory.shown)
    if (
        not changed
        and fragment == Clause(Intent.FRAGMENT, quantity=fragment.quantity)
        and 0 < (fragment.quantity or 0) <= shown
    ):
        # A bare number behind a list is a place in it.
        return [Clause(Intent.DETAILS, pick=Pick(places=(fragment.quantity or 0,)))]
    if fragment.fixes and changed:
        return [replace(fragment, intent=Intent.CHANGE, refers=not fragment.names_a_thing)]
    if wished and not changed and (fragment.fixes or fragment.wishes or fragment.pick):
        # What was to be added could not be: this is how it is wanted instead.
        return [fragment.on_top_of(wished)]
    if buys and (fragment.pick or known or fragment.refers):
        return [replace(fragment, intent=Intent.ADD)]
    takes = fragment.polite and bool(before) and before[-1].intent in _LOOKS
    if fragment.refers and fragment.quantity is not None and not fragment.pick:
        return [replace(fragment, intent=Intent.CHANGE if changed else Intent.ADD)]
    if changed and fragment.joins and not fragment.asks and (fragment.names_a_thing or fragment.wishes):
        return [replace(fragment, intent=Intent.ADD, more=not fragment.names_a_thing)]
    if (
        changed
        and fragment.names_a_thing
        and not fragment.asks
        and not fragment.pick
        and not any(matching(fragment.words, memory.lines()))
    ):
        # "… and a cold start beanie, the white one" goes on with the list.
        return [replace(fragment, intent=Intent.ADD)]
    if fragment.pick or (fragment.names and known) or (fragment.refers and not fragment.wishes):
        return [_orders_by_place(replace(fragment, intent=Intent.ADD if takes else Intent.DETAILS), memory)]
    if fragment.refers and _is_the_focus(fragment, memory):
        return [replace(fragment, intent=Intent.ADD if takes else Intent.DETAILS)]
    if fragment.category_word and not fragment.refers:
        return [replace(fragment, intent=Intent.SEARCH)]
    if changed and not fragment.max_price:
        return [replace(fragment, intent=Intent.CHANGE, refers=True)]
    return [_narrowed(fragment, before, memory)]


def _orders_by_place(clause: Clause, memory: Memory) -> Clause:
    """ "The second one" of a list of orders is an order."""
    of_orders = clause.pick and clause.intent is Intent.DETAILS and memory.display == "orders"
    return replace(clause, intent=Intent.GET_ORDER) if of_orders else clause


def _narrowed(fragment: Clause, before: list[Clause], memory: Memory) -> Clause:
    """A wish for the last search, or for what was last looked at; or the name of something that was not shown yet."""
    earlier = before[-1] if before else None
    if fragment.names and not fragment.wishes:
        return replace(fragment, intent=Intent.SEARCH if fragment.quantity is None else Intent.ADD)
    if not fragment.wishes and not fragment.categories:
        return replace(fragment, intent=Intent.UNKNOWN)
    if earlier and earlier.intent is Intent.DETAILS and not fragment.sort and fragment.max_price is None:
        return fragment.on_top_of(earlier)
    if memory.last_search and not fragment.names:
        return fragment.on_top_of(memory.last_search)
    page = memory.page
    if page and page.kind == "category" and not fragment.categories:
        fragment = replace(fragment, categories=(page.name,))
    if page and page.kind == "product" and not fragment.max_price and not fragment.sort:
        return replace(fragment, intent=Intent.DETAILS, this=True)
    return replace(fragment, intent=Intent.SEARCH)


def _is_the_focus(fragment: Clause, memory: Memory) -> bool:
    """Whether "the blue one" can be what was last spoken of, or is one of those that were shown."""
    if fragment.this and memory.page and memory.page.kind == "product":
        return True
    products = [memory.product_of(memory.focus), *memory.shown_products()]
    return any(product and variants_like(in_stock(product), fragment.colours, fragment.size) for product in products)


# --- what "it" is ----------------------------------------------------------------------------------------------------


def _by_focus(clause: Clause, before: list[Clause], previous: Exchange | None, memory: Memory) -> list[Clause]:
    """What "it" is decides what is wanted: an order is looked up, a product must be in the cart before it is bought."""
    if clause.intent is Intent.SEARCH and not clause.categories and not clause.names:
        return [_search_on(clause, before, memory)]
    if clause.intent is Intent.UNDO:
        return [clause]
    changed = previous is not None and any(step.call.name in CART_CHANGES for step in _effects(previous))
    if (
        clause.intent is Intent.ADD
        and not clause.adds
        and clause.quantity is not None
        and _is_in_the_cart(clause, changed, memory)
    ):
        # "I only want one": so many from now on.
        return [replace(clause, intent=Intent.CHANGE)]
    if (
        clause.intent is Intent.ADD
        and changed
        and clause.refers
        and clause.wishes
        and not (clause.adds or clause.names_a_thing)
    ):
        # "I'd prefer it in bone."
        return [replace(clause, intent=Intent.CHANGE)]
    if clause.intent is Intent.DETAILS and clause.refers and clause.wishes and _narrows_the_shown(clause, memory):
        return [replace(clause, refers=False).on_top_of(memory.last_search or clause)]
    if clause.pick or clause.words:
        return [_orders_by_place(clause, memory)]
    of_an_order = memory.focus is not None and memory.focus == memory.order_number
    if clause.intent is Intent.ADD and clause.more and clause.quantity is None and memory.last_sku is None:
        return [replace(clause, intent=Intent.NEXT_PAGE)]
    if clause.intent is Intent.ADD and clause.more and memory.ordered_last:
        # More of what was just ordered is not wanted in the cart, but ordered too.
        return [clause, Clause(Intent.CHECK_OUT)]
    if clause.intent is Intent.ADD and clause.again and of_an_order and not memory.ordered_last:
        return [replace(clause, intent=Intent.REORDER)]
    if clause.intent is Intent.REMOVE and clause.refers and of_an_order and memory.ordered_last:
        return [Clause(Intent.CANCEL_ORDER, of_order=True)]
    if clause.intent is Intent.DETAILS and clause.refers and of_an_order:
        return [replace(clause, intent=Intent.GET_ORDER)]
    if clause.intent is Intent.CANCEL_ORDER and not of_an_order and not (clause.of_order or clause.order_number):
        return [Clause(Intent.UNDO) if changed else clause]
    if clause.intent is Intent.CHECK_OUT and clause.refers and memory.product_of(memory.focus) and not memory.lines():
        return [replace(clause, intent=Intent.ADD, address=()), replace(clause, refers=False)]
    return [clause]


def _is_in_the_cart(clause: Clause, changed: bool, memory: Memory) -> bool:
    """Whether a number of this is about a line that is there: the one that was just changed, or the only one of its name."""
    if not clause.words:
        return changed and not clause.pick
    return len(list(matching(clause.words, memory.lines()))) == 1 and not clause.pick


def _narrows_the_shown(clause: Clause, memory: Memory) -> bool:
    """ "Show these in moss" means all that were shown, when none of them was spoken of."""
    alone = memory.focus is not None or (memory.page is not None and memory.page.kind == "product")
    return (
        not clause.pick and not clause.words and not alone and len(memory.shown) > 1 and memory.last_search is not None
    )


def _search_on(clause: Clause, before: list[Clause], memory: Memory) -> Clause:
    """ "Show me black ones" and "anything cheaper?" go on with the last search; a page shows what its kind is."""
    narrows = clause.any and clause.wishes and bool(before) and before[-1].intent is Intent.SEARCH
    ones = clause.refers or clause.more or narrows or (clause.sort is not None and clause.sort != "newest")
    if memory.last_search and ones:
        return clause.on_top_of(memory.last_search)
    if memory.page and memory.page.kind == "category" and ones:
        return replace(clause, categories=(memory.page.name,))
    return clause


def _effects(previous: Exchange) -> list[Step]:
    return [step for step in previous.steps if step.outcome.succeeded and step.call.name in EFFECTS]
