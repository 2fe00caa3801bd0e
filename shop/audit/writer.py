"""The only writer of audit events (invariant I5).

`record` runs inside the caller's transaction, so that an effect and its event commit together or not at all. What is refused
goes through `denials.py`, which counts floods and calls this. No token, secret or card number may be handed to it
(invariant I14); a test scans what a whole story wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from shop.audit.chain import (
    GENESIS,
    REPEATED,
    AuditChain,
    AuditEvent,
    AuditPersonal,
    canonical,
    client_of,
    commit_to,
    digest,
    written,
)
from shop.audit.events import EventName
from shop.database import insert_on_conflict, moment, new_id
from shop.principal import Principal

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Correlates what one request caused. It groups and never authorizes (invariant I11)."""

_LONGEST_TEXT = 2000
"""Characters of one text among an event's facts."""
SYSTEM_CHAIN = "system"
"""The chain of what belongs to no organization: a sign-in with an unknown address, a new policy."""


_EVENTS, _PERSONAL, _CHAINS = (cast(Table, table.__table__) for table in (AuditEvent, AuditPersonal, AuditChain))
_INSERT_EVENT, _INSERT_PERSONAL = insert(_EVENTS), insert(_PERSONAL)
_LOCK_HEAD = select(_CHAINS.c.sequence, _CHAINS.c.head).where(_CHAINS.c.id == bindparam("of")).with_for_update()
_MOVE_HEAD = update(_CHAINS).where(_CHAINS.c.id == bindparam("of"))
"""Built once, and run on the connection itself: this is on the way of every call."""


def record(
    db: Session,
    name: EventName,
    *,
    principal: Principal | None = None,
    organization: str | None = None,
    conversation: str | None = None,
    turn: str | None = None,
    tool_call: str | None = None,
    action: str | None = None,
    resource: tuple[str, str] | None = None,
    decision: Mapping[str, Any] | None = None,
    outcome: str | None = None,
    facts: Mapping[str, Any] | None = None,
    personal: Mapping[str, Any] | None = None,
) -> str:
    """Append one event to its chain and return its id.

    The chain is the conversation's, else the organization's, else the system's. `facts` are plain values that name
    nobody; `personal` values are stored beside the event, which keeps salted commitments to them.
    """
    organization = organization or (principal.organization if principal else None)
    conversation = conversation or (principal.conversation if principal else None)
    chain = conversation or organization or SYSTEM_CHAIN
    connection = db.connection()
    sequence, previous_hash = _next_link(connection, chain, organization)
    committed = {field: (*commit_to(value), value) for field, value in (personal or {}).items()}
    at, identifier = moment(db), new_id("evt")
    content = {
        "id": identifier,
        "chain": chain,
        "sequence": sequence,
        "previous_hash": previous_hash,
        "name": str(name),
        "at": written(at),
        "subject": principal.subject if principal else None,
        "actor": _actor(principal),
        "organization": organization,
        "session": principal.session if principal else None,
        "delegation": principal.delegation if principal else None,
        "grant": principal.grant if principal else None,
        "conversation": conversation,
        "turn": turn,
        "tool_call": tool_call,
        "action": action,
        "resource": {"kind": resource[0], "id": resource[1]} if resource else None,
        "decision": dict(decision) if decision else None,
        "outcome": outcome,
        "request_id": request_id.get(),
        "facts": _bounded(dict(facts or {})),
        "personal": {field: proof for field, (_, proof, _) in committed.items()},
    }
    _append(connection, content, at, {field: [salt, value] for field, (salt, _, value) in committed.items()})
    return identifier


def _bounded(value: Any) -> Any:
    """Facts with each text cut to a bearable length: some repeat what a stranger sent, and an event stays for ever."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else f"{value[: _LONGEST_TEXT - 1]}…"
    if isinstance(value, dict):
        return {name: _bounded(each) for name, each in value.items()}
    return [_bounded(each) for each in value] if isinstance(value, list) else value


def _append(connection: Connection, content: Mapping[str, Any], at: datetime, personal: Mapping[str, Any]) -> None:
    """Write an event as the last link of its chain, whose head is locked, and its personal values beside it."""
    body = canonical(content)
    hashed = digest(body)
    repeated = {name: content[name] for name in REPEATED}
    connection.execute(
        _INSERT_EVENT, {**repeated, "client": client_of(content), "at": at, "hash": hashed, "body": body.decode()}
    )
    if personal:
        connection.execute(_INSERT_PERSONAL, {"event_id": content["id"], "values": personal})
    connection.execute(_MOVE_HEAD, {"of": content["chain"], "sequence": content["sequence"], "head": hashed})


def _actor(principal: Principal | None) -> dict[str, str] | None:
    if principal is None or principal.actor is None:
        return None
    return {"client": principal.actor.client_id, "build": principal.actor.build}


def _next_link(connection: Connection, chain: str, organization: str | None) -> tuple[int, str]:
    """Lock the chain's head and return (next sequence, previous hash); a new chain gets its head first."""
    row = connection.execute(_LOCK_HEAD, {"of": chain}).one_or_none()
    if row is None:
        # Two first writers may race on PostgreSQL: both insert, one waits and does nothing, then it locks the other's head.
        insert_head = _insert_if_absent(connection.dialect.name)
        head = {"id": chain, "organization": organization, "sequence": 0, "head": GENESIS}
        inserted = connection.execute(insert_head, head).one_or_none()
        row = inserted or connection.execute(_LOCK_HEAD, {"of": chain}).one()
    return row.sequence + 1, row.head


def _insert_if_absent(dialect: str) -> Any:
    return (
        insert_on_conflict(_CHAINS, dialect)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(_CHAINS.c.sequence, _CHAINS.c.head)
    )
