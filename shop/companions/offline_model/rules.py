"""What a clause asks for: one table of rules over its *signs*, whatever their order and whatever stands between them.

A sign is the tag of a word (`ADD`, `CART`), a function word itself (`where`), or a group of tags (`THING`, `REF`). A rule
names the signs that must be there; `a|b` is either, `-a` must be absent. The first rule that fits gives the intent.
"""

from collections.abc import Iterable
from typing import Final

from shop.companions.offline_model.clauses import Intent
from shop.companions.offline_model.lexicon import words
from shop.companions.offline_model.tokens import NAME, Token

_GROUPS: Final[dict[str, frozenset[str]]] = {
    "THING": frozenset({NAME, "CATEGORY", "SKU"}),
    "REF": frozenset({"IT", "ONE", "ORDINAL", "BOTH", "EACH", "OTHER"}),
    "WISH": frozenset({"COLOUR", "SIZE", "STEP", "MONEY", "UNDER", "OVER", "PRICED", "NEWEST"}),
    "COURTESY": frozenset({"HELLO", "THANKS", "BYE", "YES", "NO", "NICE", "FIX", "AGAIN", "NOT", "OK", "LATER"}),
    "EFFECT": frozenset({"ADD", "BUY", "WANT", "CHECKOUT", "SHIP", "REMOVE", "CLEAR", "CHANGE", "CANCEL", "UNDO"}),
    "MAY": frozenset({"can", "could", "may", "will", "would"}),
    "ME": frozenset({"i", "we"}),
    "HAVE": frozenset({"is", "are", "does", "do", "can", "has", "was"}),
}
_REFUSABLE: Final = words("ADD BUY CHECKOUT SHIP REMOVE CLEAR CHANGE CANCEL REORDER UNDO WANT YES")

