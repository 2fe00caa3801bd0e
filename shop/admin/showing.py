"""What the pages of the audit share: how much they show, what they count, whom they name, and that a view is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.access import principal
from shop.agents.entries import names_of_agents
from shop.audit.events import EventName
from shop.audit.queries import MOST_COUNTED, RecordedEvent
from shop.audit.writer import record
from shop.authorization.decisions import Decision
from shop.authorization.permissions import Permission
from shop.conversations.models import Conversation
from shop.identity.models import Membership, Person

EVENTS_ON_A_PAGE = 100
COUNTED = {
    "calls": (
        EventName.TOOL_CALL_AWAITING_APPROVAL,
        EventName.TOOL_CALL_DENIED,
        EventName.TOOL_CALL_FAILED,
        EventName.TOOL_CALL_SUCCEEDED,
    ),
    "refused": (EventName.TOOL_CALL_DENIED, EventName.APPROVAL_REFUSED),
    "approved": (EventName.APPROVAL_APPROVED,),
    "ordered": (EventName.ORDER_PLACED,),
}
"""What is counted of a conversation, and by which events."""
_MOST_DIGITS = 15
"""Of a sequence in an address: far beyond any trail, and still a number to every database."""


def record_view(db: Session, decision: Decision, resource: tuple[str, str]) -> None:
    record(
        db,
        EventName.AUDIT_VIEWED,
        principal=replace(principal(), conversation=None),
        action=Permission.AUDIT_READ,
        resource=resource,
        decision=decision.for_auditor(),
        outcome="succeeded",
    )


def sequence_of(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None


def many(number: int) -> str:
    """A number as far as it was counted."""
    return f"{number}+" if number >= MOST_COUNTED else str(number)


def named_in(events: list[RecordedEvent]) -> set[str | None]:
    """Who acted, and what was acted on."""
    return {event.content["subject"] for event in events} | {
        (event.content["resource"] or {}).get("id") for event in events
    }


def names_of(db: Session, identifiers: set[str | None]) -> dict[str, str]:
    """The names of people, also by their memberships, and of agents that act for nobody."""
    known = [identifier for identifier in identifiers if identifier]
    people = select(Person.id, Person.name).where(Person.id.in_(known))
    members = select(Membership.id, Person.name).join(Person, Person.id == Membership.person_id)
    rows = db.execute(people.union_all(members.where(Membership.id.in_(known))))
    names = {identifier: name for identifier, name in rows}
    return names | names_of_agents(db, [identifier for identifier in known if identifier not in names])


def assistant_of(conversation: Conversation, clients: Mapping[str, str]) -> str:
    """Who acts in a conversation: the shop's own assistant, or an external one by the name it gave itself."""
    client = conversation.client_id
    return clients.get(client, client) if client else "Assistant"
