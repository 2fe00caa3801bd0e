"""What a person may send to the assistant: some words, and no more than the limit. The same for every way in."""

from __future__ import annotations

from shop.audit.denials import record_denial
from shop.audit.events import EventName
from shop.database import Database
from shop.principal import Principal
from shop.untrusted import clean_text


class Unacceptable(Exception):
    """This is no message; title and text are for the person. `status` is what HTTP calls it."""

    def __init__(self, status: int, title: str, text: str) -> None:
        super().__init__(f"{title} {text}")
        self.status, self.title, self.text = status, title, text


def accepted(database: Database, person: Principal, text: str, *, limit: int) -> str:
    """The message as it is kept. Raises `Unacceptable`; a message over the limit is recorded as refused."""
    text = clean_text(text).strip()
    if not text:
        raise Unacceptable(400, "The message is empty.", "Write what you would like, then send it.")
    if len(text) > limit:
        facts = {"characters": len(text), "limit": limit}
        record_denial(database, EventName.MESSAGE_REFUSED, "too_long", principal=person, outcome="refused", facts=facts)
        raise Unacceptable(
            413,
            "This message is too long.",
            f"It has {len(text)} characters; the limit is {limit}. Shorten it, then send it again.",
        )
    return text
