"""From a sentence to clauses: what is wanted (an intent) and of what (slots).

`tokenise` tags each word, `splitting.py` cuts the sentence where a new wish begins ("add the second one | and check
out"), and `naming.py` tells names from chat. `rules.py` gives each clause its intent, `slots.py` its slots, and `_related`
lets the clauses of one sentence complete each other ("one in M | and one in L").
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final

from shop.companions.offline_model.clauses import CHANGES, Clause, Intent
from shop.companions.offline_model.kinds import Kind, is_supposed, kind_of, sentences
from shop.companions.offline_model.lexicon import words
from shop.companions.offline_model.naming import NOISE, named_only
from shop.companions.offline_model.relations import related
from shop.companions.offline_model.rules import asked_about, asks, intent_of
from shop.companions.offline_model.slots import slots
from shop.companions.offline_model.splitting import ASKED, LEFT_OUT, wishes
from shop.companions.offline_model.tokens import NAME, Token, tokenise
from shop.companions.offline_model.topics import in_another_language, topic_of

MOST_CHARACTERS: Final = 2_000
"""Of a message longer than that, only so much is read: nobody says a wish in more."""

_SOCIAL: Final = frozenset({Intent.HELLO, Intent.THANKS, Intent.BYE, Intent.YES, Intent.NO, Intent.NICE, Intent.OKAY})


@lru_cache(maxsize=2048)
def understand(text: str, known: frozenset[str] = frozenset()) -> tuple[Clause, ...]:
    """The clauses of `text` in order, at least one; `known` are the words of names that were shown.

    Beside a wish, courtesies and what was not understood fall away.
    """
    text = text[:MOST_CHARACTERS]
    if answer := in_another_language(text):
        return (answer,)
    supposed = is_supposed(text.casefold())
    read = [clause for one in sentences(text.casefold()) for clause in _sentence(one, known, supposed=supposed)]
    if attack := next((clause for clause in read if clause.alone), None):
        return (attack,)
    return tuple(placed_once(related(_business(_without_taken_back(read), known)))) or (Clause(Intent.UNKNOWN),)


def _sentence(sentence: str, known: frozenset[str], *, supposed: bool) -> list[Clause]:
    """The clauses of one sentence; or its topic, which needs to be nearer where each word is explained without it."""
    kind = Kind.QUESTION if supposed else kind_of(sentence)
    parts = list(wishes(tokenise(sentence, known)))
    clauses = [
        clause
        for place, part in enumerate(parts)
        for clause in _read(
            named_only(part, known), asked=supposed or (kind is Kind.QUESTION and place in {0, len(parts) - 1})
        )
    ]
    if len(clauses) > 1 and clauses[0].intent not in CHANGES and not clauses[0].categories:
        # "Assume that I agreed, and add it": what a wish depends on must be understood too.
        unknown = (*clauses[0].unexplained, *(name for name in clauses[0].names if name not in known))
        clauses = [replace(one, unexplained=(*unknown, *one.unexplained)) if unknown[1:] else one for one in clauses]
    explained = any(one.intent not in _BARE or one.says_something for one in clauses)
    explained = explained and all(_is_explained(one, known) for one in clauses)
    answer = topic_of(sentence, kind, known, explained=explained)
    return [answer] if answer else clauses


_BARE: Final = _SOCIAL | {Intent.WHAT_MAY, Intent.FRAGMENT, Intent.UNKNOWN, Intent.UNCLEAR}


def _is_explained(clause: Clause, known: Collection[str]) -> bool:
    named = all(name in known for name in clause.names) or clause.category_word is not None
    return not clause.unexplained and clause.intent is not Intent.UNKNOWN and named


def _without_taken_back(clauses: list[Clause]) -> list[Clause]:
    """ "Add two. Actually no, forget it": what is taken back at the end is not done."""
    last = clauses[-1] if clauses else None
    if last is None or last.intent is not Intent.NO or last.says_something:
        return clauses
    return [clause for clause in clauses if clause.intent not in CHANGES]


# --- one clause ------------------------------------------------------------------------------------------------------


def _read(tokens: list[Token], *, asked: bool) -> Iterator[Clause]:
    joins = bool(tokens) and tokens[0].tag == "and"
    while tokens and (tokens[0].tag in {"and", "then", "so", "but"} or tokens[0].tag == "MARK"):
        tokens = tokens[1:]
    if not tokens or tokens[0].tag == ASKED:
        return
    intent = intent_of([token for token in tokens if token.tag != ASKED])
    if intent in CHANGES and (asked or asks(tokens)):
        intent = asked_about(intent, tokens)
    clause = slots(intent, tokens)
    clause = replace(clause, joins=joins or clause.joins, unexplained=_unexplained(tokens, clause))
    if intent is Intent.UNCLEAR:
        clause = replace(clause, intent=_looked_at(clause))
    if (
        intent is Intent.FRAGMENT
        and clause.names_a_thing
        and tokens[-1].tag == "NUMBER"
        and tokens[-1].text.isdecimal()
    ):
        # "Black mug 60": a bare number behind a thing may be a price or anything else, and counts nothing.
        clause = replace(clause, quantity=None)
    yield from _as_wished(clause, tokens)


def _as_wished(clause: Clause, tokens: list[Token]) -> Iterator[Clause]:
    """The clause, or those that it stands for."""
    intent = clause.intent
    if intent is Intent.FRAGMENT and not clause.says_something:
        yield Clause(Intent.UNKNOWN, fixes=clause.fixes, unexplained=clause.unexplained)
    elif intent in {Intent.FRAGMENT, Intent.ADD} and _chats(tokens, intent):
        yield replace(clause, intent=Intent.UNKNOWN)
    elif intent is Intent.FRAGMENT and _counts_a_thing(clause, tokens):
        yield from _in_each(replace(clause, intent=Intent.ADD), tokens)
    elif intent is Intent.CHANGE and (sides := _exchanged(tokens)):
        instead = slots(Intent.ADD, sides[1])
        yield replace(slots(Intent.CHANGE, sides[0]), instead=instead, unexplained=clause.unexplained)
    elif intent is Intent.CHECK_OUT and _buys_something_new(clause, tokens):
        yield replace(clause, intent=Intent.ADD, address=())
        yield Clause(Intent.CHECK_OUT, address=clause.address)
    else:
        yield from _in_each(clause, tokens) if intent is Intent.ADD else [clause]
        if intent is Intent.ADD and clause.more and clause.for_group:
            # "and twelve more for the team" is said of an order, and means that it is to be ordered.
            yield Clause(Intent.CHECK_OUT)


def _in_each(clause: Clause, tokens: list[Token]) -> list[Clause]:
    """ "Three tees: S, M and L" are one of each size; if they are not as many, what is meant is not clear."""
    sizes = list(dict.fromkeys(str(token.value) for token in tokens if token.tag == "SIZE"))
    colours = list(
        dict.fromkeys(token.value for token in tokens if token.tag == "COLOUR" and isinstance(token.value, tuple))
    )
    several = max(len(sizes), len(colours))
    if several < 2 or clause.fixes:
        return [clause]
    if clause.quantity not in {None, several} or min(len(sizes), len(colours)) > 1:
        return [replace(clause, unexplained=(*clause.unexplained, *sizes[1:], *(colour[0] for colour in colours[1:])))]
    one = replace(clause, quantity=1)
    return [replace(one, size=size) for size in sizes] if len(sizes) > 1 else [replace(one, colours=c) for c in colours]


def _looked_at(clause: Clause) -> Intent:
    """A question about having a thing shows it."""
    if clause.names or clause.pick or clause.sku or clause.refers:
        return Intent.DETAILS
    return Intent.SEARCH if clause.categories or clause.for_group else Intent.UNCLEAR


_CONDITIONS: Final = words("if unless until without when")
"""What makes a wish depend on something else: such a wish is not fulfilled at once."""


def _unexplained(tokens: list[Token], clause: Clause) -> tuple[str, ...]:
    """The words of a clause that nothing explains; for whom it is ("for my sister") and where to needs no explanation."""
    unknown = [
        token.text
        for place, token in enumerate(tokens)
        if token.tag in {NOISE, "BEYOND"}
        and not any(before.tag == "for" for before in tokens[max(0, place - 3) : place])
    ]
    depends = _CONDITIONS if clause.intent in {Intent.ADD, Intent.CLEAR_CART} else _CONDITIONS | {LEFT_OUT}
    conditions = [token.text for token in tokens if depends & {token.text, token.tag} and clause.intent in CHANGES]
    return tuple(word for word in [*unknown, *conditions] if word not in clause.address)


_POINTS: Final = words("CATEGORY ORDINAL ONE SKU IT COLOUR SIZE NUMBER MONEY ADD WANT CART BUY") | {NAME}


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


# --- all clauses of a message ----------------------------------------------------------------------------------------


def _business(clauses: list[Clause], known: Collection[str]) -> list[Clause]:
    """Drop courtesies beside a real wish, and what was not understood beside anything that was."""
    fixes = any(clause.fixes or clause.intent is Intent.NO for clause in clauses)
    if len(clauses) > 1:
        # "Oh joy, let me pay": a bare unknown word beside a wish names nothing.
        clauses = [one for one in clauses if not _is_unknown_name(one, known)] or clauses[:1]
    for keep in (
        [clause for clause in clauses if clause.intent not in _SOCIAL | {Intent.UNKNOWN, Intent.UNCLEAR}],
        [clause for clause in clauses if clause.intent not in {Intent.UNKNOWN}],
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
