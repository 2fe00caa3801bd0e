"""The receipt of a call that stopped for its person.

A receipt pins the tool, its arguments and everything that was shown. Its id is a handle, never authentication: who
decides is checked against the stored subject (invariant I11).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.database import Base, moment, new_id, word
from shop.principal import Actor, Principal


class ReceiptState(StrEnum):
    """Where a receipt is. All but `open` are final."""

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    VOIDED = "voided"
    EXPIRED = "expired"


class Receipt(Base):
    """One exact call that waits for its person, or waited."""

    __tablename__ = "receipts"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(40), index=True)
    membership: Mapped[str] = mapped_column(String(40))
    session: Mapped[str | None] = mapped_column(String(40))
    authority: Mapped[str] = mapped_column(ForeignKey("authorities.id"), index=True)
    """The credential that it was asked under: a delegation, or the grant of an external assistant."""
    client_id: Mapped[str] = mapped_column(String(300))
    agent: Mapped[str | None] = mapped_column(String(40))
    build: Mapped[str] = mapped_column(String(80))
    conversation: Mapped[str] = mapped_column(String(40), index=True)
    turn: Mapped[str | None] = mapped_column(String(40))
    tool_call: Mapped[str] = mapped_column(String(40))
    """The call that stopped."""
    tool: Mapped[str] = mapped_column(String(40))
    arguments: Mapped[dict[str, Any]]
    shown: Mapped[dict[str, Any]]
    pin: Mapped[str] = mapped_column(String(64))
    """Digest of tool, arguments and everything shown."""
    state: Mapped[ReceiptState] = mapped_column(word(ReceiptState), default=ReceiptState.OPEN)
    note: Mapped[str] = mapped_column(String(300), default="")
    result: Mapped[dict[str, Any] | None]
    """Of an approved one: the declared fields of what the call returned, for the assistant that asks what became of it."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]

    def asker(self) -> Principal:
        """The principal that asked: the assistant, for its person. What it may do is read again when it matters."""
        is_grant = self.session is None
        return Principal(
            subject=self.subject,
            organization=self.organization,
            membership=self.membership,
            session=self.session,
            actor=Actor(client_id=self.client_id, build=self.build, agent=self.agent),
            delegation=None if is_grant else self.authority,
            grant=self.authority if is_grant else None,
            conversation=self.conversation,
        )


class ReceiptRefusalReason(StrEnum):
    """Why a receipt cannot be decided: it is not there or not theirs, whoever tries is no person, or the final state it is in."""

    NOT_FOUND = "not_found"
    NOT_A_PERSON = "not_a_person"
    APPROVED = ReceiptState.APPROVED.value
    DECLINED = ReceiptState.DECLINED.value
    VOIDED = ReceiptState.VOIDED.value
    EXPIRED = ReceiptState.EXPIRED.value


class ReceiptRefused(Exception):
    """This receipt cannot be decided (any more), or not by this principal."""

    def __init__(self, reason: ReceiptRefusalReason, receipt: Receipt | None = None) -> None:
        super().__init__(reason)
        self.reason, self.receipt = reason, receipt


def ask(
    db: Session,
    principal: Principal,
    *,
    turn: str | None,
    tool_call: str,
    tool: str,
    arguments: dict[str, Any],
    shown: dict[str, Any],
    pin: str,
    lifetime: timedelta,
) -> Receipt:
    """Make the receipt for a call that an assistant proposed; an older open one of the same tool loses its force.

    An external assistant that proposes the very same call again has not heard of the first: it gets the same receipt.
    """
    authority = principal.delegation or principal.grant
    if principal.actor is None or authority is None or principal.conversation is None:
        raise ValueError("only an assistant's call needs a receipt: a person's click is the confirmation")
    for older in _open_of(db, principal.conversation, tool):
        if principal.grant and _is_same(older, principal, arguments) and older.pin == pin and not is_late(db, older):
            return older
        void(db, older, "superseded", "A newer receipt took its place.", by=principal)
    receipt = Receipt(
        id=new_id("rcp"),
        organization=principal.organization,
        subject=principal.subject,
        membership=principal.membership,
        session=principal.session,
        authority=authority,
        client_id=principal.actor.client_id,
        agent=principal.actor.agent,
        build=principal.actor.build,
        conversation=principal.conversation,
        turn=turn,
        tool_call=tool_call,
        tool=tool,
        arguments=arguments,
        shown=shown,
        pin=pin,
        state=ReceiptState.OPEN,
        note="",
        created_at=moment(db),
        expires_at=moment(db) + lifetime,
    )
    db.add(receipt)
    db.flush()
    return receipt


def asked_before(
    db: Session, principal: Principal, tool: str, arguments: dict[str, Any], receipt_id: str
) -> Receipt | None:
    """The receipt that an external assistant got for this very call, whatever became of it."""
    receipt = db.get(Receipt, receipt_id)
    return receipt if receipt and receipt.tool == tool and _is_same(receipt, principal, arguments) else None


def approved_before(
    db: Session, principal: Principal, tool: str, arguments: dict[str, Any], within: timedelta
) -> Receipt | None:
    """The receipt of this very call that its person confirmed lately, for an external assistant that lost track of it."""
    query = select(Receipt).where(
        Receipt.conversation == principal.conversation,
        Receipt.tool == tool,
        Receipt.state == ReceiptState.APPROVED,
        Receipt.decided_at > moment(db) - within,
    )
    latest = db.scalars(query.order_by(Receipt.decided_at.desc()).limit(1)).one_or_none()
    return latest if latest and _is_same(latest, principal, arguments) else None


