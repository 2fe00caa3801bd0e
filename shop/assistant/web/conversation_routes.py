"""What a person does with a conversation as a whole: find it again, call it something, take it with them, delete it."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, flash, request
from flask.typing import ResponseReturnValue
from werkzeug.utils import redirect

from shop.access import principal
from shop.assistant.web import export as transcript
from shop.assistant.web.responses import notice, page_of
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.conversations import threads
from shop.conversations.portions import portion
from shop.conversations.threads import BadTitle
from shop.credentials.ledger import live
from shop.revocation.conversations import delete_conversation
from shop.services import services

_MOST_SEARCHED = 100
"""Characters of a search that count."""


def add_routes(chat: Blueprint) -> None:
    """Add these routes to the chat's blueprint, under its access rule."""

    @chat.get("/conversations")
    def find() -> ResponseReturnValue:
        with services().database.read() as db:
            found = threads.search(db, live(db, principal()), request.args.get("q", "")[:_MOST_SEARCHED])
        return str(page_of(None).conversations(found))

    @chat.post("/<conversation_id>/rename")
    def rename(conversation_id: str) -> ResponseReturnValue:
        try:
            with services().database.write() as db:
                threads.rename(db, services().policy, principal(), conversation_id, request.form.get("title", ""))
        except BadTitle as error:
            return notice(400, "That is no title.", str(error))
        return redirect(f"/assistant/{conversation_id}", 303)

    @chat.post("/<conversation_id>/delete")
    def delete(conversation_id: str) -> ResponseReturnValue:
        with services().database.write() as db:
            delete_conversation(db, services().policy, principal(), conversation_id)
        flash("The conversation is deleted. What was done in it stays done, and on record.", "allow")
        return redirect("/assistant/", 303)

    @chat.get("/<conversation_id>/export.<ending>")
    def export(conversation_id: str, ending: str) -> ResponseReturnValue:
        if ending not in transcript.FORMATS:
            return notice(404, "There is no such file.", "A conversation can be saved as md or as json.")
        with services().database.read() as db:
            conversation = threads.opened(db, services().policy, live(db, principal()), conversation_id)
            part = portion(db, conversation.id, request.args.get("before", type=int))
        with services().database.write() as db:
            person = live(db, principal())
            record(
                db,
                EventName.CONVERSATION_EXPORTED,
                principal=replace(person, conversation=conversation.id),
                resource=("conversation", conversation.id),
                facts={"format": ending, "turns": len(part.turns)},
            )
        write = transcript.as_json if ending == "json" else transcript.as_markdown
        earlier = f"/assistant/{conversation.id}/export.{ending}?before={part.before}" if part.before else None
        file = write(conversation, part.turns, in_all=part.in_all, earlier=earlier)
        response = Response(file, mimetype=transcript.FORMATS[ending])
        name = transcript.filename(conversation, ending)
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        response.headers["Cache-Control"] = "no-store"
        return response