_RULES: Final[tuple[tuple[Intent, str], ...]] = (
    # What the assistant may do, and why it did not.
    (Intent.NOT_YOURS, "OTHERS"),
    (Intent.DETAILS, "WHY PRICED|expensive|much REF|THING"),
    (Intent.WHY_NOT, "WHY"),
    (Intent.NO, "NOT like -ADD -BUY -REMOVE"),
    (Intent.REMOVE, "UNWANTED THING|REF -BUY -CHECKOUT -SHIP"),
    (Intent.NO, "REFUSING"),
    (Intent.NO, "LATER EFFECT"),
    (Intent.WHAT_MAY, "how|where do|can|could|to ME|to EFFECT -much -many -PURPOSE"),
    (Intent.WHAT_MAY, "ALLOWED -THING"),
    (Intent.WHAT_MAY, "HELP -THING -PURPOSE -REF -SHOW -ADD -gift -present"),
    (Intent.WHAT_MAY, "can|could|may|able you BUY -THING -REF -CART -NUMBER"),
    (Intent.ADDRESSES, "ADDRESS where|which|what|SHOW|my|our -CHECKOUT -SHIP -CHANGE"),
    (Intent.ADDRESSES, "ADDRESS what|which|CHANGE|ADD|REMOVE -CHECKOUT"),
    (Intent.ADDRESSES, "where SHIP MAY|do|to -ORDER -ORDER_NUMBER"),
    # Back to what was.
    (Intent.REORDER, "REORDER"),
    (Intent.REORDER, "repeat ORDER|ORDER_NUMBER|LAST"),
    (Intent.REORDER, "same LAST|AGAIN -THING -COLOUR -SIZE"),
    (Intent.UNDO, "UNDO|PUTBACK"),
    (Intent.REMOVE, "CANCEL THING|ORDINAL -LAST"),
    (Intent.CANCEL_ORDER, "CANCEL"),
    # Orders. Where "order" is a verb, `tokens.py` has tagged it BUY.
    (Intent.GET_ORDER, "ORDER_NUMBER"),
    (
        Intent.GET_ORDER,
        "where|when|status|day -ADD|REMOVE|CLEAR|CHANGE|CANCEL|UNDO|BUY|SHIP|CHECKOUT -SHOW IT|ORDER|ARRIVE|TOTAL|come|get|my",
    ),
    (Intent.GET_ORDER, "ARRIVE -EFFECT -SHOW"),
    (Intent.LIST_ORDERS, "did|have ME|you BUY"),
    (Intent.LIST_ORDERS, "ORDERS -EFFECT"),
    (Intent.LIST_ORDERS, "ORDER history"),
    (Intent.GET_ORDER, "ORDER LAST|ORDINAL -EFFECT"),
    (Intent.GET_ORDER, "ORDER where|when|status|TELL|IT|in|is|go|SHOW -EFFECT"),
    (Intent.LIST_ORDERS, "ORDER my|our -EFFECT"),
    # The cart.
    (Intent.CLEAR_CART, "ALL out -EFFECT"),
    (Intent.REMOVE, "THING|REF out -EFFECT -SHOW -STOCK -is -are -what"),
    (Intent.CLEAR_CART, "CLEAR|REMOVE ALL|CART -THING -REF"),
    (Intent.CLEAR_CART, "CLEAR -THING"),
    (Intent.REMOVE, "REMOVE"),
    (Intent.COMPARE, "COMPARE -CHECKOUT"),
    (Intent.CHANGE, "CHANGE"),
    # Looking at several things.
    (Intent.COMPARE, "which BETTER -SHOW -THING -ADD -BUY -WANT"),
    (Intent.NEXT_PAGE, "nextpage"),
    (Intent.ADD, "SIZE|COLOUR CART into -EFFECT -SHOW -what -is"),
    (Intent.ADD, "THING|REF CART into|to|NUMBER -EFFECT -SHOW -what -is"),
    (Intent.VIEW_CART, "CART -ADD -WANT -BUY -CHECKOUT -SHIP"),
    (Intent.VIEW_CART, "TOTAL -ADD -WANT -BUY -CHECKOUT -SHIP -THING -MONEY"),
    (Intent.VIEW_CART, "how much do|is|does|will|would ME -REF -THING -WANT -BUY -SHIP -ADD"),
    (Intent.VIEW_CART, "how much ALL -ADD -WANT -BUY -CHECKOUT -SHIP"),
    (Intent.VIEW_CART, "what have ME"),
    (Intent.VIEW_CART, "is ALL IT"),
    (Intent.VIEW_CART, "ADDED -SHOW -EFFECT"),
    # Questions about buying are no orders.
    (Intent.SEARCH, "what MAY|should ME BUY"),
    (Intent.DETAILS, "should ME BUY|ADD|WANT"),
    (Intent.WHAT_MAY, "how|who|which|what|when BUY|CHECKOUT|SHIP -SHOW"),
    # Buying.
    (Intent.CHECK_OUT, "BUY|CHECKOUT|SHIP"),
    (Intent.SEARCH, "ADD|WANT PURPOSE -THING -REF -CART"),
    (Intent.ADD, "ADD"),
    (Intent.DETAILS, "TELL REF|THING -what"),
    (Intent.DETAILS, "STOCK|CHOICES how|many|what|which|HAVE"),
    (Intent.ADD, "MORE NUMBER|ONE|LONE|of -SHOW -WANT"),
    (Intent.ADD, "MORE -SHOW -HAVE -TELL -SOME -PRICED -WANT"),
    (Intent.SEARCH, "WANT SOME|SIMILAR|ONES|PURPOSE -REF"),
    (Intent.ADD, "WANT REF|LAST|NUMBER|SKU|NAME -how -SHOW -what"),
    (Intent.ADD, "WANT COLOUR|SIZE -CATEGORY -SHOW -SOME -how -what"),
    # Looking.
    (Intent.SEARCH, "SIMILAR|ONES -TELL"),
    (Intent.SEARCH, "SHOW SOME|PRICED|NEWEST"),
    (Intent.DETAILS, "SHOW REF|LAST|SKU -CATEGORY"),
    (Intent.DETAILS, "SHOW the NAME"),
    (Intent.SEARCH, "SHOW"),
    (Intent.DETAILS, "CHOICES"),
    (Intent.SEARCH, "PURPOSE -ASKS"),
    (Intent.DETAILS, "HAVE|how|what|PRICE|SEE REF|LAST|SKU"),
    (Intent.DETAILS, "how|PRICE the NAME"),
    (Intent.DETAILS, "HAVE NAME CATEGORY|COLOUR|SIZE|STOCK|PRICED -like"),
    (Intent.DETAILS, "PRICE|much THING"),
    (Intent.SEARCH, "SOME CATEGORY|NAME|PURPOSE|WISH"),
    (Intent.SEARCH, "WANT|SEE THING|PURPOSE|WISH"),
    (Intent.SEARCH, "PURPOSE"),
    (Intent.SEARCH, "gift|gifts|present|presents"),
    (Intent.SEARCH, "NEWEST|PRICED -REF -ORDER"),
)

