"""A person with two browsers, an assistant at work in each, and a receipt waiting; and a colleague who has the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shop.approvals.receipts import Receipt, ReceiptState
from shop.conversations import turns
from shop.conversations.models import Trigger, Turn
from shop.credentials.ledger import Authority
from shop.principal import EVERY_SCOPE, Principal
from shop.tools.outcomes import AwaitingApproval, Outcome
from tests.support.people import Assistant, ShopUnderTest, Visitor

SKU = "long-context-hoodie-black-l"


@dataclass(frozen=True)
class AtWork:
    """An assistant with something in the cart, a receipt that waits for its person, and a turn that runs."""

    visitor: Visitor
    assistant: Assistant
    receipt: str
    turn: str

    @property
    def person(self) -> Principal:
        """The person themselves, in exactly this browser's session."""
        return replace(self.assistant.principal, actor=None, delegation=None, conversation=None, scopes=EVERY_SCOPE)


def at_work(visitor: Visitor) -> AtWork:
    """Put this person's assistant to work in a new conversation."""
    assistant = visitor.assistant("transact")
    assert assistant.call("add_to_cart", sku=SKU).kind == "succeeded"
    stopped = assistant.call("place_order")
    assert isinstance(stopped, AwaitingApproval)
    with visitor.shop.database.write() as db:
        turn = turns.begin(
            db,
            assistant.conversation,
            trigger=Trigger.MESSAGE,
            message="go on",
            delegation=str(assistant.principal.delegation),
            build={},
        )
    return AtWork(visitor, assistant, stopped.receipt_id, turn.id)


def assert_dead(one: AtWork, *, code: str, rule: str, because: str) -> None:
    """The browser is out, the assistant refused and that is recorded, the turn told to stop, the receipt void."""
    shop = one.visitor.shop
    assert one.visitor.get("/sessions").status_code == 302
    refused = one.assistant.call("view_cart")
    assert_refused(refused, code, rule)
    recorded = one.assistant.events()[-1]
    assert recorded.name == "tool_call.denied"
    assert recorded.content["decision"]["rule"] == rule
    assert recorded.content["decision"]["facts"]["because"] == because
    with shop.database.read() as db:
        assert db.get_one(Turn, one.turn).stop_requested == because
        assert db.get_one(Receipt, one.receipt).state is ReceiptState.VOIDED
        for identifier in (one.assistant.principal.session, one.assistant.principal.delegation):
            authority = db.get_one(Authority, identifier)
            assert (authority.ended_at is not None, authority.ended_because) == (True, because)
    ended = [event for event in one.assistant.events() if event.name == "delegation.ended"]
    assert [event.content["facts"]["because"] for event in ended] == [because]
    voided = [event for event in one.assistant.events() if event.name == "approval.voided"]
    assert [(event.content["resource"]["id"], event.content["facts"]["because"]) for event in voided] == [
        (one.receipt, because)
    ]


def assert_alive(one: AtWork) -> None:
    """The browser is in, the assistant works, the turn may go on, and the receipt still waits."""
    assert one.visitor.get("/sessions").status_code == 200
    assert one.assistant.call("view_cart").kind == "succeeded"
    with one.visitor.shop.database.read() as db:
        assert db.get_one(Turn, one.turn).stop_requested is None
        assert db.get_one(Receipt, one.receipt).state is ReceiptState.OPEN


def assert_refused(outcome: Outcome, code: str, rule: str) -> None:
    """The call was denied with this code, by this rule."""
    assert outcome.kind == "denied"
    assert outcome.for_model()["code"] == code
    assert outcome.decision is not None
    assert outcome.decision.rule == rule


def membership_of(shop: ShopUnderTest, visitor: Visitor) -> Authority:
    """The stored authority of somebody's membership."""
    membership = visitor.principal().membership
    with shop.database.read() as db:
        return db.get_one(Authority, membership)
