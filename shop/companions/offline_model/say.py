"""Every sentence the offline model says: short, warm, and never more than a tool result supports.

The page shows cards for products, carts, orders and receipts, so the words need not repeat them. A sentence that asks
something ends the whole answer, and ends in a question mark; an offer never does (`Exchange.ended_with_question`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from shop.companions.offline_model.memory import Call, Json, Outcome, distinct, variants_like
from shop.companions.offline_model.wording import items, listing, lowest, money, number, variant, wish


@dataclass(frozen=True)
class Said:
    """Words for one clause. `offer` is added only if nothing follows; `go_on` says whether the next clause is done."""

    text: str
    offer: str = ""
    go_on: bool = True


HELLO: Final = Said(
    "Hello, and welcome to Context & Co. I can look through the shop with you, fill a cart and prepare an order. "
    "Try “black hoodies under 60, in L”."
)
THANKS: Final = Said("You're welcome.")
BYE: Final = Said("Goodbye, and come back any time.")
NO: Final = Said("All right, I'll leave everything as it is.")
YES: Final = Said("There is nothing for me to confirm. A receipt is confirmed by you alone, with its own button.")
OUT_OF_SCOPE: Final = Said(
    "That is outside what I can help with. I know this shop: I can find products, tell you about them, fill your cart, "
    "prepare an order and look up the orders you may see. “What may you do?” shows what is open to me."
)
WHICH: Final = Said("Which one do you mean?", go_on=False)
NOTHING_TO_CANCEL: Final = Said(
    "Nothing is under way on my side. An open receipt can be declined there; to cancel an order, name its number."
)
CART_EMPTY: Final = Said("Your cart is empty.", go_on=False)
NO_ORDERS: Final = Said("I see no orders yet.", go_on=False)

_WORKFLOW_WORDS: Final = {
    "search_products": "look through the shop", "get_product": "look through the shop",
    "view_cart": "look at your cart", "list_orders": "look at orders", "get_order": "look at orders",
    "what_may_i_do": "look that up",
}  # fmt: skip

_REASONS: Final = {
    "not_permitted": "That is not open to me on your behalf, so nothing was done. “What may you do?” shows what is.",
    "over_limit": "Ordering that goes over your order limit, so nothing was ordered. The card here says what the limit "
    "is and who could approve it.",
    "paused": "Your assistant is paused, so I've stopped here. Resume it whenever you like, and ask me again.",
    "signed_out": "Your sign-in has ended, so I've stopped here. Sign in again and we can go on.",
    "out_of_stock": "There is not enough of that in stock, so nothing was changed.",
    "cart_empty": "Your cart is empty, so there is nothing to order yet.",
    "changed": "Something on the receipt has changed since it was made, so it no longer holds and nothing was done. "
    "Ask me again and I'll prepare a fresh one.",
    "not_cancellable": "That order can no longer be cancelled.",
    "unavailable": "The shop did not answer just now. Nothing was changed; please try again in a moment.",
    "unknown_tool": "I have no means to do that here, so nothing was done.",
    "invalid_arguments": "The shop could not use what I sent, so nothing was done. Please say it another way.",
}
_NOT_FOUND: Final = {
    "get_order": "I can't find that order. Please check the number.",
    "cancel_order": "I can't find that order, so nothing was cancelled. Please check the number.",
    "place_order": "I can't find that address, so nothing was ordered.",
}
_DECLINED: Final = {
    "place_order": "That's fine: nothing was bought, and your cart is as it was.",
    "cancel_order": "That's fine: the order stays as it is.",
}
_AWAITING: Final = {
    "place_order": "The receipt is ready. Nothing is bought until you confirm it there.",
    "cancel_order": "The request is ready. Nothing is cancelled until you confirm it there.",
}


def result_of(call: Call, outcome: Outcome) -> Said:
    """What is to be said about any call that was made, when no recipe has better words."""
    if outcome.kind == "awaiting_approval":
        return Said(_AWAITING.get(call.name, "That waits for you to confirm it; nothing is done before."), go_on=False)
    if not outcome.succeeded:
        return Said(_reason(call, outcome), go_on=False)
    return _DONE[call.name](call, outcome.result) if call.name in _DONE else Said("Done.")


def _reason(call: Call, outcome: Outcome) -> str:
    if outcome.code == "consent_needed":
        doing = _WORKFLOW_WORDS.get(call.name, "buy or change your cart")
        allow = "If you'd like me to, allow it with the button here and I'll carry on."
        return f"I may not {doing} in this conversation yet. {allow}"
    if outcome.code == "not_found":
        return _NOT_FOUND.get(call.name, "I can't find that.")
    if outcome.code == "declined":
        return _DECLINED.get(call.name, "That's fine: nothing was done.")
    return _REASONS.get(outcome.code) or f"That did not work. {outcome.message}".strip()


# --- products --------------------------------------------------------------------------------------------------------


def found(result: Json, colour: str | None, size: str | None) -> Said:
    """How many fit, and where they begin; the cards show which."""
    count, products = int(result.get("count", 0)), result.get("products", [])
    if count == 0:
        return Said("Nothing in stock fits that, I'm afraid. Try it with another colour, size or price.", go_on=False)
    stock = wish(None if size else colour, size)
    if count == 1:
        only = f"One fits: **{products[0]['name']}**, {money(products[0].get('price'))}."
        return Said(f"{only} It is in stock {stock}." if stock else only)
    more = f"; here are {number(len(products))}" if len(products) < count else ""
    said = f"{number(count).capitalize()} fit{more}, from {lowest(products)}."
    return Said(f"{said} All are in stock {stock}." if stock else said)


def found_wider(result: Json, dropped: Iterable[str]) -> Said:
    """Nothing fitted all that was asked, and this is what is there without some of it."""
    count = int(result.get("count", 0))
    there = f"there {'is' if count == 1 else 'are'} {number(count)}"
    return Said(f"Nothing in stock fits {listing(dropped, 'and')}. Without that {there}.")


def details(product: Json, colour: str | None, size: str | None, asks_price: bool) -> Said:
    """A product in two lines, or the answer to what was asked about it: its price, or whether a variant is in stock."""
    name, price = f"**{product.get('name')}**", money(product.get("price"))
    in_stock = [variant for variant in product.get("variants", []) if variant.get("in_stock")]
    if colour or size:
        return Said(_availability(name, in_stock, colour, size))
    if asks_price:
        return Said(f"{name} is {price}.")
    tagline = str(product.get("tagline", "")).rstrip(".")
    return Said(" ".join(filter(None, (f"{name}, {price}.", f"{tagline}." if tagline else "", _in_stock(in_stock)))))


def _availability(name: str, in_stock: list[Json], colour: str | None, size: str | None) -> str:
    asked = wish(colour, size)
    fitting = variants_like(in_stock, colour, size)
    if not fitting:
        return f"No, {name} is not in stock {asked}. {_in_stock(in_stock)}"
    colours = distinct(fitting, "colour") if not colour else []
    return f"Yes, {name} is in stock {asked}{' (' + listing(colours, 'and') + ')' if colours else ''}."


def not_in_stock(product: Json, colour: str | None, size: str | None) -> Said:
    in_stock = [variant for variant in product.get("variants", []) if variant.get("in_stock")]
    said = f"**{product.get('name')}** is not in stock {wish(colour, size)}".rstrip()
    return Said(f"{said}. {_in_stock(in_stock)}", go_on=False)


def ask_variant(product: Json, variants: list[Json]) -> Said:
    """The one short question that is left: which colour, which size, or both."""
    colours, sizes = distinct(variants, "colour"), distinct(variants, "size")
    if len(colours) > 1 and len(sizes) > 1:
        return Said(f"Which colour ({listing(colours, 'or')}) and which size ({listing(sizes, 'or')})?", go_on=False)
    kind, choices = ("colour", colours) if len(colours) > 1 else ("size", sizes)
    return Said(f"**{product.get('name')}** in which {kind}: {listing(choices, 'or')}?", go_on=False)


def ask_which(names: Iterable[str]) -> Said:
    return Said(f"Which one: {listing(names, 'or')}?", go_on=False)


def too_far(count: int) -> Said:
    return Said(f"I showed {number(count)}. Which one do you mean?", go_on=False)


def nothing_called(words: str) -> Said:
    return Said(f"I can't find “{words}” in the shop. “What do you sell?” shows what there is.", go_on=False)


# --- cart and orders -------------------------------------------------------------------------------------------------


def added(call: Call, result: Json) -> Said:
    item = result.get("added", {})
    quantity = int(item.get("quantity") or call.arguments.get("quantity") or 1)
    amount = f"{number(quantity)} of " if quantity > 1 else ""
    return _with_cart(f"Added {amount}**{item.get('name', 'it')}**{variant(item)}.", result)


def removed(line: Json, result: Json) -> Said:
    return _with_cart(f"Removed **{line.get('name')}**{variant(line)}.", result)


def set_to(line: Json, quantity: int, result: Json) -> Said:
    return _with_cart(f"**{line.get('name')}**{variant(line)}: now {number(quantity)}.", result)


def swapped(line: Json, new: Json, result: Json) -> Said:
    return _with_cart(f"**{line.get('name')}** is now {wish(new.get('colour'), new.get('size'))}.", result)


def cart(result: Json) -> Said:
    return _with_cart("", result)


def _with_cart(said: str, result: Json) -> Said:
    """What was done, then what the cart holds now; checking out is only offered when there is something in it."""
    count = int(result.get("items", 0))
    if not count:
        return Said(f"{said} Your cart is empty.".strip())
    holds = f"Your cart holds {items(count)}, {money(result.get('total'))} in total."
    return Said(f"{said} {holds}".strip(), offer="Say “check out” when you are ready.")


def ask_address(addresses: list[Json]) -> Said:
    names = [str(address.get("name")) for address in addresses]
    if not names:
        return Said("I see no saved address to ship to.", go_on=False)
    return Said(f"Which saved address: {listing(names, 'or')}?", go_on=False)


def placed(result: Json) -> Said:
    where = (result.get("address") or {}).get("name")
    return Said(
        f"Done: order **{result.get('number')}** is placed, {money(result.get('total'))} in total"
        + (f", going to {where}." if where else ".")
    )


def order(result: Json) -> Said:
    count = sum(int(line.get("quantity", 1)) for line in result.get("lines", []))
    said = f"Order **{result.get('number')}** is {result.get('status')}: {items(count)}, {money(result.get('total'))}."
    return Said(said, offer="It can still be cancelled." if result.get("can_cancel") else "")


def orders(result: Json) -> Said:
    shown = result.get("orders", [])
    if not shown:
        return NO_ORDERS
    count, latest = int(result.get("count", len(shown))), shown[0]
    seen = "one order" if count == 1 else f"{number(count)} orders"
    status = f"{latest.get('status')}, {money(latest.get('total'))}"
    return Said(f"I see {seen}. The latest is **{latest.get('number')}**: {status}.")


# --- what the assistant may do ---------------------------------------------------------------------------------------


def may(result: Json) -> Said:
    """What this conversation allows, in the words of the result."""
    flows = result.get("workflows", [])
    allowed = [str(flow.get("means") or flow.get("workflow")).rstrip(".") for flow in flows if flow.get("allowed")]
    closed = [str(flow.get("means") or flow.get("workflow")).rstrip(".") for flow in flows if not flow.get("allowed")]
    parts = [f"I act for {result.get('person', 'you')}."]
    if result.get("paused"):
        parts.append("Just now I am paused, so I do nothing.")
    if allowed:
        parts.append("In this conversation I may:\n\n" + "\n".join(f"- {means}" for means in allowed) + "\n\n")
    if closed:
        parts.append("Not allowed so far:\n\n" + "\n".join(f"- {means}" for means in closed) + "\n\n")
    if limit := result.get("order_limit"):
        parts.append(f"An order may come to {money(limit)}, and I never buy without your own confirmation.")
    return Said(" ".join(parts).replace("\n\n ", "\n\n").strip())


def why(result: Json) -> Said:
    refusals = result.get("refusals", [])
    if not refusals:
        return Said("Nothing has been refused in this conversation.")
    message = str(refusals[0].get("message") or refusals[0].get("code")).strip()
    return Said(f"The last thing that was refused was `{refusals[0].get('tool')}`. {message}")


def _in_stock(variants: list[Json]) -> str:
    if not variants:
        return "It is sold out."
    sizes = [size for size in distinct(variants, "size") if size not in {"one size", "None"}]
    colours = [colour for colour in distinct(variants, "colour") if colour != "None"]
    return f"In stock in {listing(colours, 'and')}{'; ' + listing(sizes, 'and') if sizes else ''}."


_DONE: Final[dict[str, Callable[[Call, Json], Said]]] = {
    "add_to_cart": added,
    "update_cart": lambda call, result: _with_cart("Done.", result),
    "view_cart": lambda call, result: cart(result),
    "place_order": lambda call, result: placed(result),
    "cancel_order": lambda call, result: Said(f"Done: order **{result.get('number')}** is cancelled."),
    "get_order": lambda call, result: order(result),
}
"""The words for a call that succeeded, where the call alone says enough."""
