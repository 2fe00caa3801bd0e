"""What ends with a conversation, and with a message that its person says anew."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.approvals.receipts import void_open_of_conversation, void_open_of_turns
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.authorization.policy import Policy
from shop.conversations import threads, turns
from shop.conversations.models import Turn, TurnState
from shop.credentials.delegations import Delegation
from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import end, live
from shop.principal import Principal
from shop.revocation.ending import record_in_conversations

_DELETED = EndReason.CONVERSATION_DELETED


def delete_conversation(db: Session, policy: Policy, person: Principal, conversation_id: str) -> None:
    """Delete one's own conversation: its words, its assistants' authority, what runs in it and what waits in it.

    Its words are gone from its person's view and from whatever goes to a model; the audit stays as it is, and says so.
    Raises `AccessDenied`, `NotAlive`.
    """
    # Delegations of several of the person's sessions may end: the membership is the topmost thing that they have in common.
    person = replace(live(db, person, changing=[person.membership]), conversation=conversation_id)
    conversation = threads.opened(db, policy, person, conversation_id)
    turns.hold(db, conversation)
    of_it = select(Delegation.id).where(Delegation.conversation_id == conversation_id)
    ended = end(db, db.scalars(of_it).all(), _DELETED)
    delegations = [identifier for _, identifier in ended]
    stopped = turns.end_running(db, conversation_id, _DELETED)
    note = "The conversation that it belongs to was deleted."
    voided = void_open_of_conversation(db, conversation_id, _DELETED, note, by=person)
    for turn in stopped:
        record(
            db,
            EventName.TURN_STOPPED,
            principal=person,
            turn=turn.id,
            outcome=TurnState.STOPPED,
            facts={"build": turn.build, "because": _DELETED},
            personal={"reply": "\n\n".join(item.text for item in turn.items if item.text)},
        )
    cause = record(
        db,
        EventName.CONVERSATION_DELETED,
        principal=person,
        resource=("conversation", conversation_id),
        facts={"delegations": delegations, "turns": [turn.id for turn in stopped], "receipts": voided},
    )
    facts = {"because": _DELETED, "cause": cause, "session_event": str(EventName.CONVERSATION_DELETED)}
    record_in_conversations(db, person, delegations, facts)
    threads.erase(db, conversation)


def lapse_receipts_of(db: Session, person: Principal, earlier: list[Turn]) -> list[str]:
    """Void what the turns of a message still wait for, because their person says it anew. Returns the receipts' ids.

    To be done before the new turn begins: receipts are locked before the head of the audit's chain, as everywhere.
    """
    ids = [turn.id for turn in earlier]
    return void_open_of_turns(db, ids, "message_edited", "You changed the message that it belongs to.", by=person)
