"""What stands around the turns of the chat page: the trail, what the assistant may do, the conversations, the cart, ways to go on."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from sqlalchemy.orm import Session

from shop.assistant.turn.loop import asks_for
from shop.assistant.web import presenter
from shop.assistant.web.partials import piece, replacement
from shop.assistant.web.suggestions import May, follow_ups
from shop.conversations import delegation, history, threads
from shop.conversations.models import Conversation, Turn
from shop.credentials.ledger import is_paused
from shop.database import Database, moment
from shop.principal import Principal
from shop.tools.gateway import Gateway
from shop.workflow_words import WORDS


class Surroundings:
    """What one person's page shows around one conversation, or around none yet."""

    def __init__(
        self, database: Database, gateway: Gateway, person: Principal, conversation: Conversation | None
    ) -> None:
        self._database, self._gateway, self._person = database, gateway, person
        self._conversation = conversation

    def latest(self, db: Session) -> list[Turn]:
        """The latest turns: what stands around the conversation is made from these, however long it is."""
        return history.latest(db, self._conversation.id) if self._conversation else []

    def context(self, db: Session) -> dict[str, Any]:
        """What the templates of the surroundings are told."""
        conversation = self._conversation
        scopes = delegation.scopes_here(db, self._person, conversation.id if conversation else None)
        return {
            "may": {"workflows": WORDS, "allowed": scopes, "paused": is_paused(db, self._person)}
            | delegation.bounds_of_organization(db, self._person),
            "conversations": presenter.conversations_view(
                threads.of_person(db, self._person), conversation.id if conversation else None, moment(db)
            ),
            "conversation": self.conversation_view(),
            "asked_for": _asked_for(db, conversation),
        }

    def conversation_view(self) -> dict[str, str] | None:
        """The conversation, as templates are told of it."""
        conversation = self._conversation
        if conversation is None:
            return None
        return {
            "id": conversation.id,
            "title": conversation.title,
            "audit_href": f"/audit/conversations/{conversation.id}",
        }

    def render(self, name: str, **context: Any) -> Markup:
        """A piece of the page of this conversation."""
        context.setdefault("conversation", self.conversation_view())
        context.setdefault("running_turn", None)
        return piece(f"assistant/{name}.html", **context)

    def trail(self) -> Markup:
        """What just happened."""
        with self._database.read() as db:
            past = self.latest(db)
        return replacement("#trail", self.render("_trail", trail=presenter.trail_view(past)))

    def chips(self) -> Markup:
        """What the assistant may do here."""
        with self._database.read() as db:
            context = self.context(db)
        return replacement("#may", self.render("_may", **context))

    def cart_changed(self) -> Markup:
        """What a change of the cart changes on every page with a chat: the number in the header, and what can be undone."""
        count = self._gateway.enquiries.items_in_cart(self._person)
        undoable = self._gateway.enquiries.undoable(self._person)
        return replacement("#cart-link", piece("_cart_link.html", cart_count=count)) + replacement(
            "#undoable", self.render("_undoable", undoable=undoable)
        )

    def ways_on(self) -> Markup:
        """What the person could say next."""
        with self._database.read() as db:
            past, paused = self.latest(db), is_paused(db, self._person)
        offered = [] if paused else follow_ups(past, May.of(self._gateway, self._person))
        return replacement("#next", self.render("_next", follow_ups=offered))

    def everything(self, past: list[Turn]) -> Markup:
        """What stands around the turns: trail, chips, list of conversations, the cart in the header, ways to go on."""
        with self._database.read() as db:
            context = self.context(db)
        return Markup().join(
            [
                replacement("#trail", self.render("_trail", trail=presenter.trail_view(past))),
                replacement("#may", self.render("_may", **context)),
                replacement("#conversations", self.render("_conversations", **context)),
                self.ways_on(),
                self.cart_changed(),
            ]
        )


def _asked_for(db: Session, conversation: Conversation | None) -> set[str]:
    """The workflows that the latest turn asks its person for: allowing one above the conversation lets its calls be made."""
    latest = threads.latest_turn(db, conversation.id) if conversation else None
    open_items = [item for item in latest.items if not item.settled] if latest else []
    return {workflow for item in open_items if (workflow := asks_for(item.outcome or {}))}
