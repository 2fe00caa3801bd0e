"""From stored turns to what the chat's templates show. Words for people; identifiers and rules only where asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from markdown_it import MarkdownIt
from nh3 import clean

from shop.assistant.model.arguments import described
from shop.assistant.turn.call_titles import title_of, tool_of
from shop.assistant.turn.context import arguments_of
from shop.assistant.turn.loop import asks_for, asks_person
from shop.assistant.web.cards import CardContext, cards_of, has_effect
from shop.conversations.models import Conversation, Item, ItemKind, Trigger, Turn, TurnState
from shop.tools.outcomes import Code, FailureCode, OutcomeKind, code_of
from shop.tools.receipt_desk import ReceiptState
from shop.untrusted import clean_text
from shop.workflow_words import WORDS

_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")
_TAGS = {
    "p",
    "br",
    "em",
    "strong",
    "code",
    "pre",
    "ul",
    "ol",
    "li",
    "blockquote",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}
_MOST_ARGUMENT_CHARACTERS = 200
_DAYS_OF_LAST_WEEK = 7
_POLLED_CHARACTERS = 4_000
"""Of a running turn's text, for each second between two looks at it: a long one is rendered and sent as a whole each time."""
_STATES: Mapping[str, str] = {
    OutcomeKind.SUCCEEDED: "done",
    OutcomeKind.DENIED: "denied",
    OutcomeKind.AWAITING_APPROVAL: "waiting",
    OutcomeKind.FAILED: "failed",
}


def html_of(text: str) -> str:
    """What a model wrote, as safe HTML: Markdown without raw HTML, links, pictures or anything that loads (LLM05)."""
    return clean(_markdown.render(clean_text(text)), tags=_TAGS, attributes={})