_SOCIAL: Final[tuple[tuple[Intent, str], ...]] = (
    (Intent.THANKS, "THANKS"),
    (Intent.BYE, "BYE"),
    (Intent.AGAIN, "AGAIN"),
    (Intent.HELLO, "HELLO"),
    (Intent.NO, "NO|NOT|LATER"),
    (Intent.YES, "YES|please"),
    (Intent.OKAY, "OK"),
    (Intent.NICE, "NICE"),
)
"""What a clause is that holds nothing but courtesies."""

_Rule = tuple[Intent, tuple[frozenset[str], ...], frozenset[str]]


def _compiled(rules: Iterable[tuple[Intent, str]]) -> tuple[_Rule, ...]:
    found: list[_Rule] = []
    for intent, written in rules:
        terms = written.split()
        needs = tuple(frozenset(term.split("|")) for term in terms if not term.startswith("-"))
        lacks = frozenset(word for term in terms if term.startswith("-") for word in term[1:].split("|"))
        found.append((intent, needs, lacks))
    return tuple(found)


_BUSINESS_RULES: Final = _compiled(_RULES)
_SOCIAL_RULES: Final = _compiled(_SOCIAL)
_WEIGHTLESS: Final = _GROUPS["COURTESY"] | words(
    """then MARK and i you me us is are do be so am it IT there here a the to for all ALL very good was have done
    of my please dear mate guys friend friends today well much ALSO really that will at"""
)


def intent_of(tokens: list[Token]) -> Intent:
    """The intent of a clause's tokens; `FRAGMENT` where no rule fits."""
    signs = _signs(tokens)
    if signs & _GROUPS["COURTESY"] | signs & {"please"} and not signs - _WEIGHTLESS - _GROUPS.keys():
        social = _first(_SOCIAL_RULES, signs)
        if social and not (social is Intent.YES and "IT" not in signs and "please" in signs and "i" in signs):
            return social
    return _first(_BUSINESS_RULES, signs) or Intent.FRAGMENT


def asked_about(intent: Intent, tokens: list[Token]) -> Intent:
    """What a question about a change is answered with: what was done is looked up, and nothing is done."""
    return _ASKED.get(intent, intent) if asks(tokens) else Intent.UNCLEAR


_ASKED: Final[dict[Intent, Intent]] = {
    # What is asked about is looked up, and not done: "is my order cancelled?", "did you add it?", "is my cart empty?"
    Intent.ADD: Intent.VIEW_CART,
    Intent.CHANGE: Intent.VIEW_CART,
    Intent.CLEAR_CART: Intent.VIEW_CART,
    Intent.REMOVE: Intent.VIEW_CART,
    Intent.UNDO: Intent.VIEW_CART,
    Intent.CANCEL_ORDER: Intent.GET_ORDER,
    Intent.CHECK_OUT: Intent.LIST_ORDERS,
    Intent.REORDER: Intent.LIST_ORDERS,
}
_QUESTION_WORDS: Final = words("is are was were did does has when where which who how")


def asks(tokens: list[Token]) -> bool:
    """Whether the clause is a question, and no polite request ("can you …")."""
    tags = [token.tag for token in tokens if token.tag not in _GROUPS["COURTESY"] | {"MARK", "and", "but"}]
    return bool(tags) and (tags[0] in _QUESTION_WORDS or "did" in tags or tags[:2] in (["have", "you"], ["have", "i"]))


def _first(rules: Iterable[_Rule], signs: set[str]) -> Intent | None:
    for intent, needs, lacks in rules:
        if not (lacks & signs) and all(need & signs for need in needs):
            return intent
    return None


def _signs(tokens: list[Token]) -> set[str]:
    signs = {token.tag for token in tokens}
    signs |= {group for group, tags in _GROUPS.items() if tags & signs}
    if tokens and tokens[0].tag == "MORE":
        signs.add("LONE")
    if asks(tokens):
        signs.add("ASKS")
    for place, token in enumerate(tokens):
        if token.tag in _REFUSABLE and [later.text for later in tokens[place + 1 :]] in (["no"], ["neither"], ["none"]):
            signs.add("REFUSING")  # "remove nothing"
        if token.tag == "NOT":
            behind = [later.tag for later in tokens[place + 1 : place + 5]]
            refused = next((tag for tag in behind if tag in _REFUSABLE), None)
            if refused and "you" not in behind[: behind.index(refused)]:
                signs.add("UNWANTED" if refused == "WANT" else "REFUSING")
    return signs
