"""What kind of utterance a sentence is, before anything else of it is understood.

A *question* never leads to a change, whatever it is about; a *refusal* says what is not to be done; only a *wish* may
change something. The kind is told by how a sentence begins and ends, not by what it is about.
"""

import re
from enum import StrEnum
from typing import Final

from shop.companions.offline_model.lexicon import words


class Kind(StrEnum):
    """What is done by saying it."""

    QUESTION = "question"
    REFUSAL = "refusal"
    OTHER = "other"
    """A wish, a remark, or the rest of a sentence that was begun before."""


_SENTENCE_END: Final = re.compile(r"(?<=[.!?;])(?<!\bno\.)\s+|\n+")
_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_BEGINNINGS: Final = words(
    """hi hello hey yo hm hmm um uh well so and but or ok okay oh ah please sorry excuse me right now then dear also actually
    just lol bro dude man guys thanks great good morning evening day no yes yeah"""
)
_INTERROGATIVES: Final = words("what which who whose whom when where why how whats whos wheres hows whens whys")
_INVERTED: Final = words(
    """is are was were am do does did has have can could may might shall should will would must isnt arent dont doesnt didnt
    cant couldnt wouldnt shouldnt isn't aren't doesn't didn't can't couldn't wouldn't shouldn't hasn't haven't ain't"""
)
_SUBJECTS: Final = words(
    "i we you u it he she they this that these those there the a an my your our any anyone anybody somebody"
)
_POLITE: Final = re.compile(
    r"\b(?:can|could|would|will|may|might) (?:you|u|ya|i|we)\b(?: (?:please|kindly|maybe|perhaps|just|also|be a (?:dear|darling) and|"
    r"be so kind (?:as to|and)))*,? (?:add|put|include|throw|toss|pop|chuck|stick|show|find|tell|compare|remove|take|delete|drop|"
    r"empty|clear|make|change|give|get|list|search|undo|reorder|describe|explain|swap|place|check (?:me )?out|checkout|see|have|cancel|order me|buy me|ship|"
    r"send it|checkout for me)\b|\bwould you mind\b|\bif (?:you|u) (?:could|would|can)\b|\bis it possible to (?:add|get|have)\b|"
    r"\bcan (?:i|we) (?:please )?(?:have|get|take)\b"
)
_INDIRECT: Final = re.compile(
    r"\b(?:i (?:was |am |'m )?wonder(?:ing)? (?:if|whether|what|how|who|why|where)|(?:like|want|need) to know|do you know|tell me "
    r"(?:what|who|how|why|where|whether|if)|(?:any|no) idea (?:who|how|what|why|where|if))\b"
)
_IMPERATIVE: Final = frozenset({"have it", "have them", "have that", "have this", "do it", "do that", "do so"})
_REFUSAL: Final = re.compile(r"^(?:please )?(?:do not|don't|dont|never|you (?:must|should|may) not)\b")


_SUPPOSED: Final = re.compile(
    r"\b(?:(?:just|only) (?:asking|wondering|a question|curious|kidding)|hypothetical(?:ly)?|in theory|theoretically|suppose|"
    r"supposing|imagine|simulate|pretend|what would happen|as an example)\b"
)


def is_supposed(message: str) -> bool:
    """Whether a message, in lower case, says of itself that nothing is to be done: "hypothetically", "just asking"."""
    return bool(_SUPPOSED.search(message))


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with the mark that ends it."""
    return [sentence.strip() for sentence in _SENTENCE_END.split(text) if sentence.strip()]


def kind_of(sentence: str) -> Kind:
    """The kind of one sentence, in lower case."""
    said = _WORD.findall(sentence)
    while said and said[0] in _BEGINNINGS:
        said = said[1:]
    if not said or (said[0] not in _INTERROGATIVES and _POLITE.search(sentence)):
        return Kind.OTHER
    if _REFUSAL.match(" ".join(said)):
        return Kind.REFUSAL
    if " ".join(said[:2]) in _IMPERATIVE:
        return Kind.OTHER
    inverted = said[0] in _INVERTED and (len(said) < 2 or said[1] in _SUBJECTS or "?" in sentence)
    if said[0] in _INTERROGATIVES or inverted or sentence.endswith("?") or _INDIRECT.search(sentence):
        return Kind.QUESTION
    return Kind.OTHER
