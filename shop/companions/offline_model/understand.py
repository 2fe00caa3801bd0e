"""From a sentence to clauses: what is wanted (an intent) and of what (slots).

The grammar has three steps. `tokenise` tags each word. `_split` cuts the sentence where a new wish begins ("add the
second one | and check out"). `_RULES`, read from top to bottom, match each clause's *shape*, the row of its tags, for
example `WANT the ORDINAL ONE`; the first rule that fits gives the intent. Slots are read from the tags alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from shop.companions.offline_model.tokens import NAME, SENTENCE_MARKS, Token, tokenise


class Intent(StrEnum):
    """What a clause asks for. `FRAGMENT` has slots but no verb: it completes what was said before it (`context.py`)."""

    ADD = "add"
    AGAIN = "again"
    BYE = "bye"
    CANCEL_ORDER = "cancel_order"
    CHANGE = "change"
    CHECK_OUT = "check_out"
    CLEAR_CART = "clear_cart"
    DETAILS = "details"
    FRAGMENT = "fragment"
    GET_ORDER = "get_order"
    HELLO = "hello"
    LIST_ORDERS = "list_orders"
    NO = "no"
    REMOVE = "remove"
    SEARCH = "search"
    THANKS = "thanks"
    UNKNOWN = "unknown"
    VIEW_CART = "view_cart"
    WHAT_MAY = "what_may"
    WHY_NOT = "why_not"
    YES = "yes"


SOCIAL: Final = frozenset({Intent.HELLO, Intent.THANKS, Intent.BYE, Intent.YES, Intent.NO})


@dataclass(frozen=True)
class Clause:
    """One wish. `max_price` is in minor units; `ordinal` counts from 1, and -1 is the last."""

    intent: Intent
    names: tuple[str, ...] = ()
    category: str | None = None
    category_word: str | None = None
    colour: str | None = None
    size: str | None = None
    max_price: int | None = None
    quantity: int | None = None
    ordinal: int | None = None
    refers: bool = False
    more: bool = False
    for_group: bool = False
    asks_price: bool = False
    latest: bool = False
    of_order: bool = False
    order_number: str | None = None
    sku: str | None = None
    address: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """The words that name the thing: of its name, and of its kind as it was said."""
        return [*self.names, *filter(None, [self.category_word])]


_RULES: Final[tuple[tuple[Intent, re.Pattern[str]], ...]] = tuple(
    (intent, re.compile(shape))
    for intent, shape in (
        # A clause that is nothing but a courtesy.
        (Intent.HELLO, r"^HELLO( there| HELLO)*$"),
        (Intent.THANKS, r"^(NO |great |perfect |nice |YES )*THANKS\b"),
        (Intent.BYE, r"\bBYE\b"),
        (Intent.AGAIN, r"^(YES )?(please )?(try )?(it )?AGAIN\b"),
        (Intent.YES, r"^(YES|please)( YES| please| IT| do)*$"),
        (Intent.NO, r"^NO( NO| just looking)*$"),
        # What the assistant may do, and why it did not.
        (Intent.WHY_NOT, r"\bWHY\b|what happened"),
        (Intent.NO, r"\b(not|never) (ADD|WANT|REMOVE|CLEAR|CHANGE|CANCEL|BUY|CHECKOUT|SHIP|ORDER)\b"),
        (Intent.WHAT_MAY, r"what( else)? (can|may|could) (you|i)( HELP( me)?( with)?| do| do for me| do here)?$"),
        (Intent.WHAT_MAY, r"\bALLOWED\b|^(can you |please )?HELP\b|who are you|what are you$"),
        (Intent.WHAT_MAY, r"may (you|i) (do|BUY|ORDER)$"),
        (Intent.WHAT_MAY, r"^(can|may|could) you (BUY|ORDER)( things| stuff)?( for me)?$"),
        (Intent.UNKNOWN, r"^(do|does) you (SHIP|BUY|ORDER)\b"),
        # Orders.
        (Intent.CANCEL_ORDER, r"\bCANCEL\b"),
        (Intent.GET_ORDER, r"\bORDER_NUMBER\b|\b(where|when|track|status)\b.*\bORDER\b"),
        (Intent.GET_ORDER, r"\bLAST ORDERS?\b|\b(TELL|IT) ORDER\b|ORDER LAST"),
        (Intent.GET_ORDER, r"\bin (my|the) ORDER\b|\bORDER (status|track)"),
        (Intent.LIST_ORDERS, r"^(did|have) (you|we|i) (BUY|ORDER)\b"),
        (Intent.LIST_ORDERS, r"\bORDERS\b|\bORDER history\b|\b(my|our) ORDER$|\b(did|have) i ORDER"),
        # The cart.
        (Intent.CLEAR_CART, r"^(please )?CLEAR\b|\bREMOVE ALL\b"),
        (Intent.REMOVE, r"\bREMOVE\b"),
        (Intent.CHANGE, r"\bCHANGE\b"),
        (Intent.VIEW_CART, r"^(?!.*\b(ADD|WANT|BUY|CHECKOUT|SHIP|ORDER)\b).*\b(CART|TOTAL)\b"),
        # Questions about buying are no orders.
        (Intent.SEARCH, r"^what( else)? (can|could|may|should) (i|we) (BUY|ORDER)"),
        (Intent.DETAILS, r"^should (i|we) (BUY|ORDER|ADD|WANT)"),
        (Intent.WHAT_MAY, r"^(how|who|which|what|when)\b.*\b(BUY|ORDER|CHECKOUT|SHIP)\b"),
        # Buying. "order" is a verb only where nothing above took it for a noun.
        (Intent.CHECK_OUT, r"\b(BUY|CHECKOUT|SHIP|ORDER)\b"),
        (Intent.ADD, r"\bADD\b"),
        (Intent.ADD, r"\b(NUMBER|an|^) ?MORE\b|^MORE\b"),
        (Intent.ADD, r"\bWANT\b.*\b(ORDINAL|ONE|IT|LAST|MORE|NUMBER|SKU)\b"),
        # Looking.
        (Intent.DETAILS, r"\bTELL\b|\bwhat( is| does)? .*\b(ORDINAL|IT|ONE|sizes|colours)\b"),
        (Intent.DETAILS, r"\b(is|are|does|do|how|SHOW|PRICE|can)\b.*\b(ORDINAL|IT|ONE|LAST|SKU)\b"),
        (Intent.DETAILS, r"\bPRICE\b.*\bNAME\b|\bhow much .*\bNAME\b|\bSHOW (me )?the (\w+ )*NAME\b"),
        (Intent.DETAILS, r"^(is|does|are) the .*\bNAME\b"),
        (Intent.SEARCH, r"\bSHOW\b|\bWANT\b|what do you|\bwhat is (here|in stock|available)\b"),
    )
)

_OPENERS: Final = frozenset(
    {"ADD", "WANT", "REMOVE", "CLEAR", "CHANGE", "CANCEL", "BUY", "CHECKOUT", "SHIP", "SHOW", "TELL", "WHY", "ORDER"}
    | {"AGAIN", "BYE", "THANKS", "what", "where", "how", "is"}
)
_FILLERS: Final = frozenset(
    {"and", "then", "also", "please", "so", "now", "just", "i", "you", "me", "will", "would", "can", "could", "let"}
    | {"YES", "NO", "HELLO"}
)


def understand(text: str) -> list[Clause]:
    """The clauses of `text` in order, at least one. Beside a wish, courtesies and what was not understood fall away."""
    clauses = [clause for tokens in _split(tokenise(text)) for clause in _read(tokens)]
    return placed_once(_business(clauses)) or [Clause(Intent.UNKNOWN)]


def _split(tokens: list[Token]) -> Iterator[list[Token]]:
    """Cut at the end of a sentence, and at a comma or "and" behind which a new wish begins."""
    clause: list[Token] = []
    for place, token in enumerate(tokens):
        ends = token.tag == "MARK" and token.text in SENTENCE_MARKS
        may_end = token.text in {",", "and", "&", "then"}
        if ends or (may_end and _begins_a_wish(clause, tokens[place + 1 :])):
            yield clause
            # A list inherits its verb: "add a mug and a tote" adds both.
            inherits = may_end and _begins_a_thing(tokens[place + 1 :]) and not _opens(tokens[place + 1 :])
            clause = [word for word in clause if word.tag in {"ADD", "REMOVE", "BUY"}][:1] if inherits else []
        elif token.tag != "MARK":
            clause.append(token)
    yield clause


def _begins_a_wish(before: list[Token], rest: list[Token]) -> bool:
    if _opens(rest):
        return bool(before)
    listing = any(token.tag in {"ADD", "REMOVE", "BUY"} for token in before) and any(_is_a_thing(t) for t in before)
    return listing and _begins_a_thing(rest)


def _opens(rest: list[Token]) -> bool:
    meaningful = [token.tag for token in rest if token.tag not in _FILLERS and token.text != ","]
    return bool(meaningful) and meaningful[0] in _OPENERS


def _begins_a_thing(rest: list[Token]) -> bool:
    here = rest[: next((i for i, token in enumerate(rest) if token.tag == "MARK" or token.text == "and"), None)]
    return bool(here) and (here[0].tag in {"a", "an", "the", "NUMBER", "ORDINAL"}) and any(map(_is_a_thing, here))


def _is_a_thing(token: Token) -> bool:
    return token.tag in {"ORDINAL", "CATEGORY", "SKU", NAME}


def _read(tokens: list[Token]) -> Iterator[Clause]:
    while tokens and tokens[0].tag in {"and", "then", "also", "so", "now"}:
        tokens = tokens[1:]
    if not tokens:
        return
    shape = " ".join(token.tag for token in tokens)
    intent = next((intent for intent, rule in _RULES if rule.search(shape)), Intent.FRAGMENT)
    clause = _slots(intent, tokens)
    if intent is Intent.FRAGMENT and clause == Clause(Intent.FRAGMENT):
        yield Clause(Intent.UNKNOWN)
    elif intent is Intent.CHECK_OUT and _buys_something_new(clause):
        yield replace(clause, intent=Intent.ADD, address=())
        yield Clause(Intent.CHECK_OUT, address=clause.address)
    else:
        yield clause
        if intent is Intent.ADD and clause.more and clause.for_group:
            # "and twelve more for the team" is said of an order, and means that it is to be ordered.
            yield Clause(Intent.CHECK_OUT)


def _buys_something_new(clause: Clause) -> bool:
    """Whether what is to be bought is not in the cart yet: "buy the second one", but not "buy it" or "ship it"."""
    return bool(clause.ordinal or clause.names or clause.category or clause.sku or clause.quantity or clause.more)


def _slots(intent: Intent, tokens: list[Token]) -> Clause:
    address = _address(intent, tokens)
    for_group, tokens = _without_group([token for token in tokens if token.text not in address])
    found: dict[str, list[Token]] = {}
    for token in tokens:
        found.setdefault(token.tag, []).append(token)

    def text(tag: str) -> str | None:
        return str(found[tag][0].value) if tag in found else None

    def number(tag: str) -> int | None:
        return int(found[tag][-1].value or 0) if tag in found else None

    return Clause(
        intent,
        names=_names(tokens),
        category=text("CATEGORY"),
        category_word=found["CATEGORY"][0].text if "CATEGORY" in found else None,
        colour=text("COLOUR"),
        size=text("SIZE"),
        max_price=number("MONEY") if "OVER" not in found else None,
        quantity=1 if any(token.text == "another" for token in tokens) else number("NUMBER"),
        ordinal=-1 if "LAST" in found and "ONE" in found else number("ORDINAL"),
        refers="IT" in found or "ONE" in found,
        more="MORE" in found,
        for_group=for_group,
        asks_price="PRICE" in found or {"how", "much"} <= found.keys(),
        latest="LAST" in found,
        of_order="ORDER" in found and intent is Intent.CANCEL_ORDER,
        order_number=text("ORDER_NUMBER"),
        sku=text("SKU"),
        address=address,
    )


def _names(tokens: list[Token]) -> tuple[str, ...]:
    """The words of a name, with the small ones inside it: "human in the loop"."""
    names: list[str] = []
    between: list[str] = []
    for token in tokens:
        if token.tag == NAME:
            names += [*between, token.text]
            between = []
        elif names and token.tag in {"in", "the", "of", "for", "to"}:
            between.append(token.text)
        else:
            between = []
    return tuple(names)


def _address(intent: Intent, tokens: list[Token]) -> tuple[str, ...]:
    """The words behind the last "to" of "ship it to the office", or the name in "ship it home"."""
    tags = [token.tag for token in tokens]
    if intent is not Intent.CHECK_OUT or not {"to", "SHIP"} & set(tags):
        return ()
    behind = tokens[len(tags) - tags[::-1].index("to") :] if "to" in tags else tokens
    return tuple(token.text for token in behind if token.tag == NAME)


def _without_group(tokens: list[Token]) -> tuple[bool, list[Token]]:
    """Whether the clause says for whom ("for the team"), and its tokens without these words."""
    for place, token in enumerate(tokens):
        behind = {later.text for later in tokens[place + 1 : place + 4]}
        if token.tag == "for" and behind & {"team", "everyone", "everybody", "us", "colleagues", "office", "group"}:
            return True, tokens[:place]
    return False, tokens


def _business(clauses: list[Clause]) -> list[Clause]:
    """Drop courtesies beside a real wish, and what was not understood beside anything that was."""
    for keep in (
        [clause for clause in clauses if clause.intent not in SOCIAL | {Intent.UNKNOWN}],
        [clause for clause in clauses if clause.intent is not Intent.UNKNOWN],
    ):
        if keep:
            return keep
    return clauses[:1]


def placed_once(clauses: list[Clause]) -> list[Clause]:
    """One order, placed last: "check out and ship it to the office" is one wish, and all goods are added before."""
    tills = [clause for clause in clauses if clause.intent is Intent.CHECK_OUT]
    if len(tills) <= 1:
        return clauses
    address = next((clause.address for clause in tills if clause.address), ())
    others = [clause for clause in clauses if clause.intent is not Intent.CHECK_OUT]
    return [*others, replace(tills[-1], address=address)]
