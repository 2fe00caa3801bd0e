"""Recipes for the cart: add, change, exchange, remove, empty, undo, view."""

from collections.abc import Generator
from dataclasses import replace

from shop.companions.offline_model import say_cart as say
from shop.companions.offline_model import say_goods
from shop.companions.offline_model.clauses import Clause, Pick
from shop.companions.offline_model.conversation import Call, Json, Outcome
from shop.companions.offline_model.finding import (
    Answered,
    Finding,
    Findings,
    Plan,
    find_product,
    find_products,
    find_variant,
    made,
)
from shop.companions.offline_model.lexicon import LADDER
from shop.companions.offline_model.memory import Memory, count_of, in_stock, matching, variants_like
from shop.companions.offline_model.picking import picked


def add(clause: Clause, memory: Memory) -> Plan:
    """Put what is meant into the cart, with as few look-ups as what was shown allows."""
    _check_number("add_to_cart", clause, memory)
    if clause.quantity == 0:
        return say.HOW_MANY
    sku = clause.sku or _once_more(clause, memory)
    skus = [sku] if sku else (yield from _wanted(clause, memory))
    added: list[tuple[Call, Json]] = []
    for wanted in skus:
        call = Call("add_to_cart", {"sku": wanted, "quantity": max(clause.quantity or 1, 1)})
        outcome = yield call
        if not outcome.succeeded:
            came_of_it = say.came_of(call, outcome)
            return replace(came_of_it, text=f"{say.added(added).text} {came_of_it.text}") if added else came_of_it
        added.append((call, outcome.result))
    return say.added(added)


def change(clause: Clause, memory: Memory) -> Plan:
    """Another quantity of a line, or the line in another colour or size, or another product instead of it."""
    if clause.instead is not None:
        line = yield from _find_line(clause, memory, by_variant=True)
        product = yield from find_product(clause.instead, memory)
        return (yield from _exchange(line, product, clause.instead, memory))
    if clause.fixes and (clause.pick or clause.names) and (last := memory.line_of(memory.last_sku)):
        product = yield from find_product(clause, memory)
        if product.get("product") != last.get("product"):
            return (yield from _exchange(last, product, clause, memory))
    line = yield from _find_line(clause, memory, by_variant=False)
    if clause.colours or clause.size or clause.size_step:
        return (yield from _in_another_variant(line, clause))
    if clause.quantity is None:
        return say.HOW_MANY
    _check_number("update_cart", clause, memory)
    outcome = yield from made(Call("update_cart", {"sku": line["sku"], "quantity": clause.quantity}))
    if clause.quantity == 0:
        return say.removed([line], outcome.result)
    return say.set_to(line, clause.quantity, outcome.result)


def remove(clause: Clause, memory: Memory) -> Plan:
    """Take lines out of the cart, or some of one."""
    lines = yield from _find_lines(clause, memory, by_variant=True)
    outcome = Outcome("succeeded")
    left = 0
    for line in lines:
        left = max(count_of(line, "quantity", 1) - clause.quantity, 0) if clause.quantity else 0
        outcome = yield from made(Call("update_cart", {"sku": line["sku"], "quantity": left}))
    return say.set_to(lines[0], left, outcome.result) if left else say.removed(lines, outcome.result)


def clear(clause: Clause, memory: Memory) -> Plan:
    """Take every line out, one by one, as long as the shop agrees; but for what is to stay."""
    lines = yield from _lines(memory)
    if clause.without:
        staying = [line for line in lines if line.get("colour") in clause.without]
        staying += [line for word in clause.without for line in matching(word.split(), lines)]
        lines = [line for line in lines if line not in staying] if staying else []
        if not lines:
            return say.NOT_IN_CART
    outcome = Outcome("succeeded")
    for line in lines:
        outcome = yield from made(Call("update_cart", {"sku": line["sku"], "quantity": 0}))
    return say.cart(outcome.result)


def undo(clause: Clause, memory: Memory) -> Plan:
    """Undo the last change of the cart, as the shop remembers it. After an order, what can be undone is the order."""
    if memory.ordered_last and memory.order_number:
        call = Call("cancel_order", {"number": memory.order_number})
        return say.came_of(call, (yield call))
    before = memory.held_before
    call = Call("undo_cart_change")
    outcome = yield call
    if not outcome.succeeded or before is None:
        return say.came_of(call, outcome)
    # The shop undoes one change. A message may have made several ("no, the blue one"): the rest is set back as it was.
    for line in memory.lines():
        if (held := before.get(str(line["sku"]), 0)) != count_of(line, "quantity"):
            outcome = yield from made(Call("update_cart", {"sku": line["sku"], "quantity": held}))
    return say.undone(outcome.result)


def view(clause: Clause, memory: Memory) -> Plan:
    """What is in the cart now: always asked anew, since the person may have changed it by hand."""
    call = Call("view_cart")
    return say.came_of(call, (yield call))


