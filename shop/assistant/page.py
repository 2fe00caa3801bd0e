"""The chat page and its parts, rendered from what is stored: the same for a reload and for a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import render_template
from markupsafe import Markup
from sqlalchemy.orm import Session

from shop.assistant import presenter
from shop.assistant.conversing import Conversing
from shop.assistant.pieces import partial, piece
from shop.assistant.turn import asks_person
from shop.conversations import delegation, threads, turns
from shop.conversations.models import Conversation, Item, Turn, TurnState
from shop.credentials.ledger import is_paused
from shop.database import Database, moment
from shop.principal import Principal
from shop.tools.gateway import Gateway

STARTERS = (
    "Black hoodies under 60, in L",
    "Something warm for my head",
    "Where are my orders?",
    "What may you do here?",
)


class ChatPage:
    """One person's view of one conversation, or of none yet."""

    def __init__(
        self,
        database: Database,
        gateway: Gateway,
        person: Principal,
        names: tuple[str, str],
        conversation: Conversation | None,
    ) -> None:
        self._database, self._gateway, self._person, self._names = database, gateway, person, names
        self._conversation = conversation

    def address(self) -> dict[str, str]:
        """Where this conversation lives from now on."""
        conversation = self._opened()
        return {"id": conversation.id, "title": conversation.title, "href": f"/assistant/{conversation.id}"}

    def full(self, conversing: Conversing, *, ask: str, limit: int) -> str:
        """The whole page."""
        with self._database.read() as db:
            past = threads.turns_of(db, self._conversation.id) if self._conversation else []
            stale = {turn.id for turn in past if turns.is_stale(db, turn)}
            context = self._surroundings(db)
        views = [
            presenter.turn_view(turn, self._receipt, is_last=turn is past[-1], is_stale=turn.id in stale)
            for turn in past
        ]
        running = next((view["id"] for view in views if view["state"] is TurnState.RUNNING), None)
        return render_template(
            "assistant/chat.html",
            **context,
            turns=views,
            trail=presenter.trail_view(past),
            starters=STARTERS,
            ask=ask,
            limit=limit,
            running_turn=running,
        )

    def turn(self, turn_id: str, *, polled: bool = False) -> Markup:
        """One turn; `polled` when a reload found it running and the page asks for it every second.

        A polled turn that has ended brings along what else its end changes: no stream is there to do it.
        """
        with self._database.read() as db:
            turn = db.get_one(Turn, turn_id)
            past = threads.turns_of(db, turn.conversation_id)
            stale = turns.is_stale(db, turn)
        view = presenter.turn_view(turn, self._receipt, is_last=past[-1].id == turn_id, is_stale=stale)
        html = self._render("_turn", turn=view, running_turn=turn_id if polled else None)
        return html + self._around(past) if polled and view["state"] is not TurnState.RUNNING else html

    def item(self, turn_id: str, item_id: str) -> Markup:
        """One call of a turn."""
        with self._database.read() as db:
            turn = db.get_one(Turn, turn_id)
        item = next(item for item in turn.items if item.id == item_id)
        return self._render("_call", item=presenter.item_view(item, turn, self._receipt))

    def changed_call(self, item_id: str) -> Markup:
        """A call whose question was answered without going on, with its turn's foot."""
        with self._database.read() as db:
            turn = db.get_one(Turn, db.get_one(Item, item_id).turn_id)
            is_last = threads.turns_of(db, turn.conversation_id)[-1].id == turn.id
        view = presenter.turn_view(turn, self._receipt, is_last=is_last)
        return Markup().join(
            [
                self._partial(f"#call-{item_id}", self.item(turn.id, item_id)),
                self._partial(f"#foot-{turn.id}", self._render("_foot", turn=view)),
                self.trail(),
            ]
        )

    def trail(self) -> Markup:
        """What just happened."""
        with self._database.read() as db:
            past = threads.turns_of(db, self._opened().id)
        return self._partial("#trail", self._render("_trail", trail=presenter.trail_view(past)))

    def chips(self) -> Markup:
        """What the assistant may do here."""
        with self._database.read() as db:
            context = self._surroundings(db)
        return self._partial("#may", self._render("_may", **context))

    def settled_questions(self, turn: Turn) -> Markup:
        """The earlier turns whose questions the person has just answered, or that they try again, as they look now."""
        with self._database.read() as db:
            earlier = [past for past in threads.turns_of(db, turn.conversation_id) if past.number < turn.number]
        changed: list[Markup] = []
        for past in earlier:
            asked = [item for item in past.items if item.outcome and asks_person(item.outcome)]
            for item in asked:
                view = presenter.item_view(item, past, self._receipt)
                changed.append(self._partial(f"#call-{item.id}", self._render("_call", item=view)))
            if asked or past is earlier[-1]:
                foot = self._render("_foot", turn=presenter.turn_view(past, self._receipt, is_last=False))
                changed.append(self._partial(f"#foot-{past.id}", foot))
        return Markup().join(changed)

    def after_turn(self, turn_id: str) -> Markup:
        """All that a turn's end changes: its foot, and what stands around the conversation."""
        with self._database.read() as db:
            turn = db.get_one(Turn, turn_id)
            past = threads.turns_of(db, turn.conversation_id)
        view = presenter.turn_view(turn, self._receipt, is_last=past[-1].id == turn_id)
        return self._partial(f"#foot-{turn_id}", self._render("_foot", turn=view)) + self._around(past)

    def _around(self, past: list[Turn]) -> Markup:
        """What stands around the turns: the trail, the chips, the list of conversations, and the cart in the header."""
        with self._database.read() as db:
            context = self._surroundings(db)
        count = self._gateway.items_in_cart(self._person)
        cart_link = piece("_cart_link.html", cart_count=count)
        return Markup().join(
            [
                self._partial("#trail", self._render("_trail", trail=presenter.trail_view(past))),
                self._partial("#may", self._render("_may", **context)),
                self._partial("#conversations", self._render("_conversations", **context)),
                self._partial("#cart-link", cart_link),
            ]
        )

    def _surroundings(self, db: Session) -> dict[str, Any]:
        conversation = self._conversation
        scopes = delegation.scopes_here(db, self._person, conversation.id if conversation else None)
        return {
            "may": {workflow: workflow in scopes for workflow in ("browse", "read", "transact")}
            | {"paused": is_paused(db, self._person)}
            | delegation.bounds_of_organization(db, self._person),
            "conversations": presenter.conversations_view(
                threads.in_chat(db, self._person), conversation.id if conversation else None, moment(db)
            ),
            "conversation": self._conversation_view(),
        }

    def _conversation_view(self) -> dict[str, str] | None:
        conversation = self._conversation
        if conversation is None:
            return None
        return {
            "id": conversation.id,
            "title": conversation.title,
            "audit_href": f"/audit/conversations/{conversation.id}",
        }

    def _receipt(self, receipt_id: str) -> Mapping[str, Any] | None:
        name, organization = self._names
        found = self._gateway.receipt(self._person, receipt_id)
        intro = f"Your assistant asks, on behalf of {name} at {organization}. Nothing happens until you confirm."
        return {**found, "intro": intro} if found else None

    def _render(self, name: str, **context: Any) -> Markup:
        context.setdefault("conversation", self._conversation_view())
        context.setdefault("running_turn", None)
        return piece(f"assistant/{name}.html", **context)

    def _partial(self, target: str, html: Markup) -> Markup:
        return partial(target, "outerHTML", html)

    def _opened(self) -> Conversation:
        if self._conversation is None:
            raise LookupError("no conversation was opened")
        return self._conversation
