"""The chat as a host of the shop's own widgets (MCP Apps): the document, the result that it shows, and what it asks to be called.

Code in a frame has no authority. What it asks for is called as the assistant of this conversation, which may what its person
allowed it here: the same door, the same refusals and the same record as for what a model proposes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from mcp_types import CallToolResult

from shop.access import principal
from shop.assistant.turn.context import arguments_of
from shop.assistant.turn.in_app_assistant import InAppAssistant
from shop.assistant.turn.opening import NotThere
from shop.assistant.web.cards import widget_of
from shop.assistant.web.responses import notice, opened, page_of
from shop.conversations.models import Item, Turn
from shop.services import services
from shop.tools.outcomes import AwaitingApproval, Code, Denied, Failed, Outcome, OutcomeKind, Succeeded
from shop.tools.registry import TOOLS
from shop.tools.results import for_hosts
from shop.tools.results.widgets import CALLED_BY_WIDGETS, WIDGETS, document
from shop.untrusted import clean_value, read_json
from shop.workflow_words import WORDS


def add_routes(chat: Blueprint, in_app: InAppAssistant) -> None:
    """Add these routes to the chat's blueprint, under its access rule."""

    @chat.get("/widgets/<name>")
    def widget(name: str) -> ResponseReturnValue:
        if name not in WIDGETS:
            abort(404)
        response = Response(document(name, services().settings.base_url), mimetype="text/html")
        response.headers["Content-Security-Policy"] = _policy(name, services().settings.base_url)
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        return response

    @chat.get("/<conversation_id>/widget-calls/<call_id>")
    def shown(conversation_id: str, call_id: str) -> ResponseReturnValue:
        """What a widget is given to show: a call that the assistant made here before, with its stored result."""
        conversation = opened(conversation_id)
        with services().database.read() as db:
            item = db.get(Item, call_id)
            turn = db.get(Turn, item.turn_id) if item else None
        if item is None or turn is None or turn.conversation_id != conversation.id:
            raise NotThere("There is no such call in this conversation.")
        outcome = item.outcome or {}
        if widget_of(item.tool, outcome) is None:
            raise NotThere("No widget shows this.")
        return jsonify(arguments=clean_value(arguments_of(item)), result=_on_the_wire(_result_of_stored(outcome)))

    @chat.post("/<conversation_id>/widget-calls")
    def call(conversation_id: str) -> ResponseReturnValue:
        """What a widget asks for now. `page`: what the call changed around the conversation."""
        asked = _asked(request.get_data())
        name = asked.get("name")
        if not isinstance(name, str):
            return _not_from_here()
        conversation, outcome = in_app.call_of_widget(principal(), conversation_id, name, asked.get("arguments"))
        if name not in CALLED_BY_WIDGETS:  # the gateway refused it, and that is on record
            return _not_from_here()
        is_change = isinstance(outcome, Succeeded) and not TOOLS[name].read_only
        changed = page_of(conversation).surroundings.cart_changed() if is_change else ""
        return jsonify(result=_on_the_wire(_result_of(outcome)), page=changed)


def _not_from_here() -> ResponseReturnValue:
    return notice(400, "That cannot be done from here.", "Ask for it in the conversation. Nothing was done.")


@cache
def _policy(name: str, base_url: str) -> str:
    """A widget runs its own script and nothing else, loads the shop's pictures and typefaces, and is framed by the shop only.

    Its origin is nobody's, also when somebody opens it outside of a frame (`sandbox`). So the shop's origin is named.
    """
    script, style = (_hash(document(name, base_url), element) for element in ("script", "style"))
    return (
        f"default-src 'none'; script-src '{script}'; style-src '{style}'; img-src {base_url}; "
        f"font-src {base_url}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts"
    )


def _hash(html: str, element: str) -> str:
    (text,) = re.findall(rf"<{element}>(.*?)</{element}>", html, re.S)
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _asked(body: bytes) -> dict[str, Any]:
    """What a widget asks for; nothing when that is no object, however it is bent."""
    try:
        asked = read_json(body)
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}


def _result_of_stored(outcome: dict[str, Any]) -> CallToolResult:
    """The result of a call as the conversation remembers it (`outcomes.for_memory`)."""
    base_url = services().settings.base_url
    if outcome["kind"] == OutcomeKind.AWAITING_APPROVAL:
        return for_hosts.waiting(str(outcome["receipt"]), base_url)
    return for_hosts.succeeded(outcome["told"]["result"], base_url)


def _result_of(outcome: Outcome) -> CallToolResult:
    """A refusal is read by the person whose chat this is: it says the reason, and what they can do."""
    base_url = services().settings.base_url
    match outcome:
        case Succeeded():
            return for_hosts.succeeded(outcome.for_model()["result"], base_url)
        case AwaitingApproval():
            return for_hosts.waiting(outcome.receipt_id, base_url)
        case Denied():
            return for_hosts.error({**outcome.for_model(), "message": _reason(outcome)})
        case Failed():
            return for_hosts.error(outcome.for_model())


def _reason(outcome: Denied) -> str:
    if outcome.code is not Code.CONSENT_NEEDED or outcome.decision.workflow is None:
        return outcome.reason
    switch = WORDS[outcome.decision.workflow].chip
    return f"{outcome.reason} Switch on “{switch}” above the conversation, then do this again."


def _on_the_wire(result: CallToolResult) -> dict[str, Any]:
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)
