"""The chat's routes. They translate between the page and `conversing.py`; nothing is decided here."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.utils import redirect

from shop.access import on_denied, principal, signed_in
from shop.assistant.conversing import Begun, Conversing, NotThere, Unanswerable
from shop.assistant.page import ChatPage
from shop.assistant.stream import respond
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.conversations import delegation, threads
from shop.conversations.models import Conversation, Turn
from shop.conversations.turns import TurnRunning
from shop.principal import CONSENTABLE, Workflow
from shop.services import services


def blueprint(conversing: Conversing) -> Blueprint:
    """The chat's routes, for one shop's assistant. Access: signed in; each conversation is asked for by the policy."""
    chat = Blueprint("assistant", __name__, url_prefix="/assistant")

    @chat.get("/")
    def start() -> ResponseReturnValue:
        page = _page(None)
        return page.full(conversing, ask=request.args.get("ask", "")[:200], limit=_limit())

    @chat.get("/<conversation_id>")
    def show(conversation_id: str) -> ResponseReturnValue:
        page = _page(_opened(conversation_id))
        return page.full(conversing, ask=request.args.get("ask", "")[:200], limit=_limit())

    @chat.post("/")
    def first_message() -> ResponseReturnValue:
        return _message(conversing, None)

    @chat.post("/<conversation_id>/messages")
    def message(conversation_id: str) -> ResponseReturnValue:
        return _message(conversing, conversation_id)

    @chat.get("/<conversation_id>/turns/<turn_id>")
    def turn(conversation_id: str, turn_id: str) -> ResponseReturnValue:
        conversation = _opened(conversation_id)
        with services().database.read() as db:
            found = db.get(Turn, turn_id)
        if found is None or found.conversation_id != conversation.id:
            raise NotThere("There is no such answer in this conversation.")
        return str(_page(conversation).turn(turn_id, polled=True))

    @chat.post("/<conversation_id>/turns/<turn_id>/stop")
    def stop(conversation_id: str, turn_id: str) -> ResponseReturnValue:
        conversing.stop(principal(), conversation_id, turn_id)
        return "", 204

    @chat.post("/<conversation_id>/turns/<turn_id>/retry")
    def retry(conversation_id: str, turn_id: str) -> ResponseReturnValue:
        return _stream(conversing, conversing.retry(principal(), conversation_id, turn_id))

    @chat.post("/<conversation_id>/consent")
    def consent(conversation_id: str) -> ResponseReturnValue:
        workflow, call = request.form.get("workflow", ""), request.form.get("call", "")
        allowed = request.form.get("allow") == "1"
        if workflow not in CONSENTABLE:
            return _notice(400, "That cannot be allowed.", "An assistant can be allowed to browse, read and transact.")
        if call:
            begun = conversing.consented(principal(), conversation_id, call, allowed)
            if begun is not None:
                return _stream(conversing, begun)
            return str(_page(_opened(conversation_id)).changed_call(call))
        conversation = conversing.consent(principal(), conversation_id, Workflow(workflow), allowed)
        return str(_page(conversation).chips())

    @chat.post("/<conversation_id>/receipts/<receipt_id>/confirm")
    def confirm(conversation_id: str, receipt_id: str) -> ResponseReturnValue:
        return _stream(conversing, conversing.confirm(principal(), conversation_id, receipt_id))

    @chat.post("/<conversation_id>/receipts/<receipt_id>/decline")
    def decline(conversation_id: str, receipt_id: str) -> ResponseReturnValue:
        item = conversing.decline(principal(), conversation_id, receipt_id)
        return str(_page(_opened(conversation_id)).changed_call(item.id))

    @chat.post("/pause")
    def pause() -> ResponseReturnValue:
        return _set_paused(True)

    @chat.post("/resume")
    def resume() -> ResponseReturnValue:
        return _set_paused(False)

    @chat.errorhandler(TurnRunning)
    def running(_error: TurnRunning) -> ResponseReturnValue:
        return _notice(409, "One moment.", "Your assistant is still answering. Wait for it, or press Stop.")

    @chat.errorhandler(NotThere)
    def not_there(error: NotThere) -> ResponseReturnValue:
        return _notice(404, "That is not here.", str(error))

    @chat.errorhandler(Unanswerable)
    def unanswerable(error: Unanswerable) -> ResponseReturnValue:
        return _notice(409, "Already decided.", str(error))

    on_denied(chat, lambda _decision: _not_there())
    return chat


def _not_there() -> ResponseReturnValue:
    """Somebody else's conversation, or none: the same answer (invariant I10)."""
    if request.method == "GET" and not request.headers.get("HX-Request"):
        return render_template("storefront/error.html", **_NOT_THERE), 404
    return _notice(404, "There is no such conversation.", "It may have been started by somebody else, or never.")


_NOT_THERE = {
    "code": 404,
    "title": "There is no such conversation",
    "text": "It may have been started by somebody else, or never.",
    "action": {"href": "/assistant/", "label": "Start a new one"},
}


def _message(conversing: Conversing, conversation_id: str | None) -> ResponseReturnValue:
    text = request.form.get("message", "").replace("\r\n", "\n").replace("\x00", "").strip()
    if not text:
        return _notice(400, "The message is empty.", "Write what you would like, then send it.")
    if len(text) > _limit():
        with services().database.write() as db:
            record(
                db,
                EventName.MESSAGE_REFUSED,
                principal=principal(),
                outcome="refused",
                facts={"characters": len(text), "limit": _limit()},
            )
        return _notice(
            413,
            "This message is too long.",
            f"It has {len(text)} characters; the limit is {_limit()}. Shorten it, then send it again.",
        )
    begun = conversing.message(principal(), conversation_id, text)
    return _stream(conversing, begun, is_new=conversation_id is None)


def _stream(conversing: Conversing, begun: Begun, *, is_new: bool = False) -> Response:
    return respond(conversing, _page(begun.conversation), begun, is_new=is_new)


def _set_paused(paused: bool) -> ResponseReturnValue:
    conversation_id = request.form.get("conversation", "")
    conversation = _opened(conversation_id) if conversation_id else None
    with services().database.write() as db:
        delegation.set_paused(db, principal(), paused)
    if not request.headers.get("HX-Request"):
        return redirect(
            url_for("assistant.show", conversation_id=conversation_id) if conversation_id else "/assistant/", 303
        )
    return str(_page(conversation).chips())


def _opened(conversation_id: str) -> Conversation:
    with services().database.read() as db:
        return threads.opened(db, services().policy, principal(), conversation_id)


def _page(conversation: Conversation | None) -> ChatPage:
    person, shop = signed_in(), services()
    names = (person.name, person.organization_name) if person else ("", "")
    return ChatPage(shop.database, shop.gateway, principal(), names, conversation)


def _notice(status: int, title: str, text: str) -> ResponseReturnValue:
    return render_template("assistant/_notice.html", notice={"title": title, "text": text}), status


def _limit() -> int:
    return services().settings.message_limit
