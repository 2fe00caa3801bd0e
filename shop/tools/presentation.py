"""How a tool presents itself to people: in a refusal, in the chat, and in other hosts. Declared beside the tool, and required.

The chat, the refusals and MCP read these fields of the tool that they are told of, so none of them knows a tool by its name.
What does not apply to a tool is said explicitly: with None, False or `no_follow_ups`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

_LONGEST_PROGRESS = 64
"""Characters that hosts of assistants show of a progress message at most."""
_LONGEST_ARGUMENT = 40
"""Characters of an argument in a title: a model may have written anything."""


class Card(StrEnum):
    """The card of the shop's own chat that shows a result. Each has a template in `templates/assistant/`."""

    PRODUCTS = "products"
    PRODUCT = "product"
    COMPARISON = "comparison"
    CART = "cart"
    ORDER = "order"
    ORDERS = "orders"
    ADDRESSES = "addresses"


@dataclass(frozen=True, kw_only=True)
class Widget:
    """One document in which hosts of assistants show results (MCP Apps). `templates/mcp/` has its scripts."""

    name: str
    title: str
    description: str
    """For a model: what its person sees, so that it does not say the same in words."""
    scripts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class InWidget:
    """The widget that shows a tool's result, and what a host writes until it does. At most 64 characters each."""

    widget: Widget
    running: str
    done: str

    def __post_init__(self) -> None:
        for words in (self.running, self.done):
            if not 0 < len(words) <= _LONGEST_PROGRESS:
                raise ValueError(f"progress words {words!r} must have 1 to {_LONGEST_PROGRESS} characters")


class PersonMay(Protocol):
    """What a person may do, as far as a follow-up depends on it."""

    @property
    def fill_cart(self) -> bool: ...
    @property
    def order(self) -> bool: ...


CallTitle = Callable[[Mapping[str, Any], Mapping[str, Any]], str]
"""From a call's arguments, which nobody has validated, and its result, empty when it has none, to what the call was in words."""
FollowUps = Callable[[Mapping[str, Any], PersonMay], list[str]]
"""From a result to what its person could say next."""


@dataclass(frozen=True, kw_only=True)
class Presentation:
    """Everything that people and hosts are told of a tool besides its title and description. No field has a default."""

    refusal_verb: str
    """What a refused person may not do: "Your role (visitor) may not *place orders*."."""
    call_title: CallTitle | None
    """What a call was, in its person's words. None: the tool's own title says it."""
    card: Card | None
    """The card that shows a result in the shop's own chat."""
    can_be_undone: bool
    """Whether its card offers to take the call back."""
    follow_ups: FollowUps
    """What the chat suggests to say after it succeeded."""
    in_widget: InWidget | None
    """How hosts of assistants show a result."""
    widgets_may_call: bool
    """Whether code in a widget may call it. Never what a human must confirm: that is asked for in the conversation."""

    def __post_init__(self) -> None:
        if not self.refusal_verb:
            raise ValueError("a refusal needs a verb")


def no_follow_ups(_result: Mapping[str, Any], _may: PersonMay) -> list[str]:
    """Nothing is suggested after this tool."""
    return []


def always(words: str) -> CallTitle:
    """A title that is the same for each call."""
    return lambda _given, _result: words


def with_number(words: str) -> CallTitle:
    """A title that names the order of the call's argument `number`, for instance `Cancel order {number}`."""
    return lambda given, _result: words.format(number=shortened_argument(given.get("number", ""))).rstrip()


def shortened_argument(value: object) -> str:
    """An argument as a title repeats it."""
    return str(value)[:_LONGEST_ARGUMENT]
