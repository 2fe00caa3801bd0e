"""What a search asks for, and what the catalogue understands by it: words corrected, values as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from shop.store.models import TermKind
from shop.store.vocabulary import Vocabulary, vocabulary
from shop.store.word_forms import lexeme, plain, same_colours, singular, words_of

Sort = Literal["best", "price_up", "price_down", "newest", "name"]
_MOST_WORDS = 12


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a search asks for; each None or empty value means: any. Prices are in minor units.

    `limit` and `offset` say which of the matches are wanted.
    """

    query: str = ""
    category: str | None = None
    colour: str | None = None
    size: str | None = None
    min_price: int | None = None
    max_price: int | None = None
    without: tuple[str, ...] = ()
    """What is not wanted: categories, colours, or words of a name."""
    in_stock: bool = False
    sort: Sort = "best"
    limit: int = 24
    offset: int = 0


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """A search as the index understands it. Of each filter: the stored values that fit, or None for any."""

    filters: Filters
    words: list[Sequence[str]]
    """For each word of the query the words of which a product must have one."""
    corrected: str | None
    categories: list[str] | None
    colours: list[str] | None
    sizes: list[str] | None
    unwanted_categories: list[str]
    unwanted_colours: list[str]
    unwanted_words: list[list[str]]
    """Words that a product must not have all of in its head."""

    def tokens(self) -> list[Sequence[str]]:
        """All that a product must have in the index: the words, and the values of the filters."""
        by_kind = {"category": self.categories, "colour": self.colours, "size": self.sizes}
        filters = [[lexeme(kind, value) for value in values] for kind, values in by_kind.items() if values]
        return [*self.words, *filters]

    def is_hopeless(self) -> bool:
        """Whether a filter asks for a value that nothing has."""
        return any(values == [] for values in (self.categories, self.colours, self.sizes))


def understand(db: Session, filters: Filters) -> SearchRequest:
    """What a search means, in the words and values of the catalogue as it is now."""
    known = vocabulary(db)
    words, corrected = _words_meant(known, filters.query)
    size = filters.size.strip().casefold() if filters.size else ""
    unwanted_categories, unwanted_colours, unwanted_words = _unwanted(known, filters.without)
    return SearchRequest(
        filters=filters,
        words=words,
        corrected=corrected,
        categories=_categories_meant(known, filters.category) if filters.category else None,
        colours=known.called(TermKind.COLOUR, same_colours(filters.colour)) if filters.colour else None,
        sizes=known.called(TermKind.SIZE, {size}) if size else None,
        unwanted_categories=unwanted_categories,
        unwanted_colours=unwanted_colours,
        unwanted_words=unwanted_words,
    )


def _unwanted(known: Vocabulary, without: Sequence[str]) -> tuple[list[str], list[str], list[list[str]]]:
    """What is not wanted: stored categories and colours, and the words of whatever is neither."""
    categories, colours, called = list[str](), list[str](), list[list[str]]()
    for named in without:
        of_kind = _categories_meant(known, named)
        of_colour = known.called(TermKind.COLOUR, same_colours(named))
        categories += of_kind
        colours += of_colour
        if not of_kind and not of_colour and (words := words_of(named)[:_MOST_WORDS]):
            called.append(words)
    return categories, colours, called


def _categories_meant(known: Vocabulary, named: str) -> list[str]:
    category = named.strip().casefold()
    return known.called(TermKind.CATEGORY, {category, f"{category}s", f"{category}es"}) if category else []


def _words_meant(known: Vocabulary, query: str) -> tuple[list[Sequence[str]], str | None]:
    """What each word of a query may stand for, and the query as it was understood if that is not what was written."""
    words = words_of(query)[:_MOST_WORDS]
    unfinished = plain(query)[-1:]
    meant: list[Sequence[str]] = []
    spelled = list(words)
    for place, word in enumerate(words):
        is_last = place == len(words) - 1 and unfinished and singular(unfinished[0]) == word
        completions = known.completions(unfinished[0]) if is_last and len(word) > 1 else []
        if word in known.words or completions:
            meant.append([word, *completions])
        elif closest := known.closest(word):
            meant.append([closest])
            spelled[place] = closest
        else:
            meant.append([word])
    return meant, " ".join(spelled) if spelled != words else None
