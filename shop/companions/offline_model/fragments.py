"""Completes what has no verb and answers no question: "the second one", "in M?", "no, the blue one", "two of them"."""

from dataclasses import replace

from shop.companions.offline_model.clauses import Clause, Intent, Pick
from shop.companions.offline_model.memory import Memory, in_stock, matching, variants_like
from shop.companions.offline_model.setting import Setting


def completed(fragment: Clause, setting: Setting, *, buys: bool) -> Clause:
    """The fragment as a wish: a thing to look at or to buy, a new search, a correction. `buys` tells that it is paid next."""
    memory = setting.memory
    if setting.changed_the_cart and (change := _after_a_change(fragment, memory)):
        return change
    if setting.wished and (fragment.fixes or fragment.wishes or fragment.pick):
        # What was to be added could not be: this is how it is wanted instead.
        return fragment.on_top_of(setting.wished)
    if place := _place(fragment, memory):
        return Clause(Intent.DETAILS, pick=Pick(places=(place,)))
    known = any(matching(fragment.words, memory.shown_products())) if fragment.words else False
    points = fragment.pick or (fragment.names and known) or (fragment.refers and not fragment.wishes)
    if (fragment.refers and fragment.quantity is not None and not fragment.pick) or (buys and (points or known)):
        return replace(fragment, intent=Intent.ADD)
    if points or (fragment.refers and _is_in_sight(fragment, setting)):
        if fragment.pick and memory.display == "orders":
            return replace(fragment, intent=Intent.GET_ORDER)
        return replace(fragment, intent=Intent.ADD if fragment.polite and setting.looked else Intent.DETAILS)
    if fragment.category_word and not fragment.refers:
        return replace(fragment, intent=Intent.SEARCH)
    return _narrowed(fragment, setting)


def _after_a_change(fragment: Clause, memory: Memory) -> Clause | None:
    """What it means when the cart was just changed: a question, another thing, or a correction of the change."""
    in_the_cart = any(matching(fragment.words, memory.lines()))
    if fragment.fixes:
        return replace(fragment, intent=Intent.CHANGE, refers=not fragment.names_a_thing)
    if fragment.asks:
        # "In rust?" asks, and changes nothing.
        about_it = not fragment.names_a_thing and not fragment.sort
        return replace(fragment, intent=Intent.DETAILS, refers=True) if about_it else None
    if fragment.joins and (fragment.names_a_thing or fragment.wishes):
        # "… and one in rust" is like the one before; "… and the other one" is not.
        return replace(fragment, intent=Intent.ADD, more=not fragment.names_a_thing)
    if fragment.pick or (fragment.refers and not fragment.wishes and fragment.quantity is None):
        return None
    if fragment.names_a_thing and not in_the_cart:
        # "A cold start beanie, the white one" goes on with the list.
        return replace(fragment, intent=Intent.ADD)
    if fragment.quantity is None and not fragment.wishes:
        return None
    return replace(fragment, intent=Intent.CHANGE, refers=True) if fragment.max_price is None else None


def _place(fragment: Clause, memory: Memory) -> int:
    """A bare number behind a list is a place in it."""
    bare = fragment == Clause(Intent.FRAGMENT, quantity=fragment.quantity)
    return fragment.quantity if bare and fragment.quantity and fragment.quantity <= len(memory.shown) else 0


def _narrowed(fragment: Clause, setting: Setting) -> Clause:
    """A wish for the last search, or for what was last looked at; or the name of something that was not shown yet."""
    memory, earlier = setting.memory, setting.before[-1] if setting.before else None
    if fragment.names and not fragment.wishes:
        return replace(fragment, intent=Intent.SEARCH if fragment.quantity is None else Intent.ADD)
    if not fragment.wishes and not fragment.categories:
        return replace(fragment, intent=Intent.UNKNOWN)
    of_a_kind = fragment.sort or fragment.max_price is not None
    if earlier and earlier.intent is Intent.DETAILS and not of_a_kind:
        return fragment.on_top_of(earlier)
    if memory.last_search and not fragment.names:
        return fragment.on_top_of(memory.last_search)
    if setting.on_a_product and not of_a_kind:
        return replace(fragment, intent=Intent.DETAILS, this=True)
    if memory.page and memory.page.kind == "category" and not fragment.categories:
        fragment = replace(fragment, categories=(memory.page.name,))
    return replace(fragment, intent=Intent.SEARCH)


def _is_in_sight(fragment: Clause, setting: Setting) -> bool:
    """Whether "the blue one" can be what was last spoken of, or is one of those that were shown."""
    if fragment.this and setting.on_a_product:
        return True
    if not fragment.colours and not fragment.size:
        return False
    memory = setting.memory
    products = [memory.product_of(memory.focus), *memory.shown_products()]
    return any(product and variants_like(in_stock(product), fragment.colours, fragment.size) for product in products)