def latest_in(db: Session, conversation: str) -> Receipt | None:
    """The latest receipt that was asked for in a conversation."""
    query = select(Receipt).where(Receipt.conversation == conversation)
    return db.scalars(query.order_by(Receipt.created_at.desc(), Receipt.id.desc()).limit(1)).one_or_none()


def _is_same(receipt: Receipt, principal: Principal, arguments: dict[str, Any]) -> bool:
    """Whether a receipt stands for the same call of the same external assistant for the same person."""
    asker = (receipt.subject, receipt.organization, receipt.authority)
    return asker == (principal.subject, principal.organization, principal.grant) and receipt.arguments == arguments


def is_late(db: Session, receipt: Receipt) -> bool:
    """Whether an open receipt's time is over, though nobody has tried to decide it since."""
    return receipt.state is ReceiptState.OPEN and receipt.expires_at <= moment(db)


def claim(db: Session, receipt_id: str, by: Principal) -> Receipt:
    """Lock an open receipt for its decision. Raises `ReceiptRefused`."""
    receipt = lock_receipt(db, receipt_id)
    if receipt is None or (receipt.subject, receipt.organization) != (by.subject, by.organization):
        raise ReceiptRefused(ReceiptRefusalReason.NOT_FOUND, receipt)
    if by.actor is not None:
        raise ReceiptRefused(ReceiptRefusalReason.NOT_A_PERSON, receipt)
    if receipt.state is not ReceiptState.OPEN:
        raise ReceiptRefused(ReceiptRefusalReason(receipt.state), receipt)
    if is_late(db, receipt):
        raise ReceiptRefused(ReceiptRefusalReason.EXPIRED, receipt)
    return receipt


def close(db: Session, receipt: Receipt, state: ReceiptState, note: str = "") -> None:
    """Give a receipt its final state."""
    receipt.state, receipt.note, receipt.decided_at = state, note[:300], moment(db)
    db.flush()


def void(db: Session, receipt: Receipt, because: str, note: str, *, by: Principal | None) -> None:
    """Take an open receipt's force away, and record it."""
    close(db, receipt, ReceiptState.EXPIRED if because == ReceiptState.EXPIRED else ReceiptState.VOIDED, note)
    record(
        db,
        EventName.APPROVAL_VOIDED,
        principal=by or receipt.asker(),
        conversation=receipt.conversation,
        turn=receipt.turn,
        tool_call=receipt.tool_call,
        resource=("receipt", receipt.id),
        facts={"because": because, "tool": receipt.tool},
    )


def _open_of(db: Session, conversation: str, tool: str) -> list[Receipt]:
    query = select(Receipt).where(
        Receipt.conversation == conversation, Receipt.tool == tool, Receipt.state == ReceiptState.OPEN
    )
    return list(db.scalars(query.order_by(Receipt.id).with_for_update()))


def void_open_below(
    db: Session, authorities: list[str], because: str, note: str = "The sign-in that it was asked under has ended."
) -> list[str]:
    """Void the open receipts of delegations and grants that ended. Returns their ids."""
    return _void_all(db, Receipt.authority.in_(authorities), because, note, by=None)


def void_open_of_conversation(db: Session, conversation: str, because: str, note: str, *, by: Principal) -> list[str]:
    """Void the open receipts that were asked for in a conversation. Returns their ids."""
    return _void_all(db, Receipt.conversation == conversation, because, note, by=by)


def void_open_of_turns(db: Session, turns: list[str], because: str, note: str, *, by: Principal) -> list[str]:
    """Void the open receipts that some turns asked for. Returns their ids."""
    return _void_all(db, Receipt.turn.in_(turns), because, note, by=by)


def _void_all(db: Session, which: ColumnElement[bool], because: str, note: str, *, by: Principal | None) -> list[str]:
    query = select(Receipt).where(which, Receipt.state == ReceiptState.OPEN)
    receipts = list(db.scalars(query.order_by(Receipt.conversation, Receipt.id).with_for_update()))
    for receipt in receipts:
        void(db, receipt, because, note, by=by)
    return [receipt.id for receipt in receipts]


def lock_receipt(db: Session, receipt_id: str) -> Receipt | None:
    """A receipt by its id, locked for a change."""
    return db.scalars(select(Receipt).where(Receipt.id == receipt_id).with_for_update()).one_or_none()


def find_receipt(db: Session, receipt_id: str) -> Receipt | None:
    """A receipt by its id, whoever's it is: the caller decides who may see it."""
    return db.get(Receipt, receipt_id)


def view_of(db: Session, receipt: Receipt) -> dict[str, Any]:
    """A receipt as its person sees it; an open one past its time shows as expired."""
    return {
        "id": receipt.id,
        **{name: receipt.shown[name] for name in ("title", "rows", "total", "confirm_label")},
        "state": ReceiptState.EXPIRED if is_late(db, receipt) else receipt.state,
        "note": receipt.note,
        "client_id": receipt.client_id,
        "conversation": receipt.conversation,
        "is_external": receipt.session is None,
        "result": receipt.result,
        "expires_at": receipt.expires_at.isoformat(),
        "expires_text": f"valid until {receipt.expires_at:%H:%M} UTC",
    }