def thread_view(
    shown: list[Turn], context: list[Turn], card_context: CardContext, stale: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Some turns as `chat.html` shows them: in their order; those whose message was said anew, folded together."""
    stale = frozenset(stale)
    return [
        {
            "folded": replaced_by is not None,
            "turns": [turn_view(turn, context, card_context, is_stale=turn.id in stale) for turn in together],
        }
        for replaced_by, together in groupby(shown, key=lambda turn: turn.replaced_by)
    ]


def turn_view(turn: Turn, context: list[Turn], card_context: CardContext, *, is_stale: bool = False) -> dict[str, Any]:
    """A turn as `_turn.html` shows it. `context` has the turns whose place it took, and ends with the conversation's last one."""
    state = TurnState.INTERRUPTED if is_stale else TurnState(turn.state)
    items = [item_view(item, turn, card_context) for item in turn.items]
    if state is TurnState.WAITING and not any(_is_open(item) for item in items):
        state = TurnState.COMPLETED  # what it asked for was answered, or has expired
    broke_off = state in {TurnState.FAILED, TurnState.STOPPED, TurnState.INTERRUPTED}
    return {
        "id": turn.id,
        "state": state,
        "message": turn.message if turn.trigger is Trigger.MESSAGE else None,
        "about": _about(turn),
        "standing": _standing(turn, context),
        "items": items,
        "error": _error(turn) if state in {TurnState.FAILED, TurnState.STOPPED} else None,
        "can_retry": broke_off and bool(context) and turn.id == context[-1].id,
        "can_stop": state is TurnState.RUNNING,
        "audit_href": _audit_href(turn, turn.id),
        "poll_seconds": 1 + sum(len(item.text) for item in turn.items) // _POLLED_CHARACTERS,
        "build": turn.build,
    }


def item_view(item: Item, turn: Turn, card_context: CardContext) -> dict[str, Any]:
    """A text or a call as `_text.html` and `_call.html` show it."""
    if item.kind is ItemKind.TEXT:
        return {"kind": "text", "id": item.id, "html": html_of(item.text)}
    outcome = item.outcome or {}
    return {
        "kind": "call",
        "id": item.id,
        "tool": tool_of(item),
        "title": title_of(item, outcome),
        "arguments_text": described(arguments_of(item), _MOST_ARGUMENT_CHARACTERS),
        "state": _state_of(item, turn, outcome),
        "note": outcome.get("note", ""),
        "audit_href": _audit_href(turn, item.id) if outcome else None,
        "may_add": card_context.may_add,
        **cards_of(item.tool, item.id, outcome, card_context),
        "consent": _consent(item, outcome),
        "receipt": _receipt(outcome, card_context),
    }


def _audit_href(turn: Turn, anchor: str) -> str:
    """The page of the audit on which a turn stands, at one of its entries."""
    return f"/audit/conversations/{turn.conversation_id}?turn={turn.id}#{anchor}"


def trail_view(turns: list[Turn]) -> list[dict[str, str]]:
    """What just happened: the latest message and what followed from it, oldest first; `turns` are the latest ones."""
    begin = max((i for i, turn in enumerate(turns) if turn.trigger is Trigger.MESSAGE), default=0)
    steps: list[dict[str, str]] = []
    for turn in turns[begin:]:
        steps.append(_trigger_step(turn))
        steps += [_call_step(item) for item in turn.items if item.kind is ItemKind.CALL and item.outcome]
        if turn.state in {TurnState.STOPPED, TurnState.FAILED}:
            steps.append({"kind": "note", "title": "It ended early", "text": turn.error_text or "", "mono": ""})
    return steps


def conversations_view(conversations: list[Conversation], active: str | None, now: datetime) -> list[dict[str, Any]]:
    """The list on the left, grouped by when each was last active."""
    return [
        {
            "id": conversation.id,
            "title": conversation.title,
            "href": f"/assistant/{conversation.id}",
            "active": conversation.id == active,
            "group": _group(conversation.active_at, now),
        }
        for conversation in conversations
    ]


def _group(active_at: datetime, now: datetime) -> str:
    days = (now.date() - active_at.date()) // timedelta(days=1)
    return (
        "Today" if days <= 0 else "Yesterday" if days == 1 else "Last week" if days <= _DAYS_OF_LAST_WEEK else "Earlier"
    )


def _about(turn: Turn) -> dict[str, str] | None:
    """The page that a message is about: its path, and what it is without the sentence around it."""
    if not turn.page_path or not turn.page_words:
        return None
    return {"href": turn.page_path, "text": turn.page_words.partition(": ")[2].rstrip(".") or "this page"}


def _standing(turn: Turn, context: list[Turn]) -> list[str]:
    """What the turns that this one took the place of did, and which still stands."""
    return [
        title_of(item, item.outcome)
        for replaced in context
        if replaced.replaced_by == turn.id
        for item in replaced.items
        if item.outcome and has_effect(item.tool, item.outcome)
    ]


def _state_of(item: Item, turn: Turn, outcome: Mapping[str, Any]) -> str:
    if not outcome:
        return "running" if turn.state == TurnState.RUNNING else "failed"
    if outcome["kind"] == OutcomeKind.DENIED and code_of(outcome) is Code.NOT_FOUND:
        return "failed"  # not yours looks like not there (invariant I10)
    return _STATES[outcome["kind"]]


def _consent(item: Item, outcome: Mapping[str, Any]) -> dict[str, Any] | None:
    workflow = asks_for(outcome)
    if workflow is None:
        return None
    return {
        "workflow": workflow,
        "question": WORDS[workflow].question,
        "means": WORDS[workflow].if_allowed,
        "call": item.id,
        "open": not item.settled,
        "answer": outcome.get("answer"),
    }


def _receipt(outcome: Mapping[str, Any], card_context: CardContext) -> dict[str, Any] | None:
    found = card_context.receipt_of(str(outcome["receipt"])) if outcome.get("receipt") else None
    return dict(found) if found else None


def _is_open(item: Mapping[str, Any]) -> bool:
    """Whether this is a call that still waits for its person's answer."""
    consent, receipt = item.get("consent"), item.get("receipt")
    return bool(consent and consent["open"]) or bool(receipt and receipt["state"] == ReceiptState.OPEN)


def _error(turn: Turn) -> dict[str, str] | None:
    if not turn.error_text:
        return None
    if turn.state == TurnState.STOPPED:
        title, text = "Stopped", turn.error_text
    else:
        title, _, text = turn.error_text.partition(". ")
    follow = " What is above stands; nothing is done twice."
    return {"title": title, "text": text + follow}


def _trigger_step(turn: Turn) -> dict[str, str]:
    match turn.trigger:
        case Trigger.CONSENT:
            return {"kind": "allow", "title": "You allowed it", "text": "for this conversation only", "mono": ""}
        case Trigger.APPROVAL:
            return {"kind": "allow", "title": "You confirmed", "text": "this one receipt", "mono": ""}
        case Trigger.RETRY:
            return {"kind": "note", "title": "You tried again", "text": "", "mono": ""}
        case _:
            message = turn.message or ""
            short = message if len(message) <= 80 else message[:79] + "…"
            return {"kind": "note", "title": "You asked", "text": f"“{short}”", "mono": ""}


def _call_step(item: Item) -> dict[str, str]:
    outcome = item.outcome or {}
    rule = f"{outcome['rule']} · policy {outcome['policy'][:7]}" if outcome.get("rule") else ""
    if asks_person(outcome) and outcome["kind"] == OutcomeKind.AWAITING_APPROVAL:
        if (outcome.get("told") or {}).get("code") == FailureCode.DECLINED:
            return {"kind": "note", "title": f"You answered not now: {tool_of(item)}", "text": "rule", "mono": rule}
        return {"kind": "wait", "title": f"Waiting for you: {tool_of(item)}", "text": "rule", "mono": rule}
    if outcome["kind"] == OutcomeKind.DENIED and code_of(outcome) is not Code.NOT_FOUND:
        return {"kind": "deny", "title": f"Refused: {tool_of(item)}", "text": outcome.get("note", ""), "mono": rule}
    if outcome["kind"] == OutcomeKind.SUCCEEDED:
        return {"kind": "allow", "title": f"Allowed: {tool_of(item)}", "text": "rule", "mono": rule}
    return {"kind": "note", "title": f"Did not work: {tool_of(item)}", "text": outcome.get("note", ""), "mono": ""}
