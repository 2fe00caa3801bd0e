"""Recipes for orders, and for what the assistant may do: check out, list, look up, cancel, explain."""

from collections.abc import Generator

from shop.companions.offline_model import say
from shop.companions.offline_model.goods import Plan
from shop.companions.offline_model.memory import Call, Memory, Outcome
from shop.companions.offline_model.say import Said
from shop.companions.offline_model.understand import Clause


def check_out(clause: Clause, memory: Memory) -> Plan:
    """Place the order, to a saved address if one is named. Whether that needs a confirmation is the shop's to say."""
    arguments: dict[str, object] = {}
    if clause.address or clause.names:
        address = yield from _saved_address(clause.address or clause.names, memory)
        if isinstance(address, Said):
            return address
        arguments["address"] = address
    call = Call("place_order", arguments)
    return say.result_of(call, (yield call))


def list_orders(clause: Clause, memory: Memory) -> Plan:
    """The orders that the person may see."""
    call = Call("list_orders")
    outcome = yield call
    return say.orders(outcome.result) if outcome.succeeded else say.result_of(call, outcome)


def get_order(clause: Clause, memory: Memory) -> Plan:
    """One order: by its number, else the one that was spoken of, else the latest."""
    number = yield from _order_number(clause, memory)
    if isinstance(number, Said):
        return number
    call = Call("get_order", {"number": number})
    return say.result_of(call, (yield call))


def cancel_order(clause: Clause, memory: Memory) -> Plan:
    """Cancel an order. A bare "cancel" with no order in sight is taken as a change of mind, not as an order's end."""
    spoken_of = memory.focus is not None and memory.focus == memory.order_number
    if not (clause.order_number or clause.latest or clause.names or spoken_of or clause.of_order):
        return say.NOTHING_TO_CANCEL
    number = yield from _order_number(clause, memory)
    if isinstance(number, Said):
        return number
    call = Call("cancel_order", {"number": number})
    return say.result_of(call, (yield call))


def what_may(clause: Clause, memory: Memory) -> Plan:
    """What the assistant may do in this conversation."""
    call = Call("what_may_i_do")
    outcome = yield call
    return say.may(outcome.result) if outcome.succeeded else say.result_of(call, outcome)


def why_not(clause: Clause, memory: Memory) -> Plan:
    """Why the last refusal happened, as far as the shop tells."""
    call = Call("what_may_i_do")
    outcome = yield call
    return say.why(outcome.result) if outcome.succeeded else say.result_of(call, outcome)


def _order_number(clause: Clause, memory: Memory) -> Generator[Call, Outcome, str | Said]:
    if clause.order_number:
        return clause.order_number
    if memory.order_number and not clause.latest:
        return memory.order_number
    # "My last order" is looked up anew: another may have been placed by hand since.
    call = Call("list_orders")
    outcome = yield call
    if not outcome.succeeded:
        return say.result_of(call, outcome)
    return str(memory.orders[0].get("number")) if memory.orders else say.NO_ORDERS


def _saved_address(words: tuple[str, ...], memory: Memory) -> Generator[Call, Outcome, str | Said]:
    """The name of the saved address that the words mean; the cart lists the addresses."""
    if memory.cart is None or "addresses" not in memory.cart:
        call = Call("view_cart")
        outcome = yield call
        if not outcome.succeeded:
            return say.result_of(call, outcome)
    addresses = list((memory.cart or {}).get("addresses") or [])
    for address in addresses:
        written = f"{address.get('name')} {address.get('text')}".casefold()
        if all(word in written for word in words):
            return str(address.get("name"))
    return say.ask_address(addresses)
