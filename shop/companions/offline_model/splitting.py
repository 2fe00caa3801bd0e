"""Cuts a message into its wishes, and drops what is no wish: "not the black one", "because I am cold"."""

from collections.abc import Iterator
from typing import Final

from shop.companions.offline_model.lexicon import words
from shop.companions.offline_model.tokens import NAME, SENTENCE_MARKS, Token

_OPENERS: Final = words(
    """ADD WANT REMOVE CLEAR CHANGE CANCEL BUY CHECKOUT SHIP SHOW TELL WHY COMPARE UNDO REORDER PUTBACK AGAIN BYE THANKS
    HELP what which where how is are does nextpage whoareyou"""
)
"""What a new wish begins with, over `_FILLERS`."""
_FILLERS: Final = words(
    """and then so i we you me will would can could let us do did to go please but or after my YES OK NO HELLO FIX NICE
    ALSO"""
)
_JOINTS: Final = frozenset({",", "and", "&", "then", "plus", "but", "before", "after", "-", "–", "("})
_LISTED: Final = frozenset({"ADD", "REMOVE", "BUY", "WANT", "COMPARE"})
_SLOT_TAGS: Final = words("COLOUR SIZE STEP CATEGORY ORDINAL ONE PRICED the a in") | {NAME}


ASKED: Final = "ASKED"
"""The tag of the mark behind a question."""


def wishes(tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens of each wish, in order."""
    yield from _split(_without_asides(_without_contrasts(tokens)))


def _split(tokens: list[Token]) -> Iterator[list[Token]]:
    """Cut at the end of a sentence, and at a comma or "and" behind which a new wish begins."""
    clause: list[Token] = []
    for place, token in enumerate(tokens):
        ends = token.tag == "MARK" and token.text in SENTENCE_MARKS
        rest = tokens[place + 1 :]
        if ends or (token.text in _JOINTS and _begins_a_wish(clause, rest)):
            if token.text == "?":
                clause.append(Token("?", ASKED))
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
    """What is not meant falls away: "not the black one, the navy one", "no hoodies, only tees", "any colour but black"."""
    for start, token in enumerate(tokens):
        end = next((i for i in range(start + 1, len(tokens)) if tokens[i].tag in {"MARK", "but", "and"}), len(tokens))
        unmeant = tokens[start + 1 : end]
        if not unmeant or not all(one.tag in _SLOT_TAGS for one in unmeant):
            continue
        rest = tokens[:start] + tokens[end:]
        excludes = token.tag in {"NO", "LESS_THINGS", "without", "but"} and unmeant[0].tag in {
            "COLOUR",
            "CATEGORY",
            "SIZE",
        }
        among_all = any(one.tag in {"SOME", "ALL", "colour"} for one in tokens[:start])
        if token.tag == "NOT" and any(one.tag in _SLOT_TAGS for one in rest):
            return _without_contrasts(rest)
        if excludes and (among_all or token.tag != "but") and not any(one.tag in {"REMOVE", "CLEAR"} for one in tokens):
            return _without_contrasts(rest)
    return tokens


_ASIDE: Final = frozenset({"because", "before", "since", "until", "unless", "while", "although", "though"})
_SUBJECTS: Final = words("i we you my he she they IT the our")


def _without_asides(tokens: list[Token]) -> list[Token]:
    """ "Add it before I come to my senses": why and when are no wishes, unless they hold one ("before you check out")."""
    for start in range(1, len(tokens) - 1):
        if tokens[start].text not in _ASIDE or tokens[start + 1].tag not in _SUBJECTS:
            continue
        end = next((i for i in range(start, len(tokens)) if tokens[i].tag == "MARK"), len(tokens))
        if not any(token.tag in _OPENERS for token in tokens[start:end]):
            return _without_asides(tokens[:start] + tokens[end:])
    return tokens
