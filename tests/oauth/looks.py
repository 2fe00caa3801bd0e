"""What tests of the authorization server look at besides the answer: stored rows, and the latest event of a name."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import select

from shop.audit.denial_windows import DenialWindow
from shop.audit.queries import RecordedEvent
from shop.credentials.grants import Grant
from shop.credentials.ledger import Authority, NotAlive, live
from shop.oauth.resource_server.bearer import authenticate
from tests.support.people import ShopUnderTest


def events(shop: ShopUnderTest, name: str, chain: str | None = None) -> list[RecordedEvent]:
    """The events of a name in Acme's trail, or in another chain."""
    return [event for event in shop.chain(chain or shop.organization("acme")) if event.name == name]


def facts(shop: ShopUnderTest, name: str, chain: str | None = None) -> dict[str, Any]:
    """The facts of the latest event of a name."""
    found = events(shop, name, chain)
    assert found, f"no {name}"
    told: dict[str, Any] = found[-1].content["facts"]
    return told


def counted(shop: ShopUnderTest, name: str) -> dict[str, int]:
    """How often strangers were refused so far, by kind: what has no event of its own (`shop.audit.denials`)."""
    query = select(DenialWindow.kind, DenialWindow.count).where(DenialWindow.name == name, DenialWindow.party == "")
    with shop.database.read() as db:
        found: Counter[str] = Counter()
        for kind, count in db.execute(query):
            found[kind] += count
    return dict(found)


def refusals(shop: ShopUnderTest, name: str) -> dict[tuple[str, ...], int]:
    """How often each party was refused, by kind and minute: with an event of its own, or only counted."""
    query = select(DenialWindow).where(DenialWindow.name == name)
    with shop.database.read() as db:
        return {(row.party, row.kind, str(row.begins)): row.count for row in db.scalars(query)}


def grants(shop: ShopUnderTest, client_id: str) -> list[tuple[Grant, Authority]]:
    """The stored grants of a client, with their authority, oldest first."""
    query = select(Grant, Authority).join(Authority, Authority.id == Grant.id).where(Grant.client_id == client_id)
    with shop.database.read() as db:
        return [(row[0], row[1]) for row in db.execute(query.order_by(Grant.started_at))]


def only_grant(shop: ShopUnderTest, client_id: str) -> tuple[Grant, Authority]:
    """The one grant of a client."""
    (found,) = grants(shop, client_id)
    return found


def row(shop: ShopUnderTest, kind: type[Any], identifier: object) -> Any:
    """A stored row."""
    with shop.database.read() as db:
        return db.get_one(kind, identifier)


def rows(shop: ShopUnderTest, kind: type[Any]) -> list[Any]:
    """All stored rows of a table."""
    with shop.database.read() as db:
        return list(db.scalars(select(kind)))


def scopes_now(shop: ShopUnderTest, access_token: str) -> frozenset[str]:
    """What a call with this access token may do now, as the gateway asks it. Raises `NotAlive`."""
    with shop.app.app_context():
        principal = authenticate(f"Bearer {access_token}")
    with shop.database.read() as db:
        return live(db, principal).scopes


def is_alive(shop: ShopUnderTest, access_token: str) -> bool:
    """Whether a call with this access token has a living principal."""
    try:
        scopes_now(shop, access_token)
    except NotAlive:
        return False
    return True
