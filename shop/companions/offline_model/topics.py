"""What people ask of the shop and of the assistant, as data: `seed_data/assistant/*.toml`, found by similarity.

Each topic lists ways to ask for it. A sentence is held against all of them by the words they share, where a rare word
counts more than a common one; the best topic answers if it is near enough. There is no grammar here: what is missing in
the data is added there.
"""

import math
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from rapidfuzz import fuzz, process

from shop.companions.offline_model.clauses import Clause, Intent
from shop.companions.offline_model.kinds import Kind
from shop.companions.offline_model.lexicon import CATEGORIES, FUNCTION_WORDS, WORDS, words

FOLDER: Final = Path(__file__).parents[3] / "seed_data" / "assistant"
_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_NEAR_ENOUGH: Final = {Kind.QUESTION: 0.47, Kind.OTHER: 0.64, Kind.REFUSAL: 0.64}
_NEARLY_THE_SAME: Final = 0.86
"""How near a topic must be to a sentence that is a wish or a question of the shop in every word."""
_KINDS: Final = {
    "question": frozenset({Kind.QUESTION}),
    "remark": frozenset(Kind) - {Kind.QUESTION},
    "anything": frozenset(Kind),
}
_TELLING: Final = 2.5
"""What a word must weigh, to tell a topic: it is one of few topics."""
_THING: Final = "thing"
_EMPTY: Final = words(
    """the a an of to please exactly really just quite here there so and or but oh ok okay well hi hello hey now then maybe at all
    be is are am was were it that this for in on with"""
)
_SAME: Final = {
    "can't": "cannot", "dont": "not", "don't": "not", "u": "you", "ur": "your", "whats": "what", "what's": "what", "who's": "who",
    "i'm": "i", "im": "i", "parcel": "order", "package": "order", "packet": "order", "shipping": "deliver", "postage": "deliver", "delivery": "deliver",
    "ship": "deliver", "someone": "somebody", "anyone": "somebody", "anybody": "somebody", "chat": "conversation",
    "things": _THING, "stuff": _THING, "item": _THING, "items": _THING, "product": _THING, "products": _THING, "gift": "present",
    **dict.fromkeys(words("days monday tuesday wednesday thursday friday saturday sunday tomorrow weekend christmas"), "day"),
    **dict.fromkeys(words("dialogue messages dialog talk"), "conversation"), "administrators": "admins",
    "administrator": "admins", "action": "deeds", "actions": "deeds", "copy": "export", "download": "export",
    "you're": "you", "cannot": "cannot", "we": "i", "me": "i", "us": "i", "our": "my",
}  # fmt: skip


@dataclass(frozen=True)
class _Topic:
    clause: Clause
    kinds: frozenset[Kind]
    asked: tuple[frozenset[str], ...]
    vocabulary: frozenset[str]


@dataclass(frozen=True)
class _Index:
    """The examples of all topics by the words in them, and how much each word tells."""

    words: frozenset[str]
    weights: Mapping[str, float]
    examples: Mapping[str, Sequence[tuple[_Topic, frozenset[str], float]]]

    def nearest(self, said: frozenset[str], kind: Kind) -> tuple[float, _Topic | None]:
        """The topic that is most like what was said, and how much: 1 is the same."""
        unknown = max(self.weights.values()) * 0.7
        told = sum(self.weights.get(word, unknown) for word in said)
        rare = [word for word in said if self.weights.get(word, 0) > _RARE] or said
        best: tuple[float, _Topic | None] = 0, None
        of_topic: dict[int, float] = {}
        for topic, asked, weight in {id(one): one for word in rare for one in self.examples.get(word, ())}.values():
            if kind not in topic.kinds:
                continue
            if id(topic) not in of_topic:
                of_topic[id(topic)] = sum(map(self.weights.__getitem__, said & topic.vocabulary)) / told
            shared = sum(map(self.weights.__getitem__, said & asked))
            alike = 2 * shared / (told + weight) * (1 if _THING in asked or _THING not in said else 0.7)
            score = 0.7 * alike + 0.3 * of_topic[id(topic)]
            if score > best[0]:
                best = score, topic
        return best


