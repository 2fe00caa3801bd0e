"""What the catalogue knows of itself: its words, for correcting misspelt ones, and the values that it can be filtered by.

Whoever changes goods publishes the catalogue in the same transaction: the words and values are written anew, under a new
version. Each process keeps what it read of a version, so all agree as soon as they see the next one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA
from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from shop.database import new_id
from shop.store.models import Catalogue, Product, Term, TermKind, Variant
from shop.store.word_forms import lexeme

_FILTERS: Mapping[TermKind, ColumnElement[str] | InstrumentedAttribute[str]] = {
    TermKind.CATEGORY: Product.category,
    TermKind.COLOUR: Variant.colour,
    TermKind.SIZE: Variant.size,
}
_GARMENT_SIZES = ("XXS", "XS", "S", "M", "L", "XL", "XXL", "3XL")
_MOST_WORDS = 50_000
_MOST_COMPLETIONS = 8
_KEPT_VERSIONS = 4
_MISTAKES = ((7, 2), (4, 1))
"""A word of at least so many letters may have so many mistakes: a letter more, less, other, or two swapped."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The words and values of one version of the catalogue; the rank of a word is its place in `words`."""

    words: dict[str, int]
    """Every word, to its rank: words of names before words of descriptions, frequent before rare."""
    in_order: list[str]
    """The words in the order of the alphabet."""
    values: dict[TermKind, dict[str, int]]
    """The values of each filter in the order of the catalogue, and how many products have each."""

    def completions(self, beginning: str) -> list[str]:
        """The best words that begin so."""
        start = bisect_left(self.in_order, beginning)
        end = bisect_left(self.in_order, beginning + "\U0010ffff")
        return sorted(self.in_order[start:end], key=self.words.__getitem__)[:_MOST_COMPLETIONS]

    def closest(self, word: str) -> str | None:
        """The word that was probably meant by one that no product has."""
        mistakes = next((mistakes for length, mistakes in _MISTAKES if len(word) >= length), 0)
        if not mistakes:
            return None
        near = process.extract(word, self.in_order, scorer=OSA.distance, score_cutoff=mistakes, limit=None)
        return min(near, key=lambda found: (found[1], self.words[found[0]]))[0] if near else None

    def called(self, kind: TermKind, names: Collection[str]) -> list[str]:
        """The values of a filter that have one of these names (in lower case)."""
        return [value for value in self.values[kind] if value.casefold() in names]


_known: OrderedDict[str, Vocabulary] = OrderedDict()


def vocabulary(db: Session) -> Vocabulary:
    """The vocabulary of the catalogue's present version."""
    version = db.scalar(select(Catalogue.version)) or ""
    found = _known.get(version)
    if found is None:
        found = _known[version] = _read(db)
        while len(_known) > _KEPT_VERSIONS:
            _known.popitem(last=False)
    return found


def publish(db: Session) -> None:
    """Write the vocabulary of the goods as they are now, under a new version of the catalogue."""
    db.flush()
    catalogue = db.get(Catalogue, 1, with_for_update=True) or Catalogue(id=1)
    catalogue.version = new_id("cat")
    db.add(catalogue)
    db.execute(delete(Term))
    if rows := [*_words(db), *_values(db)]:
        db.execute(insert(Term), rows)


def _words(db: Session) -> list[dict[str, object]]:
    names: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for head, body in db.execute(select(Product.head, Product.body)):
        names.update(head.split())
        others.update(word for word in body.split() if "/" not in word)
    ranked = [(TermKind.NAME, word, count) for word, count in names.most_common()]
    ranked += [(TermKind.WORD, word, count) for word, count in others.most_common() if word not in names]
    return [
        {"kind": kind, "value": word, "lexeme": word, "products": count, "position": rank}
        for rank, (kind, word, count) in enumerate(ranked[:_MOST_WORDS])
    ]


def _values(db: Session) -> list[dict[str, object]]:
    """The values of each filter by their first appearance in the catalogue; garments' sizes from small to large."""
    rows: list[dict[str, object]] = []
    for kind, value in _FILTERS.items():
        counted = (
            select(value, func.count(Product.slug.distinct()))
            .join(Variant, Variant.product_slug == Product.slug)
            .group_by(value)
            .order_by(func.min(Product.position), func.min(Variant.position))
        )
        found = [(name, count) for name, count in db.execute(counted)]
        found.sort(key=lambda row: _GARMENT_SIZES.index(row[0]) if row[0] in _GARMENT_SIZES else len(_GARMENT_SIZES))
        rows += [
            {"kind": kind, "value": name, "lexeme": lexeme(kind, name), "products": count, "position": position}
            for position, (name, count) in enumerate(found)
        ]
    return rows


def _read(db: Session) -> Vocabulary:
    words: dict[str, int] = {}
    values: dict[TermKind, dict[str, int]] = {kind: {} for kind in _FILTERS}
    terms = select(Term.kind, Term.value, Term.products, Term.position).order_by(Term.position)
    for kind, value, products, position in db.execute(terms):
        if kind in values:
            values[kind][value] = products
        else:
            words[value] = position
    return Vocabulary(words=words, in_order=sorted(words), values=values)
