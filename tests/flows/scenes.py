"""What the scenes of the story share: what happened since the last look, what is stored, and the way to a scene in short."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import func, select

from shop.audit.queries import RecordedEvent
from shop.store.models import Cart, CartLine, Order
from tests.support.people import Visitor


class Happening:
    """What the audit of a conversation shows since the last look."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor, self._seen = visitor, 0

    def since(self) -> list[RecordedEvent]:
        """The new events, in order."""
        events = self._visitor.shop.chain(str(self._visitor.conversation))
        new, self._seen = events[self._seen :], len(events)
        return new

    def names(self) -> list[str]:
        """The names of the new events, in order."""
        return [str(event.name) for event in self.since()]


def orders_of(visitor: Visitor) -> list[Order]:
    """The person's own orders, the latest last."""
    subject = visitor.principal().subject
    with visitor.shop.database.read() as db:
        return list(db.scalars(select(Order).where(Order.owner == subject).order_by(Order.placed_at)))


def in_cart(visitor: Visitor) -> int:
    """How many things are in the person's cart."""
    subject = visitor.principal().subject
    with visitor.shop.database.read() as db:
        return db.scalar(select(func.sum(CartLine.quantity)).join(Cart).where(Cart.owner == subject)) or 0


def outcome_of(visitor: Visitor, tool: str) -> dict[str, Any]:
    """The stored outcome of the latest call of a tool."""
    outcome = visitor.latest_call(tool).outcome
    assert outcome
    return outcome


def allowed_to_buy(visitor: Visitor) -> None:
    """Scene 3 in short: something is in the cart, and the assistant may buy in this conversation."""
    visitor.say("black hoodies under 60, in L")
    visitor.say("add the second one")
    visitor.allow(visitor.latest_call("add_to_cart").id)


def ordered(visitor: Visitor) -> str:
    """Scene 4 in short: an order is placed. Returns its number."""
    visitor.say("check out")
    visitor.confirm(outcome_of(visitor, "place_order")["receipt"])
    return str(outcome_of(visitor, "place_order")["told"]["result"]["number"])


def without_ids(html: str) -> str:
    """A page without what differs by nature: ids, tokens, the page's own times."""
    html = re.sub(r'name="csrf_token" value="[^"]+"', "", html)
    return re.sub(r"\b[a-z]{3}_[0-9a-z]{26}\b", "ID", html)


def numbers_of_own_audit(visitor: Visitor) -> list[int]:
    """Every number that one's own list of audits shows."""
    rows = visitor.get("/audit/").text.partition("<main")[2].partition("</main>")[0]
    return [sum(int(number) for number in re.findall(rf"(\d+) {what}", rows)) for what in ("call", "refused")]
