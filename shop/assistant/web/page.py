"""The chat page and its parts, rendered from what is stored: the same for a reload and for a stream.

The same parts make the dock, the small chat that is at hand on every other page of the shop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from flask import render_template
from markupsafe import Markup
from sqlalchemy.orm import Session

from shop.access import SignedInPerson
from shop.assistant.turn.loop import asks_for, asks_person
from shop.assistant.turn.opening import Begun
from shop.assistant.web import presenter
from shop.assistant.web.cards import Seen
from shop.assistant.web.partials import partial, piece
from shop.assistant.web.suggestions import May, follow_ups, may_fill_cart, starters
from shop.conversations import delegation, history, threads, turns
from shop.conversations.history import TURNS_ON_A_PAGE, Part
from shop.conversations.models import Conversation, Item, Turn, TurnState
from shop.credentials.ledger import is_paused
from shop.database import Database, moment
from shop.principal import Principal
from shop.tools.gateway import Gateway
from shop.untrusted import one_line
from shop.workflow_words import WORDS

DOCKED_TURNS = 8
"""How many of a conversation's latest turns the dock shows at first."""

STILL_NEW = timedelta(hours=12)
"""A conversation that was active within this time is what the dock goes on with."""


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
        return {"id": conversation.id, "title": one_line(conversation.title), "href": f"/assistant/{conversation.id}"}

    def full(self, *, ask: str, limit: int, before: int | None = None, around: str | None = None) -> str:
        """The whole page: the latest turns, those before a number, or those around a turn."""
        return render_template(
            "assistant/chat.html", **self._chat(TURNS_ON_A_PAGE, before=before, around=around), ask=ask, limit=limit
        )

    def earlier(self, before: int) -> Markup:
        """The turns before a number, to be put in the place of the link to them."""
        shown = self._part(TURNS_ON_A_PAGE, before=before)
        return self._render("_earlier_turns", **self._thread(shown), running_turn=None)

    def docked(self, *, person: SignedInPerson | None, page_path: str | None, limit: int) -> Markup:
        """The dock's chat: the latest turns, and the page that the next message would be about."""
        return self._render("_docked", **self._chat(DOCKED_TURNS), person=person, page_path=page_path, limit=limit)

    def _chat(self, limit: int, *, before: int | None = None, around: str | None = None) -> dict[str, Any]:
        """What the chat shows, as a page and as a dock: some turns, and what stands around the conversation."""
        may = May.of(self._gateway, self._person)
        shown = self._part(limit, before=before, around=around)
        with self._database.read() as db:
            past = self._latest(db)
            context = self._surroundings(db)
        thread = self._thread(shown)
        views = [view for group in thread["thread"] for view in group["turns"]]
        return {
            **context,
            **thread,
            "trail": presenter.trail_view(past),
            "can": may,
            "starters": starters(may),
            "undoable": self._gateway.enquiries.undoable(self._person),
            "follow_ups": [] if context["may"]["paused"] else follow_ups(past, may),
            "running_turn": next((view["id"] for view in views if view["state"] is TurnState.RUNNING), None),
        }

    def _part(self, limit: int, *, before: int | None = None, around: str | None = None) -> Part | None:
        if self._conversation is None:
            return None
        with self._database.read() as db:
            return history.part(db, self._conversation.id, before=before, around=around, limit=limit)

    def _latest(self, db: Session) -> list[Turn]:
        """The latest turns: what stands around the conversation is made from these, however long it is."""
        return history.latest(db, self._conversation.id) if self._conversation else []

    def _thread(self, shown: Part | None) -> dict[str, Any]:
        """A part of the conversation, and what leads to the other parts."""
        if shown is None:
            return {"thread": [], "earlier": None, "is_latest": True}
        with self._database.read() as db:
            stale = {turn.id for turn in shown.turns if turns.is_stale(db, turn)}
        return {
            "thread": presenter.thread_view(shown.turns, shown.context, self._seen(), stale),
            "earlier": shown.earlier,
            "is_latest": shown.is_latest,
        }

    def turn(self, turn_id: str, *, polled: bool = False) -> Markup:
        """One turn; `polled` when a reload found it running and the page asks for it every second.

        A polled turn that has ended brings along what else its end changes: no stream is there to do it.
        """
        with self._database.read() as db:
            turn = db.get_one(Turn, turn_id)
            context, past = history.context_of(db, turn), self._latest(db)
            stale = turns.is_stale(db, turn)
        view = presenter.turn_view(turn, context, self._seen(), is_stale=stale)
        html = self._render("_turn", turn=view, running_turn=turn_id if polled else None)
        return html + self._around(past) if polled and view["state"] is not TurnState.RUNNING else html

    def item(self, turn_id: str, item_id: str) -> Markup:
        """One call of a turn; nothing when the conversation was deleted meanwhile."""
        with self._database.read() as db:
            turn = db.get_one(Turn, turn_id)
        found = (item for item in turn.items if item.id == item_id)
        views = [presenter.item_view(item, turn, self._seen()) for item in found]
        return Markup().join(self._render("_call", item=view) for view in views)

    def item_changed(self, turn_id: str, item_id: str) -> Markup:
        """One call of a turn, in the place where it stands."""
        return self._partial(f"#call-{item_id}", self.item(turn_id, item_id))

    def changed_call(self, item_id: str) -> Markup:
        """A call whose question was answered without going on, with its turn's foot, and what was answered with it."""
        with self._database.read() as db:
            turn = db.get_one(Turn, db.get_one(Item, item_id).turn_id)
            context = history.context_of(db, turn)
        view = presenter.turn_view(turn, context, self._seen())
        return Markup().join(
            [
                *(
                    self.item_changed(turn.id, item.id)
                    for item in turn.items
                    if item.outcome and asks_person(item.outcome)
                ),
                self._partial(f"#foot-{turn.id}", self._render("_foot", turn=view)),
                self.trail(),
            ]
        )

    def trail(self) -> Markup:
        """What just happened."""
        with self._database.read() as db:
            past = self._latest(db)
        return self._partial("#trail", self._render("_trail", trail=presenter.trail_view(past)))

    def answered(self) -> Markup:
        """What still asked for a workflow that its person has just allowed above the conversation, as it looks now."""
        with self._database.read() as db:
            past = self._latest(db)
        seen, shown = self._seen(), [turn for turn in past if turn.replaced_by is None]
        return Markup().join(self._as_it_is_now(turn, past, seen, is_last=False) for turn in shown)

    def chips(self) -> Markup:
        """What the assistant may do here."""
        with self._database.read() as db:
            context = self._surroundings(db)
        return self._partial("#may", self._render("_may", **context))

    def begun(self, begun: Begun, *, is_new: bool) -> Markup:
        """What the beginning of a turn changes: the one before it, those that it settles or takes the place of, and itself."""
        with self._database.read() as db:
            turn = db.get_one(Turn, begun.turn.id)
            replaced = history.replaced_by(db, [turn])
            before = [one for one in history.latest(db, turn.conversation_id) if one.number < turn.number]
            asked = [db.get(Turn, item.turn_id) for item in begun.answered]  # they may stand far above
        context, seen = [*replaced, turn], self._seen()
        changed = {one.id: one for one in (*asked, *before) if one and one.replaced_by is None}
        return Markup().join(
            [
                *([self._partial("#menu", self._render("_menu"))] if is_new else []),
                self._partial("#next", self._render("_next", follow_ups=[])),
                self._folded(replaced, context, seen),
                *(self._as_it_is_now(one, context, seen, is_last=one is before[-1]) for one in changed.values()),
                partial("#log", "beforeend", self._render("_turn", turn=presenter.turn_view(turn, context, seen))),
            ]
        )

    def after_turn(self, turn_id: str) -> Markup:
        """All that a turn's end changes: its foot, and what stands around the conversation."""
        with self._database.read() as db:
            turn = db.get_one(Turn, turn_id)
            context, past = history.context_of(db, turn), self._latest(db)
        view = presenter.turn_view(turn, context, self._seen())
        return self._partial(f"#foot-{turn_id}", self._render("_foot", turn=view)) + self._around(past)

    def conversations(self, found: Iterable[Conversation]) -> Markup:
        """The list of conversations that a search found."""
        with self._database.read() as db:
            views = presenter.conversations_view(list(found), None, moment(db))
        return self._render("_conversations", conversations=views, searched=True)

    def cart_changed(self) -> Markup:
        """What a change of the cart changes on every page with a chat: the number in the header, and what can be undone."""
        count = self._gateway.enquiries.items_in_cart(self._person)
        undoable = self._gateway.enquiries.undoable(self._person)
        return self._partial("#cart-link", piece("_cart_link.html", cart_count=count)) + self._partial(
            "#undoable", self._render("_undoable", undoable=undoable)
        )

    def ways_on(self) -> Markup:
        """What the person could say next."""
        with self._database.read() as db:
            past, paused = self._latest(db), is_paused(db, self._person)
        offered = [] if paused else follow_ups(past, May.of(self._gateway, self._person))
        return self._partial("#next", self._render("_next", follow_ups=offered))

    def added(self, card: str, call: str | None, words: str) -> Markup:
        """What a person's own click on a card came to, below that card."""
        return self._partial(f"#added-{card}", self._render("_added", card=card, call=call, words=words))

    def _folded(self, replaced: list[Turn], context: list[Turn], seen: Seen) -> Markup:
        """Turns whose message was said anew: the first becomes the fold that holds them all, the others go."""
        if not replaced:
            return Markup()
        group = {"folded": True, "turns": [presenter.turn_view(turn, context, seen) for turn in replaced]}
        first, *others = replaced
        fold = self._partial(f"#turn-{first.id}", self._render("_edited", group=group))
        return fold + Markup().join(partial(f"#turn-{turn.id}", "delete", "") for turn in others)

    def _as_it_is_now(self, turn: Turn, context: list[Turn], seen: Seen, *, is_last: bool) -> Markup:
        """An earlier turn's questions, which may have been answered, and its foot; the last one's offers no *Retry* now."""
        asked = [item for item in turn.items if item.outcome and asks_person(item.outcome)]
        if not asked and not is_last:
            return Markup()
        views = [presenter.item_view(item, turn, seen) for item in asked]
        foot = self._render("_foot", turn=presenter.turn_view(turn, context, seen))
        return Markup().join(
            [
                *(self._partial(f"#call-{view['id']}", self._render("_call", item=view)) for view in views),
                self._partial(f"#foot-{turn.id}", foot),
            ]
        )

    def _around(self, past: list[Turn]) -> Markup:
        """What stands around the turns: trail, chips, list of conversations, the cart in the header, ways to go on."""
        with self._database.read() as db:
            context = self._surroundings(db)
        return Markup().join(
            [
                self._partial("#trail", self._render("_trail", trail=presenter.trail_view(past))),
                self._partial("#may", self._render("_may", **context)),
                self._partial("#conversations", self._render("_conversations", **context)),
                self.ways_on(),
                self.cart_changed(),
            ]
        )

    def _surroundings(self, db: Session) -> dict[str, Any]:
        conversation = self._conversation
        scopes = delegation.scopes_here(db, self._person, conversation.id if conversation else None)
        return {
            "may": {"workflows": WORDS, "allowed": scopes, "paused": is_paused(db, self._person)}
            | delegation.bounds_of_organization(db, self._person),
            "conversations": presenter.conversations_view(
                threads.of_person(db, self._person), conversation.id if conversation else None, moment(db)
            ),
            "conversation": self._conversation_view(),
            "asked_for": _asked_for(db, conversation),
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

    def _seen(self) -> Seen:
        return Seen(
            receipt_of=self._receipt,
            at=self._database.clock(),
            undoable=cache(lambda: self._gateway.enquiries.undoable(self._person)),
            may_add=may_fill_cart(self._gateway, self._person),
        )

    def _receipt(self, receipt_id: str) -> Mapping[str, Any] | None:
        name, organization = self._names
        found = self._gateway.receipt_desk.view(self._person, receipt_id)
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


def _asked_for(db: Session, conversation: Conversation | None) -> set[str]:
    """The workflows that the latest turn asks its person for: allowing one above the conversation lets its calls be made."""
    latest = threads.latest_turn(db, conversation.id) if conversation else None
    open_items = [item for item in latest.items if not item.settled] if latest else []
    return {workflow for item in open_items if (workflow := asks_for(item.outcome or {}))}
