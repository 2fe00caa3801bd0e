"""Recipes for the cart: add, change, swap, remove, empty, view."""

from collections.abc import Generator

from shop.companions.offline_model import say
from shop.companions.offline_model.goods import Finding, Plan, find_product, find_variant
from shop.companions.offline_model.memory import Call, Json, Memory, Outcome, matching, variants_like
from shop.companions.offline_model.say import Said
from shop.companions.offline_model.understand import Clause


def add(clause: Clause, memory: Memory) -> Plan:
    """Put what is meant into the cart, with as few look-ups as what was shown allows."""
    sku = clause.sku or _once_more(clause, memory)
    if sku is None:
        product = yield from find_product(clause, memory)
        if isinstance(product, Said):
            return product
        variant = yield from find_variant(product, clause, memory)
        if isinstance(variant, Said):
            return variant
        sku = str(variant["sku"])
    call = Call("add_to_cart", {"sku": sku, "quantity": max(clause.quantity or 1, 1)})
    return say.result_of(call, (yield call))


def change(clause: Clause, memory: Memory) -> Plan:
    """Another quantity of a line, or the line in another colour or size."""
    line = yield from _find_line(clause, memory, by_variant=False)
    if isinstance(line, Said):
        return line
    if clause.colour or clause.size:
        return (yield from _swap(line, clause, memory))
    if clause.quantity is None:
        return Said("To how many?", go_on=False)
    call = Call("update_cart", {"sku": line["sku"], "quantity": clause.quantity})
    outcome = yield call
    if not outcome.succeeded:
        return say.result_of(call, outcome)
    if clause.quantity == 0:
        return say.removed(line, outcome.result)
    return say.set_to(line, clause.quantity, outcome.result)


def remove(clause: Clause, memory: Memory) -> Plan:
    """Take a line out of the cart, or some of it."""
    line = yield from _find_line(clause, memory, by_variant=True)
    if isinstance(line, Said):
        return line
    left = max(int(line.get("quantity", 1)) - clause.quantity, 0) if clause.quantity else 0
    call = Call("update_cart", {"sku": line["sku"], "quantity": left})
    outcome = yield call
    if not outcome.succeeded:
        return say.result_of(call, outcome)
    return say.set_to(line, left, outcome.result) if left else say.removed(line, outcome.result)


def clear(clause: Clause, memory: Memory) -> Plan:
    """Take every line out, one by one, as long as the shop agrees."""
    lines = yield from _lines(memory)
    if isinstance(lines, Said):
        return lines
    outcome = Outcome("succeeded")
    for line in lines:
        call = Call("update_cart", {"sku": line["sku"], "quantity": 0})
        outcome = yield call
        if not outcome.succeeded:
            return say.result_of(call, outcome)
    return say.cart(outcome.result)


def view(clause: Clause, memory: Memory) -> Plan:
    """What is in the cart now: always asked anew, since the person may have changed it by hand."""
    call = Call("view_cart")
    return say.result_of(call, (yield call))


def _once_more(clause: Clause, memory: Memory) -> str | None:
    """The SKU that "twelve more" or "add it again" means, when nothing in the clause says otherwise."""
    if clause.ordinal or clause.colour or clause.size:
        return None
    if clause.more and clause.words:
        lines = list(matching(clause.words, memory.lines()))
        return str(lines[0]["sku"]) if len(lines) == 1 else None
    again = clause.more or (clause.refers and memory.focus == memory.last_sku)
    return memory.last_sku if again and not clause.words else None


def _lines(memory: Memory) -> Generator[Call, Outcome, list[Json] | Said]:
    """The cart's lines, from the last look at it or from a new one."""
    if memory.cart is None:
        call = Call("view_cart")
        outcome = yield call
        if not outcome.succeeded:
            return say.result_of(call, outcome)
    return memory.lines() or say.CART_EMPTY


def _find_line(clause: Clause, memory: Memory, *, by_variant: bool) -> Finding:
    """The line that is meant. `by_variant` lets colour and size point it out; else they are what it is to become."""
    lines = yield from _lines(memory)
    if isinstance(lines, Said):
        return lines
    if clause.ordinal:
        if clause.ordinal > len(lines):
            return say.ask_which(_names(lines))
        return lines[clause.ordinal - 1 if clause.ordinal > 0 else -1]
    named = list(matching(clause.words, lines))
    if by_variant:
        named = variants_like(named, clause.colour, clause.size)
    last = memory.line_of(memory.last_sku)
    if last in named and (len(named) == 1 or not clause.words):
        return last
    if not named:
        return Said("I don't see that in your cart.", go_on=False)
    return named[0] if len(named) == 1 else say.ask_which(_names(named))


def _swap(line: Json, clause: Clause, memory: Memory) -> Plan:
    """Put the wanted variant in first, and only then take the old one out: a refusal must not lose the line."""
    call = Call("get_product", {"product": line["product"]})
    outcome = yield call
    if not outcome.succeeded:
        return say.result_of(call, outcome)
    in_stock = [variant for variant in outcome.result.get("variants", []) if variant.get("in_stock")]
    wanted = variants_like(in_stock, clause.colour or line.get("colour"), clause.size or line.get("size"))
    if not wanted:
        return say.not_in_stock(outcome.result, clause.colour, clause.size)
    if wanted[0]["sku"] == line["sku"]:
        return say.cart(memory.cart or {})
    call = Call("add_to_cart", {"sku": wanted[0]["sku"], "quantity": clause.quantity or line.get("quantity", 1)})
    outcome = yield call
    if not outcome.succeeded:
        return say.result_of(call, outcome)
    call = Call("update_cart", {"sku": line["sku"], "quantity": 0})
    outcome = yield call
    return say.swapped(line, wanted[0], outcome.result) if outcome.succeeded else say.result_of(call, outcome)


def _names(lines: list[Json]) -> list[str]:
    return [f"{line.get('name')} ({line.get('colour')}, {line.get('size')})" for line in lines]
