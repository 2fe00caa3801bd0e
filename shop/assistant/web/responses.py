"""What the chat's routes share: whose page it is, and the notices that refuse a request in words."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from shop.access import principal, signed_in
from shop.assistant.web.page import ChatPage
from shop.conversations import threads
from shop.conversations.models import Conversation
from shop.services import services


def opened(conversation_id: str) -> Conversation:
    """One's own conversation. Raises `AccessDenied`."""
    with services().database.read() as db:
        return threads.opened(db, services().policy, principal(), conversation_id)


def page_of(conversation: Conversation | None) -> ChatPage:
    """The signed-in person's view of a conversation, or of none yet."""
    person, shop = signed_in(), services()
    names = (person.name, person.organization_name) if person else ("", "")
    return ChatPage(shop.database, shop.gateway, principal(), names, conversation)


def notice(status: int, title: str, text: str) -> ResponseReturnValue:
    """A refusal in words, which the chat shows over its composer; a whole page where no script asked."""
    if request.headers.get("HX-Request") or (request.method == "POST" and not _wants_a_page()):
        return render_template("assistant/_notice.html", notice={"title": title, "text": text}), status
    action = {"href": "/assistant/", "label": "To the assistant"}
    return render_template("storefront/error.html", code=status, title=title, text=text, action=action), status


def _wants_a_page() -> bool:
    """Whether the browser itself asked, and not a script of the chat's page (Fetch Metadata)."""
    return request.headers.get("Sec-Fetch-Mode") == "navigate"


def not_there() -> ResponseReturnValue:
    """Somebody else's conversation, a deleted one, or none: the same answer (invariant I10)."""
    return notice(404, "There is no such conversation.", "It may have been started by somebody else, or never.")


def message_limit() -> int:
    """The longest message, in characters."""
    return services().settings.message_limit
