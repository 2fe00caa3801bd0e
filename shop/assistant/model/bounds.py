"""The bounds of one turn. What a model writes costs memory, storage and bytes on the wire, and some models never stop.

Every bound ends the turn with a sentence for its person, keeps what came before it, and closes the connection to the model.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from shop.assistant.model.failures import ModelError

ANSWER_CHARACTERS = 40_000
"""Of all the text of one turn: some 7,000 words."""

ARGUMENT_BYTES = 16_384
"""Of the arguments of one call, in UTF-8. The largest that a tool of the shop can use has some hundred."""

ARGUMENT_BYTES_OF_ANSWER = 4 * ARGUMENT_BYTES
"""Of the arguments of all calls of one answer of the model, counted while they arrive in pieces."""

TURN_SECONDS = 300.0
"""From the beginning of a turn to its end, calls included."""


def answer_cut() -> ModelError:
    """The text came to its bound."""
    return ModelError(
        "answer_too_long",
        f"The answer was cut at {ANSWER_CHARACTERS:,} characters",
        "The model was still writing. Ask for less at once, or for the rest.",
    )


def arguments_too_long() -> ModelError:
    """A call's arguments came to their bound."""
    return ModelError(
        "arguments_too_long",
        "The assistant got stuck",
        f"It wrote more than {ARGUMENT_BYTES:,} bytes for one step, so it was stopped.",
    )


def turn_too_long() -> ModelError:
    """The time is up."""
    return ModelError(
        "turn_too_long",
        "The assistant took too long",
        f"It was still at work after {TURN_SECONDS / 60:.0f} minutes, so it was stopped.",
    )


def too_many_calls(limit: int) -> ModelError:
    """The model proposes calls without an end."""
    return ModelError(
        "tool_loop",
        "The assistant got stuck",
        f"It wanted more than {limit} steps for one message, so it was stopped.",
    )


class Budget:
    """What one turn may still use. Each method raises `ModelError` when that is used up."""

    def __init__(self, calls: int) -> None:
        """`calls` is how many there may be in all."""
        self._calls = self._calls_left = calls
        self._characters_left = ANSWER_CHARACTERS
        self._ends_at = time.monotonic() + TURN_SECONDS

    def require_time(self) -> None:
        """Go on only before the turn's end."""
        if time.monotonic() >= self._ends_at:
            raise turn_too_long()

    def text(self, more: str) -> str:
        """As much of some more text as is within the bound. `require_text` says whether that was all."""
        kept = more[: max(0, self._characters_left)]
        self._characters_left -= len(more)
        return kept

    def require_text(self) -> None:
        """Go on only when no text was cut off."""
        if self._characters_left < 0:
            raise answer_cut()

    def require_call(self, arguments: str, *, beside: int) -> None:
        """Take another proposal beside those of the same answer: not one more than the turn could ever make, nor one too big."""
        if size_of(arguments) > ARGUMENT_BYTES:
            raise arguments_too_long()
        if beside >= self._calls:
            raise too_many_calls(self._calls)

    def call(self) -> None:
        """One of the calls is made."""
        if self._calls_left == 0:
            raise too_many_calls(self._calls)
        self._calls_left -= 1


def bounded(events: Iterator[Any]) -> Iterator[Any]:
    """A model server's events, as long as the arguments that they bring in pieces are within the bound. Raises `ModelError`.

    Pieces are collected before a call is complete, so they are counted as they arrive, whichever call they name.
    """
    left = ARGUMENT_BYTES_OF_ANSWER
    for event in events:
        if getattr(event, "type", None) == "response.function_call_arguments.delta":
            left -= size_of(event.delta)
            if left < 0:
                raise arguments_too_long()
        yield event


def size_of(text: str) -> int:
    """Bytes of a text in UTF-8, whatever is in it."""
    return len(text.encode(errors="replace"))
