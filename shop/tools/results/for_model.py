"""A result as a model reads it: structured and as text, each under about 4 KB, and honest about what was left out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

MOST_BYTES = 4000
"""Of structured content: hosts cut, or charge for, what is longer."""
SHORTENED = "shortened"
"""The field that says what was left out; every output schema has it."""
_ROOM_FOR_THE_SENTENCE = 200
_KEPT_INSIDE = 2
"""Of a list inside another one's items, this many are kept as examples before an item itself is left out."""
_ADDRESSES = ("page", "picture")


class _List(NamedTuple):
    """A list of things somewhere in a value."""

    name: str
    depth: int
    items: list[Any]


def for_host(content: dict[str, Any], base_url: str) -> dict[str, Any]:
    """A result with whole addresses, since a host knows only its own, cut to what a host takes."""
    return shortened(with_addresses(content, base_url))


def shortened(content: dict[str, Any]) -> dict[str, Any]:
    """The content, its innermost lists cut first until it fits, and a sentence that says what is missing."""
    excess = size(content) - MOST_BYTES
    if excess <= 0:
        return content
    before, excess = _counted(content), excess + _ROOM_FOR_THE_SENTENCE
    for depth in sorted({one.depth for one in _lists(content)}, reverse=True):
        excess = _cut(
            [one.items for one in _lists(content) if one.depth == depth], _KEPT_INSIDE if depth else 1, excess
        )
    now = _counted(content)
    if left := [f"{now[name]} of {number} {name}" for name, number in before.items() if now[name] < number]:
        content[SHORTENED] = f"To keep this short: {', '.join(left)}. Look at one thing, or page on, for the rest."
    return content


def _cut(lists: list[list[Any]], least: int, excess: int) -> int:
    """Take items off the ends, of the largest list first, until so many bytes are gone; returns how many still are too many."""
    sizes = [[size(item) + len(", ") for item in items] for items in lists]
    largest = [(-sum(of_items), index) for index, of_items in enumerate(sizes)]
    heapify(largest)
    while excess > 0 and largest:
        total, index = heappop(largest)
        if len(lists[index]) > least:
            lists[index].pop()
            gone = sizes[index].pop()
            excess -= gone
            heappush(largest, (total + gone, index))
    return excess


def size(value: object) -> int:
    """How many bytes a value takes as JSON."""
    return len(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def _lists(value: object, depth: int = 0, name: str = "items") -> Iterator[_List]:
    """Every list of things in a value; `depth` counts the lists around it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _lists(inner, depth, key)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        yield _List(name, depth, value)
        for inner in value:
            yield from _lists(inner, depth + 1, name)


def _counted(content: dict[str, Any]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in _lists(content):
        counts[one.name] += len(one.items)
    return counts


def with_addresses(content: dict[str, Any], base_url: str) -> dict[str, Any]:
    """The content, its paths of pages and pictures made whole."""
    whole = dict(content)
    for name, value in content.items():
        if isinstance(value, dict):
            whole[name] = with_addresses(value, base_url)
        elif isinstance(value, list):
            whole[name] = [with_addresses(item, base_url) if isinstance(item, dict) else item for item in value]
        elif name in _ADDRESSES and isinstance(value, str) and value.startswith("/"):
            whole[name] = base_url + value
    return whole


def as_text(content: dict[str, Any]) -> str:
    """The same as text: a line for each field, empty ones left out, amounts as people read them."""
    return "\n".join(_lines(content, ""))


def _lines(content: dict[str, Any], indent: str) -> Iterator[str]:
    for name, value in content.items():
        label, plain = f"{indent}{name.replace('_', ' ')}:", _plain(value)
        if plain is not None:
            if plain:
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
    """What fits on a line, empty for nothing; None for what has lines of its own."""
    match value:
        case None:
            return ""
        case dict() if not value:
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
