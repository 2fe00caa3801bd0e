"""What ending means: the rows, all that hangs below them, what runs and what waits, and the record of it, everywhere it shows.

`cascade.py` and `conversations.py` say who may end what, and why.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.approvals.receipts import void_open_below
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.conversations.turns import stop_below
from shop.credentials.delegations import Delegation
from shop.credentials.end_reasons import EndReason
from shop.credentials.grants import Grant
from shop.credentials.ledger import Kind, below, end
from shop.principal import Principal


def end_grants(db: Session, by: Principal | None, grants: list[str], because: EndReason) -> None:
    """End grants and all below: their tokens, and the receipts that wait under them. Each is recorded with what ended."""
    for grant in db.scalars(select(Grant).where(Grant.id.in_(grants)).order_by(Grant.id)):
        ended = end(db, [grant.id], because)
        if not ended:
            continue
        voided = void_open_below(db, [grant.id], because, "What its assistant was allowed has ended.")
        record(
            db,
            EventName.GRANT_REVOKED,
            principal=_author(by),
            organization=grant.organization_id,
            resource=("grant", grant.id),
            facts={
                "because": because,
                "client": grant.client_id,
                "person": grant.person_id,
                "tokens": [identifier for kind, identifier in ended if kind is Kind.TOKEN],
                "receipts": voided,
            },
        )


def end_sessions(
    db: Session,
    by: Principal | None,
    sessions: list[str],
    because: EndReason,
    name: EventName,
    *,
    organization: str | None = None,
) -> None:
    """End sessions and all below, stop what runs, void what waits, and record what ended, everywhere it shows.

    What the operator's configuration ends is nobody's doing (`by` is None), and the `organization` is named.
    """
    ended = end(db, sessions, because)
    delegations = [identifier for kind, identifier in ended if kind is Kind.DELEGATION]
    turns, voided = _stop(db, delegations, because)
    cause = record(
        db,
        name,
        principal=_author(by),
        organization=organization,
        resource=("session", sessions[0]) if sessions else None,
        facts={
            "because": because,
            "sessions": [identifier for kind, identifier in ended if kind is Kind.SESSION],
            "delegations": delegations,
            "turns": turns,
            "receipts": voided,
        },
    )
    facts = {"because": because, "cause": cause, "session_event": str(name)}
    record_in_conversations(db, by, delegations, facts, organization=organization)


def end_delegations(db: Session, by: Principal, delegations: list[str], because: EndReason, cause: str) -> None:
    """End what the shop's own assistant may do in some conversations; `cause` is the event that says why."""
    ended = [identifier for _, identifier in end(db, delegations, because)]
    _stop(db, ended, because)
    record_in_conversations(db, by, ended, {"because": because, "cause": cause})


def end_own_tokens(db: Session, agent_id: str, because: EndReason) -> list[str]:
    """End the tokens with which a client acts for nobody. Returns their ids, for the record of what ended them."""
    return [token for _, token in end(db, below(db, agent_id, Kind.TOKEN), because)]


def _stop(db: Session, delegations: list[str], because: EndReason) -> tuple[list[str], list[str]]:
    """Stop the turns that run below delegations that ended, and void the receipts that wait there. Returns the ids of both."""
    stopped = stop_below(db, delegations, because) if because.ends_turn else []
    return stopped, void_open_below(db, delegations, because)


def record_in_conversations(
    db: Session, by: Principal | None, delegations: list[str], facts: dict[str, str], *, organization: str | None = None
) -> None:
    """Write in each conversation's own chain that its assistant's authority ended, why, and by which event."""
    rows = db.execute(
        select(Delegation.id, Delegation.conversation_id)
        .where(Delegation.id.in_(delegations))
        .order_by(Delegation.conversation_id, Delegation.id)
    )
    for delegation, conversation in rows:
        record(
            db,
            EventName.DELEGATION_ENDED,
            principal=_author(by, conversation),
            organization=organization,
            conversation=conversation,
            resource=("delegation", delegation),
            facts=facts,
        )


def _author(by: Principal | None, conversation: str | None = None) -> Principal | None:
    """Who is recorded: not in the conversation that they may have acted in, but in the one that it is about."""
    return replace(by, conversation=conversation) if by else None
