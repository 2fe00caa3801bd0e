"""The address book: the organization's addresses, which people only read, and each person's own beside them."""

from __future__ import annotations

import unicodedata

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shop.database import new_id
from shop.store.errors import NotThere, StoreError
from shop.store.models import Address, address_key

MOST_OWN = 20
LONGEST_NAME = 60
LONGEST_TEXT = 200
_OVERRIDES = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Bidirectional classes of characters that make a text look like another one."""


class NotSaved(StoreError):
    """This cannot be an address, or not under this name."""

    code = "invalid_arguments"


def addresses_of(db: Session, organization: str, owner: str) -> list[Address]:
    """What an owner's orders can go to: the organization's addresses, the usual one first, then their own."""
    theirs = (Address.organization == organization, Address.owner.in_(("", owner)))
    return list(db.scalars(select(Address).where(*theirs).order_by(Address.owner, Address.position, Address.id)))


def find_address(db: Session, organization: str, owner: str, name: str | None) -> Address:
    """A saved address by its name in any case (None or empty: the usual one). Raises `NotThere`."""
    saved = addresses_of(db, organization, owner)
    wanted = address_key(name or "")
    found = next((a for a in saved if not wanted or a.key == wanted), None)
    if found is None:
        known = ", ".join(a.name for a in saved) or "none"
        raise NotThere(f"There is no saved address of that name. Saved addresses: {known}.")
    return found


def save(db: Session, organization: str, owner: str, name: str, text: str) -> None:
    """Keep an address of the owner's own; one that they have under this name is replaced. Raises `NotSaved`."""
    name, text = _readable(name, LONGEST_NAME, "name"), _readable(text, LONGEST_TEXT, "address")
    saved = {a.key: a for a in addresses_of(db, organization, owner)}
    known = saved.get(address_key(name))
    if known is None:
        own = [a for a in saved.values() if a.owner]
        if len(own) >= MOST_OWN:
            raise NotSaved(f"An address book holds at most {MOST_OWN} addresses of one's own. Remove one first.")
        known = Address(
            id=new_id("adr"),
            organization=organization,
            owner=owner,
            position=max((a.position for a in own), default=0) + 1,
        )
    elif not known.owner:
        raise NotSaved(f"Your organization has an address named {known.name}. Choose another name.")
    known.name, known.text = name, text
    try:
        with db.begin_nested():
            db.add(known)
    except IntegrityError as error:  # another tab saved the same name at the same moment (PostgreSQL)
        raise NotSaved(f"An address named {name} was saved just now. Look again.") from error


def remove(db: Session, organization: str, owner: str, name: str) -> None:
    """Forget an address of the owner's own. Orders keep theirs: they froze its text. Raises `NotThere`, `NotSaved`."""
    address = find_address(db, organization, owner, name)
    if not address.owner:
        raise NotSaved(f"{address.name} is your organization's address; only your own can be removed.")
    db.delete(address)
    db.flush()


def _readable(text: str, longest: int, what: str) -> str:
    """One line of text that reads as what it is. Raises `NotSaved`."""
    text = text.strip()
    if not 0 < len(text) <= longest:
        raise NotSaved(f"The {what} needs 1 to {longest} characters.")
    for character in text:
        is_control = unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        if is_control or unicodedata.bidirectional(character) in _OVERRIDES:
            raise NotSaved(f"The {what} is one line of plain text: no line breaks or invisible control characters.")
    return text
