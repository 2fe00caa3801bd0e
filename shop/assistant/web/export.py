"""A conversation as a file that its person takes with them: Markdown to read, JSON for programs.

Both hold what the page shows them and no more: allow-listed fields, and no identifier but those of things that they see. What a
model, a tool or a person wrote stands in the Markdown as a quotation that nothing in it can end, and that no reader renders:
no heading, HTML, picture or link of theirs becomes the file's own (OWASP LLM05).
"""

from __future__ import annotations

import json
import re
from typing import Any

from shop.assistant.turn.call_titles import title_of, tool_of
from shop.assistant.turn.turn_record import outcome_of, record_of
from shop.conversations.models import Conversation, Item, ItemKind, Trigger, Turn
from shop.tools.outcomes import OutcomeKind
from shop.untrusted import clean_text, clean_value, one_line

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
    return json.dumps(clean_value(record), ensure_ascii=False, indent=2) + "\n"


def as_markdown(conversation: Conversation, past: list[Turn], *, in_all: int, earlier: str | None) -> str:
    """The conversation as text; `in_all` and `earlier` as in `as_json`."""
    parts = [f"# {escaped(conversation.title)}", f"Context & Co., {conversation.started_at:%-d %B %Y, %H:%M} UTC"]
    if len(past) < in_all:
        parts.append(f"_This file holds {len(past):,} of {in_all:,} turns._")
    if earlier:
        parts.append(f"_The turns before these are in another file, at {earlier}_")
    for turn in past:
        parts += [_began(turn), *(_item_text(item) for item in turn.items if item.text or item.outcome)]
        parts += [f"_{escaped(turn.error_text)}_"] if turn.error_text else []
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
    about = f" (about {escaped(turn.page_path)})" if turn.page_path else ""
    edited = " (edited afterwards)" if turn.replaced_by else ""
    return f"**You**{about}{edited}\n\n{quoted(turn.message or '')}"


def _item_text(item: Item) -> str:
    if item.kind is ItemKind.TEXT:
        return f"**Assistant**\n\n{quoted(item.text)}"
    outcome = item.outcome or {}
    note = f": {escaped(outcome['note'])}" if outcome.get("note") else ""
    return f"- {escaped(title_of(item, outcome))} (`{tool_of(item)}`, {_WORDS[outcome_of(item)]}){note}"


def quoted(text: str) -> str:
    """Text as it is: in a block that is longer fenced than anything in it (CommonMark §4.5), within a quotation."""
    lines = clean_text(text).split("\n")
    longest = max((len(run) for run in re.findall("`+", "\n".join(lines))), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join(f"> {line}".rstrip() for line in [f"{fence}text", *lines, fence])


def escaped(text: str) -> str:
    """One line of text in which no character is Markdown, nor begins a link (CommonMark §2.4)."""
    return _MARKDOWN.sub(r"\\\g<0>", one_line(text))


_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>()#!|~&:@$^]|(?<=www)\.|^[-+=]|(?<=\d)[.)]")


_WORDS = {
    OutcomeKind.SUCCEEDED: "allowed and done",
    OutcomeKind.DENIED: "refused",
    OutcomeKind.AWAITING_APPROVAL: "waits for your confirmation",
    OutcomeKind.FAILED: "did not work",
}
