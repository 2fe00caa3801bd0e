"""The one recorder of what is refused (invariant I5): each refusal is an event, or counted, in whatever part of the shop.

    known party      who proved who they are: a principal (a session, a grant, a token of ours, alive or not), a client that
                     the operator registered and that authenticated itself, a subject that an identity provider vouches for.
                     The first `FIRST` refusals of a kind in a minute are events of their own, further ones are counted.
    stranger         everybody else, also a client that only names itself: counted from the first one on.

What is counted becomes one event when its minute is over (`denial_windows.py`). A refusal is recorded in the asker's own trail; it
says nothing of whose the handle is (I10), and never holds the handle's secret (I14): of a token or a sealed value, its kind alone.

`record_denial` has a transaction of its own, for what was rolled back or never began one. `note_denial` is for a caller whose
transaction commits with the refusal; it comes last there, since a window's row is locked before a chain's head.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Required, TypedDict, Unpack
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

from shop.audit.denial_windows import FIRST, Counted, add, close_windows, counted
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.database import Database
from shop.principal import Principal

_CLOSED_BY_THE_WAY = 4
"""Windows that a refusal closes when it begins a new one: more than one, so that they never grow in number."""


class Handle(StrEnum):
    """What somebody may come with that is not theirs, not there, or not good any more."""

    ACCESS_TOKEN = "access_token"  # noqa: S105 - the word, not a secret
    ANSWER = "answer"
    """A turn, a call or a question of a conversation."""
    CART_CHANGE = "cart_change"
    CLIENT_CREDENTIAL = "client_credential"
    CONSENT_QUESTION = "consent_question"
    FORM_TOKEN = "form_token"  # noqa: S105 - the word, not a secret
    """What proves that a form was on a page of ours (CSRF)."""
    GRANT = "grant"
    MCP_SESSION = "mcp_session"
    REQUEST_STATE = "request_state"
    SESSION = "session"


class Details(TypedDict, total=False):
    """What an event says besides: as `writer.record` takes it."""

    conversation: str | None
    turn: str | None
    tool_call: str | None
    action: str | None
    resource: tuple[str, str] | None
    decision: Mapping[str, Any] | None
    outcome: str | None
    facts: Mapping[str, Any] | None
    personal: Mapping[str, Any] | None


class Refusal(Details, total=False):
    """A whole refusal, as `note_denial` and `record_denial` both take it."""

    kind: Required[str]
    principal: Principal | None
    organization: str | None
    party: str


def note_denial(
    db: Session,
    name: EventName,
    kind: str,
    *,
    principal: Principal | None = None,
    organization: str | None = None,
    party: str = "",
    counts_as: EventName | None = None,
    is_hidden: bool = False,
    **details: Unpack[Details],
) -> bool:
    """Count a refusal in the caller's transaction, and write its event if it has one. Returns whether it began a window.

    `kind` tells refusals of one name apart, in words of ours: never what somebody sent. `party` names who is known without a
    principal. `counts_as` is another name that it is counted under. `is_hidden`: it was answered as "not there", for what is there
    and somebody else's; only an auditor is told how many of those there were.
    """
    what = counted(counts_as or name, kind, principal=principal, organization=organization, party=party)
    conversation = details.get("conversation") or (principal.conversation if principal else None)
    number = add(db, what, hidden=int(is_hidden), conversation=conversation)
    if not what.is_stranger and number <= FIRST:
        record(db, name, principal=principal, organization=organization, **details)
    return number == 1


def record_denial(
    database: Database,
    name: EventName,
    kind: str,
    *,
    principal: Principal | None = None,
    organization: str | None = None,
    party: str = "",
    **details: Unpack[Details],
) -> None:
    """Record a refusal in a transaction of its own, as `note_denial` does. Not inside a transaction."""
    what = counted(name, kind, principal=principal, organization=organization, party=party)
    if what.is_stranger:
        is_new = _strangers_of(database).count(database, what)
    else:
        with database.write() as db:
            is_new = note_denial(db, name, kind, principal=principal, organization=organization, party=party, **details)
    after_denial(database, is_new)


def record_refused_handle(
    database: Database, handle: Handle, *, where: str, why: str = "", principal: Principal | None = None
) -> None:
    """Record that a handle was refused, in a transaction of its own. `where` is a page or a method, `why` a word of ours."""
    name, kind, details = _refused_handle(handle, where, why)
    record_denial(database, name, kind, principal=principal, **details)


def note_refused_handle(
    db: Session, handle: Handle, *, where: str, why: str = "", principal: Principal | None = None
) -> None:
    """Record that a handle was refused, in the caller's transaction."""
    name, kind, details = _refused_handle(handle, where, why)
    note_denial(db, name, kind, principal=principal, **details)


def after_denial(database: Database, began_window: bool) -> None:
    """Close what is over: after the transaction of a refusal that began a window."""
    if began_window:
        close_windows(database, most=_CLOSED_BY_THE_WAY)


def _refused_handle(handle: Handle, where: str, why: str) -> tuple[EventName, str, Details]:
    facts = {"page": where[:200], "handle": handle, "why": why}
    return EventName.ACCESS_DENIED, f"{handle} {why}".rstrip(), {"outcome": "denied", "facts": facts}


class _Strangers:
    """Batches the refusals of strangers in one process, so that they need one transaction at a time, however many there are.

    A refusal that comes while a batch is written joins the next batch. Its thread waits until that batch is committed.
    """

    def __init__(self) -> None:
        self._guard, self._writing = threading.Lock(), threading.Lock()
        self._next = _Batch()

    def count(self, database: Database, what: Counted) -> bool:
        """Count one. Returns whether it is the one that began a window."""
        with self._guard:
            batch = self._next
            batch.waiting[what] += 1
        with self._writing:
            if batch.is_written:
                return False
            with self._guard:
                if self._next is batch:
                    self._next = _Batch()  # closed: nobody joins any more
            with database.write() as db:
                # In one order, so that two processes cannot wait for each other.
                numbers = [
                    add(db, one, times=times) == times
                    for one, times in sorted(
                        batch.waiting.items(), key=lambda item: (item[0].organization, item[0].name, item[0].kind)
                    )
                ]
            batch.is_written = True
        return any(numbers)


class _Batch:
    """What is written in one transaction."""

    def __init__(self) -> None:
        self.waiting: Counter[Counted] = Counter()
        self.is_written = False


_OF_DATABASES: WeakKeyDictionary[Database, _Strangers] = WeakKeyDictionary()
_MAKING = threading.Lock()


def _strangers_of(database: Database) -> _Strangers:
    with _MAKING:
        return _OF_DATABASES.setdefault(database, _Strangers())
