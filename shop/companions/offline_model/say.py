"""What the offline model says: short, warm, and never more than a tool result supports.

Here are courtesies, refusals, and what to say of any call; `say_goods.py` speaks of products, `say_cart.py` of carts,
orders and what is allowed. The page shows cards for all of these, so the words need not repeat them. A sentence that asks
something ends the whole answer, and ends in a question mark; an offer never does (`Exchange.ended_with_question`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shop.companions.offline_model.conversation import Call, Outcome


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
NICE: Final = Said("Good. Just say what you'd like next.")
NO: Final = Said("All right, I'll leave everything as it is.")
YES: Final = Said("There is nothing for me to confirm. A receipt is confirmed by you alone, with its own button.")
NOT_YOURS: Final = Said("I see only what is yours: your cart, your orders and your addresses.")
ONLY_ASKED: Final = Said(
    "You asked, so I have changed nothing. Say what I should do, for instance “add the black one” or “check out”."
)
_WORKS: Final = "“mugs under 20” and “what's in my cart?” work, for instance."
NOT_UNDERSTOOD: Final = Said(f"I did not understand that, so I have done nothing. {_WORKS}")
NO_MEANS: Final = Said("I have no means to do that here, so nothing was done.", go_on=False)

_WORKFLOW_WORDS: Final = {
    "search_products": "look through the shop", "get_product": "look through the shop",
    "compare_products": "look through the shop", "view_cart": "look at your cart", "list_orders": "look at orders",
    "get_order": "look at orders", "list_addresses": "look at your addresses", "what_may_i_do": "look that up",
}  # fmt: skip

_REASONS: Final = {
    "not_permitted": "That is not open to me on your behalf, so nothing was done. “What can you do?” shows what is.",
    "over_limit": "Ordering that goes over your order limit, so nothing was ordered. The card here says what the limit "
    "is and who could approve it.",
    "paused": "Your assistant is paused, so I've stopped here. Resume it whenever you like, and ask me again.",
    "suspended": "Your account is suspended, so I've stopped here. An administrator of your organization can restore it.",
    "signed_out": "Your sign-in has ended, so I've stopped here. Sign in again and we can go on.",
    "out_of_stock": "There is not enough of that in stock, so nothing was changed. A smaller number or another colour "
    "may work.",
    "cart_empty": "Your cart is empty, so there is nothing to order yet.",
    "changed": "Something on the receipt has changed since it was made, so it no longer holds and nothing was done. "
    "Ask me again and I'll prepare a fresh one.",
    "not_cancellable": "That order can no longer be cancelled.",
    "nothing_to_undo": "There is nothing to undo: the cart was not changed, or was changed again since.",
    "unavailable": "The shop did not answer just now. Nothing was changed; please try again in a moment.",
    "unknown_tool": NO_MEANS.text,
    "invalid_arguments": "The shop could not use what I sent, so nothing was done. Please say it another way.",
}
_NOT_FOUND: Final = {
    "get_order": "I can't find that order. Please check the number.",
    "reorder": "I can't find that order, so nothing was put in your cart. Please check the number.",
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


def not_understood(unexplained: Iterable[str]) -> Said:
    """Which words nothing explains, and two things that work."""
    words = " ".join(unexplained)
    return Said(f"I did not understand “{words}”, so I have done nothing. {_WORKS}", go_on=False)


def result_of(call: Call, outcome: Outcome) -> Said:
    """What is to be said about a call that did not succeed, or of whose success there is nothing more to say."""
    if outcome.kind == "awaiting_approval":
        return Said(_AWAITING.get(call.name, "That waits for you to confirm it; nothing is done before."), go_on=False)
    return Said("Done.") if outcome.succeeded else Said(_reason(call, outcome), go_on=False)


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
