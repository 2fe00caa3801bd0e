"""How a conversation in an external assistant is recognised: hosts open a new session for nearly every call (design §8).

In this order: the host's own id; the session that we minted; else the calls of one grant, with no long pause between them.
Each is looked up below subject, organization and client, so an id that somebody asserts groups calls of their own and
nothing else. It never authorizes anything (invariant I11). A grant begins at most `MOST_NAMED` named conversations within an
hour; all its further calls are in one (`overflow`), so that it cannot hide other conversations behind new ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.conversations.models import Conversation, Source
from shop.credentials.agents import agent_of
from shop.credentials.ledger import NotAlive, live
from shop.database import moment, new_id
from shop.principal import Principal

IDLE = timedelta(minutes=30)
"""Calls of one grant that nobody names and that are further apart than this belong to different conversations."""
MOST_NAMED = 30
"""Conversations that one grant may begin within `NAMED_WITHIN` by naming them: more than people have, fewer than hide another."""
NAMED_WITHIN = timedelta(hours=1)
_TOUCH = timedelta(minutes=1)
_MOST_CHARACTERS = 200
HOST_IDS = ("openai/session", "vscode.conversationId")
"""The `_meta` keys under which hosts name their conversation, the first that is there counts."""


@dataclass(frozen=True, kw_only=True)
class HostConversation:
    """What an assistant's host calls a conversation, and where that name came from. It groups calls, and authorizes nothing (I11)."""

    source: Source
    identifier: str | None


def host_conversation(meta: Mapping[str, object], session: str | None) -> HostConversation:
    """The best name that a request gives its conversation: the host's, else our session's, else none."""
    for key in HOST_IDS:
        value = meta.get(key)
        if isinstance(value, str) and value:
            return HostConversation(source=Source.HOST_ASSERTED, identifier=_bounded(value))
    if session:
        return HostConversation(source=Source.SERVER_MINTED, identifier=session)
    return HostConversation(source=Source.INFERRED, identifier=None)


class _Found(NamedTuple):
    """A conversation that there is already: its id, and when it was last heard of."""

    id: str
    active_at: datetime

    def is_stale(self, now: datetime) -> bool:
        """Whether its last sign of life should be noted again."""
        return now - self.active_at > _TOUCH


_OF_CLIENT = (
    select(Conversation.id, Conversation.active_at)
    .where(
        Conversation.organization == bindparam("organization"),
        Conversation.subject == bindparam("subject"),
        Conversation.client_id == bindparam("client_id"),
        Conversation.source == bindparam("source"),
    )
    .order_by(Conversation.active_at.desc())
    .limit(1)
)
_NAMED = _OF_CLIENT.where(Conversation.external_id == bindparam("identifier"))
_BEGUN_LATELY = (
    select(Conversation.id)
    .where(
        Conversation.organization == bindparam("organization"),
        Conversation.subject == bindparam("subject"),
        Conversation.active_at > bindparam("since"),  # as is what began since: for the index of a person's latest
        Conversation.started_at > bindparam("since"),
        Conversation.credential == bindparam("credential"),
        Conversation.source.in_((Source.HOST_ASSERTED, Source.SERVER_MINTED)),
    )
    .limit(MOST_NAMED)
)
_RECENT = _OF_CLIENT.where(
    Conversation.credential == bindparam("credential"), Conversation.active_at > bindparam("since")
)
"""Built once, and run on the connection itself: this is on the way of every call."""


def _found(db: Session, assistant: Principal, named: HostConversation) -> _Found | None:
    """The conversation that an external assistant's call belongs to, if there is one already."""
    client_id, credential = _holder(assistant)
    holder = {
        "organization": assistant.organization,
        "subject": assistant.subject,
        "client_id": client_id,
        "source": named.source,
    }
    if named.identifier is None:
        rows = db.connection().execute(_RECENT, {**holder, "credential": credential, "since": moment(db) - IDLE})
    else:
        rows = db.connection().execute(_NAMED, {**holder, "identifier": named.identifier})
    first = rows.one_or_none()
    return _Found(*first) if first else None