def _wanted(clause: Clause, memory: Memory) -> Generator[Call, Outcome, list[str]]:
    """The SKUs that are meant. All are found before the first is added, so that a question leaves nothing half done."""
    products = yield from find_products(clause, memory)
    skus: list[str] = []
    for product in products:
        variant = yield from find_variant(product, clause, memory)
        skus.append(str(variant["sku"]))
    return skus


def _check_number(tool: str, clause: Clause, memory: Memory) -> None:
    """Raises where it is more than the tool says that it takes."""
    most = memory.most(tool, "quantity")
    if most is not None and (clause.quantity or 0) > most:
        raise Answered(say.too_many(most))


def _once_more(clause: Clause, memory: Memory) -> str | None:
    """The SKU that "twelve more" or "add it again" means, when nothing in the clause says otherwise."""
    if clause.pick or clause.wishes:
        return None
    if clause.more and clause.words:
        lines = list(matching(clause.words, memory.lines()))
        return str(lines[0]["sku"]) if len(lines) == 1 else None
    counts = clause.refers or (clause.adds and clause.quantity is not None)
    again = clause.more or (counts and memory.focus == memory.last_sku)
    return memory.last_sku if again and not clause.words else None


def _lines(memory: Memory) -> Findings:
    """The cart's lines, from the last look at it or from a new one."""
    if memory.cart is None:
        yield from made(Call("view_cart"))
    if not memory.lines():
        raise Answered(say.CART_EMPTY)
    return memory.lines()


def _find_line(clause: Clause, memory: Memory, *, by_variant: bool) -> Finding:
    lines = yield from _find_lines(clause, memory, by_variant=by_variant)
    if len(lines) > 1:
        raise Answered(say.ask_line(lines))
    return lines[0]


def _find_lines(clause: Clause, memory: Memory, *, by_variant: bool) -> Findings:
    """The lines that are meant. `by_variant` lets colour and size point them out; else they are what a line becomes."""
    lines = yield from _lines(memory)
    named = list(matching(clause.words, lines))
    if by_variant:
        named = variants_like(named, clause.colours, clause.size)
    if clause.pick:
        focus = memory.line_of(memory.last_sku)
        if meant := _shown_line(clause.pick, named, memory) or picked(clause.pick, named, focus):
            return meant
        raise Answered(say.ask_line(lines))
    last = memory.line_of(memory.last_sku)
    if last is not None and last in named and (len(named) == 1 or not clause.words):
        return [last]
    if len(named) == 1 or (named and clause.all and clause.words):
        return named
    raise Answered(say.ask_line(named) if named else say.NOT_IN_CART)


def _shown_line(pick: Pick, lines: list[Json], memory: Memory) -> list[Json]:
    """The lines of the products that were shown at these places, if what was shown is in the cart."""
    if not pick.places or memory.display == "cart":
        return []
    shown = picked(pick, memory.shown_products())
    found = [line for product in shown for line in lines if line.get("product") == product.get("product")]
    return found if len(found) == len(shown) else []


def _in_another_variant(line: Json, clause: Clause) -> Plan:
    outcome = yield from made(Call("get_product", {"product": line.get("product")}))
    size = clause.size or _stepped(str(line.get("size")), clause.size_step)
    colours = clause.colours or (str(line.get("colour")),)
    wanted = variants_like(in_stock(outcome.result), colours, size)
    if not wanted:
        return say_goods.not_in_stock(outcome.result, clause.colour, size if clause.size or clause.size_step else None)
    if wanted[0].get("sku") == line.get("sku"):
        return say.unchanged(line)
    return (yield from _instead(line, {**wanted[0], "product": line.get("product")}, clause))


def _exchange(line: Json, product: Json, clause: Clause, memory: Memory) -> Plan:
    """Another product instead of the line, in the same colour and size where it comes in them."""
    like_it = replace(
        clause, colours=clause.colours or (str(line.get("colour")),), size=clause.size or line.get("size")
    )
    fits = variants_like(in_stock(product), like_it.colours, like_it.size)
    variant = yield from find_variant(product, like_it if fits else clause, memory)
    return (yield from _instead(line, {**variant, "product": product["product"], "name": product.get("name")}, clause))


def _instead(line: Json, new: Json, clause: Clause) -> Plan:
    """Put the new variant in first, and only then take the old one out: a refusal must not lose the line."""
    outcome = yield from made(
        Call("add_to_cart", {"sku": new["sku"], "quantity": clause.quantity or line.get("quantity", 1)})
    )
    outcome = yield from made(Call("update_cart", {"sku": line.get("sku"), "quantity": 0}))
    return say.swapped(line, new, outcome.result)


def _stepped(size: str, step: int) -> str:
    if not step or size not in LADDER:
        return size
    return LADDER[min(max(LADDER.index(size) + step, 0), len(LADDER) - 1)]
