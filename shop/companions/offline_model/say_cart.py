"""What the offline model says of the cart, of orders and addresses, and of what is allowed."""

from collections.abc import Callable, Sequence
from typing import Final

from shop.companions.offline_model.conversation import Call, Json, Outcome
from shop.companions.offline_model.memory import count_of, objects
from shop.companions.offline_model.say import Said, result_of
from shop.companions.offline_model.wording import items, listing, money, number, variant, wish

NOTHING_TO_CANCEL: Final = Said(
    "Nothing is under way on my side. An open receipt can be declined there; to cancel an order, name its number."
)
CART_EMPTY: Final = Said("Your cart is empty.", go_on=False)
NO_ORDERS: Final = Said("I see no orders yet.", go_on=False)
NOT_IN_CART: Final = Said("I don't see that in your cart, so I've left it as it is.", go_on=False)
HOW_MANY: Final = Said("How many?", go_on=False)


def came_of(call: Call, outcome: Outcome) -> Said:
    """What is to be said about any call that was made, when no recipe has better words."""
    done = _DONE.get(call.name)
    return done(call, outcome.result) if done and outcome.succeeded else result_of(call, outcome)


def added(items_added: Sequence[tuple[Call, Json]]) -> Said:
    """What was put into the cart, by one call or several, and what the cart holds now."""
    said = [_added(call, result) for call, result in items_added]
    return _with_cart(f"Added {listing(said, 'and')}.", items_added[-1][1])


def _added(call: Call, result: Json) -> str:
    found = result.get("added")
    item: Json = found if isinstance(found, dict) else {}
    quantity = count_of(item, "quantity") or count_of(call.arguments, "quantity", 1)
    amount = f"{number(quantity)} of " if quantity > 1 else ""
    return f"{amount}**{item.get('name', 'it')}**{variant(item)}"


def removed(lines: Sequence[Json], result: Json) -> Said:
    """What was taken out."""
    return _with_cart(f"Removed {listing((_line(line) for line in lines), 'and')}.", result)


def set_to(line: Json, quantity: int, result: Json) -> Said:
    """How many of a line there are now."""
    return _with_cart(f"{_line(line)}: now {number(quantity)}.", result)


def too_many(most: int) -> Said:
    """More of one thing than the shop puts into a cart."""
    return Said(f"A cart takes at most {most} of one thing, so I've left it as it is.", go_on=False)


def unchanged(line: Json) -> Said:
    """It is that already."""
    return Said(f"It already is {_line(line)}, so I've left it as it is.")


def swapped(line: Json, new: Json, result: Json) -> Said:
    """A line in another colour or size, or another product in its place."""
    if line.get("product") == new.get("product", line.get("product")):
        return _with_cart(f"**{line.get('name')}** is now {wish(new.get('colour'), new.get('size'))}.", result)
    return _with_cart(f"{_line(new)} instead of {_line(line)}.", result)


def cart(result: Json) -> Said:
    """What the cart holds."""
    return _with_cart("", result)


def undone(result: Json) -> Said:
    """The last change is undone."""
    return _with_cart("Undone.", result)


def reordered(result: Json) -> Said:
    """An earlier order's lines are in the cart again, but for what is gone."""
    skipped = [f"{one.get('name')} ({one.get('why')})" for one in objects(result.get("skipped"))]
    left_out = f" Left out: {listing(skipped, 'and')}." if skipped else ""
    nothing = skipped and not count_of(result, "items")
    said = "Nothing of that order could be put in your cart." if nothing else "The same again is in your cart."
    return _with_cart(said + left_out, result)


def _line(line: Json) -> str:
    return f"**{line.get('name')}**{variant(line)}"


def _with_cart(said: str, result: Json) -> Said:
    """What was done, then what the cart holds now; checking out is only offered when there is something in it."""
    count = count_of(result, "items")
    if not count:
        return Said(f"{said} Your cart is empty.".strip())
    holds = f"Your cart holds {items(count)}, {money(result.get('total'))} in total."
    return Said(f"{said} {holds}".strip(), offer="Say “check out” when you are ready.")


def ask_line(lines: Sequence[Json]) -> Said:
    """Which line of the cart is meant."""
    names = [f"{line.get('name')}{variant(line)}" for line in lines]
    return Said(f"Which one: {listing(names, 'or')}?", go_on=False)


# --- addresses and orders --------------------------------------------------------------------------------------------