def topic_of(sentence: str, kind: Kind, known: Iterable[str] = (), *, explained: bool = False) -> Clause | None:
    """What a sentence, in lower case, asks of the shop or of the assistant; `known` are words of goods that were shown.

    `explained` says that each of its words has a meaning without a topic.
    """
    index = _index()
    said = _features(sentence, frozenset(known), index.words)
    score, best = index.nearest(said, kind) if said - {_THING} else (0, None)
    if best is None:
        return None
    telling = any(index.weights[word] >= _TELLING and word not in _PLAIN for word in said & best.vocabulary)
    return best.clause if score >= (_NEAR_ENOUGH[kind] if telling and not explained else _NEARLY_THE_SAME) else None


def _features(sentence: str, known: frozenset[str], vocabulary: frozenset[str]) -> frozenset[str]:
    found = set()
    for word in _WORD.findall(sentence.replace("’", "'")):
        plain = _THING if word in CATEGORIES or word in known else _stem(_SAME.get(word, word))
        entry = WORDS.get(word)
        if plain in _EMPTY or (entry and entry.tag in {"COLOUR", "SIZE", "FILLER"} and plain not in vocabulary):
            continue
        misspelt = vocabulary and plain not in vocabulary and word not in WORDS and len(plain) > 4
        found.add(_nearest(plain, vocabulary) if misspelt else plain)
    return frozenset(found)


@lru_cache(maxsize=2048)
def _nearest(word: str, vocabulary: frozenset[str]) -> str:
    near = process.extractOne(word, vocabulary, scorer=fuzz.ratio, score_cutoff=85)
    return near[0] if near else word


def _stem(word: str) -> str:
    for ending in ("'s", "ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) > 2:
            return word.removesuffix(ending)
    return word


_FEW_WORDS: Final = 3
"""Of a message with fewer words, one of another language does not tell that it is in that language."""
_RARE: Final = 1.7
"""What a word must weigh, to look at the examples that hold it, where a sentence has such a word at all."""
_PLAIN: Final = frozenset(map(_stem, FUNCTION_WORDS))
"""Words that tell no topic by themselves."""


@cache
def _index() -> _Index:
    topics = [_topic(written) for file in sorted(FOLDER.glob("*.toml")) for written in _read(file).get("topic", [])]
    counts = Counter(word for topic in topics for word in topic.vocabulary)
    weights = {word: math.log(1 + len(topics) / count) for word, count in counts.items()}
    examples: dict[str, list[tuple[_Topic, frozenset[str], float]]] = {}
    for topic in topics:
        for asked in topic.asked:
            example = topic, asked, sum(weights[word] for word in asked)
            for word in asked:
                examples.setdefault(word, []).append(example)
    return _Index(frozenset(weights), weights, examples)


def _topic(written: dict[str, Any]) -> _Topic:
    asked = tuple(_features(ask.casefold(), frozenset(), frozenset()) for ask in written["ask"])
    name, path = written.get("page", ("", ""))
    answer = written.get("answer", "") + (f" See {name}: `{path}`." if name else "")
    intent = Intent(written.get("intent", Intent.TOPIC))
    vocabulary = frozenset(word for words_of_one in asked for word in words_of_one)
    return _Topic(
        Clause(intent, answer=answer, alone=bool(written.get("alone"))),
        _KINDS[written.get("said_as", "question")],
        asked,
        vocabulary,
    )


def _read(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


# --- other languages -------------------------------------------------------------------------------------------------


def in_another_language(text: str) -> Clause | None:
    """The answer to what is said in another language than English, in that language."""
    scripts, languages = _languages()
    letters = [] if text.isascii() else [unicodedata.name(letter, "") for letter in text if letter.isalpha()]
    for script, answer in scripts.items():
        if sum(name.startswith(script) for name in letters) * 3 > max(len(letters), 1):
            return Clause(Intent.TOPIC, answer=answer)
    said = [word for word in _WORD.findall(text.casefold().replace("’", "'")) if not word.isdigit()]
    answer, most = max(((one, sum(word in of for word in said)) for one, of in languages.items()), key=lambda it: it[1])
    english = sum(word in WORDS or word in _EMPTY for word in said)
    is_foreign = most > english and (most >= 2 or (not english and len(said) >= _FEW_WORDS))
    return Clause(Intent.TOPIC, answer=answer) if is_foreign else None


@cache
def _languages() -> tuple[dict[str, str], dict[str, frozenset[str]]]:
    """The answers by script, and the words of each language by its answer."""
    read = _read(FOLDER / "languages.toml")["language"]
    scripts = {language["script"]: language["answer"] for language in read if "script" in language}
    return scripts, {language["answer"]: words(language["words"]) for language in read if "words" in language}
