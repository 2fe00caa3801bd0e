"""A sentence as tagged words: the first pass of understanding.

A token's *tag* is its word class (`ADD`, `COLOUR`, `NUMBER` …), its *value* what it stands for ("green" -> "moss",
"dozen" -> 12, "€60" -> 6000 minor units). Function words carry their own text as the tag, so that rules can name them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shop.companions.offline_model import lexicon

SENTENCE_MARKS: Final = frozenset(".;!?")
NAME: Final = "NAME"
"""The tag of a word that the lexicon does not know: it is taken as part of a product's name."""

_QUANTITY_LIMIT: Final = 100
"""Bare numbers from here on are names ("the 401 hoodie"), unless they stand right behind the verb ("add 500 mugs")."""

_TOKEN: Final = re.compile(
    r"""(?P<order>\bcc-?[0-9a-z]{3,10}\b)
      | (?P<sku>\b[a-z0-9]+(?:-[a-z0-9]+){2,}\b)
      | (?P<money>€\s?\d+(?:[.,]\d{1,2})?\b|\b\d+(?:[.,]\d{1,2})?\s?(?:€|eur\b|euros?\b))
      | (?P<ordinal>\#\s?(?:\d+|[a-z]+)\b|\b\d+(?:st|nd|rd|th)\b)
      | (?P<number>\b\d+(?:[.,]\d{1,2})?\b)
      | (?P<word>[^\W_]+(?:['-][^\W_]+)*)
      | (?P<mark>[.,;:!?&])""",
    re.VERBOSE,
)

_VALUE_TABLES: Final[dict[str, Mapping[str, str | int]]] = {
    "COLOUR": lexicon.COLOURS,
    "SIZE": lexicon.SIZES,
    "CATEGORY": lexicon.CATEGORIES,
    "ORDINAL": lexicon.ORDINALS,
    "NUMBER": lexicon.NUMBERS,
}
_BEFORE_A_THING: Final = frozenset(
    {"ORDINAL", "LAST", "COLOUR", "SIZE", "the", "IT", "which", "MORE", "CATEGORY", NAME}
)


@dataclass(frozen=True)
class Token:
    text: str
    tag: str
    value: str | int | None = None


def tokenise(text: str) -> list[Token]:
    """Every word of `text` with its tag; marks of punctuation are tokens too."""
    folded = text.casefold().replace("\u2019", "'").replace("\u2018", "'")
    for pattern, replacement in lexicon.PHRASES:
        folded = pattern.sub(replacement, folded)
    tokens: list[Token] = []
    for token in _raw_tokens(folded):
        tokens.append(_in_context(token, tokens))
    return tokens


def minor_units(text: str) -> int:
    """`59,5`, `59.50` or `€60` as minor units: 5950, 5950, 6000."""
    whole, _, fraction = re.sub(r"[^\d.,]", "", text).replace(",", ".").partition(".")
    return int(whole) * 100 + int(fraction.ljust(2, "0") or 0)


def _raw_tokens(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        kind, found = str(match.lastgroup), match.group()
        if kind == "order":
            yield Token(found, "ORDER_NUMBER", "CC-" + found.removeprefix("cc").removeprefix("-").upper())
        elif kind == "money":
            yield Token(found, "MONEY", minor_units(found))
        elif kind == "number":
            yield Token(found, "NUMBER", int(re.split("[.,]", found)[0]))
        elif kind == "ordinal":
            yield _ordinal(found)
        elif kind == "word":
            yield _word(found)
        else:
            yield Token(found, kind.upper(), found)


def _ordinal(found: str) -> Token:
    digits = re.sub(r"\D", "", found)
    value = int(digits) if digits else lexicon.NUMBERS.get(found.strip("# "))
    return Token(found, "ORDINAL", value) if value else Token(found, NAME)


def _word(word: str) -> Token:
    for tag, values in _VALUE_TABLES.items():
        if word in values:
            return Token(word, tag, values[word])
    for table in (lexicon.VERBS, lexicon.NOUNS, lexicon.SOCIAL):
        if word in table:
            return Token(word, table[word])
    return Token(word, word if word in lexicon.FUNCTION_WORDS else NAME)


def _in_context(token: Token, before: list[Token]) -> Token:
    """The few words whose class hangs on the word before them."""
    previous = before[-1] if before else None
    tag = previous.tag if previous else ""
    if token.text == "one" and tag in _BEFORE_A_THING:
        # "the second one" means a thing, "add one" a quantity; but "make it one" is a quantity again.
        changes = any(earlier.tag == "CHANGE" for earlier in before)
        return token if changes and tag == "IT" else Token(token.text, "ONE")
    if token.text == "zero" and tag not in {"IT", "to"}:
        # Rather the first word of a name than a quantity.
        return Token(token.text, NAME)
    if token.tag == "NUMBER" and token.text.isdigit() and int(token.text) >= _QUANTITY_LIMIT:
        follows_verb = tag in {"ADD", "BUY", "WANT", "ORDER", "UNDER", "OVER", "IT", "to"}
        return token if follows_verb else Token(token.text, NAME)
    if token.tag == "NUMBER" and tag in {"UNDER", "OVER"}:
        return Token(token.text, "MONEY", minor_units(token.text) if token.text[0].isdigit() else _hundreds(token))
    return token


def _hundreds(token: Token) -> int:
    return int(token.value or 0) * 100
