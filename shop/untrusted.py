"""What strangers and models write, made into values that this program can keep, show and send on.

Two questions, each answered once for the whole program. *Is this JSON that we can work with?* `parse_json` and `read_json` give
a value or raise `ValueError`, never another error. *What of this text may be shown?* `clean_text` takes out what is invisible
or moves other text around (OWASP LLM05; Unicode TR36 §3, UTS39 §5): it is used where text is stored, and once more where it
leaves for a page, a terminal or a file, because rows that are older than this rule are still there. `one_line`,
`printable_line` and `terminal_text` are that rule for a title, for the words of another system, and for a terminal.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from typing import Any, NoReturn, TypeGuard

MOST_DEPTH = 64
"""Of nested arrays and objects: more than any of our schemas has, and less than what recursive code bears."""
_LARGEST_INTEGER = 2**63 - 1
"""What databases and the JSON readers of other languages take."""

_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f"  # control characters but the tab and the line's end
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Characters of which nothing shows: controls, format characters (category Cf) and other default-ignorables, tags among them.
The few characters of category Cf that do show (as U+0600, the Arabic number sign) stay.
"""
_INVISIBLE = re.compile(f"[{_UNSEEN}]")
_BREAKS = re.compile("[\x85\u2028\u2029]")
_JOINERS = re.compile("[\u200c\u200d]+")
_REPEATED_SELECTORS = re.compile("(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]+")
"""A second variation selector changes no glyph, and rows of them carry hidden messages."""
_HALVES = re.compile("[\ud800-\udfff]")
_SUSPECT = re.compile(f"[{_UNSEEN}\x85\u2028\u2029\u200c\u200d\ufe00-\ufe0f\ud800-\udfff]")
"""Whatever may have to be changed: nearly every text has none of it, and is looked through once."""
_LONGEST_HELD = 64
"""Characters that are held back at most: more of them in a row join nothing."""
_FIRST_JOINED = 0x0590
"""No script before Hebrew needs a joiner; those after, and emoji, do."""


class TooDeep(ValueError):
    """JSON that is nested deeper than `MOST_DEPTH`."""


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text (RFC 8259) whose shape can be trusted: each key once, no `NaN`, no infinity, bounded depth.

    Its strings may still hold what cannot be stored. Raises `ValueError`.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")  # as `json.loads` does
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if text.count("[") + text.count("{") > MOST_DEPTH:  # with fewer brackets it cannot be deeper: most messages
        _all_within(value)
    return value


def read_json(text: str | bytes, *, most: int | None = None) -> Any:
    """The value of a JSON text that any database, page and other program takes: as `parse_json`, and every string is text without
    a NUL, every integer has at most 64 bits. `most`: of characters or bytes, the text may have. Raises `ValueError`.
    """
    if most is not None and len(text) > most:
        raise ValueError(f"longer than {most} characters")
    value = parse_json(text)
    for one in _all_within(value):
        if isinstance(one, str):
            if "\x00" in one:
                raise ValueError("a NUL character is not text")
            one.encode()  # half of a character: a `UnicodeEncodeError`, which is a `ValueError`
        elif isinstance(one, int) and abs(one) > _LARGEST_INTEGER:
            raise ValueError("an integer of more than 64 bits")
    return value


def is_identifier(value: object, longest: int) -> TypeGuard[str]:
    """Whether something of somebody else's is a name that can be kept and compared: some printable ASCII characters."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and 0 < len(value) <= longest


def clean_text(text: str) -> str:
    """Text of which everything shows, with line breaks as `\\n`. Joiners stay where a script or an emoji needs them.

    Two halves of a character that came apart are put together; one alone becomes `?`.
    """
    if (text.isascii() and text.isprintable()) or not _SUSPECT.search(text):
        return text
    if _HALVES.search(text):
        joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        text = joined.encode(errors="replace").decode()
    text = _INVISIBLE.sub("", _BREAKS.sub("\n", text))
    return _JOINERS.sub(_joiner, _REPEATED_SELECTORS.sub("", text))


def one_line(text: str, most: int | None = None) -> str:
    """Clean text as one line, for a title or a name: at most `most` characters."""
    line = " ".join(clean_text(text).split())
    return line if most is None or len(line) <= most else line[: most - 1].rstrip() + "…"


def printable_line(text: str) -> str:
    """One line of what prints, for what another system says: a claim, a name, an error that goes to a log or a record.

    Stricter than `one_line`: whatever does not print, joiners and private characters too, becomes a space.
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def terminal_text(text: str) -> str:
    """Clean text without what could move a terminal's cursor, colour it, or turn the direction of writing; its lines stay."""
    return "".join(one for one in clean_text(text) if one.isprintable() or one in "\n\u200c\u200d")


def clean_value(value: Any) -> Any:
    """A JSON value in which every string is clean, keys too."""
    match value:
        case str():
            return clean_text(value)
        case list():
            return [clean_value(one) for one in value]
        case dict():
            return {clean_text(str(key)): clean_value(one) for key, one in value.items()}
        case _:
            return value


def shown(value: object) -> object:
    """What a template is given to show: text is cleaned; markup was made by a template, of values that passed here."""
    return clean_text(value) if type(value) is str else value


class TextStream:
    """Text that comes in pieces, cleaned as it comes: what only the next piece decides is held back until then."""

    _UNDECIDED = re.compile(f"(?:[\u200c\u200d][\u200c\u200d{_UNSEEN}]*)?[\ud800-\udbff]?\\Z")

    def __init__(self) -> None:
        self._last, self._held = "", ""

    def feed(self, piece: str) -> str:
        """What can be shown now."""
        text = self._held + piece
        undecided = self._UNDECIDED.search(text, max(0, len(text) - _LONGEST_HELD))
        self._held = undecided.group() if undecided else ""
        return self._cleaned(text[: len(text) - len(self._held)])

    def close(self) -> str:
        """What was held back: nothing follows any more."""
        held, self._held = self._held, ""
        return self._cleaned(held)

    def _cleaned(self, text: str) -> str:
        clean = clean_text(self._last + text)[len(self._last) :]
        self._last = clean[-1:] or self._last
        return clean


def _joiner(match: re.Match[str]) -> str:
    """One joiner between two characters that can be joined; nothing anywhere else."""
    before, after = match.string[match.start() - 1 : match.start()], match.string[match.end() : match.end() + 1]
    return match.group()[0] if _can_be_joined(before) and _can_be_joined(after) else ""


def _can_be_joined(character: str) -> bool:
    return character != "" and ord(character) >= _FIRST_JOINED and unicodedata.category(character)[0] in "LMS"


def _all_within(value: Any) -> list[Any]:
    """A value and all that is in it, keys too. Raises `TooDeep`."""
    found, level = [value], [value]
    for _ in range(MOST_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in ((*outer.keys(), *outer.values()) if isinstance(outer, dict) else outer)
        ]
        if not level:
            return found
        found += level
    raise TooDeep("nested too deeply")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number that is larger than any")
    return number


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


_DECODER = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_each_key_once)
"""Built once: it is on the way of every call over MCP."""
