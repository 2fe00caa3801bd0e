"""What a call was, in a person's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shop.assistant.turn.context import arguments_of
from shop.conversations.models import Item
from shop.tools.registry import TOOLS
from shop.untrusted import one_line


def tool_of(item: Item) -> str:
    """The name of a call's tool, for people: an invented one is foreign text, and is not repeated."""
    return item.tool if item.tool in TOOLS else "an unknown tool"


def title_of(item: Item, outcome: Mapping[str, Any]) -> str:
    """A call's title, from what it was asked with and what came back: one line of clean text."""
    return one_line(_title_of(item, outcome))


def _title_of(item: Item, outcome: Mapping[str, Any]) -> str:
    tool = TOOLS.get(item.tool)
    if tool is None:
        return f"Tried {tool_of(item)}"
    title = tool.presentation.call_title
    if title is None:
        return tool.title
    arguments = arguments_of(item)
    return title(arguments if isinstance(arguments, dict) else {}, outcome.get("told", {}).get("result") or {})
