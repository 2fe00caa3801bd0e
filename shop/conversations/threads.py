"""Conversations: start one, find one, list, search, rename and erase one's own, each in the caller's transaction."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.authorization.conditions import Resource
from shop.authorization.permissions import Permission
from shop.authorization.policy import Policy
from shop.conversations.models import Conversation, Item, Source, Turn
from shop.credentials.ledger import live
from shop.database import moment, new_id
from shop.principal import Principal
from shop.untrusted import one_line

MOST_LISTED = 100
"""How many conversations a list shows; a search finds the ones before."""

TITLE_CHARACTERS = 60

ERASED_TITLE = "Deleted conversation"

_MOST_WORDS = 6
"""Of a search: more would cost more, and find no more."""


class BadTitle(Exception):
    """A conversation cannot be called that; the message is for the person."""


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
    """Open a conversation for a person. Raises `AccessDenied` or `NotAlive`."""
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
    """One's own conversation in the shop's chat. Raises `AccessDenied` (not found) for anybody else's, exactly as for none, for a
    deleted one, and for one in an external assistant: that can be read in the audit, and goes on only there.
    """
    found = db.get(Conversation, identifier)
    conversation = found if found and found.deleted_at is None and found.client_id is None else None
    decision = policy.authorize(
        principal=principal,
        action=Permission.CONVERSATIONS_USE,
        resource=resource_of(conversation, identifier),
    )
    if conversation is None:
        raise LookupError(f"{decision.rule} allowed a conversation that is not there")
    return conversation


_IN_CHAT = (Conversation.deleted_at.is_(None), Conversation.client_id.is_(None))
"""What the shop's own chat shows: not what was deleted there, nor what goes on in an external assistant."""


def of_person(db: Session, principal: Principal, *, limit: int = MOST_LISTED) -> list[Conversation]:
    """The principal's own conversations in the shop's chat, latest first."""
    return _listed(db, [*_own(principal), *_IN_CHAT], limit)


def search(db: Session, principal: Principal, text: str, limit: int = MOST_LISTED) -> list[Conversation]:
    """The principal's own conversations in whose title, messages or answers every word of `text` stands, latest first."""
    words = [_holds(word) for word in text.split()[:_MOST_WORDS]]
    return _listed(db, [*_own(principal), *_IN_CHAT, *words], limit)


def latest_turn(db: Session, conversation_id: str) -> Turn | None:
    """A conversation's last turn, whatever its state."""
    return db.scalars(
        select(Turn).where(Turn.conversation_id == conversation_id).order_by(Turn.number.desc()).limit(1)
    ).one_or_none()


def rename(db: Session, policy: Policy, principal: Principal, identifier: str, title: str) -> Conversation:
    """Give one's own conversation another title. Raises `AccessDenied`, `NotAlive`, `BadTitle`."""
    principal = live(db, principal)
    conversation = opened(db, policy, principal, identifier)
    words = one_line(title)
    if not 1 <= len(words) <= TITLE_CHARACTERS:
        raise BadTitle(f"A title has between 1 and {TITLE_CHARACTERS} characters; this one has {len(words)}.")
    if words != conversation.title:
        conversation.title = words
        record(
            db,
            EventName.CONVERSATION_RENAMED,
            principal=replace(principal, conversation=conversation.id),
            resource=("conversation", conversation.id),
            personal={"title": words},
        )
    return conversation


def erase(db: Session, conversation: Conversation) -> None:
    """Take every word out of a conversation. What stays are its row and its turns' rows, on which the audit hangs."""
    of_it = Turn.conversation_id == conversation.id
    db.execute(delete(Item).where(Item.turn_id.in_(select(Turn.id).where(of_it))))
    db.execute(update(Turn).where(of_it).values(message=None, page_path=None, page_words=None, error_text=None))
    conversation.title, conversation.deleted_at = ERASED_TITLE, moment(db)


def title_of(message: str) -> str:
    """A conversation's title: the beginning of its first message."""
    short = one_line(message, TITLE_CHARACTERS)
    return short[:1].upper() + short[1:]


def _own(principal: Principal) -> list[ColumnElement[bool]]:
    return [Conversation.organization == principal.organization, Conversation.subject == principal.subject]


def _listed(db: Session, where: list[ColumnElement[bool]], limit: int) -> list[Conversation]:
    return list(db.scalars(select(Conversation).where(*where).order_by(Conversation.active_at.desc()).limit(limit)))


def _holds(word: str) -> ColumnElement[bool]:
    """Whether a word stands anywhere in a conversation, whatever its case; `%` and `_` are themselves."""
    of_it = Turn.conversation_id == Conversation.id
    said = select(Turn.id).where(of_it, Turn.message.icontains(word, autoescape=True)).exists()
    answered = (
        select(Item.id).join(Turn, Turn.id == Item.turn_id).where(of_it, Item.text.icontains(word, autoescape=True))
    ).exists()
    return or_(Conversation.title.icontains(word, autoescape=True), said, answered)
