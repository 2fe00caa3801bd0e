"""From a sentence to clauses: what is wanted (an intent) and of what (slots).

`tokenise` tags each word. `_split` cuts the sentence where a new wish begins ("add the second one | and check out").
`rules.py` gives each clause its intent, `slots.py` its slots, and `_related` lets the clauses of one sentence complete
each other ("one in M | and one in L").
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final

from shop.companions.offline_model.clauses import Clause, Intent
from shop.companions.offline_model.rules import intent_of
from shop.companions.offline_model.slots import slots
from shop.companions.offline_model.tokens import NAME, SENTENCE_MARKS, Token, tokenise

MOST_CHARACTERS: Final = 2_000
"""Of a message longer than that, only so much is read: nobody says a wish in more."""

_SOCIAL: Final = frozenset({Intent.HELLO, Intent.THANKS, Intent.BYE, Intent.YES, Intent.NO, Intent.NICE, Intent.OKAY})
_IDLE: Final = frozenset({Intent.UNKNOWN, Intent.OFF_TOPIC})
_OPENERS: Final = frozenset(
    {"ADD", "WANT", "REMOVE", "CLEAR", "CHANGE", "CANCEL", "BUY", "CHECKOUT", "SHIP", "SHOW", "TELL", "WHY"}
    | {"COMPARE", "UNDO", "REORDER", "PUTBACK", "AGAIN", "BYE", "THANKS", "what", "which", "where", "how", "is", "are"}
    | {"does", "nextpage", "whoareyou", "HELP"}
)
_FILLERS: Final = frozenset(
    {"and", "then", "so", "i", "we", "you", "me", "will", "would", "can", "could", "let", "us", "do", "did", "to", "go"}
    | {"YES", "OK", "NO", "HELLO", "FIX", "NICE", "please", "but", "or", "after", "my"}
)
_JOINTS: Final = frozenset({",", "and", "&", "then", "plus", "but", "before", "after", "-", "–", "("})
_LISTED: Final = frozenset({"ADD", "REMOVE", "BUY", "WANT", "COMPARE"})
_SLOT_TAGS: Final = frozenset(
    {"COLOUR", "SIZE", "STEP", "CATEGORY", "ORDINAL", NAME, "ONE", "PRICED", "the", "a", "in"}
)


@lru_cache(maxsize=2048)
def understand(text: str, known: frozenset[str] = frozenset()) -> tuple[Clause, ...]:
    """The clauses of `text` in order, at least one; `known` are the words of names that were shown.

    Beside a wish, courtesies and what was not understood fall away.
    """
    tokens = _without_asides(_without_contrasts(tokenise(text[:MOST_CHARACTERS], known)))
    read = [clause for part in _split(tokens) for clause in _read(part)]
    return tuple(placed_once(_related(_business(read)))) or (Clause(Intent.UNKNOWN),)


# --- where a new wish begins -----------------------------------------------------------------------------------------


def _split(tokens: list[Token]) -> Iterator[list[Token]]:
    """Cut at the end of a sentence, and at a comma or "and" behind which a new wish begins."""
    clause: list[Token] = []
    for place, token in enumerate(tokens):
        ends = token.tag == "MARK" and token.text in SENTENCE_MARKS
        rest = tokens[place + 1 :]
        if ends or (token.text in _JOINTS and _begins_a_wish(clause, rest)):
            yield clause
            # A list inherits its verb: "add a mug and a tote" adds both.
            inherits = not ends and _begins_a_thing(_after_a_fix(rest)) and not _opens(rest)
            clause = [word for word in clause if word.tag in _LISTED - {"COMPARE"}][:1] if inherits else []
        elif token.tag != "MARK" or (clause and token.text == ","):
            clause.append(token)
    yield clause


def _begins_a_wish(before: list[Token], rest: list[Token]) -> bool:
    if any(token.tag in {"COMPARE", "BETWEEN", "if"} for token in before):
        return False
    if _opens(rest):
        return bool(before)
    verb_or_number = any(token.tag in _LISTED or token.tag == "NUMBER" for token in before)
    thing = any(_is_a_thing(token) for token in before) or _counted_slots(before)
    return verb_or_number and thing and _begins_a_thing(_after_a_fix(rest))


def _counted_slots(tokens: list[Token]) -> bool:
    tags = {token.tag for token in tokens}
    return "NUMBER" in tags and bool(tags & {"COLOUR", "SIZE"})


def _after_a_fix(tokens: list[Token]) -> list[Token]:
    """What follows "no," or "sorry, I mean"."""
    place = next((i for i, token in enumerate(tokens) if token.tag not in {"NO", "FIX", "i"} and token.text != ","), 0)
    return tokens[place:]


def _opens(rest: list[Token]) -> bool:
    here = _up_to_a_joint(rest)
    meaningful = [token.tag for token in here if token.tag not in _FILLERS and token.text != ","]
    return bool(meaningful) and meaningful[0] in _OPENERS


def _up_to_a_joint(rest: list[Token]) -> list[Token]:
    for place, token in enumerate(rest):
        if place and (token.tag == "MARK" or token.text == "and"):
            return rest[:place]
    return rest


def _begins_a_thing(rest: list[Token]) -> bool:
    here = _up_to_a_joint(rest)
    return (
        bool(here)
        and (here[0].tag in {"a", "an", "the", "NUMBER", "ORDINAL", "MORE"})
        and any(_is_a_thing(token) or (here[0].tag == "NUMBER" and token.tag in {"COLOUR", "SIZE"}) for token in here)
        and not (here[0].tag == "ORDINAL" and len(here) == 1)
    )


def _is_a_thing(token: Token) -> bool:
    return token.tag in {"ORDINAL", "CATEGORY", "SKU", "ONE", NAME}


def _without_contrasts(tokens: list[Token]) -> list[Token]:
    """ "not the black one, the navy one": what is not meant falls away, if something else is said."""
    for start, token in enumerate(tokens):
        if token.tag != "NOT":
            continue
        end = next((i for i in range(start + 1, len(tokens)) if tokens[i].tag in {"MARK", "but", "and"}), len(tokens))
        rest = tokens[:start] + tokens[end:]
        if end > start + 1 and _all_slots(tokens[start + 1 : end]) and any(other.tag in _SLOT_TAGS for other in rest):
            return _without_contrasts(rest)
    return tokens


_ASIDE: Final = frozenset({"because", "before", "since", "until", "unless", "while", "although", "though"})
_SUBJECTS: Final = frozenset({"i", "we", "you", "my", "he", "she", "they", "IT", "the", "our"})


def _without_asides(tokens: list[Token]) -> list[Token]:
    """ "Add it before I come to my senses": why and when are no wishes, unless they hold one ("before you check out")."""
    for start in range(1, len(tokens) - 1):
        if tokens[start].text not in _ASIDE or tokens[start + 1].tag not in _SUBJECTS:
            continue
        end = next((i for i in range(start, len(tokens)) if tokens[i].tag == "MARK"), len(tokens))
        if not any(token.tag in _OPENERS for token in tokens[start:end]):
            return _without_asides(tokens[:start] + tokens[end:])
    return tokens


def _all_slots(tokens: list[Token]) -> bool:
    return all(token.tag in _SLOT_TAGS for token in tokens)


# --- one clause ------------------------------------------------------------------------------------------------------


def _read(tokens: list[Token]) -> Iterator[Clause]:
    while tokens and (tokens[0].tag in {"and", "then", "so", "but"} or tokens[0].tag == "MARK"):
        tokens = tokens[1:]
    if not tokens:
        return
    intent = intent_of(tokens)
    clause = slots(intent, tokens)
    if intent is Intent.FRAGMENT and not clause.says_something:
        yield Clause(Intent.UNKNOWN, fixes=clause.fixes)
    elif intent in {Intent.FRAGMENT, Intent.ADD} and _chats(tokens, intent):
        yield replace(clause, intent=Intent.UNKNOWN)
    elif intent is Intent.FRAGMENT and _counts_a_thing(clause, tokens):
        yield replace(clause, intent=Intent.ADD)
    elif intent is Intent.CHECK_OUT and _buys_something_new(clause, tokens):
        yield replace(clause, intent=Intent.ADD, address=())
        yield Clause(Intent.CHECK_OUT, address=clause.address)
    else:
        yield clause
        if intent is Intent.ADD and clause.more and clause.for_group:
            # "and twelve more for the team" is said of an order, and means that it is to be ordered.
            yield Clause(Intent.CHECK_OUT)


_BARE: Final = frozenset({NAME, "CATEGORY", "COLOUR", "SIZE", "NUMBER", "MARK", "NO", "FIX", "YES", "OK", "ONE", "NICE", "ORDINAL", "IT",
                          "the", "a", "an", "in", "of", "please", "and", "or", "one", "with", "size", "for", "some"})  # fmt: skip


def _chats(tokens: list[Token], intent: Intent) -> bool:
    """Whether unknown words stand in a sentence of its own, which then is about something else."""
    tags = {token.tag for token in tokens}
    wishes = tags & {"CATEGORY", "ORDINAL", "ONE", "SKU", "IT", "ADD", "WANT", "CART"}
    return NAME in tags and not wishes and (intent is Intent.ADD or not tags <= _BARE)


def _counts_a_thing(clause: Clause, tokens: list[Token]) -> bool:
    """ "2 teapot mugs", "x3 the navy socks": a number and a thing, and no question, is a wish to have them."""
    asks = any(token.tag in {"UNDER", "OVER", "how", "is", "are", "PRICE"} for token in tokens)
    return clause.quantity is not None and clause.names_a_thing and not asks and clause.max_price is None


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


def _business(clauses: list[Clause]) -> list[Clause]:
    """Drop courtesies beside a real wish, and what was not understood beside anything that was."""
    fixes = any(clause.fixes or clause.intent is Intent.NO for clause in clauses)
    for keep in (
        [clause for clause in clauses if clause.intent not in _SOCIAL | _IDLE],
        [clause for clause in clauses if clause.intent not in _IDLE],
    ):
        if keep:
            return [replace(keep[0], fixes=fixes), *keep[1:]] if keep[0].intent not in _SOCIAL else keep[-1:]
    return clauses[:1]


def placed_once(clauses: Iterable[Clause]) -> list[Clause]:
    """One order, placed last: "check out and ship it to the office" is one wish, and all goods are added before."""
    tills = [clause for clause in clauses if clause.intent is Intent.CHECK_OUT]
    if not tills:
        return list(clauses)
    address = next((clause.address for clause in tills if clause.address), ())
    others = [clause for clause in clauses if clause.intent is not Intent.CHECK_OUT]
    return [*others, replace(tills[-1], address=address)]
