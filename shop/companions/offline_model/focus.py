"""Decides by what was spoken of last what a wish is about: "cancel it", "two more", "I only want one", "show these in moss"."""

from dataclasses import replace

from shop.companions.offline_model.clauses import Clause, Intent
from shop.companions.offline_model.memory import Memory, matching
from shop.companions.offline_model.setting import Setting


def by_focus(clause: Clause, setting: Setting) -> list[Clause]:
    """The wish, or the wishes, that a clause stands for, given what was spoken of last."""
    match clause.intent:
        case Intent.SEARCH if clause.fixes and clause.refers and setting.changed_the_cart and not clause.words:
            # "No, the yellow ones."
            return [replace(clause, intent=Intent.CHANGE)]
        case Intent.SEARCH if not clause.categories and not clause.names:
            return [_search(clause, setting)]
        case Intent.ADD:
            return _addition(clause, setting)
        case Intent.DETAILS:
            return [_details(clause, setting)]
        case Intent.REMOVE if (
            clause.refers and not clause.words and setting.of_an_order and setting.memory.ordered_last
        ):
            return [Clause(Intent.CANCEL_ORDER, of_order=True)]
        case Intent.CHANGE if (
            clause.quantity and setting.memory.display == "products" and (search := setting.memory.last_search)
        ):
            # "Raise it to 80": the price that was searched for.
            return [replace(search, max_price=clause.quantity * 100)] if search.max_price else [clause]
        case Intent.CANCEL_ORDER if setting.changed_the_cart and not clause.of_order and not clause.order_number:
            return [Clause(Intent.UNDO)]
        case Intent.CHECK_OUT if clause.refers and setting.memory.product_of(setting.memory.focus):
            if not setting.memory.lines():
                # What is to be bought must be in the cart first.
                return [replace(clause, intent=Intent.ADD, address=()), replace(clause, refers=False)]
    return [clause]


def _search(clause: Clause, setting: Setting) -> Clause:
    """ "Show me black ones" and "anything cheaper?" go on with the last search; a page shows what its kind is."""
    memory = setting.memory
    narrows = clause.any and clause.wishes and bool(setting.before) and setting.before[-1].intent is Intent.SEARCH
    ones = clause.refers or clause.more or narrows or (clause.sort is not None and clause.sort != "newest")
    if memory.last_search and ones:
        return clause.on_top_of(memory.last_search)
    if memory.page and memory.page.kind == "category" and ones:
        return replace(clause, categories=(memory.page.name,))
    return clause


def _addition(clause: Clause, setting: Setting) -> list[Clause]:
    memory, changed = setting.memory, setting.changed_the_cart
    if not clause.adds and clause.quantity is not None and _is_in_the_cart(clause, changed, memory):
        # "I only want one": so many from now on.
        return [replace(clause, intent=Intent.CHANGE)]
    if clause.pick or clause.words:
        return [clause]
    if changed and clause.refers and clause.wishes and not clause.adds:
        # "I'd prefer it in bone."
        return [replace(clause, intent=Intent.CHANGE)]
    if clause.more and clause.quantity is None and memory.last_sku is None:
        return [replace(clause, intent=Intent.NEXT_PAGE)]
    if clause.more and memory.ordered_last:
        # More of what was just ordered is not wanted in the cart, but ordered too.
        return [clause, Clause(Intent.CHECK_OUT)]
    if clause.again and setting.of_an_order and not memory.ordered_last:
        return [replace(clause, intent=Intent.REORDER)]
    return [clause]


def _details(clause: Clause, setting: Setting) -> Clause:
    memory = setting.memory
    if clause.pick and memory.display == "orders":
        return replace(clause, intent=Intent.GET_ORDER)
    if clause.pick or clause.words or not clause.refers:
        return clause
    if setting.of_an_order:
        return replace(clause, intent=Intent.GET_ORDER)
    none_alone = memory.focus is None and not setting.on_a_product and len(memory.shown) > 1
    if clause.wishes and none_alone and memory.last_search:
        # "Show these in moss" means all that were shown, when none of them was spoken of.
        return replace(clause, refers=False).on_top_of(memory.last_search)
    return clause


def _is_in_the_cart(clause: Clause, changed: bool, memory: Memory) -> bool:
    """Whether a number of this is about a line that is there: the one that was just changed, or the only one of its name."""
    if not clause.words:
        return changed and not clause.pick
    return len(list(matching(clause.words, memory.lines()))) == 1 and not clause.pick
