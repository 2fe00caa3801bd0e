"""Tells names from chat: which of the unknown words of a clause name a thing of the shop, and which are beside the point.

A name stands beside its kind ("long context hoodie"), was shown before, is what the verb asks for ("tell me about
stateless"), or is all that was said ("refresh token").
"""

from collections.abc import Collection
from typing import Final

from shop.companions.offline_model.lexicon import words
from shop.companions.offline_model.tokens import NAME, Token

NOISE: Final = "NOISE"
"""The tag of an unknown word that names nothing."""

_INSIDE_A_NAME: Final = words("in the of for to and as is at on by")
_BESIDE_A_KIND: Final = frozenset({"COLOUR", "SIZE", "size", "MARK", "of"})
_BEHIND_A_KIND: Final = _BESIDE_A_KIND | {"called", "named", "the"}
_ASKS_FOR_A_THING: Final = words("ADD BUY WANT REMOVE CHANGE CANCEL SHOW TELL COMPARE SOME PRICED")
_BEFORE_A_NAME: Final = words(
    """the a an my some me us about of COLOUR SIZE NUMBER this IT called named please with and or to MARK CART"""
)
_SAYS_HOW: Final = words(
    """COLOUR SIZE NUMBER MARK PRICE STOCK CHOICES ONE IT YES NO FIX OK NICE MONEY UNDER ORDINAL EACH BOTH ASKED"""
) | {NAME}
_AROUND_A_NAME: Final = words("the a an in of please and or with for to my size how much is one some then")


def named_only(tokens: list[Token], known: Collection[str]) -> list[Token]:
    """The tokens, with every unknown word that names nothing tagged as `NOISE`."""
    named = {
        place for start, end in _runs(tokens) if _is_name(tokens, start, end, known) for place in range(start, end)
    }
    return [
        Token(token.text, NOISE) if token.tag == NAME and place not in named else token
        for place, token in enumerate(tokens)
    ]


def first_name(tokens: list[Token]) -> tuple[str, ...]:
    """The words of the first name, with the small ones inside it: "human in the loop"."""
    start, end = next(iter(_runs(tokens)), (0, 0))
    return tuple(token.text for token in tokens[start:end])[:6]


def all_names(tokens: list[Token]) -> tuple[str, ...]:
    """Every name, with an "and" between them."""
    names = [word for start, end in _runs(tokens) for word in ("and", *(token.text for token in tokens[start:end]))]
    return tuple(names[1:])


def _runs(tokens: list[Token]) -> list[tuple[int, int]]:
    """Where names begin and end: unknown words in a row, over small words between them."""
    runs: list[tuple[int, int]] = []
    for place, token in enumerate(tokens):
        if token.tag != NAME:
            continue
        if runs and all(between.tag in _INSIDE_A_NAME for between in tokens[runs[-1][1] : place]):
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs


def _is_name(tokens: list[Token], start: int, end: int, known: Collection[str]) -> bool:
    if any(token.text in known for token in tokens[start:end]):
        return True
    if any(token.tag == "COMPARE" for token in tokens):
        return start > 0
    kinds = [place for place, token in enumerate(tokens) if token.tag == "CATEGORY"]
    if kinds:
        return any(_beside(tokens, start, end, kind) for kind in kinds)
    if any(token.tag == "PURPOSE" or token.text in {"gift", "present"} for token in tokens):
        return False
    before = start - 1
    while before >= 0 and tokens[before].tag in _BEFORE_A_NAME:
        before -= 1
    if before < 0:
        # All that was said, or "the long context in navy": not the first words of something else.
        return all(token.tag in _SAYS_HOW or token.tag in _AROUND_A_NAME for token in tokens)
    definite = any(token.tag == "the" for token in tokens[before + 1 : start])
    return tokens[before].tag in _ASKS_FOR_A_THING or (
        definite and tokens[before].tag in {"is", "does", "are", "how", "for"}
    )


def _beside(tokens: list[Token], start: int, end: int, kind: int) -> bool:
    """Whether only words that say how the thing is stand between a name and its kind."""
    if end <= kind:
        return all(token.tag in _BESIDE_A_KIND for token in tokens[end:kind])
    return all(token.tag in _BEHIND_A_KIND for token in tokens[kind + 1 : start])
