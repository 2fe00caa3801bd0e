"""The chat's routes. They translate between the page and `in_app_assistant.py`; nothing is decided here."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.utils import redirect

from shop.access import on_denied, principal, refuse_handle, signed_in
from shop.assistant.turn.in_app_assistant import InAppAssistant
from shop.assistant.turn.messages import Unacceptable, accepted
from shop.assistant.turn.opening import Begun, NotThere, Unanswerable
from shop.assistant.web import card_routes, conversation_routes, widget_routes
from shop.assistant.web.event_stream import first_messages, respond
from shop.assistant.web.page import STILL_NEW
from shop.assistant.web.responses import message_limit, not_there, notice, opened, page_of
from shop.audit.denials import Handle
from shop.conversations import delegation, threads
from shop.conversations.models import Item, Turn
from shop.conversations.turns import CapOf, TooManyTurns, TurnRunning
from shop.database import moment
from shop.guards.rate_limits import Limit, rate_limits
from shop.principal import CONSENTABLE, Workflow
from shop.services import services
from shop.untrusted import clean_text

_MOST_DIGITS = 9
"""Of a turn's number in an address: far beyond any conversation, and still a number to every database."""


def blueprint(in_app: InAppAssistant) -> Blueprint:
    """The chat's routes, for one shop's assistant. Access: signed in; each conversation is asked for by the policy."""
    chat = Blueprint("assistant", __name__, url_prefix="/assistant")
    _add_pages(chat)
    _add_turns(chat, in_app)
    _add_decisions(chat, in_app)
    conversation_routes.add_routes(chat)
    card_routes.add_routes(chat)
    widget_routes.add_routes(chat, in_app)
    _add_refusals(chat)
    return chat


def _add_pages(chat: Blueprint) -> None:
    @chat.get("/")
    def start() -> ResponseReturnValue:
        return page_of(None).full(ask=_asked(), limit=message_limit())

    @chat.get("/<conversation_id>")
    def show(conversation_id: str) -> ResponseReturnValue:
        """The latest turns; with `before`, those before a number; with `turn` or `receipt`, those around that."""
        conversation, before = opened(conversation_id), request.args.get("before")
        return page_of(conversation).full(
            ask=_asked(),
            limit=message_limit(),
            before=_number(before) if before is not None else None,
            around=request.args.get("turn") or _turn_of_receipt(request.args.get("receipt")),
        )

    @chat.get("/<conversation_id>/earlier")
    def earlier(conversation_id: str) -> ResponseReturnValue:
        """What *Earlier messages* puts in its own place on a page that is open."""
        conversation = opened(conversation_id)
        return str(page_of(conversation).earlier(_number(request.args.get("before", ""))))

    @chat.get("/dock")
    def dock() -> ResponseReturnValue:
        """The small chat of the shop's other pages: the conversation that is going on, or a new one."""
        path = request.args.get("page", "")
        with services().database.read() as db:
            newest = None if request.args.get("new") else next(iter(threads.of_person(db, principal(), limit=1)), None)
            is_going_on = newest is not None and moment(db) - newest.active_at < STILL_NEW
        return str(
            page_of(newest if is_going_on else None).docked(
                person=signed_in(),
                page_path=path if services().gateway.enquiries.page_in_words(principal(), path) else None,
                limit=message_limit(),
            )
        )


def _add_turns(chat: Blueprint, in_app: InAppAssistant) -> None:
    @chat.post("/")
    def first_message() -> ResponseReturnValue:
        return _message(in_app, None)

    @chat.post("/<conversation_id>/messages")
    def message(conversation_id: str) -> ResponseReturnValue:
        return _message(in_app, conversation_id)

    @chat.post("/<conversation_id>/turns/<turn_id>/edit")
    def edit(conversation_id: str, turn_id: str) -> ResponseReturnValue:
        _check_rate()
        return _stream(in_app, in_app.messages.edit(principal(), conversation_id, turn_id, _text()))

    @chat.get("/<conversation_id>/turns/<turn_id>")
    def turn(conversation_id: str, turn_id: str) -> ResponseReturnValue:
        conversation = opened(conversation_id)
        with services().database.read() as db:
            found = db.get(Turn, turn_id)
        if found is None or found.conversation_id != conversation.id:
            raise NotThere("There is no such answer in this conversation.")
        return str(page_of(conversation).turn(turn_id, polled=True))

    @chat.post("/<conversation_id>/turns/<turn_id>/stop")
    def stop(conversation_id: str, turn_id: str) -> ResponseReturnValue:
        in_app.messages.stop(principal(), conversation_id, turn_id)
        return "", 204

    @chat.post("/<conversation_id>/turns/<turn_id>/retry")
    def retry(conversation_id: str, turn_id: str) -> ResponseReturnValue:
        _check_rate()
        return _stream(in_app, in_app.messages.retry(principal(), conversation_id, turn_id))


