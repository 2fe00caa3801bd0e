"""A result as a model reads it: structured and as text, each under about 4 KB, and honest about what was left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

MOST_BYTES = 4000
"""Of structured content: hosts cut, or charge for, what is longer."""
SHORTENED = "shortened"
"""The field that says what was left out; every output schema has it."""

Lists = Iterator[tuple[str, list[Any]]]


def shortened(content: dict[str, Any]) -> dict[str, Any]:
    """The content, with the longest list cut at its end until it fits, and a sentence that says so."""
    lengths = {name: len(items) for name, items in _lists(content)}
    while size(content) > MOST_BYTES:
        longest = max((one for one in _lists(content) if len(one[1]) > 1), key=lambda one: size(one[1]), default=None)
        if longest is None:
            break
        longest[1].pop()
        left_out = [
            f"{len(items)} of {lengths[name]} in `{name}`"
            for name, items in _lists(content)
            if len(items) < lengths[name]
        ]
        content[SHORTENED] = f"Shown here: {', '.join(left_out[:5])}. Ask more narrowly, or page on, for the rest."
    return content


def size(value: object) -> int:
    """How many bytes a value takes as JSON."""
    return len(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def _lists(value: object, path: str = "") -> Lists:
    """Every list in a value, with where it is."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _lists(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        yield path, value
        for position, inner in enumerate(value):
            yield from _lists(inner, f"{path}.{position}")


def as_text(content: dict[str, Any]) -> str:
    """The same as text: a line for each field, empty ones left out, amounts as people read them."""
    return "\n".join(_lines(content, ""))


def _lines(content: dict[str, Any], indent: str) -> Iterator[str]:
    for name, value in content.items():
        label = f"{indent}{name.replace('_', ' ')}:"
        if value in (None, [], "", {}):
            continue
        plain = _plain(value)
        if plain is not None:
            yield f"{label} {plain}"
        elif isinstance(value, dict):
            yield label
            yield from _lines(value, f"{indent}  ")
        else:
            yield label
            for item in value:
                yield from _item(item, indent)


def _item(item: object, indent: str) -> Iterator[str]:
    """One of a list: its plain fields on one line, the rest below."""
    if not isinstance(item, dict):
        yield f"{indent}- {_plain(item)}"
        return
    plain = {name: text for name, value in item.items() if (text := _plain(value)) is not None}
    yield f"{indent}- " + ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in plain.items() if text)
    yield from _lines({name: value for name, value in item.items() if name not in plain}, f"{indent}  ")


def _plain(value: object) -> str | None:
    """What fits on a line; None for what has lines of its own."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str() | int() | float():
            return str(value)
        case {"minor": int(), "text": str(text)}:
            return str(text)
        case list() if all(isinstance(item, str | int) for item in value):
            return ", ".join(str(item) for item in value)
        case _:
            return None
