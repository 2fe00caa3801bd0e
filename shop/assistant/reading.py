"""From a server's event stream to what a turn needs of it: text, proposed calls, and signs of life.

OpenAI's own events, and those of servers that speak its dialect: fields may be missing, arguments may come in pieces only, and
everything unknown is a sign of life. What cannot be read at all raises what Python raises (`AttributeError`, `TypeError`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from shop.assistant.failures import gave_up, incomplete, lost


@dataclass(frozen=True)
class TextDelta:
    """Some more of the reply."""

    text: str


@dataclass(frozen=True)
class ProposedCall:
    """A tool call that the model proposes; `arguments` is what it wrote, JSON or not."""

    call_id: str
    name: str
    arguments: str
    reasoning: tuple[dict[str, Any], ...] = ()
    """What the model reasoned before it: the server keeps nothing, so it goes back with the call's output, in this turn only."""


@dataclass(frozen=True)
class Thinking:
    """The model is at work and has nothing to say yet."""


Event = TextDelta | ProposedCall | Thinking


def read(events: Iterator[Any]) -> Iterator[Event]:
    """One answer. Raises `ModelError` when it does not come to its end."""
    answer = _Answer()
    for event in events:
        match event.type:
            case "response.output_text.delta" | "response.refusal.delta":
                answer.is_empty = False
                yield TextDelta(_plain(event.delta))
            case "response.function_call_arguments.delta":
                answer.arguments[event.item_id] = answer.arguments.get(event.item_id, "") + event.delta
                yield Thinking()
            case "response.output_item.done":
                yield answer.item(event.item)
            case "response.completed":
                if answer.is_empty:  # a server that streams in name only
                    yield from answer.whole(event.response)
                return
            case "response.incomplete":
                raise incomplete()
            case "response.failed":
                raise gave_up(getattr(event.response.error, "code", None))
            case "error":
                raise gave_up(event.code)
            case _:
                yield Thinking()
    raise lost()


@dataclass
class _Answer:
    """What has come so far."""

    is_empty: bool = True
    arguments: dict[str, str] = field(default_factory=dict)
    """Of calls that are not complete yet, by the id of their item."""
    reasoning: list[dict[str, Any]] = field(default_factory=list)
    """Since the last call."""

    def item(self, item: Any) -> Event:
        """A complete item: a call is proposed with what was reasoned before it; text has come in pieces already."""
        match item.type:
            case "function_call":
                self.is_empty = False
                pieces = self.arguments.get(getattr(item, "id", None) or item.call_id, "")
                reasoning, self.reasoning = tuple(self.reasoning), []
                arguments = getattr(item, "arguments", None) or pieces
                return ProposedCall(_plain(item.call_id), _plain(item.name), _plain(arguments), reasoning)
            case "reasoning":
                kept = item.to_dict(exclude_none=True, mode="json")
                if kept.get("encrypted_content") or kept.get("content"):  # else it is a name of something nobody keeps
                    self.reasoning.append(kept)
        return Thinking()

    def whole(self, response: Any) -> Iterator[Event]:
        """An answer that came in one piece."""
        for item in getattr(response, "output", None) or []:
            if item.type == "message":
                yield from (TextDelta(_plain(getattr(part, "text", None) or part.refusal)) for part in item.content)
            else:
                yield self.item(item)


def _plain(text: str) -> str:
    """Text that every database can keep: JSON may hold a NUL, or half of a surrogate pair."""
    return text.replace("\x00", "").encode(errors="replace").decode()
