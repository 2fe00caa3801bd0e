"""From a sentence to clauses: what is wanted (an intent) and of what (slots).

`tokenise` tags each word, `splitting.py` cuts the sentence where a new wish begins ("add the second one | and check
out"), and `naming.py` tells names from chat. `rules.py` gives each clause its intent, `slots.py` its slots, and `_related`
lets the clauses of one sentence complete each other ("one in M | and one in L").
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final

from shop.companions.offline_model.clauses import Clause, Intent
from shop.companions.offline_model.lexicon import words
from shop.companions.offline_model.naming import NOISE, named_only
from shop.companions.offline_model.rules import intent_of
from shop.companions.offline_model.slots import slots
from shop.companions.offline_model.splitting import ASKED, wishes
from shop.companions.offline_model.tokens import NAME, Token, tokenise

MOST_CHARACTERS: Final = 2_000
"""Of a message longer than that, only so much is read: nobody says a wish in more."""

_SOCIAL: Final = frozenset({Intent.HELLO, Intent.THANKS, Intent.BYE, Intent.YES, Intent.NO, Intent.NICE, Intent.OKAY})
_IDLE: Final = frozenset({Intent.UNKNOWN, Intent.OFF_TOPIC})


@lru_cache(maxsize=2048)
def understand(text: str, known: frozenset[str] = frozenset()) -> tuple[Clause, ...]:
    """The clauses of `text` in order, at least one; `known` are the words of names that were shown.

    Beside a wish, courtesies and what was not understood fall away.
    """
    tokens = tokenise(text[:MOST_CHARACTERS], known)
    read = [clause for part in wishes(tokens) for clause in _read(named_only(part, known))]
    return tuple(placed_once(_related(_business(read, known)))) or (Clause(Intent.UNKNOWN),)


# --- one clause ------------------------------------------------------------------------------------------------------


def _read(tokens: list[Token]) -> Iterator[Clause]:
    joins = bool(tokens) and tokens[0].tag == "and"
    while tokens and (tokens[0].tag in {"and", "then", "so", "but"} or tokens[0].tag == "MARK"):
        tokens = tokens[1:]
    if not tokens or tokens[0].tag == ASKED:
        return
    intent = intent_of([token for token in tokens if token.tag != ASKED])
    clause = slots(intent, tokens)
    if (
        intent is Intent.FRAGMENT
        and clause.names_a_thing
        and tokens[-1].tag == "NUMBER"
        and tokens[-1].text.isdecimal()
    ):
        # "Black mug 60": a bare number behind a thing may be a price or anything else, and counts nothing.
        clause = replace(clause, quantity=None)
    if joins and not clause.joins:
        clause = replace(clause, joins=True)
    if intent is Intent.FRAGMENT and not clause.says_something:
        yield Clause(Intent.UNKNOWN, fixes=clause.fixes)
    elif intent in {Intent.FRAGMENT, Intent.ADD} and _chats(tokens, intent):
        yield replace(clause, intent=Intent.UNKNOWN)
    elif intent is Intent.FRAGMENT and _counts_a_thing(clause, tokens):
        yield replace(clause, intent=Intent.ADD)
    elif intent is Intent.CHANGE and (sides := _exchanged(tokens)):
        yield replace(slots(Intent.CHANGE, sides[0]), instead=slots(Intent.ADD, sides[1]))
    elif intent is Intent.CHECK_OUT and _buys_something_new(clause, tokens):
        yield replace(clause, intent=Intent.ADD, address=())
        yield Clause(Intent.CHECK_OUT, address=clause.address)
    else:
        yield clause
        if intent is Intent.ADD and clause.more and clause.for_group:
            # "and twelve more for the team" is said of an order, and means that it is to be ordered.
            yield Clause(Intent.CHECK_OUT)


_POINTS: Final = words("CATEGORY ORDINAL ONE SKU IT COLOUR SIZE NUMBER ADD WANT CART BUY") | {NAME}


def _chats(tokens: list[Token], intent: Intent) -> bool:
    """Whether unknown words stand in a sentence that points at nothing: it is about something else."""
    tags = {token.tag for token in tokens}
    if NOISE in tags and not tags & _POINTS:
        return True
    # Small talk around an unknown word: "I like turtles".
    return intent is Intent.FRAGMENT and NAME in tags and not tags & (_POINTS - {NAME}) and bool(tags & _SMALL_TALK)


_SMALL_TALK: Final = words(
    """i you we he she they do does did am is are was be can could would will like what how who when where my your
    not if so have has had think been should HELP ALL LAST EACH"""
)


def _counts_a_thing(clause: Clause, tokens: list[Token]) -> bool:
    """ "2 teapot mugs", "x3 the navy socks": a number and a thing, and no question, is a wish to have them."""
    asks = any(token.tag in {"UNDER", "OVER", "how", "is", "are", "PRICE"} for token in tokens)
    return clause.quantity is not None and clause.names_a_thing and not asks and clause.max_price is None


def _exchanged(tokens: list[Token]) -> tuple[list[Token], list[Token]] | None:
    """The two things of "swap the mug for a tote", if there are two."""
    for place, token in enumerate(tokens):
        sides = tokens[:place], tokens[place + 1 :]
        if token.tag in {"for", "with", "to", "into", "by"} and all(
            any(_names_goods(one) for one in side) for side in sides
        ):
            return sides
    return None


def _names_goods(token: Token) -> bool:
    return token.tag in {NAME, "CATEGORY", "SKU"}


def _buys_something_new(clause: Clause, tokens: list[Token]) -> bool:
    """Whether what is to be bought is not in the cart yet: "buy the second one", but not "buy it", "pay" or "ship it"."""
    verbs = {token.tag for token in tokens} & {"BUY", "CHECKOUT", "SHIP"}
    if "BUY" not in verbs:
        picks = clause.pick and not clause.pick.every
        return bool("SHIP" in verbs and (picks or clause.categories or clause.quantity))
    return clause.names_a_thing or clause.quantity is not None or clause.more


# --- clauses among themselves ----------------------------------------------------------------------------------------

_HAVE_A_THING: Final = frozenset(
    {Intent.ADD, Intent.COMPARE, Intent.DETAILS, Intent.REMOVE, Intent.CHANGE, Intent.SEARCH}
)


def _related(clauses: list[Clause]) -> list[Clause]:
    """The clauses of one message, where the later complete the earlier, or speak of the thing that these named."""
    joined: list[Clause] = []
    for clause in clauses:
        before = joined[-1] if joined else None
        if before is None:
            joined.append(clause)
        elif clause.intent is before.intent is Intent.UNDO:
            continue
        elif clause.fixes and clause.names_a_thing and clause.intent is before.intent is Intent.ADD:
            # "Add the mug, no, the tote": what is set right is not done first.
            joined[-1] = clause.on_top_of(before)
        elif before.intent is Intent.FRAGMENT and clause.intent in _HAVE_A_THING and not clause.names_a_thing:
            # "The refresh token one is nice. Which colours are there?"
            joined[-1] = replace(clause.on_top_of(before), intent=clause.intent)
        elif clause.intent is Intent.FRAGMENT and before.intent in _HAVE_A_THING:
            joined += _completion(joined, clause)
        elif clause.intent is Intent.ADD and before.intent in {Intent.DETAILS, Intent.SEARCH} and _only_refers(clause):
            joined.append(replace(clause.on_top_of(replace(before, refers=False)), intent=Intent.ADD))
        elif clause.intent is before.intent is Intent.SEARCH and not clause.names_a_thing:
            # "I need a mug for my desk, what have you got?"
            joined[-1] = clause.on_top_of(before)
        elif clause.intent is Intent.ADD and before.intent is Intent.ADD and not clause.names_a_thing:
            joined += _completion(joined, clause)
        else:
            joined.append(clause)
    return joined


def _completion(joined: list[Clause], fragment: Clause) -> list[Clause]:
    """More of the same thing ("… and one in L"), another thing of the list, or more about the one before."""
    before = joined[-1]
    if fragment.names_a_thing and before.intent is Intent.ADD and before.names_a_thing and not before.pick:
        return [replace(fragment, intent=Intent.ADD)]
    if (
        before.intent is Intent.ADD
        and fragment.quantity is not None
        and (before.colours or before.size)
        and before.quantity
    ):
        return [replace(fragment.on_top_of(before), intent=Intent.ADD)]
    joined[-1] = fragment.on_top_of(before)
    return []


def _only_refers(clause: Clause) -> bool:
    return (clause.refers or not clause.says_something) and not clause.names_a_thing and not clause.wishes


def _business(clauses: list[Clause], known: Collection[str]) -> list[Clause]:
    """Drop courtesies beside a real wish, and what was not understood beside anything that was."""
    fixes = any(clause.fixes or clause.intent is Intent.NO for clause in clauses)
    if len(clauses) > 1:
        # "Oh joy, let me pay": a bare unknown word beside a wish names nothing.
        clauses = [one for one in clauses if not _is_unknown_name(one, known)] or clauses[:1]
    for keep in (
        [clause for clause in clauses if clause.intent not in _SOCIAL | _IDLE],
        [clause for clause in clauses if clause.intent not in _IDLE],
    ):
        if keep:
            if keep[0].intent in _SOCIAL:
                return keep[-1:]
            return keep if keep[0].fixes is fixes else [replace(keep[0], fixes=fixes), *keep[1:]]
    return clauses[:1]


def _is_unknown_name(clause: Clause, known: Collection[str]) -> bool:
    bare = clause.intent is Intent.FRAGMENT and clause == Clause(
        Intent.FRAGMENT, names=clause.names, fixes=clause.fixes
    )
    return bare and bool(clause.names) and not any(name in known for name in clause.names)


def placed_once(clauses: Iterable[Clause]) -> list[Clause]:
    """One order, placed last: "check out and ship it to the office" is one wish, and all goods are added before."""
    tills = [clause for clause in clauses if clause.intent is Intent.CHECK_OUT]
    if not tills:
        return list(clauses)
    address = next((clause.address for clause in tills if clause.address), ())
    others = [clause for clause in clauses if clause.intent is not Intent.CHECK_OUT]
    return [*others, replace(tills[-1], address=address)]
