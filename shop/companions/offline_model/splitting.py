"""Cuts a message into its wishes, marks what is not wanted ("not the black one"), drops what is no wish ("because I am cold")."""

from collections.abc import Iterator
from itertools import pairwise
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


ASKED: Final = "ASKED"
"""The tag of the mark behind a question."""


def wishes(tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens of each wish, in order."""
    yield from _split(_without_asides(_with_unwanted(tokens)))


def _split(tokens: list[Token]) -> Iterator[list[Token]]:
    """Cut at the end of a sentence, and at a comma or "and" behind which a new wish begins."""
    clause: list[Token] = []
    for place, token in enumerate(tokens):
        ends = token.tag == "MARK" and token.text in SENTENCE_MARKS
        rest = tokens[place + 1 :]
        if token.tag == "NO" and clause and all(one.tag in _TAKING_BACK for one in rest):
            yield clause  # "check out, no, hang on, not yet"
            clause = []
        if token.tag == "NUMBER" and _counts_another(clause, rest):
            yield clause
            clause = [word for word in clause if word.tag in _LISTED - {"COMPARE"}][:1]
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


def _counts_another(before: list[Token], rest: list[Token]) -> bool:
    """ "one S | one M": a number, behind one that was counted in a size or colour already."""
    counted = any(one.tag == "NUMBER" and two.tag in {"SIZE", "COLOUR"} for one, two in pairwise(before))
    return counted and bool(rest) and rest[0].tag in {"SIZE", "COLOUR"}


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


LEFT_OUT: Final = "LEFT_OUT"
"""The tag of what is not wanted. Its text is the tag of what it was, its value what a search is to leave out."""
_EXCEPT: Final = frozenset({"LESS_THINGS", "without"})
_WISHING: Final = frozenset({"WANT", "SHOW", "like", "need", "care"})
_AROUND_UNWANTED: Final = words("the a an in any of with colour colours ONES ONE MORE for from")
_TAKING_BACK: Final = words("NO NOT FIX LATER MARK please THANKS OK yet it")
_AMONG: Final = frozenset({"SOME", "ALL", "SHOW", "CATEGORY", "REMOVE", "CLEAR", "CART"})
"""What a name can be an exception from."""
_LEADING_TO_NOT: Final = frozenset({"do", "are", "is", "that", "which"})
"""What falls away with a "not": "tees that aren't black"."""
_POINTING: Final = words("the my IT")


def _with_unwanted(tokens: list[Token]) -> list[Token]:
    """What is not wanted becomes one token: "no hoodies", "not in black or navy", "any colour but black"."""
    for start, token in enumerate(tokens):
        earlier = {one.tag for one in tokens[:start]}
        if not _excludes(tokens, start) or ("REMOVE" in earlier and not {"ALL", "CART"} & earlier):
            continue
        begin = start + 1
        if token.tag == "NOT" and tokens[begin : begin + 1] and tokens[begin].tag in _WISHING:
            begin += 1
            if any(one.tag in _POINTING for one in tokens[begin : begin + 3]):
                continue  # "I don't want the mug" is about one that is there
        end, found = _unwanted_run(tokens, begin, by_name=token.tag in _EXCEPT and bool(_AMONG & earlier))
        if found:
            before = tokens[:start]
            while len(before) > 1 and before[-1].text in _LEADING_TO_NOT:
                before.pop()
            return _with_unwanted([*before, *found, *tokens[end:]])
    return tokens


def _excludes(tokens: list[Token], place: int) -> bool:
    token = tokens[place]
    among_all = any(one.tag in {"SOME", "ALL", "colour", "any"} or one.text == "no" for one in tokens[:place])
    return token.tag in {"NOT", *_EXCEPT} or token.text == "no" or (token.tag == "but" and among_all)


def _unwanted_run(tokens: list[Token], place: int, *, by_name: bool) -> tuple[int, list[Token]]:
    """Where the list of what is not wanted ends, and what it holds."""
    found: list[Token] = []
    end, joint = place, False
    for at in range(place, len(tokens)):
        token = tokens[at]
        is_listed = token.tag in {"COLOUR", "CATEGORY", "SIZE"} or (by_name and token.tag == NAME)
        if is_listed and (not found or joint or token.tag != found[-1].text or token.tag == NAME):
            left_out = token.value if isinstance(token.value, tuple) else (str(token.value or token.text),)
            found.append(Token(token.tag, LEFT_OUT, () if token.tag == "SIZE" else left_out))
            end, joint = at + 1, False
        elif token.tag in {"or", "and"} and found and not joint:
            joint = True
        elif token.tag in _AROUND_UNWANTED:
            end = at + 1 if found and token.tag in {"ONE", "ONES", "colour"} else end
        else:
            break
    return end, found


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
