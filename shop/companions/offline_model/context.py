"""Completes a clause by what was said before it: "in M", "yes", "the first one", "try again".

People answer a question with a word, narrow a search with two, and agree with one. Each exchange is therefore resolved
on top of the one before, so that "add a tee" - "which colour?" - "black" - "which size?" - "L" ends as one wish.
"""

from dataclasses import fields, replace

from shop.companions.offline_model.memory import Exchange, Memory, Step, matching
from shop.companions.offline_model.understand import Clause, Intent, placed_once, understand

_EFFECTS = frozenset({"add_to_cart", "update_cart", "place_order", "cancel_order"})


def resolve(exchange: Exchange, before: list[Clause], previous: Exchange | None, memory: Memory) -> list[Clause]:
    """The complete clauses of `exchange`, given those of the previous one and what had been shown when it began."""
    clauses = understand(exchange.asked)
    first, rest = clauses[0], clauses[1:]
    if previous is not None and first.intent in {Intent.YES, Intent.AGAIN}:
        return _agreed(first, before, previous)
    if first.intent is not Intent.FRAGMENT:
        return placed_once([*_by_focus(first, memory), *rest])
    if before and previous is not None and previous.ended_with_question:
        # Each wish that was fulfilled had one effect, so the one behind them is the one that asked.
        asked = min(len(_effects(previous)), len(before) - 1)
        return [_merged(before[asked], first), *before[asked + 1 :], *rest]
    buys = any(clause.intent is Intent.CHECK_OUT for clause in rest)
    return [_completed(first, buys, before, previous, memory), *rest]


def _by_focus(clause: Clause, memory: Memory) -> list[Clause]:
    """What "it" is decides what is wanted: an order is looked up, a product must be in the cart before it is bought."""
    if clause.ordinal or clause.words:
        return [clause]
    if clause.intent is Intent.ADD and clause.more and memory.ordered_last:
        # More of what was just ordered is not wanted in the cart, but ordered too.
        return [clause, Clause(Intent.CHECK_OUT)]
    if clause.intent is Intent.DETAILS and clause.refers and memory.focus and memory.focus == memory.order_number:
        return [replace(clause, intent=Intent.GET_ORDER)]
    if clause.intent is Intent.CHECK_OUT and clause.refers and memory.focus in memory.products and not memory.lines():
        return [replace(clause, intent=Intent.ADD, address=()), replace(clause, refers=False)]
    return [clause]


def _completed(fragment: Clause, buys: bool, before: list[Clause], previous: Exchange | None, memory: Memory) -> Clause:
    """A fragment that answers no question: a thing to look at or to buy, a new search, a correction of the last."""
    earlier = before[-1] if before else Clause(Intent.UNKNOWN)
    known = any(matching(fragment.names, memory.products.values())) if fragment.names else False
    wishes = fragment.colour or fragment.size or fragment.max_price
    if fragment.names and not known and not fragment.category:
        # Words that are in no table and in nothing that was shown: this is not about the shop.
        intent = Intent.UNKNOWN
    elif fragment.ordinal or known or (fragment.refers and not wishes):
        intent = Intent.ADD if buys else Intent.DETAILS
    elif fragment.category:
        intent = Intent.SEARCH
    elif previous is not None and _effects(previous):
        return replace(fragment, intent=Intent.CHANGE, refers=True)
    elif wishes and earlier.intent in {Intent.SEARCH, Intent.DETAILS}:
        return _merged(earlier, fragment)
    else:
        intent = Intent.SEARCH if wishes else Intent.UNKNOWN
    return replace(fragment, intent=intent)


def _merged(earlier: Clause, later: Clause) -> Clause:
    """The earlier wish, with whatever the later words say anew."""
    said = {item.name: getattr(later, item.name) for item in fields(later) if getattr(later, item.name) != item.default}
    said.pop("intent", None)
    if said.keys() & {"ordinal", "names", "category"}:
        # A thing that is named anew takes the place of the one that was unclear.
        earlier = replace(earlier, ordinal=None, names=(), refers=False, sku=None)
    return replace(earlier, **said)


def _agreed(agreement: Clause, before: list[Clause], previous: Exchange) -> list[Clause]:
    """Do the wish before again, if that was asked or it waits for consent; or take up the offer to check out."""
    waits = any(step.outcome.code == "consent_needed" for step in previous.steps)
    if (agreement.intent is Intent.AGAIN or waits) and before:
        return before
    last = previous.steps[-1] if previous.steps else None
    if last and last.outcome.succeeded and last.outcome.result.get("items") and "cart" in last.call.name:
        return [Clause(Intent.CHECK_OUT)]
    return [agreement]


def _effects(previous: Exchange) -> list[Step]:
    return [step for step in previous.steps if step.outcome.succeeded and step.call.name in _EFFECTS]
