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

from shop.access import SignedInPerson
from shop.assistant.turn.loop import asks_person
from shop.assistant.turn.opening import Begun
from shop.assistant.web import presenter
from shop.assistant.web.cards import CardContext
from shop.assistant.web.partials import partial, replacement
from shop.assistant.web.suggestions import May, follow_ups, may_fill_cart, starters
from shop.assistant.web.surroundings import Surroundings
from shop.conversations import history, turns
from shop.conversations.history import TURNS_ON_A_PAGE, Part
from shop.conversations.models import Conversation, Item, Turn, TurnState
from shop.database import Database, moment
from shop.principal import Principal
from shop.tools.gateway import Gateway
from shop.untrusted import one_line

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
        self.surroundings = Surroundings(database, gateway, person, conversation)

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
        return self.surroundings.render("_earlier_turns", **self._thread(shown), running_turn=None)

    def docked(self, *, person: SignedInPerson | None, page_path: str | None, limit: int) -> Markup:
        """The dock's chat: the latest turns, and the page that the next message would be about."""
        return self.surroundings.render(
            "_docked", **self._chat(DOCKED_TURNS), person=person, page_path=page_path, limit=limit
        )

    def _chat(self, limit: int, *, before: int | None = None, around: str | None = None) -> dict[str, Any]:
        """What the chat shows, as a page and as a dock: some turns, and what stands around the conversation."""
        may = May.of(self._gateway, self._person)
        shown = self._part(limit, before=before, around=around)
        with self._database.read() as db:
            past = self.surroundings.latest(db)
            context = self.surroundings.context(db)
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

    def _thread(self, shown: Part | None) -> dict[str, Any]:
        """A part of the conversation, and what leads to the other parts."""
        if shown is None:
            return {"thread": [], "earlier": None, "is_latest": True}
        with self._database.read() as db:
            stale = {turn.id for turn in shown.turns if turns.is_stale(db, turn)}
        return {
            "thread": presenter.thread_view(shown.turns, shown.context, self._card_context(), stale),
            "earlier": shown.earlier,
            "is_latest": shown.is_latest,
        }

    def turn(self, turn_id: str, *, polled: bool = False) -> Markup:
        """One turn; `polled` when a reload found it running and the page asks for it every second.

        A polled turn that has ended brings along what else its end changes: no stream is there to do it.
        """
        with self._database.read() as db:
            turn = db.get_one(Turn, turn_id)
            context, past = history.context_of(db, turn), self.surroundings.latest(db)
            stale = turns.is_stale(db, turn)
        view = presenter.turn_view(turn, context, self._card_context(), is_stale=stale)
        html = self.surroundings.render("_turn", turn=view, running_turn=turn_id if polled else None)
        return html + self.surroundings.everything(past) if polled and view["state"] is not TurnState.RUNNING else html

    def item(self, turn_id: str, item_id: str) -> Markup:
        """One call of a turn; nothing when the conversation was deleted meanwhile."""
        with self._database.read() as db:
            turn = db.get_one(Turn, turn_id)
        found = (item for item in turn.items if item.id == item_id)
        views = [presenter.item_view(item, turn, self._card_context()) for item in found]
        return Markup().join(self.surroundings.render("_call", item=view) for view in views)

    def item_changed(self, turn_id: str, item_id: str) -> Markup:
        """One call of a turn, in the place where it stands."""
        return replacement(f"#call-{item_id}", self.item(turn_id, item_id))

    def changed_call(self, item_id: str) -> Markup:
        """A call whose question was answered without going on, with its turn's foot, and what was answered with it."""
        with self._database.read() as db:
            turn = db.get_one(Turn, db.get_one(Item, item_id).turn_id)
            context = history.context_of(db, turn)
        view = presenter.turn_view(turn, context, self._card_context())
        return Markup().join(
            [
                *(
                    self.item_changed(turn.id, item.id)
                    for item in turn.items
                    if item.outcome and asks_person(item.outcome)
                ),
                replacement(f"#foot-{turn.id}", self.surroundings.render("_foot", turn=view)),
                self.surroundings.trail(),
            ]
        )

    def answered(self) -> Markup:
        """What still asked for a workflow that its person has just allowed above the conversation, as it looks now."""
        with self._database.read() as db:
            past = self.surroundings.latest(db)
        card_context, shown = self._card_context(), [turn for turn in past if turn.replaced_by is None]
        return Markup().join(self._as_it_is_now(turn, past, card_context, is_last=False) for turn in shown)

    def begun(self, begun: Begun, *, is_new: bool) -> Markup:
        """What the beginning of a turn changes: the one before it, those that it settles or takes the place of, and itself."""
        turn, replaced, before, asked = begun.turn, list[Turn](), list[Turn](), list[Turn | None]()
        if not is_new:  # a new conversation holds nothing before its first turn
            with self._database.read() as db:
                turn = db.get_one(Turn, turn.id)
                replaced = history.replaced_by(db, [turn])
                before = [one for one in history.latest(db, turn.conversation_id) if one.number < turn.number]
                asked = [db.get(Turn, item.turn_id) for item in begun.answered]  # they may stand far above
        context, card_context = [*replaced, turn], self._card_context()
        changed = {one.id: one for one in (*asked, *before) if one and one.replaced_by is None}
        return Markup().join(
            [
                *([replacement("#menu", self.surroundings.render("_menu"))] if is_new else []),
                replacement("#next", self.surroundings.render("_next", follow_ups=[])),
                self._folded(replaced, context, card_context),
                *(
                    self._as_it_is_now(one, context, card_context, is_last=one is before[-1])
                    for one in changed.values()
                ),
                partial(
                    "#log",
                    "beforeend",
                    self.surroundings.render("_turn", turn=presenter.turn_view(turn, context, card_context)),
                ),
            ]
        )

    def after_turn(self, turn_id: str) -> Markup:
        """All that a turn's end changes: its foot, and what stands around the conversation."""
        with self._database.read() as db:
            turn = db.get_one(Turn, turn_id)
            context, past = history.context_of(db, turn), self.surroundings.latest(db)
        view = presenter.turn_view(turn, context, self._card_context())
        return replacement(
            f"#foot-{turn_id}", self.surroundings.render("_foot", turn=view)
        ) + self.surroundings.everything(past)

    def conversations(self, found: Iterable[Conversation]) -> Markup:
        """The list of conversations that a search found."""
        with self._database.read() as db:
            views = presenter.conversations_view(list(found), None, moment(db))
        return self.surroundings.render("_conversations", conversations=views, searched=True)

    def added(self, card: str, call: str | None, words: str) -> Markup:
        """What a person's own click on a card came to, below that card."""
        return replacement(f"#added-{card}", self.surroundings.render("_added", card=card, call=call, words=words))

    def _folded(self, replaced: list[Turn], context: list[Turn], card_context: CardContext) -> Markup:
        """Turns whose message was said anew: the first becomes the fold that holds them all, the others go."""
        if not replaced:
            return Markup()
        group = {"folded": True, "turns": [presenter.turn_view(turn, context, card_context) for turn in replaced]}
        first, *others = replaced
        fold = replacement(f"#turn-{first.id}", self.surroundings.render("_edited", group=group))
        return fold + Markup().join(partial(f"#turn-{turn.id}", "delete", "") for turn in others)

    def _as_it_is_now(self, turn: Turn, context: list[Turn], card_context: CardContext, *, is_last: bool) -> Markup:
        """An earlier turn's questions, which may have been answered, and its foot; the last one's offers no *Retry* now."""
        asked = [item for item in turn.items if item.outcome and asks_person(item.outcome)]
        if not asked and not is_last:
            return Markup()
        views = [presenter.item_view(item, turn, card_context) for item in asked]
        foot = self.surroundings.render("_foot", turn=presenter.turn_view(turn, context, card_context))
        return Markup().join(
            [
                *(replacement(f"#call-{view['id']}", self.surroundings.render("_call", item=view)) for view in views),
                replacement(f"#foot-{turn.id}", foot),
            ]
        )

    def _card_context(self) -> CardContext:
        return CardContext(
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

    def _opened(self) -> Conversation:
        if self._conversation is None:
            raise LookupError("no conversation was opened")
        return self._conversation
