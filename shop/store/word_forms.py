"""Words as search compares them: the same text gives the same words on both engines, since neither makes them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_NOISE = frozenset({"a", "an", "and", "any", "for", "in", "me", "of", "or", "please", "some", "the", "with"})
_SAME_COLOUR = {
    "beige": ("sand",),
    "blue": ("navy", "sky"),
    "green": ("moss",),
    "purple": ("plum",),
    "red": ("rust",),
    "white": ("bone",),
    "yellow": ("sun",),
}
"""What people call a colour, to the colours that the shop has."""
_LONGEST = 40


def words_of(text: str) -> list[str]:
    """The words of a text: lower case, without accents, without noise, in the singular."""
    return [singular(word) for word in plain(text) if word not in _NOISE]


def plain(text: str) -> list[str]:
    """The words of a text as they were written, in lower case and without accents."""
    letters = text.lower() if text.isascii() else _without_accents(text.casefold())
    return [word[:_LONGEST] for word in re.findall(r"[^\W_]+", letters)]


def _without_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def singular(word: str) -> str:
    """A plural's singular, as far as a catalogue's words need it."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-1] if word.endswith(("dies", "nies")) else word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")) and len(word) > 4:
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 2 else word


def same_colours(colour: str) -> tuple[str, ...]:
    """The colours that somebody may mean who names one, in lower case."""
    named = colour.strip().casefold()
    return (named, *_SAME_COLOUR.get(named, ()))


def names_of_colours(colours: Iterable[str]) -> set[str]:
    """All names under which people look for these colours."""
    offered = {colour.casefold() for colour in colours}
    return offered | {name for name, same in _SAME_COLOUR.items() if offered & set(same)}


def lexeme(kind: str, value: str) -> str:
    """A value of a filter as one token of the index. In hex, so that any text is one token on both engines."""
    return f"{kind}/{value.casefold().encode().hex()}"