def of_call(db: Session, assistant: Principal, named: HostConversation) -> str | None:
    """Find the conversation of a call, or begin it, in the transaction that records the call; returns its id.

    None for somebody who may not act any more and had none: that refusal is the organization's to note.
    """
    known = _found(db, assistant, named) or _overflow(db, assistant, named)
    if known and not known.is_stale(moment(db)):
        return known.id
    try:
        # The rows of the authorities before the conversation's: one order of locks. Two first calls at once queue here.
        assistant = live(db, assistant, changing=[] if known else [_holder(assistant)[1]])
    except NotAlive:
        return known.id if known else None
    if known := known or _found(db, assistant, named) or _overflow(db, assistant, named):
        db.execute(update(Conversation).where(Conversation.id == known.id).values(active_at=moment(db)))
        return known.id
    return _begin(db, assistant, _overflowing(assistant) if _names_too_many(db, assistant, named) else named)


def _overflow(db: Session, assistant: Principal, named: HostConversation) -> _Found | None:
    """The one conversation of a grant that named too many, if there is one and this call is in it."""
    found = _found(db, assistant, _overflowing(assistant)) if named.identifier else None
    return found if found and _names_too_many(db, assistant, named) else None


def _names_too_many(db: Session, assistant: Principal, named: HostConversation) -> bool:
    """Whether a grant has begun as many named conversations lately as it may."""
    if named.identifier is None:
        return False
    asked = {
        "organization": assistant.organization,
        "subject": assistant.subject,
        "credential": _holder(assistant)[1],
        "since": moment(db) - NAMED_WITHIN,
    }
    return len(db.connection().execute(_BEGUN_LATELY, asked).all()) >= MOST_NAMED


def _overflowing(assistant: Principal) -> HostConversation:
    """What names the overflow of a grant: the grant itself."""
    return HostConversation(source=Source.OVERFLOW, identifier=_holder(assistant)[1])


def _begin(db: Session, assistant: Principal, named: HostConversation) -> str:
    client_id, credential = _holder(assistant)
    client = agent_of(db, assistant.organization, client_id)
    conversation = Conversation(
        id=new_id("cnv"),
        organization=assistant.organization,
        subject=assistant.subject,
        title=f"In {client.name if client else client_id}{_BEYOND if named.source is Source.OVERFLOW else ''}"[:120],
        source=named.source,
        client_id=client_id,
        credential=credential,
        external_id=named.identifier,
        started_at=moment(db),
        active_at=moment(db),
    )
    db.add(conversation)
    db.flush()
    record(
        db,
        EventName.CONVERSATION_STARTED,
        principal=replace(assistant, conversation=conversation.id),
        resource=("conversation", conversation.id),
        facts={"source": conversation.source, "client": client_id} | _bound_of(named),
        personal={"external_id": named.identifier} if named.identifier and not _bound_of(named) else {},
    )
    return conversation.id


_BEYOND = ": all further conversations"


def _bound_of(named: HostConversation) -> dict[str, object]:
    """What the record of an overflow says: the bound that the grant's host went beyond."""
    if named.source is not Source.OVERFLOW:
        return {}
    return {"bound": MOST_NAMED, "within_seconds": int(NAMED_WITHIN.total_seconds())}


def _holder(assistant: Principal) -> tuple[str, str]:
    if assistant.actor is None:
        raise ValueError("a person's own clicks are no conversation of an external assistant")
    return assistant.actor.client_id, assistant.grant or assistant.membership


def _bounded(identifier: str) -> str:
    """An id as it is kept: of bearable length, and text that every database takes."""
    is_plain = len(identifier) <= _MOST_CHARACTERS and identifier.isprintable() and identifier.isascii()
    return identifier if is_plain else f"sha256:{hashlib.sha256(identifier.encode(errors='replace')).hexdigest()}"
