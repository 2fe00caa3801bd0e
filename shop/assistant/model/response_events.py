"""From a server's event stream to what a turn needs of it: text, proposed calls, and signs of life.

OpenAI's own events, and those of servers that speak its dialect: fields may be missing, arguments may come in pieces only, and
everything unknown is a sign of life. `output_items.py` puts together what belongs together. A call is proposed when the whole
answer is there: until then, some of its arguments may be still to come. What cannot be read at all raises what Python raises
(`AttributeError`, `TypeError`), or a `ModelError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from shop.assistant.model.failures import empty, gave_up, incomplete, lost
from shop.assistant.model.output_items import Calls, Place, ProposedCall, Texts

__all__ = ["Event", "ProposedCall", "TextDelta", "Thinking", "read"]


@dataclass(frozen=True)
class TextDelta:
    """Some more of the reply: clean text (`untrusted.clean_text`)."""

    text: str


@dataclass(frozen=True)
class Thinking:
    """The model is at work and has nothing to say yet. `calls`: it has begun to propose a call."""

    calls: bool = False


Event = TextDelta | ProposedCall | Thinking


def read(events: Iterator[Any]) -> Iterator[Event]:
    """One answer. Raises `ModelError` when it does not come to its end, or when nothing is in it."""
    answer = _Answer()
    for event in events:
        match event.type:
            case "response.completed":
                yield from answer.ended(event.response)
                return
            case "response.incomplete":
                raise incomplete()
            case "response.failed":
                error = event.response.error
                raise gave_up(getattr(error, "code", None), getattr(error, "message", None))
            case "error":
                raise gave_up(event.code, getattr(event, "message", None))
            case kind:
                said = answer.heard(kind, event)
                yield TextDelta(said) if said else Thinking(calls=answer.calls.are_begun)
    raise lost()


@dataclass
class _Answer:
    """What has come so far."""

    texts: Texts = field(default_factory=Texts)
    calls: Calls = field(default_factory=Calls)

    def heard(self, kind: str, event: Any) -> str:
        """Take an event in. Returns what is to be said now."""
        match kind:
            case "response.output_text.delta" | "response.refusal.delta":
                return self.texts.grow(_place(event), event.delta)
            case "response.output_text.done":
                return self.texts.complete([_place(event)], event.text)
            case "response.refusal.done":
                return self.texts.complete([_place(event)], event.refusal)
            case "response.function_call_arguments.delta":
                self.calls.grew(event)
            case "response.function_call_arguments.done":
                self.calls.written(event)
            case "response.output_item.added":
                if event.item.type == "message":
                    self.texts.begin(_index(event))
                self.calls.begun(_index(event), event.item)
            case "response.output_item.done":
                self.calls.done(_index(event), event.item)
                return self._message(_index(event), event.item)
        return ""

    def ended(self, response: Any) -> Iterator[Event]:
        """The end of the answer, with what only the final response says. Raises `ModelError`."""
        status = getattr(response, "status", None)
        if status == "failed":
            raise gave_up()
        if status == "incomplete":
            raise incomplete()
        output = getattr(response, "output", None) or []
        self.calls.settled(output)
        said = "".join(self._message(index, item) for index, item in enumerate(output)) + self.texts.close()
        if said:
            yield TextDelta(said)
        proposed = list(self.calls.proposed())
        if self.texts.is_empty and not proposed:
            raise empty()
        yield from proposed

    def _message(self, index: object, item: Any) -> str:
        """What of a complete message was not said yet."""
        if item.type != "message":
            return ""
        said = ""
        for number, part in enumerate(getattr(item, "content", None) or []):
            text = getattr(part, "text", None) or getattr(part, "refusal", None)
            if text:  # not every part is one that is said
                said += self.texts.complete([(index, number), (getattr(item, "id", None), number)], text)
        return said


def _index(event: Any) -> object:
    return getattr(event, "output_index", None)


def _place(event: Any) -> Place:
    """Where a text stands: by the index of its item, which stays; else by its id."""
    index = _index(event)
    return (getattr(event, "item_id", None) if index is None else index), getattr(event, "content_index", None) or 0
