"""Recipes for orders and addresses, and for what the assistant may do and who sees it."""

from collections.abc import Callable, Generator
from dataclasses import replace

from shop.companions.offline_model import say_cart as say
from shop.companions.offline_model import say_goods
from shop.companions.offline_model.clauses import Clause
from shop.companions.offline_model.conversation import Call, Json, Outcome
from shop.companions.offline_model.finding import Answered, Findings, Plan, made
from shop.companions.offline_model.memory import Memory, objects
from shop.companions.offline_model.picking import picked
from shop.companions.offline_model.say import Said


def check_out(clause: Clause, memory: Memory) -> Plan:
    """Place the order, to a saved address if one is named. Whether that needs a confirmation is the shop's to say."""
    arguments: dict[str, object] = {}
    if clause.refers and memory.focus is None and memory.cart is None and memory.page is None:
        return say_goods.WHICH  # "buy it", and nothing was spoken of
    if clause.address or clause.pick:
        address = yield from _saved_address(clause, memory)
        arguments["address"] = address
    call = Call("place_order", arguments)
    return say.came_of(call, (yield call))


def addresses(clause: Clause, memory: Memory) -> Plan:
    """Where an order can go."""
    saved = yield from _addresses(memory, anew=True)
    return say.addresses(saved)


def list_orders(clause: Clause, memory: Memory) -> Plan:
    """The orders that the person may see."""
    return say.orders((yield from made(Call("list_orders"))).result)


def get_order(clause: Clause, memory: Memory) -> Plan:
    """One order: by its number, else the one that was spoken of, else the latest."""
    return (yield from _with_order("get_order", clause, memory))


def reorder(clause: Clause, memory: Memory) -> Plan:
    """The lines of an earlier order into the cart again. They are ordered only when the person says so."""
    return (
        yield from _with_order("reorder", replace(clause, latest=clause.latest and not memory.ordered_last), memory)
    )


def cancel_order(clause: Clause, memory: Memory) -> Plan:
    """Cancel an order. A bare "cancel" with no order in sight is taken as a change of mind, not as an order's end."""
    spoken_of = memory.focus is not None and memory.focus == memory.order_number
    if not (clause.order_number or clause.latest or clause.pick or clause.names or spoken_of or clause.of_order):
        return say.NOTHING_TO_CANCEL
    return (yield from _with_order("cancel_order", clause, memory))


def _with_order(tool: str, clause: Clause, memory: Memory) -> Plan:
    number = yield from _order_number(clause, memory)
    call = Call(tool, {"number": number})
    return say.came_of(call, (yield call))


def access(words: Callable[[Json], Said]) -> Callable[[Clause, Memory], Plan]:
    """A recipe that looks up what the assistant may do, and says of it what `words` make of the result."""

    def recipe(clause: Clause, memory: Memory) -> Plan:
        return words((yield from made(Call("what_may_i_do"))).result)

    return recipe


def _order_number(clause: Clause, memory: Memory) -> Generator[Call, Outcome, str]:
    if clause.order_number:
        return clause.order_number
    if clause.pick and memory.orders and (found := picked(clause.pick, memory.orders)):
        return str(found[0].get("number"))
    if memory.order_number and not clause.latest:
        return memory.order_number
    # "My last order" is looked up anew: another may have been placed by hand since.
    yield from made(Call("list_orders"))
    if not memory.orders:
        raise Answered(say.NO_ORDERS)
    return str(memory.orders[0].get("number"))


def _saved_address(clause: Clause, memory: Memory) -> Generator[Call, Outcome, str]:
    """The name of the saved address that the words mean, or the place in their list."""
    saved = yield from _addresses(memory)
    if clause.pick and (found := picked(clause.pick, saved)):
        return str(found[0].get("name"))
    for address in saved:
        written = f"{address.get('name')} {address.get('text')}".casefold()
        if clause.address and all(word in written for word in clause.address):
            return str(address.get("name"))
    raise Answered(say.ask_address(saved))


def _addresses(memory: Memory, *, anew: bool = False) -> Findings:
    """The saved addresses: the cart lists them too, so a look at either is enough."""
    if not anew and memory.saved_addresses is not None:
        return memory.saved_addresses
    if not anew and memory.cart is not None and "addresses" in memory.cart:
        return objects(memory.cart["addresses"])
    outcome = yield from made(Call("list_addresses" if "list_addresses" in memory.tools else "view_cart"))
    return objects(outcome.result.get("addresses"))
