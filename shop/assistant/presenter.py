"""From stored turns to what the chat's templates show. Words for people; identifiers and rules only where asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from markdown_it import MarkdownIt
from nh3 import clean

from shop.assistant.memory import arguments_of
from shop.assistant.turn import asks_person
from shop.conversations.models import Conversation, Item, ItemKind, Trigger, Turn, TurnState
from shop.tools.registry import TOOLS

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
_MEANS = {
    "transact": "It may then fill your cart and prepare orders. Nothing is bought until you confirm the receipt.",
    "read": "It may then see your cart and your orders, and nobody else's.",
    "browse": "It may then look through the catalogue.",
}
_STATES = {"succeeded": "done", "denied": "denied", "awaiting_approval": "waiting", "failed": "failed"}

ReceiptOf = Callable[[str], Mapping[str, Any] | None]
"""Finds what a receipt shows, by its id: given by the gateway, which knows whose it is."""


def html_of(text: str) -> str:
    """What a model wrote, as safe HTML: Markdown without raw HTML, links, pictures or anything that loads (LLM05)."""
    return clean(_markdown.render(text), tags=_TAGS, attributes={})


def turn_view(turn: Turn, receipt_of: ReceiptOf, *, is_last: bool, is_stale: bool = False) -> dict[str, Any]:
    """A turn as `assistant/_turn.html` shows it."""
    state = TurnState.INTERRUPTED if is_stale else TurnState(turn.state)
    base = f"/audit/conversations/{turn.conversation_id}"
    items = [item_view(item, turn, receipt_of) for item in turn.items]
    if state is TurnState.WAITING and not any(_is_open(item) for item in items):
        state = TurnState.COMPLETED  # what it asked for was answered, or has expired
    return {
        "id": turn.id,
        "state": state,
        "message": turn.message if turn.trigger is Trigger.MESSAGE else None,
        "items": items,
        "error": _error(turn) if state in {TurnState.FAILED, TurnState.STOPPED} else None,
        "can_retry": is_last and state in {TurnState.FAILED, TurnState.STOPPED, TurnState.INTERRUPTED},
        "can_stop": state is TurnState.RUNNING,
        "audit_href": f"{base}#{turn.id}",
        "build": turn.build,
    }


def item_view(item: Item, turn: Turn, receipt_of: ReceiptOf) -> dict[str, Any]:
    """A text or a call as `_text.html` and `_call.html` show it."""
    if item.kind is ItemKind.TEXT:
        return {"kind": "text", "id": item.id, "html": html_of(item.text)}
    outcome = item.outcome or {}
    result = outcome.get("told", {}).get("result") or {}
    return {
        "kind": "call",
        "id": item.id,
        "tool": item.tool,
        "title": title_of(item, outcome),
        "arguments_text": _arguments_text(item),
        "state": _state_of(item, turn, outcome),
        "note": outcome.get("note", ""),
        "audit_href": f"/audit/conversations/{turn.conversation_id}#{item.id}" if outcome else None,
        "cards": _cards(item.tool, result),
        "cart": result if item.tool in {"view_cart", "add_to_cart", "update_cart"} and result else None,
        "order": result if item.tool in {"get_order", "place_order", "cancel_order"} and result else None,
        "consent": _consent(item, outcome),
        "receipt": _receipt(outcome, receipt_of),
    }


def title_of(item: Item, outcome: Mapping[str, Any]) -> str:
    """What a call was, in a person's words."""
    arguments = arguments_of(item)
    given = arguments if isinstance(arguments, dict) else {}
    result = outcome.get("told", {}).get("result") or {}
    about = " ".join(
        str(given[name])
        for name in ("colour", "query", "category", "size")
        if isinstance(given.get(name), str) and given[name]
    )
    match item.tool:
        case "search_products":
            return f"Looked for {about}" if about else "Looked through the catalogue"
        case "get_product":
            return f"Looked at {result.get('name') or given.get('product', 'a product')}"
        case "add_to_cart":
            added = result.get("added")
            return (
                f"Put {added['quantity']} × {added['name']} into your cart" if added else "Put something into your cart"
            )
        case (
            "get_order" | "cancel_order" | "place_order" | "list_orders" | "view_cart" | "update_cart" | "what_may_i_do"
        ):
            return _TITLES[item.tool].format(number=str(given.get("number", ""))[:40]).rstrip()
        case _:
            return TOOLS[item.tool].title if item.tool in TOOLS else f"Tried {item.tool}"


