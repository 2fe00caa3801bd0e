"""The filters of the audit's lists, read from an address that can be kept as a bookmark: person, assistant, outcome, days.

Each is looked up among what the reader may read anyway: somebody of another organization is as unknown as nobody (invariant
I10). What cannot be understood is said beside its field, and nothing is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from shop.admin.timeline import OUTCOMES
from shop.agents.entries import names_of_clients
from shop.audit.events import EventName
from shop.conversations.models import Conversation
from shop.identity.models import Membership, Person
from shop.principal import IN_APP_ASSISTANT, Principal

FIELDS = ("person", "assistant", "outcome", "since", "until")
_MOST_CHARACTERS = 300
_MOST_PEOPLE = 20
"""Whom a part of a name may stand for; more are not told apart by it."""
_MOST_ASSISTANTS = 200
"""In the list to choose from."""
WORDS = {"denied": "Refused", "needs_approval": "Needed approval", "succeeded": "Allowed and done", "failed": "Failed"}
"""The outcomes, as the list to choose from has them."""


@dataclass
class Filters:
    """What was asked for, as it was typed and as it was understood."""

    typed: dict[str, str]
    assistants: dict[str, str]
    """What the reader can choose from: names by `client_id`."""
    errors: dict[str, str] = field(default_factory=dict)
    subjects: list[str] | None = None
    client: str | None = None
    names: frozenset[EventName] | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_active(self) -> bool:
        """Whether anything in particular is asked for."""
        return any(self.typed.values())

    def href(self, path: str, **more: object) -> str:
        """An address with these filters."""
        query = {name: value for name, value in self.typed.items() if value} | more
        return f"{path}?{urlencode(query)}" if query else path

    def view(self, *, asks_person: bool) -> dict[str, Any]:
        """What `_filters.html` shows."""
        return {
            "typed": self.typed,
            "errors": self.errors,
            "assistants": sorted(self.assistants.items(), key=lambda one: one[1].casefold())[:_MOST_ASSISTANTS],
            "outcomes": list(WORDS.items()),
            "is_active": self.is_active,
            "asks_person": asks_person,
        }


def read_filters(db: Session, me: Principal, asked: Mapping[str, str], *, is_auditor: bool) -> Filters:
    """Understand the filters of an address. An auditor's look among their organization, anybody else's among their own."""
    typed = {name: asked.get(name, "").strip()[:_MOST_CHARACTERS].replace("\x00", "") for name in FIELDS}
    filters = Filters(typed=typed, assistants=_assistants(db, me, is_auditor=is_auditor))
    _read_person(db, me, filters, is_auditor=is_auditor)
    if chosen := typed["assistant"]:
        filters.client = chosen
        if chosen not in filters.assistants:
            filters.errors["assistant"] = "No assistant of that name is known here."
    if outcome := typed["outcome"]:
        filters.names = OUTCOMES.get(outcome)
        if filters.names is None:
            filters.errors["outcome"] = f"Choose one of: {', '.join(WORDS.values()).lower()}."
    _read_days(filters)
    return filters


def _read_person(db: Session, me: Principal, filters: Filters, *, is_auditor: bool) -> None:
    """Whose: by e-mail, by a part of the name, or by the id that the audit shows."""
    wanted = filters.typed["person"]
    if not is_auditor:
        filters.subjects = [me.subject]
    if not wanted:
        return
    known: ColumnElement[bool] = or_(
        func.lower(Person.email) == wanted.lower(), Person.id == wanted, Person.name.icontains(wanted, autoescape=True)
    )
    query = select(Person.id).join(Membership, Membership.person_id == Person.id)
    query = query.where(Membership.organization_id == me.organization, known)
    if not is_auditor:
        query = query.where(Person.id == me.subject)
    found = list(db.scalars(query.order_by(Person.id).limit(_MOST_PEOPLE + 1)))
    filters.subjects = found
    if not found:
        filters.errors["person"] = "Nobody here is called that."
    elif len(found) > _MOST_PEOPLE:
        filters.errors["person"] = (
            f"More than {_MOST_PEOPLE} people are called that. Write more of the name, or an e-mail."
        )


def _assistants(db: Session, me: Principal, *, is_auditor: bool) -> dict[str, str]:
    names = names_of_clients(db, me.organization)
    if is_auditor:
        return names
    own = (Conversation.organization == me.organization, Conversation.subject == me.subject)
    used = db.scalars(select(Conversation.client_id).where(*own).distinct().limit(_MOST_ASSISTANTS))
    ids = [client_id or IN_APP_ASSISTANT for client_id in used]
    return {client_id: names.get(client_id, client_id) for client_id in ids}


def _read_days(filters: Filters) -> None:
    since, until = (_day(filters, name) for name in ("since", "until"))
    filters.since = datetime.combine(since, time(), UTC) if since else None
    filters.until = datetime.combine(until, time(), UTC) + timedelta(days=1) if until else None
    if since and until and until < since:
        filters.errors["until"] = "The last day is before the first one."


def _day(filters: Filters, name: str) -> date | None:
    written = filters.typed[name]
    if not written:
        return None
    try:
        day = date.fromisoformat(written)
        if not 1970 <= day.year < 9999:
            raise ValueError(written)
    except ValueError:
        filters.errors[name] = "A day is written like 2026-11-30."
        return None
    return day
