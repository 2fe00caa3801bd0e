"""The output items of one answer, put together from what a server says of them, once or several times.

OpenAI's events say everything three times (in pieces, in a `…done`, in `response.completed`) under ids that stay the same.
Compatible servers may say it only once, in any of the three, and some change an item's id between events. So a call is known by
its `call_id`, else by its item's id, else by its place (`output_index`); a text by its place, else by its item's id. A later
event completes what came before. It never makes a second call, and its text is not shown twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from shop.assistant.model.arguments import read_arguments, stored
from shop.assistant.model.bounds import ARGUMENT_BYTES_OF_ANSWER
from shop.assistant.model.failures import incomplete, too_much, unreadable
from shop.untrusted import TextStream, clean_value, one_line

_LONGEST_NAME = 80

Place = tuple[object, object]
"""Of a text: its item's index or id, and the number of the part in it."""


@dataclass(frozen=True)
class ProposedCall:
    """A tool call that the model proposes; `arguments` is what it wrote, JSON or not."""

    call_id: str
    name: str
    arguments: str
    reasoning: tuple[dict[str, Any], ...] = ()
    """What the model reasoned before it: the server keeps nothing, so it goes back with the call's output, in this turn only."""


class Texts:
    """What the model says: one part after the other, with an empty line between them."""

    def __init__(self) -> None:
        self._parts: dict[Place, str] = {}
        self._now: Place | None = None
        self._stream = TextStream()
        self._said = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said that anybody could read."""
        return not self._said.strip()

    def begin(self, index: object) -> None:
        """Another item begins. A server that gives all the same index does not thereby go on with the one before."""
        for place in [place for place in self._parts if place[0] == index and index is not None]:
            self._parts[object(), place[1]] = self._parts.pop(place)
            self._now = None

    def grow(self, place: Place, piece: str) -> str:
        """A piece of a part has come. Returns what is to be said now."""
        if not isinstance(piece, str):
            raise unreadable()
        said = ""
        if place != self._now:
            said = self._say(self._stream.close())
            self._now, self._stream = place, TextStream()
        self._parts[place] = self._parts.get(place, "") + piece
        text = self._stream.feed(piece)
        is_first = len(self._parts[place]) == len(piece)
        between = "\n\n" if text and is_first and self._said.strip() and not self._said.endswith("\n\n") else ""
        return said + self._say(between + text)

    def complete(self, places: Iterable[Place], text: str) -> str:
        """All of a part, at the end of it. Returns what of it was not said yet."""
        if not isinstance(text, str):
            raise unreadable()
        places = list(places)
        known = next((place for place in places if place in self._parts), None)
        if known is None:
            is_said = " ".join(text.split()) in " ".join(" ".join(self._parts.values()).split())
            return "" if is_said else self.grow(places[0], text)
        came = self._parts[known]
        return self.grow(known, text[len(came) :]) if known == self._now and text.startswith(came) else ""

    def close(self) -> str:
        """What was held back: no more text follows."""
        return self._say(self._stream.close())

    def _say(self, text: str) -> str:
        self._said = self._said[-2:] + text if self._said.strip() else self._said + text
        return text


@dataclass(eq=False)
class _Item:
    """A call, or what was reasoned before one (`reasoning`)."""

    index: int | None = None
    call_id: str | None = None
    name: str | None = None
    at_first: str = ""
    """Arguments that stood in the event with which it began."""
    pieces: str = ""
    whole: str = ""
    is_done: bool = False
    is_cut: bool = False
    reasoning: dict[str, Any] | None = None

    def arguments(self) -> str:
        """What the model wrote. Raises `ModelError` when some of it was still to come."""
        text = self.whole or self.pieces or self.at_first
        # The text of a JSON object ends with it: no beginning of one is one.
        if self.is_cut or not (self.is_done or isinstance(read_arguments(text or "?"), dict)):
            raise incomplete()
        return text


@dataclass
class Calls:
    """What the model proposes, complete when the answer is."""

    _items: list[_Item] = field(default_factory=list)
    _known: dict[tuple[str, object], _Item] = field(default_factory=dict)
    _characters: int = 0

    @property
    def are_begun(self) -> bool:
        """Whether any has come, complete or not."""
        return any(item.reasoning is None for item in self._items)

    def begun(self, index: object, item: Any) -> None:
        """`response.output_item.added`: an item that was not there before."""
        if item.type == "reasoning":
            self._reasoned(index, item)
        if item.type != "function_call":
            return
        names = _names(item, index)
        nameless = (one for one in self._found(names[1:]) if one.name is None)
        found = self._find(names[:1]) or next(nameless, None) or self._new(index)
        self._name(found, names, item)
        found.at_first = _written(item) or found.at_first

    def grew(self, event: Any) -> None:
        """`response.function_call_arguments.delta`."""
        item = self._of(event)
        item.pieces += _text(event.delta)
        self._count(event.delta)

    def written(self, event: Any) -> None:
        """`response.function_call_arguments.done`: all arguments, and in newer versions the name."""
        item = self._of(event)
        item.whole, item.is_done = _written(event) or item.whole, True
        item.name = getattr(event, "name", None) or item.name
        self._count(item.whole)

    def done(self, index: object, item: Any) -> None:
        """`response.output_item.done`, or an item of the final response, where `index` is its place there."""
        if item.type == "reasoning":
            self._keep_reasoning(index, item)
        if item.type != "function_call":
            return
        names = _names(item, index)
        found = self._find(names[:1]) or next((one for one in self._found(names[1:]) if not one.is_done), None)
        self._finish(found or self._new(index), names, item)

    def settled(self, output: list[Any]) -> None:
        """The final response: it may hold what no event said, and repeats what events said, under whatever ids."""
        left = [item for item in self._items if item.reasoning is None]
        for index, item in enumerate(output):
            if item.type != "function_call":
                self.done(index, item)
                continue
            names = _names(item, index)
            same = [one for one in self._found(names[:1]) if one in left]
            same += [one for one in self._found(names[1:]) if one in left and one.name in {None, item.name}]
            same += [one for one in left if one.name == item.name and _is_alike(one, item)]
            found = same[0] if same else self._new(index)
            if found in left:
                left.remove(found)
            self._finish(found, names, item)

    def proposed(self) -> Iterator[ProposedCall]:
        """The calls in their order. Raises `ModelError` when one is not complete, or has no name."""
        before: list[dict[str, Any]] = []
        indexes = [item.index for item in self._items]
        in_order = self._items
        if None not in indexes and len(set(indexes)) == len(indexes):
            in_order = sorted(self._items, key=lambda item: item.index or 0)
        for item in in_order:
            if item.reasoning is not None:
                before += [item.reasoning] if item.reasoning else []
                continue
            if not item.name:
                raise unreadable()
            yield ProposedCall(
                one_line(str(item.call_id or ""), _LONGEST_NAME),
                one_line(_text(item.name), _LONGEST_NAME),
                stored(item.arguments()),
                tuple(before),
            )
            before = []

    def _of(self, event: Any) -> _Item:
        """The call that an event without a `call_id` is about; one that nothing announced, too."""
        index, item_id = getattr(event, "output_index", None), getattr(event, "item_id", None)
        names = [("item", item_id), ("call", item_id), ("index", index)]  # llama.cpp gives a call's id for its item's
        found = self._find(names) or self._new(index)
        if item_id:
            self._known.setdefault(("item", item_id), found)
        return found

    def _new(self, index: object) -> _Item:
        item = _Item(index=index if isinstance(index, int) else None)
        self._items.append(item)
        if item.index is not None:
            self._known["index", index] = item
        return item

    def _found(self, names: list[tuple[str, object]]) -> list[_Item]:
        return [self._known[name] for name in names if name[1] not in {None, ""} and name in self._known]

    def _find(self, names: list[tuple[str, object]]) -> _Item | None:
        return next(iter(self._found(names)), None)

    def _name(self, found: _Item, names: list[tuple[str, object]], item: Any) -> None:
        found.call_id = getattr(item, "call_id", None) or found.call_id
        found.name = getattr(item, "name", None) or found.name
        self._known |= {name: found for name in names if name[1] not in {None, ""}}

    def _finish(self, found: _Item, names: list[tuple[str, object]], item: Any) -> None:
        self._name(found, names, item)
        found.whole = _written(item) or found.whole
        found.is_done = True
        found.is_cut = getattr(item, "status", None) == "incomplete"  # some repeat "in_progress" here
        self._count(found.whole)

    def _reasoned(self, index: object, item: Any) -> _Item:
        """The place of what was reasoned, among the calls."""
        names = [("reasoning", getattr(item, "id", None)), ("reasoning at", index)]
        found = self._find(names)
        if found is None:
            found = _Item(index=index if isinstance(index, int) else None, reasoning={})
            self._items.append(found)
            self._known |= {name: found for name in names if name[1] not in {None, ""}}
        return found

    def _keep_reasoning(self, index: object, item: Any) -> None:
        """Keep what was reasoned, once, if it is more than the name of something that nobody keeps."""
        kept, found = item.to_dict(exclude_none=True, mode="json"), self._reasoned(index, item)
        if not found.reasoning and (kept.get("encrypted_content") or kept.get("content")):
            found.reasoning = clean_value(kept)

    def _count(self, text: str) -> None:
        self._characters += len(text)
        # The same arguments may come three times, in pieces and whole, and each time is counted.
        if self._characters > 4 * ARGUMENT_BYTES_OF_ANSWER:
            raise too_much()


def _names(item: Any, index: object) -> list[tuple[str, object]]:
    """By what an item can be known, the best first."""
    return [("call", getattr(item, "call_id", None)), ("item", getattr(item, "id", None)), ("index", index)]


def _is_alike(one: _Item, item: Any) -> bool:
    """Whether an item of the final response says what a call that came says, under other ids."""
    return read_arguments(one.whole or one.pieces) == read_arguments(_written(item))


def _written(item: Any) -> str:
    """The arguments as text; a server that sends them as an object is understood."""
    arguments = getattr(item, "arguments", None)
    if isinstance(arguments, dict):
        return json.dumps(arguments)
    return _text(arguments) if arguments else ""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise unreadable()
    return value
