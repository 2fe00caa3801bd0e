"""Long lives, made quickly: conversations of many turns and chains of many events, as the shop's own writers would leave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg.rows import tuple_row
from sqlalchemy import event, insert, select, update
from sqlalchemy.orm import Session

from shop.audit.chain import GENESIS, REPEATED, AuditChain, AuditEvent, canonical, client_of, digest, written
from shop.audit.events import EventName
from shop.conversations.history import latest
from shop.conversations.models import Conversation, Item, ItemKind, Source, Trigger, Turn, TurnState
from shop.database import Database, moment, new_id
from shop.principal import Principal

_CALL = '{"query":"mug"}'
_TOLD: dict[str, Any] = {
    "kind": "succeeded",
    "told": {"outcome": "succeeded", "result": {"products": []}},
    "rule": "r",
    "policy": "p",
}


def add_turns(db: Session, conversation_id: str, how_many: int) -> None:
    """Turns of a message, a call and an answer each, after those that there are."""
    last = latest(db, conversation_id, 1)
    first = last[0].number + 1 if last else 1
    turns, items = [], []
    for number in range(first, first + how_many):
        turn = new_id("trn")
        turns.append(
            {
                "id": turn,
                "conversation_id": conversation_id,
                "number": number,
                "trigger": Trigger.MESSAGE,
                "message": f"message number {number}",
                "delegation": "del_long",
                "build": {"model": "offline-1", "offline": True},
                "state": TurnState.COMPLETED,
                "started_at": moment(db),
                "beat_at": moment(db),
                "ended_at": moment(db),
            }
        )
        call: dict[str, Any] = {
            "kind": ItemKind.CALL,
            "text": "",
            "tool": "search_products",
            "arguments": _CALL,
            "outcome": _TOLD,
        }
        text: dict[str, Any] = {
            "kind": ItemKind.TEXT,
            "text": f"Answer {number}.",
            "tool": "",
            "arguments": "",
            "outcome": None,
        }
        items += [
            {"id": new_id("itm"), "turn_id": turn, "position": position, "settled": False, **part}
            for position, part in enumerate((call, text), start=1)
        ]
    db.execute(insert(Turn), turns)
    db.execute(insert(Item), items)


def add_conversations(db: Session, person: Principal, how_many: int, **changed: Any) -> list[str]:
    """Conversations in the shop's chat, each a minute older than the one before."""
    rows = [
        {
            "id": new_id("cnv"),
            "organization": person.organization,
            "subject": person.subject,
            "title": f"Conversation {number}",
            "source": Source.SERVER_MINTED,
            "started_at": moment(db) - timedelta(minutes=number),
            "active_at": moment(db) - timedelta(minutes=number),
            **changed,
        }
        for number in range(1, how_many + 1)
    ]
    db.execute(insert(Conversation), rows)
    return [row["id"] for row in rows]


def add_events(
    db: Session,
    chain: str,
    organization: str,
    how_many: int,
    name: EventName = EventName.TOOL_CALL_SUCCEEDED,
    **changed: Any,
) -> None:
    """Events at the end of a chain, linked as the writer links them, a second after each other up to now."""
    head = db.execute(select(AuditChain.sequence, AuditChain.head).where(AuditChain.id == chain)).one_or_none()
    sequence, previous = head or (0, GENESIS)
    if head is None:
        db.add(AuditChain(id=chain, organization=organization, sequence=0, head=GENESIS))
        db.flush()
    rows = []
    for number in range(how_many):
        sequence, at = sequence + 1, moment(db) - timedelta(seconds=how_many - number)
        content = _content(chain, organization) | {
            "id": new_id("evt"), "sequence": sequence, "previous_hash": previous, "name": str(name), "at": written(at), **changed,
        }  # fmt: skip
        body = canonical(content)
        previous = digest(body)
        repeated = {column: content[column] for column in REPEATED}
        rows.append({**repeated, "client": client_of(content), "at": at, "hash": previous, "body": body.decode()})
    db.execute(insert(AuditEvent), rows)
    db.execute(update(AuditChain).where(AuditChain.id == chain).values(sequence=sequence, head=previous))


def _content(chain: str, organization: str) -> dict[str, Any]:
    nothing = ("subject", "actor", "session", "delegation", "grant", "turn", "tool_call", "action", "resource")
    return dict.fromkeys((*nothing, "decision", "outcome", "request_id")) | {
        "chain": chain,
        "organization": organization,
        "conversation": None if chain == organization else chain,
        "facts": {"tool": "search_products"},
        "personal": {},
    }


@dataclass
class Fetched:
    """What was asked of a database, and how much came back."""

    statements: int = 0
    rows: int = 0


@contextmanager
def fetching(database: Database) -> Iterator[Fetched]:
    """Count the statements and the rows that a database is asked for, on either engine."""
    fetched = Fetched()

    def count_rows(connection: Any, _record: Any) -> None:
        def of_psycopg(cursor: Any) -> Any:
            make = tuple_row(cursor)
            return lambda values: counted(make(values))

        def counted(row: Any) -> Any:
            fetched.rows += 1
            return row

        connection.row_factory = (lambda _cursor, row: counted(row)) if database.is_sqlite else of_psycopg

    def count_statement(*_: Any) -> None:
        fetched.statements += 1

    listeners: Mapping[str, Any] = {"connect": count_rows, "before_cursor_execute": count_statement}
    database.engine.dispose()
    for name, listener in listeners.items():
        event.listen(database.engine, name, listener)
    try:
        yield fetched
    finally:
        for name, listener in listeners.items():
            event.remove(database.engine, name, listener)
        database.engine.dispose()
