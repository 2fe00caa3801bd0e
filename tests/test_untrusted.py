"""What strangers and models write: which JSON is taken, and what of a text may be shown."""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.untrusted import (
    TextStream,
    TooDeep,
    clean_text,
    clean_value,
    one_line,
    parse_json,
    printable_line,
    read_json,
    shown,
    terminal_text,
)

NO_JSON = {
    "nothing": "",
    "half an object": '{"a": 1',
    "NaN": '{"a": NaN}',
    "infinity": "[-Infinity]",
    "a number that is larger than any": '{"a": 1e999}',
    "an integer of thousands of digits": "9" * 5000,
    "a key that stands twice": '{"a": 1, "a": 2}',
    "a key that stands twice, deep within": '[{"b": {"a": 1, "a": 1}}]',
    "more brackets than the stack bears": "[" * 100_000 + "]" * 100_000,
    "bytes that are no text": b'"\xff\xfe"',
}
NOT_KEPT = {
    "half of a character": '{"query": "\\ud800"}',
    "the other half": '["\\udc00 x"]',
    "half of a character as a key": '{"\\ud800": 1}',
    "a NUL": '{"query": "a\\u0000b"}',
    "a NUL as a key": '{"\\u0000": 1}',
    "an integer of more than 64 bits": '{"quantity": 9223372036854775808}',
    "a negative integer of more than 64 bits": f"[-{10**400}]",
}


@pytest.mark.parametrize("text", NO_JSON.values(), ids=NO_JSON)
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    """Whatever is wrong with it, and never another kind of error."""
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)
    with pytest.raises(ValueError, match=r"."):
        read_json(text)


@pytest.mark.parametrize("text", NOT_KEPT.values(), ids=NOT_KEPT)
def test_what_no_database_or_other_program_takes_is_not_read(text: str) -> None:
    """It may be parsed, so that an error can name it, but it is no value to keep."""
    parse_json(text)
    with pytest.raises(ValueError, match=r"."):
        read_json(text)


def test_json_has_a_bearable_depth_and_size() -> None:
    """Sixty-four levels, keys and all; and as many characters as the caller says."""
    assert read_json("[" * 63 + "1" + "]" * 63)
    for text in ("[" * 65 + "]" * 65, '{"a":' * 65 + "1" + "}" * 65):
        with pytest.raises(TooDeep):
            read_json(text)
    assert read_json('"abc"', most=5) == "abc"
    with pytest.raises(ValueError, match="longer"):
        read_json('"abcd"', most=5)
    assert read_json('{"a": [1, 2.5, true, null, "😀", {"b": -9223372036854775807}]}')["a"][4] == "😀"


def test_every_format_character_is_taken_out_but_those_that_show() -> None:
    """All of Unicode's category Cf, all controls but tab and line break, and no half of a character; nothing else is lost."""
    show_themselves = {
        *range(0x600, 0x606),
        0x6DD,
        0x70F,
        0x890,
        0x891,
        0x8E2,
        0x110BD,
        0x110CD,
        *range(0x13430, 0x13440),
    }
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        category = unicodedata.category(character)
        if category in {"Cf", "Cc"} and code not in show_themselves and character not in "\t\n\u0085":
            assert clean_text(f"a{character}b") == "ab", hex(code)
        elif category[0] in "LNPS" and code not in {0x115F, 0x1160, 0x3164, 0xFFA0}:
            assert clean_text(character) == character, hex(code)


SHOWN = {
    "a plain sentence": ("Hoodies, from €59.", "Hoodies, from €59."),
    "text that runs backwards": ("gpj.\u202eexe", "gpj.exe"),
    "isolates": ("\u2066a\u2069", "a"),
    "zero width": ("pay\u200bpal\ufeff", "paypal"),
    "a message in tags": ("hi\U000e0049\U000e0067", "hi"),
    "a message in variation selectors": ("a\ufe0f\ufe01\ufe02\U000e0101", "a\ufe0f"),
    "an escape sequence": ("\x1b[31mred\x9b0m\x07", "[31mred0m"),
    "a NUL": ("a\x00b", "ab"),
    "other ends of lines": ("a\r\nb\u2028c\u2029d\x85e\x0bf", "a\nb\nc\nd\nef"),
    "half of a character": ("a\ud800", "a?"),
    "two halves": ("\ud83d\ude00", "😀"),
    "a family": ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
    "a heart of two": ("👩\u200d❤\ufe0f\u200d👨", "👩\u200d❤\ufe0f\u200d👨"),
    "Persian": ("می\u200cخواهم", "می\u200cخواهم"),
    "Malayalam": ("ന\u0d4d\u200dമ", "ന\u0d4d\u200dമ"),
    "joiners that join nothing": ("pay\u200dpal \u200cم \u200d\u200d👩", "paypal م 👩"),
    "a flag of tags": ("🏴\U000e0067\U000e0062\U000e007f", "🏴"),
}


@pytest.mark.holds("LLM05")
@pytest.mark.parametrize(("text", "clean"), SHOWN.values(), ids=SHOWN)
def test_what_is_shown_of_a_text(text: str, clean: str) -> None:
    """What is invisible or moves other text goes; scripts and emoji keep their joiners. Once is enough."""
    assert clean_text(text) == clean == clean_text(clean)


@given(st.lists(st.text(st.characters(), max_size=6), max_size=8))
def test_text_in_pieces_is_the_text(pieces: list[str]) -> None:
    """However it is cut, also within an emoji or between the halves of a character, the same comes out."""
    stream = TextStream()
    assert "".join([*map(stream.feed, pieces), stream.close()]) == clean_text("".join(pieces))


@given(st.text(st.sampled_from("a\ud83d\ude00\u200d\u200c👩م\ufe0f\n\r\u202e"), max_size=12))
def test_text_that_comes_a_character_at_a_time_is_the_text(text: str) -> None:
    """Of just those characters of which the next one decides."""
    stream = TextStream()
    assert "".join([*map(stream.feed, text), stream.close()]) == clean_text(text)


def test_a_line_is_one_line() -> None:
    """For a title or a name: no break survives, nor more than its length."""
    assert one_line(" a\n\tb\u202e\u2028c ") == "a b c"
    assert one_line("abcdef", 4) == "abc…" and one_line("abcd", 4) == "abcd"


def test_a_value_is_cleaned_as_a_whole() -> None:
    """Keys and values at any depth; numbers and markup stay what they are."""
    odd: dict[str, Any] = {"a\u202e": ["\x1b", {"b": "\ud800"}, 1, None, True]}
    assert clean_value(odd) == {"a": ["", {"b": "?"}, 1, None, True]}
    json.dumps(clean_value(odd), ensure_ascii=False).encode()
    assert (shown("a\u202e"), shown(3), shown(None)) == ("a", 3, None)


def test_the_words_of_another_system_are_one_line_of_what_prints() -> None:
    """Each character that does not print parts two words: no control, no half of a character, no joiner is left."""
    assert printable_line(" a\x1b[1m\nb\ud800c\u200dd ") == "a [1m b c d"


def test_text_for_a_terminal_keeps_its_lines_and_nothing_that_moves_the_cursor() -> None:
    """Controls and changes of direction are gone; the line's end and what joins letters stay."""
    assert terminal_text("a\x1b[1m\u202eb\n\tc م\u200cن") == "a[1mb\nc م\u200cن"
