"""A sentence as tagged words: the first pass of understanding.

`tokenise` corrects the spelling, folds turns of speech, tags each word by the lexicon, and then settles the few words
whose class hangs on their neighbours ("order", "one", "first", "left").
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from shop.companions.offline_model.lexicon import NUMBERS, WORDS, Value
from shop.companions.offline_model.phrases import fold
from shop.companions.offline_model.spelling import corrected

NAME: Final = "NAME"
"""The tag of a word that the lexicon does not know: it may be part of a product's name."""
SENTENCE_MARKS: Final = frozenset(".;!?\n")

_NAMES_FROM: Final = 100
"""Bare numbers from here on are names ("the 401 hoodie"), unless they stand right behind the verb ("add 500 mugs")."""
_BLANKS: Final = re.compile(r"[^\S\n]+")
_CURRENCY: Final = r"(?:€|eur\b|euros?\b|quid\b|bucks?\b|pounds?\b|dollars?\b|\$|£)"

_TOKEN: Final = re.compile(
    rf"""(?P<order>\bcc-?(?=[0-9a-z]*\d)[0-9a-z]{{3,10}}\b|\bcc-[0-9a-z]{{3,10}}\b)
      | (?P<sku>\b[a-z0-9]+(?:-[a-z0-9]+){{2,}}\b)
      | (?P<volume>\b(?:0?[.,](?:5|75)|500|750|half|¾)[ -]?(?:l\b|lit(?:er|re)s?\b|ml\b))
      | (?P<money>{_CURRENCY}\s?\d+(?:[.,]\d{{1,2}})?\b|\b\d+(?:[.,]\d{{1,2}})?\s?(?:,-|-)?{_CURRENCY})
      | (?P<ordinal>\#\s?(?:\d+|[a-z]+)\b|\b\d+(?:st|nd|rd|th)\b)
      | (?P<times>\b\d+\s?(?:x|×|pcs|pc)(?!\w)|(?<!\w)[x×]\s?\d+\b)
      | (?P<beyond>(?<![\w)])-\d+\b)
      | (?P<number>\b\d+(?:[.,]\d{{1,2}})?(?![\w]))
      | (?P<word>[^\W_]+(?:['-][^\W_]+)*)
      | (?P<mark>[.,;:!?&\n()/–-])""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    text: str
    tag: str
    value: Value = None

    @property
    def number(self) -> int:
        return self.value if isinstance(self.value, int) else 0


def tokenise(text: str, known: frozenset[str] = frozenset()) -> list[Token]:
    """Every word of `text` with its tag; marks of punctuation are tokens too. `known` are words of what was shown."""
    plain = text.casefold().replace("\u2019", "'").replace("\u2018", "'").replace("\u00a0", " ")
    plain = _BLANKS.sub(" ", plain.replace("<", " under ").replace(">", " over ")).strip()
    raw = [token for token in _raw_tokens(fold(corrected(plain, known))) if token.tag != "FILLER"]
    raw = _order_numbers(_names_joined(_numbers_joined(raw), known))
    return [_settled(raw, place) for place in range(len(raw))]


def minor_units(text: str) -> int:
    """`59,5`, `59.50` or `€60` as minor units: 5950, 5950, 6000."""
    whole, _, fraction = re.sub(r"[^\d.,]", "", text).strip(".,").replace(",", ".").partition(".")
    return int(whole[:9] or 0) * 100 + int(fraction[:2].ljust(2, "0") or 0)


def _raw_tokens(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        kind, found = str(match.lastgroup), match.group()
        make = _MAKERS.get(kind)
        if kind == "word":
            yield from _words(found)
        else:
            yield make(found) if make else Token(found, kind.upper(), found)


def _ordinal(found: str) -> Token:
    digits = re.sub(r"\D", "", found)
    value = int(digits[:6]) if digits else NUMBERS.get(found.strip("# "))
    return Token(found, "ORDINAL", value) if value else Token(found, NAME)


def _number(found: str) -> Token:
    return Token(found, "NUMBER", int(re.split("[.,]", found)[0][:9]))


_MAKERS: Final[dict[str, Callable[[str], Token]]] = {
    "order": lambda found: Token(found, "ORDER_NUMBER", "CC-" + found.removeprefix("cc").removeprefix("-").upper()),
    "money": lambda found: Token(found, "MONEY", minor_units(found)),
    "ordinal": _ordinal,
    "times": lambda found: Token(found, "NUMBER", int(re.sub(r"\D", "", found)[:9])),
    "volume": lambda found: Token(found, "SIZE", "0.75 l" if re.search("75|¾", found) else "0.5 l"),
    "number": _number,
}


def _words(found: str) -> Iterator[Token]:
    """A word, or the words that hyphens join. Such a word is a name ("no-store"), unless all its parts say how a thing is."""
    if found in WORDS or "-" not in found:
        yield _word(found)
        return
    parts = [_word(part) for part in found.split("-")]
    plain = all(part.tag in {"COLOUR", "SIZE", "CATEGORY", "NUMBER"} for part in parts)
    yield from parts if plain else [Token(part.text, NAME) for part in parts]


def _word(found: str) -> Token:
    word = found if found in WORDS else found.removesuffix("'s").removesuffix("'")
    entry = WORDS.get(word)
    return Token(word, entry.tag, entry.value) if entry else Token(word, NAME)


# --- words whose class hangs on their neighbours ---------------------------------------------------------------------

_BEFORE_A_NOUN: Final = frozenset({"my", "the", "an", "a", "our", "your", "IT", "LAST", "which", "of", "in", "ORDINAL",
                                   "status", "MORE", "OTHER", "ARRIVE", "NEWEST", "EACH"})  # fmt: skip
_BEFORE_ONE: Final = frozenset({"ORDINAL", "LAST", "COLOUR", "SIZE", "STEP", "the", "IT", "which", "CATEGORY", NAME,
                                "PRICED", "OTHER", "BETTER", "PURPOSE", "NEWEST", "same"})  # fmt: skip
_VERBS: Final = frozenset({"ADD", "WANT", "REMOVE", "SHOW", "FIND", "COMPARE", "TELL", "CHECKOUT", "BUY", "CLEAR"})
_COUNTED: Final = frozenset({"ADD", "BUY", "WANT", "CHANGE", "UNDER", "OVER", "IT", "to", "BETWEEN"})


def _settled(tokens: list[Token], place: int) -> Token:
    token = tokens[place]
    before = tokens[place - 1] if place else None
    behind = tokens[place + 1] if place + 1 < len(tokens) else None
    settle = _SETTLERS.get(token.text) or _SETTLERS.get(token.tag)
    return settle(token, before, behind, tokens[:place]) if settle else token


def _order(token: Token, before: Token | None, behind: Token | None, earlier: list[Token]) -> Token:
    """The noun where something says whose or which it is, else the verb."""
    noun = (before and before.tag in _BEFORE_A_NOUN and not (before.tag == "IT" and before.text == "it")) or (
        behind and behind.tag in {"ORDER_NUMBER", "history", "status", "number", "is", "ARRIVE", "ADDED"}
    )
    return Token("order", "ORDER" if noun else "BUY")


def _one(token: Token, before: Token | None, behind: Token | None, earlier: list[Token]) -> Token:
    """ "the second one" means a thing, "add one" a quantity; but "make it one" is a quantity again."""
    changes = any(word.tag == "CHANGE" for word in earlier)
    if before and before.tag in {"SIZE", "COLOUR"} and behind and behind.tag == before.tag:
        return token  # "one S one M"
    if before and before.tag in _BEFORE_ONE and not (changes and before.tag == "IT"):
        return Token("one", "ONE")
    return token


def _first(token: Token, before: Token | None, behind: Token | None, earlier: list[Token]) -> Token:
    """ "cheapest first" sorts, and "first add a mug" begins; only else is it a place."""
    sorts = before is not None and before.tag in {"PRICED", "NEWEST", "ONES"}
    begins = behind is not None and behind.tag in _VERBS and not earlier
    return Token("first", "then") if sorts or begins else token


def _left(token: Token, before: Token | None, behind: Token | None, earlier: list[Token]) -> Token:
    of_stock = any(word.tag in {"many", "much", "are", "is", "SOME"} for word in earlier)
    return Token("left", "STOCK") if of_stock or not earlier else token


def _size(token: Token, before: Token | None, behind: Token | None, earlier: list[Token]) -> Token:
    """ "a small present" and "a large coffee" name no size; "small" behind a thing, or before one, does."""
    idle = token.text in {"small", "large"} and behind is not None and behind.tag in {"gift", "present", "PURPOSE"}
    return Token(token.text, "FILLER_SIZE") if idle else token


def _new(token: Token, before: Token | None, behind: Token | None, earlier: list[Token]) -> Token:
    """ "a new cup" is no wish for the newest."""
    return Token("new", "a") if before and before.tag in {"a", "my", "some"} else token


def _zero(token: Token, before: Token | None, behind: Token | None, earlier: list[Token]) -> Token:
    """Rather the first word of a name than a quantity, but for "set it to zero"."""
    return token if before and before.tag in {"IT", "to"} else Token("zero", NAME)


def _count(token: Token, before: Token | None, behind: Token | None, earlier: list[Token]) -> Token:
    tag = before.tag if before else ""
    if tag in {"UNDER", "OVER", "BETWEEN"} or (earlier and _in_a_range(earlier)):
        return Token(token.text, "MONEY", minor_units(token.text) if token.text[0].isdigit() else token.number * 100)
    if token.text.isdigit() and token.number >= _NAMES_FROM:
        return token if tag in _COUNTED else Token(token.text, NAME)
    return token


def _in_a_range(earlier: list[Token]) -> bool:
    """Whether the token stands behind "between 20 and" or "20 -"."""
    tags = [token.tag for token in earlier[-3:]]
    return tags[-1] in {"and", "to", "MARK"} and "BETWEEN" in tags


_SETTLERS: Final[dict[str, Callable[[Token, Token | None, Token | None, list[Token]], Token]]] = {
    "order": _order,
    "one": _one,
    "first": _first,
    "left": _left,
    "zero": _zero,
    "new": _new,
    "NUMBER": _count,
    "SIZE": _size,
}


def _numbers_joined(tokens: list[Token]) -> list[Token]:
    """ "twenty five" is 25, "two dozen" 24, and "two hundred" 200."""
    joined: list[Token] = []
    for token in tokens:
        last = joined[-1] if joined else None
        if last and last.tag == token.tag == "NUMBER":
            if token.text in {"dozen", "hundred"} and last.number:
                joined[-1] = Token(f"{last.text} {token.text}", "NUMBER", last.number * token.number)
                continue
            if last.text.isalpha() and last.number in range(20, 100, 10) and 0 < token.number < 10:
                joined[-1] = Token(f"{last.text} {token.text}", "NUMBER", last.number + token.number)
                continue
        joined.append(token)
    return joined


def _order_numbers(tokens: list[Token]) -> list[Token]:
    """ "order 48213", "order number 77": whatever is called an order's number is one, so that no other order is meant."""
    for place, token in enumerate(tokens[:-1]):
        if token.text != "order":
            continue
        at = next(
            (i for i in range(place + 1, len(tokens)) if tokens[i].text not in {"number", "no", "nr", "the"}), place
        )
        number, behind = tokens[at], tokens[at + 1].tag if at + 1 < len(tokens) else ""
        digits = sum(one.isdigit() for one in number.text)
        names_an_order = digits > 3 or (number.tag == NAME and digits) or (number.tag == "ORDINAL" and digits > 1)
        spoken_of = digits > 2 and any(
            one.tag in {"CANCEL", "where", "status", "REORDER", "TELL"} for one in tokens[:place]
        )
        if (
            number.tag in {NAME, "NUMBER", "ORDINAL"}
            and (names_an_order or spoken_of)
            and behind not in {NAME, "CATEGORY", "COLOUR"}
        ):
            value = number.text.strip("# ").upper()
            return [*tokens[:place], token, Token(number.text, "ORDER_NUMBER", value), *tokens[at + 1 :]]
    return tokens


_SAYS_HOW: Final = frozenset({"COLOUR", "SIZE", "CATEGORY", "ORDINAL", "NUMBER", "MONEY", "MARK", "ONE", "IT", "SKU"})


def _names_joined(tokens: list[Token], known: frozenset[str]) -> list[Token]:
    """Words of the lexicon inside a name belong to it: "rate limit beanie", "cold start", "the two generals poster"."""
    joined = list(tokens)
    for place, token in enumerate(tokens):
        before = joined[place - 1].tag if place else ""
        behind = tokens[place + 1].tag if place + 1 < len(tokens) else ""
        ordinary = token.tag not in _SAYS_HOW and token.tag != NAME
        inside = before == NAME and behind in {NAME, "CATEGORY"} and ordinary and not token.tag.islower()
        shown = token.text in known and ordinary and NAME in {before, behind}
        begins = behind == NAME and (
            (token.tag == "PURPOSE" and (before == "the" or _leads_to_a_kind(tokens, place)))
            or (token.tag == "NUMBER" and token.text.isalpha() and before in {"a", "the", "IT"})
        )
        if inside or shown or begins:
            joined[place] = Token(token.text, NAME)
    return joined


def _leads_to_a_kind(tokens: list[Token], place: int) -> bool:
    """Whether nothing but names stands between a word and the kind of goods behind it."""
    behind = next((token.tag for token in tokens[place + 1 :] if token.tag != NAME), "")
    return behind == "CATEGORY"
