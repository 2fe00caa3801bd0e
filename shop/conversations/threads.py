"""Conversations: start one, find one, list one's own. Each by `authorize`, each in one transaction."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.authorization.conditions import Resource
from shop.authorization.permissions import Permission
from shop.authorization.policy import Policy
from shop.conversations.models import Conversation, Source, Turn
from shop.credentials.ledger import live
from shop.database import moment, new_id
from shop.principal import Principal

_TITLE_CHARACTERS = 60


def resource_of(conversation: Conversation | None, identifier: str) -> Resource:
    """A conversation as the policy sees it; owner and organization come from the stored row."""
    if conversation is None:
        return Resource(kind="conversation", id=identifier, exists=False)
    return Resource(
        kind="conversation",
        id=conversation.id,
        owner=conversation.subject,
        organization=conversation.organization,
    )


def start(db: Session, policy: Policy, principal: Principal, first_message: str) -> Conversation:
    """Open a conversation for a person. Raises `Denied` or `NotAlive`."""
    principal = live(db, principal)
    mine = Resource(kind="conversation", owner=principal.subject, organization=principal.organization)
    policy.authorize(principal=principal, action=Permission.CONVERSATIONS_USE, resource=mine)
    conversation = Conversation(
        id=new_id("cnv"),
        organization=principal.organization,
        subject=principal.subject,
        title=title_of(first_message),
        source=Source.SERVER_MINTED,
        started_at=moment(db),
        active_at=moment(db),
    )
    db.add(conversation)
    db.flush()
    record(
        db,
        EventName.CONVERSATION_STARTED,
        principal=replace(principal, conversation=conversation.id),
        resource=("conversation", conversation.id),
        facts={"source": conversation.source},
        personal={"title": conversation.title},
    )
    return conversation


def opened(db: Session, policy: Policy, principal: Principal, identifier: str) -> Conversation:
    """One's own conversation in the shop's chat. Raises `Denied` (not found) for anybody else's, exactly as for none, and
    for one that an external assistant holds: it can be read in the audit, and continued only there.
    """
    conversation = db.get(Conversation, identifier)
    if conversation and conversation.client_id:
        conversation = None
    decision = policy.authorize(
        principal=principal,
        action=Permission.CONVERSATIONS_USE,
        resource=resource_of(conversation, identifier),
    )
    if conversation is None:
        raise LookupError(f"{decision.rule} allowed a conversation that is not there")
    return conversation


def in_chat(db: Session, principal: Principal, limit: int = 50) -> list[Conversation]:
    """The principal's own conversations in the shop's chat, latest first."""
    return _of_person(db, principal, limit, Conversation.client_id.is_(None))


def of_person(db: Session, principal: Principal, limit: int = 50) -> list[Conversation]:
    """All of the principal's own conversations, those of external assistants too, latest first."""
    return _of_person(db, principal, limit)


def _of_person(db: Session, principal: Principal, limit: int, *which: ColumnElement[bool]) -> list[Conversation]:
    mine = (Conversation.organization == principal.organization, Conversation.subject == principal.subject, *which)
    return list(db.scalars(select(Conversation).where(*mine).order_by(Conversation.active_at.desc()).limit(limit)))


def of_organization(db: Session, organization: str, limit: int = 100) -> list[Conversation]:
    """An organization's conversations, latest first; the caller has asked the policy."""
    of = Conversation.organization == organization
    return list(db.scalars(select(Conversation).where(of).order_by(Conversation.active_at.desc()).limit(limit)))


def turns_of(db: Session, conversation_id: str) -> list[Turn]:
    """A conversation's turns in their order, with their items."""
    return list(db.scalars(select(Turn).where(Turn.conversation_id == conversation_id).order_by(Turn.number)))


def title_of(message: str) -> str:
    """A conversation's title: the beginning of its first message."""
    words = " ".join(message.split())
    short = words if len(words) <= _TITLE_CHARACTERS else words[: _TITLE_CHARACTERS - 1].rstrip() + "…"
    return short[:1].upper() + short[1:]
