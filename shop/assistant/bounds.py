"""How much one turn may be: what a model writes costs memory, storage and bytes on the wire, and a model may never stop.

Every bound ends the turn with a sentence for its person, keeps what came before it, and closes the connection to the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shop.assistant.failures import ModelError

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