_TITLES = {
    "get_order": "Looked up order {number}",
    "cancel_order": "Cancel order {number}",
    "place_order": "Place the order",
    "list_orders": "Looked up your orders",
    "view_cart": "Looked into your cart",
    "update_cart": "Changed your cart",
    "what_may_i_do": "Checked what is allowed",
}


def trail_view(turns: list[Turn]) -> list[dict[str, str]]:
    """What just happened: the latest message and all that followed from it, oldest first."""
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
            "group": "Today" if conversation.active_at.date() == now.date() else "Earlier",
        }
        for conversation in conversations
    ]


def _state_of(item: Item, turn: Turn, outcome: Mapping[str, Any]) -> str:
    if not outcome:
        return "running" if turn.state == TurnState.RUNNING else "failed"
    if outcome["kind"] == "denied" and outcome.get("code") == "not_found":
        return "failed"  # not yours looks like not there (invariant I10)
    return _STATES[outcome["kind"]]


def _cards(tool: str, result: Mapping[str, Any]) -> list[Any] | None:
    if tool == "search_products":
        return list(result.get("products", [])) or None
    return [result] if tool == "get_product" and result else None


def _consent(item: Item, outcome: Mapping[str, Any]) -> dict[str, Any] | None:
    if outcome.get("code") != "consent_needed":
        return None
    workflow = str(outcome["workflow"])
    return {
        "workflow": workflow,
        "means": _MEANS.get(workflow, ""),
        "call": item.id,
        "open": not item.settled,
        "answer": outcome.get("answer"),
    }


def _receipt(outcome: Mapping[str, Any], receipt_of: ReceiptOf) -> dict[str, Any] | None:
    found = receipt_of(str(outcome["receipt"])) if outcome.get("receipt") else None
    return dict(found) if found else None


def _is_open(item: Mapping[str, Any]) -> bool:
    """Whether this is a call that still waits for its person's answer."""
    consent, receipt = item.get("consent"), item.get("receipt")
    return bool(consent and consent["open"]) or bool(receipt and receipt["state"] == "open")


def _error(turn: Turn) -> dict[str, str] | None:
    if not turn.error_text:
        return None
    if turn.state == TurnState.STOPPED:
        title, text = "Stopped", turn.error_text
    else:
        title, _, text = turn.error_text.partition(". ")
    follow = " What is above stands; nothing is done twice."
    return {"title": title, "text": text + follow}


def _arguments_text(item: Item) -> str:
    arguments = arguments_of(item)
    if not isinstance(arguments, dict):
        return str(arguments)[:200]
    return ", ".join(f"{name}: {value}" for name, value in arguments.items())[:200]


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
    if asks_person(outcome) and outcome["kind"] == "awaiting_approval":
        return {"kind": "wait", "title": f"Waiting for you: {item.tool}", "text": "rule", "mono": rule}
    if outcome["kind"] == "denied" and outcome.get("code") != "not_found":
        return {"kind": "deny", "title": f"Refused: {item.tool}", "text": outcome.get("note", ""), "mono": rule}
    if outcome["kind"] == "succeeded":
        return {"kind": "allow", "title": f"Allowed: {item.tool}", "text": "rule", "mono": rule}
    return {"kind": "note", "title": f"Did not work: {item.tool}", "text": outcome.get("note", ""), "mono": ""}
