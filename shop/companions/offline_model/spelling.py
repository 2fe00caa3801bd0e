"""Forgives spelling mistakes: a word that nobody knows becomes the known word that it was most likely meant to be.

A real word is never corrected, however near it stands to a command: `real_words.txt` lists the English words that could
be mistaken for one of the lexicon's. And what would change something, such as "checkout", is only read into a word that
is a single slip away from it.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from shop.companions.offline_model.lexicon import WORDS, words

_EFFECTS: Final = words("ADD BUY CANCEL CHANGE CHECKOUT CLEAR MORE PUTBACK REMOVE REORDER SHIP UNDO WANT YES")
COMMANDS: Final = words("check order place") | {word for word, entry in WORDS.items() if entry.tag in _EFFECTS}
"""The words that ask for a change, alone or in a turn of speech ("check out")."""

_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_REAL_WORDS: Final = frozenset(
    word
    for line in (Path(__file__).parent / "real_words.txt").read_text(encoding="utf-8").splitlines()
    for word in line.split()
    if not line.startswith("#")
)
_BY_LENGTH: Final[dict[int, list[str]]] = {}
for _word in WORDS:
    if len(_word) >= 3 and _word.isalpha():
        for _length in range(len(_word) - 2, len(_word) + 3):
            _BY_LENGTH.setdefault(_length, []).append(_word)


def corrected(text: str, known: Collection[str] = ()) -> str:
    """Lower-case `text` with its misspelt words corrected. `known` are words that were shown: they are right as they are."""

    def meant(match: re.Match[str]) -> str:
        word = match.group()
        if word in WORDS or word in known or word in _REAL_WORDS or "'" in word:
            return word
        return _of_known(word, known) or nearest(word) or word

    return _WORD.sub(meant, text)


def _of_known(word: str, known: Collection[str]) -> str | None:
    found = process.extractOne(word, known, scorer=OSA.distance, score_cutoff=_slips(word)) if len(word) > 3 else None
    return str(found[0]) if found else None


@lru_cache(maxsize=4096)
def nearest(word: str) -> str | None:
    """The nearest word of the lexicon, if it is near enough."""
    found = process.extract(
        word, _BY_LENGTH.get(len(word), []), scorer=OSA.distance, score_cutoff=_slips(word), limit=9
    )
    near = [(_distance(word, other, slips), other) for other, slips, _ in found if _may_become(word, other)]
    return min(near)[1] if near else None


def _distance(word: str, candidate: str, slips: float) -> tuple[object, ...]:
    """How far apart two words are: fewest slips first, and among as many the likelier kind of slip, and what is safer."""
    swapped = sorted(word) == sorted(candidate)
    left_out = _is_within(word, candidate) or _is_within(candidate, word)
    plain = WORDS[candidate].tag.islower()
    return slips, not swapped, not left_out, word[0] != candidate[0], candidate in COMMANDS, plain


def _is_within(short: str, long: str) -> bool:
    letters = iter(long)
    return all(letter in letters for letter in short)


def _may_become(word: str, candidate: str) -> bool:
    slips = OSA.distance(word, candidate)
    if len(word) <= 3:
        # Of a short word only the order of its letters, or the last of them, is forgiven: "teh", "ad".
        return sorted(word) == sorted(candidate)
    if candidate in COMMANDS:
        return slips <= 1
    return slips <= 1 or (word[0] == candidate[0] and len(candidate) >= 6)


def _slips(word: str) -> int:
    """How many wrong, missing, added or swapped letters are forgiven in a word of this length."""
    return 1 if len(word) <= 5 else 2