def _add_decisions(chat: Blueprint, in_app: InAppAssistant) -> None:
    @chat.post("/<conversation_id>/consent")
    def consent(conversation_id: str) -> ResponseReturnValue:
        workflow, call = request.form.get("workflow", ""), clean_text(request.form.get("call", ""))
        allowed = request.form.get("allow") == "1"
        if workflow not in CONSENTABLE:
            return notice(400, "That cannot be allowed.", "An assistant can be allowed to browse, read and transact.")
        if call:
            begun = in_app.decisions.answer_request(principal(), conversation_id, call, allowed)
            if begun is not None:
                return _stream(in_app, begun)
            return str(page_of(opened(conversation_id)).changed_call(call))
        begun = in_app.decisions.consent(principal(), conversation_id, Workflow(workflow), allowed)
        if begun is not None:
            return _stream(in_app, begun)
        page = page_of(opened(conversation_id))
        return str(page.surroundings.chips() + page.answered())

    @chat.post("/<conversation_id>/receipts/<receipt_id>/confirm")
    def confirm(conversation_id: str, receipt_id: str) -> ResponseReturnValue:
        return _stream(in_app, in_app.decisions.confirm(principal(), conversation_id, receipt_id))

    @chat.post("/<conversation_id>/receipts/<receipt_id>/decline")
    def decline(conversation_id: str, receipt_id: str) -> ResponseReturnValue:
        item = in_app.decisions.decline(principal(), conversation_id, receipt_id)
        return str(page_of(opened(conversation_id)).changed_call(item.id))

    @chat.post("/pause")
    def pause() -> ResponseReturnValue:
        return _set_paused(True)

    @chat.post("/resume")
    def resume() -> ResponseReturnValue:
        return _set_paused(False)


def _add_refusals(chat: Blueprint) -> None:
    """Each refusal before a turn begins, in words."""

    @chat.errorhandler(TurnRunning)
    def running(_error: TurnRunning) -> ResponseReturnValue:
        return notice(409, "One moment.", "Your assistant is still answering. Wait for it, or press Stop.")

    @chat.errorhandler(TooManyTurns)
    def too_many(error: TooManyTurns) -> ResponseReturnValue:
        return notice(503 if error.of is CapOf.PROCESS else 429, "One moment.", str(error))

    @chat.errorhandler(Unacceptable)
    def unacceptable(error: Unacceptable) -> ResponseReturnValue:
        return notice(error.status, error.title, error.text)

    @chat.errorhandler(NotThere)
    def absent(error: NotThere) -> ResponseReturnValue:
        if not error.is_recorded:
            refuse_handle(Handle.ANSWER)
        return notice(404, "That is not here.", str(error))

    @chat.errorhandler(Unanswerable)
    def unanswerable(error: Unanswerable) -> ResponseReturnValue:
        return notice(409, "That is not possible any more.", str(error))

    on_denied(chat, lambda _decision: not_there())


def _message(in_app: InAppAssistant, conversation_id: str | None) -> ResponseReturnValue:
    _check_rate()
    begun = in_app.messages.send(principal(), conversation_id, _text(), about=request.form.get("page"))
    return _stream(in_app, begun, is_new=conversation_id is None)


def _number(text: str) -> int:
    """A turn's number from an address. Raises `Unacceptable`."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise Unacceptable(
            400, "There are no messages there.", "Open the conversation anew, and go on from its latest part."
        )
    return int(text)


def _turn_of_receipt(receipt_id: str | None) -> str | None:
    """The turn in which a receipt of the person's own was asked for."""
    call = services().gateway.receipt_desk.call_of(principal(), receipt_id) if receipt_id else None
    if call is None:
        return None
    with services().database.read() as db:
        item = db.get(Item, call)
        return item.turn_id if item else None


def _text() -> str:
    """The message that was sent. Raises `Unacceptable`."""
    return accepted(services().database, principal(), request.form.get("message", ""), limit=message_limit())


def _check_rate() -> None:
    """Each message counts, also one that is said anew or answered again. Raises `TooManyRequests`, before anything is stored."""
    rate_limits().check_principal(principal(), Limit.MESSAGES_PER_PERSON, Limit.MESSAGES_PER_ORGANIZATION)


def _stream(in_app: InAppAssistant, begun: Begun, *, is_new: bool = False) -> Response:
    """Run a turn that has begun, and stream it. It runs before anything is sent: a connection that is lost at once must not
    keep it from running (design §5).
    """
    page = page_of(begun.conversation)
    opening = first_messages(page, begun, is_new=is_new)
    channel = in_app.run(begun)
    return respond(page, begun, opening, channel, in_app.stream_slots.enter(begun.assistant))


def _set_paused(paused: bool) -> ResponseReturnValue:
    conversation_id = clean_text(request.form.get("conversation", ""))
    conversation = opened(conversation_id) if conversation_id else None
    with services().database.write() as db:
        delegation.set_paused(db, principal(), paused)
    if not request.headers.get("HX-Request"):
        return redirect(
            url_for("assistant.show", conversation_id=conversation_id) if conversation_id else "/assistant/", 303
        )
    return str(page_of(conversation).surroundings.chips())


def _asked() -> str:
    """The question that a link carries: it fills the composer, and is not sent."""
    return request.args.get("ask", "")[:200]