def addresses(saved: Sequence[Json]) -> Said:
    """Where an order can go."""
    if not saved:
        return Said("I see no saved address to ship to.", go_on=False)
    names = listing((str(address.get("name")) for address in saved), "or")
    usual = next((str(address.get("name")) for address in saved if address.get("usual")), None)
    return Said(f"An order can go to {names}." + (f" The usual one is {usual}." if usual and len(saved) > 1 else ""))


def ask_address(saved: Sequence[Json]) -> Said:
    """Which saved address is meant."""
    names = [str(address.get("name")) for address in saved]
    return Said(f"Which saved address: {listing(names, 'or')}?", go_on=False) if names else addresses(saved)


def placed(result: Json) -> Said:
    """The order is placed."""
    found = result.get("address")
    where = found.get("name") if isinstance(found, dict) else None
    going = f", going to {where}." if where else "."
    return Said(f"Done: order **{result.get('number')}** is placed, {money(result.get('total'))} in total{going}")


def order(result: Json) -> Said:
    """Where an order stands."""
    count = sum(count_of(line, "quantity", 1) for line in objects(result.get("lines")))
    said = f"Order **{result.get('number')}** is {result.get('status')}: {items(count)}, {money(result.get('total'))}."
    coming = next((str(step.get("label")) for step in objects(result.get("timeline")) if not step.get("done")), "")
    following = f" Next step: {coming.lower()}." if coming and result.get("status") != "cancelled" else ""
    return Said(said + following, offer="It can still be cancelled." if result.get("can_cancel") else "")


def orders(result: Json) -> Said:
    """How many orders are seen, and the latest."""
    shown = objects(result.get("orders"))
    if not shown:
        return NO_ORDERS
    count, latest = count_of(result, "count", len(shown)), shown[0]
    seen = "one order" if count == 1 else f"{number(count)} orders"
    status = f"{latest.get('status')}, {money(latest.get('total'))}"
    return Said(f"I see {seen}. The latest is **{latest.get('number')}**: {status}.")


# --- what the assistant may do, and who sees it ----------------------------------------------------------------------


def may(result: Json) -> Said:
    """What this conversation allows, in the words of the result."""
    flows = objects(result.get("workflows"))
    allowed = [_means(flow) for flow in flows if flow.get("allowed")]
    closed = [_means(flow) for flow in flows if not flow.get("allowed")]
    parts = ["I act for you alone."]
    if result.get("paused"):
        parts.append("Just now I am paused, so I do nothing.")
    if allowed:
        parts.append("In this conversation I may:\n\n" + "\n".join(f"- {means}" for means in allowed) + "\n\n")
    if closed:
        parts.append("Not allowed so far:\n\n" + "\n".join(f"- {means}" for means in closed) + "\n\n")
    if limit := money(result.get("order_limit")):
        parts.append(f"An order may come to {limit}, and I never buy without your own confirmation.")
    return Said(" ".join(parts).replace("\n\n ", "\n\n").strip())


def _means(flow: Json) -> str:
    return str(flow.get("means") or flow.get("workflow")).rstrip(".")


def why(result: Json) -> Said:
    """Why the last refusal happened, as far as the shop tells."""
    refusals = objects(result.get("refusals"))
    if not refusals:
        return Said("Nothing has been refused in this conversation.")
    message = str(refusals[0].get("message") or refusals[0].get("code")).strip()
    return Said(f"The last thing that was refused was `{refusals[0].get('tool')}`. {message}")


def seen_by(result: Json) -> Said:
    """Who can read this conversation, as far as the shop tells."""
    seen = result.get("seen_by")
    people = [str(one) for one in seen] if isinstance(seen, list) else []
    if not people:
        return Said("I can't tell from here who can read this. What I do on your behalf is recorded in the audit view.")
    return Said(f"This conversation can be read by {listing(people, 'and')}. What I do on your behalf is recorded.")


_DONE: Final[dict[str, Callable[[Call, Json], Said]]] = {
    "add_to_cart": lambda call, result: added([(call, result)]),
    "update_cart": lambda call, result: _with_cart("Done.", result),
    "undo_cart_change": lambda call, result: undone(result),
    "reorder": lambda call, result: reordered(result),
    "view_cart": lambda call, result: cart(result),
    "place_order": lambda call, result: placed(result),
    "cancel_order": lambda call, result: Said(f"Done: order **{result.get('number')}** is cancelled."),
    "get_order": lambda call, result: order(result),
    "list_addresses": lambda call, result: addresses(objects(result.get("addresses"))),
}
"""The words for a call that succeeded, where the call alone says enough."""
