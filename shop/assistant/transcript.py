"""A conversation as a file that its person takes with them: Markdown to read, JSON for programs.

Both hold what the page shows them and no more: allow-listed fields, and no identifier but those of things that they see.
"""

from __future__ import annotations

import json
import re
from typing import Any

from shop.assistant.printed import outcome_of, record_of
from shop.assistant.titles import title_of
from shop.conversations.models import Conversation, Item, ItemKind, Trigger, Turn

FORMATS = {"md": "text/markdown", "json": "application/json"}
"""What a conversation can be saved as: the ending of the file, and its media type."""

_BEGAN = {
    Trigger.CONSENT: "You allowed it, in this conversation.",
    Trigger.APPROVAL: "You confirmed the receipt.",
    Trigger.RETRY: "You tried again.",
}


def as_json(conversation: Conversation, past: list[Turn], *, in_all: int, earlier: str | None) -> str:
    """The conversation as data: of each turn what was said, what was called and what became of it, and the reply.

    `earlier` is the path of a file with the turns before these, if there are any, of so many `in_all`.
    """
    record = {
        "title": conversation.title,
        "started_at": conversation.started_at.isoformat(timespec="seconds"),
        "turns_in_all": in_all,
        "earlier": earlier,
        "turns": [_turn_record(turn) for turn in past],
    }
    return json.dumps(record, ensure_ascii=False, indent=2) + "\n"


def as_markdown(conversation: Conversation, past: list[Turn], *, in_all: int, earlier: str | None) -> str:
    """The conversation as text; `in_all` and `earlier` as in `as_json`."""
    parts = [f"# {conversation.title}", f"Context & Co., {conversation.started_at:%-d %B %Y, %H:%M} UTC"]
    if len(past) < in_all:
        parts.append(f"_This file holds {len(past):,} of {in_all:,} turns._")
    if earlier:
        parts.append(f"_The turns before these are in another file, at {earlier}_")
    for turn in past:
        parts += [_began(turn), *(_item_text(item) for item in turn.items if item.text or item.outcome)]
        parts += [f"_{turn.error_text}_"] if turn.error_text else []
    return "\n\n".join(part for part in parts if part) + "\n"


def filename(conversation: Conversation, ending: str) -> str:
    """A file's name from the conversation's title: plain letters, digits and hyphens."""
    words = re.sub(r"[^a-z0-9]+", "-", conversation.title.lower()).strip("-") or "conversation"
    return f"{words}.{ending}"


def _turn_record(turn: Turn) -> dict[str, Any]:
    """As `flask chat --json` prints a turn, and what a file of many turns needs besides."""
    return record_of("", turn) | {
        "message": turn.message,
        "page": turn.page_path,
        "trigger": str(turn.trigger),
        "at": turn.started_at.isoformat(timespec="seconds"),
        "edited": turn.replaced_by is not None,
    }


def _began(turn: Turn) -> str:
    if turn.trigger is not Trigger.MESSAGE:
        return f"_{_BEGAN[turn.trigger]}_"
    about = f" (about {turn.page_path})" if turn.page_path else ""
    edited = " (edited afterwards)" if turn.replaced_by else ""
    quoted = "\n".join(f"> {line}" for line in (turn.message or "").splitlines())
    return f"**You**{about}{edited}\n\n{quoted}"


def _item_text(item: Item) -> str:
    if item.kind is ItemKind.TEXT:
        return f"**Assistant**\n\n{item.text}"
    outcome = item.outcome or {}
    note = f": {outcome['note']}" if outcome.get("note") else ""
    return f"- {title_of(item, outcome)} (`{item.tool}`, {_WORDS[outcome_of(item)]}){note}"


_WORDS = {
    "succeeded": "allowed and done",
    "denied": "refused",
    "awaiting_approval": "waits for your confirmation",
    "failed": "did not work",
}
