"""Client ID Metadata Documents: a client whose `client_id` is the https address of a document that says who it is.

No registration, and the host of the address vouches for what stands there (draft-ietf-oauth-client-id-metadata-document). The
document is fetched when a signed-in person is sent here by the client or names it, and kept as long as it says itself, within
bounds: no stranger makes this shop ask a host that nobody here has dealt with. When a person comes with a redirect URI that it does
not name, its publisher may have corrected it: it is looked at again, once a minute at most.

Where a network lets nothing out, an operator registers the document by hand (`preregistration.py`), and `SHOP_CLIENT_DOCUMENTS=0`
takes the whole way out of the metadata, so that clients register themselves instead. `SHOP_EGRESS_PROXY` is a way out.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shop.credentials.agents import Agent, ClientKind
from shop.database import Database, moment
from shop.guards.counters import ExactCounters
from shop.guards.safe_fetch import Fetched, Fetcher, FetchRefused
from shop.oauth.clients.client import UNUSED_FOR, Client, find_client, take_over
from shop.oauth.clients.metadata import SCOPES, BadMetadata, ClientMetadata, read_metadata
from shop.oauth.clients.redirect_uris import problem_with
from shop.oauth.issuer import Issuer

_LARGEST = 5 * 1024
"""Bytes of a document: the limit that the draft recommends (§6.6)."""
_FETCHES_PER_MINUTE = RateLimitItemPerMinute(20, namespace="fetches")
"""From one host."""
_AGAIN = timedelta(minutes=1)
"""How often a document that is fresh is looked at again, whoever comes with an address that it does not name."""
_MOST = 1000
"""Documents that are kept although nobody let their client in."""


NO_SUCH_CLIENT = "No client has this identifier. One that registered itself may have been forgotten."


class UnknownClient(Exception):
    """There is no such client. The message says why, for a developer."""


def is_document_address(client_id: str) -> bool:
    """Whether a `client_id` is the address of a metadata document (§3): https, with a path, and nothing tricky in it."""
    if not client_id.startswith("https://") or problem_with(client_id) is not None or len(client_id) > 300:
        return False
    parts = urlsplit(client_id)
    is_plain = not {".", ".."} & set(parts.path.split("/")) and "%2e" not in parts.path.lower()
    return len(parts.path) > 1 and is_plain and not parts.query


def resolve(
    server: Issuer,
    client_id: str,
    *,
    for_organization: str | None = None,
    only_known: bool = False,
    redirect_uri: str | None = None,
) -> Client:
    """The client of this identifier, its document fetched if it is not fresh. Raises `UnknownClient`.

    For somebody of an organization, another organization's own client is not there (invariant I10). With `only_known`, nobody is
    asked about a client that no person was ever sent here by. With a `redirect_uri` that the document does not name, it is looked
    at again. Never inside a transaction: it may ask the client's host.
    """
    with server.database.read() as db:
        client = find_client(db, client_id)
        if client and for_organization and client.organization_id not in {None, for_organization}:
            raise UnknownClient(NO_SUCH_CLIENT)
        is_fresh = client is not None and (client.fresh_until is None or client.fresh_until > moment(db))
    if client is not None and is_fresh:
        is_fitting = redirect_uri is None or client.check_redirect_uri(redirect_uri)
        may_have_changed = client.fresh_until is not None and server.settings.client_documents
        if is_fitting or not may_have_changed or not _may_look_again(server.database, client_id):
            return client
        with suppress(UnknownClient):  # what it said before is still good
            return _fetch(server, client_id)
        return client
    if (only_known and client is None) or not is_document_address(client_id):
        raise UnknownClient(NO_SUCH_CLIENT)
    if not server.settings.client_documents:
        raise UnknownClient("No metadata documents are fetched here. Register the client, or let the operator do it.")
    return _fetch(server, client_id)


def _may_look_again(database: Database, client_id: str) -> bool:
    """Whether a fresh document was not asked for within the last minute, by whatever process; counted as asked for now."""
    with database.write() as db:
        longest_ago = Client.fetched_at.is_(None) | (Client.fetched_at <= moment(db) - _AGAIN)
        claim = update(Client).where(Client.client_id == client_id, longest_ago).values(fetched_at=moment(db))
        return db.execute(claim.returning(Client.client_id)).one_or_none() is not None


def _fetch(server: Issuer, client_id: str) -> Client:
    database, fetcher = server.database, server.fetcher
    try:
        fetched = fetch_from_client(database, fetcher, client_id, limit=_LARGEST)
        metadata = read_document(client_id, fetched.document)
    except (FetchRefused, BadMetadata) as error:
        raise UnknownClient(f"The client's metadata document cannot be used. {error}") from error
    with suppress(IntegrityError), database.write() as db:  # when another process was first, its row is as good
        known = db.get(Client, client_id, with_for_update=True)
        client = known or Client(client_id=client_id, kind=ClientKind.METADATA_DOCUMENT, registered_at=moment(db))
        client.fetched_at = moment(db)
        client.publisher, client.scopes, client.introspects = urlsplit(client_id).hostname, SCOPES, False
        client.fresh_until, client.expires_at = moment(db) + fetched.fresh_for, _forgotten_at(db, client_id)
        take_over(client, metadata)
        db.add(client)
    with database.read() as db:
        return db.get_one(Client, client_id)


def fetch_from_client(database: Database, fetcher: Fetcher, url: str, *, limit: int) -> Fetched:
    """Fetch a document from a client's host, which nobody can make this shop ask too often. Raises `FetchRefused`."""
    host = urlsplit(url).hostname or ""
    with database.write() as db:
        may_ask = FixedWindowRateLimiter(ExactCounters(db)).hit(_FETCHES_PER_MINUTE, host[:100])
    if not may_ask:
        raise FetchRefused(f"{host} was asked too often. Try again in a minute.")
    return fetcher.get_json(url, limit=limit)


def read_document(client_id: str, document: Mapping[str, Any]) -> ClientMetadata:
    """What a document says of the client at its address. Raises `BadMetadata`."""
    return read_metadata(_checked(client_id, document), token_endpoint_auth_method="none")  # noqa: S106 - a method's name


def _checked(client_id: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """§4: the document names exactly this address, and no secret, since anybody can read it. Raises `BadMetadata`."""
    if document.get("client_id") != client_id:
        raise BadMetadata("invalid_client_metadata", "Its client_id is not the address that it was fetched from.")
    if "client_secret" in document or "client_secret_expires_at" in document:
        raise BadMetadata("invalid_client_metadata", "A public document cannot hold a secret.")
    if str(document.get("token_endpoint_auth_method", "")).startswith("client_secret"):
        raise BadMetadata("invalid_client_metadata", "A client of this kind is public, or uses private_key_jwt.")
    return document


def _forgotten_at(db: Session, client_id: str) -> datetime | None:
    is_let_in = db.scalars(select(Agent.id).where(Agent.client_id == client_id).limit(1)).first() is not None
    return None if is_let_in else moment(db) + UNUSED_FOR


def forget_surplus_documents(db: Session, limit: int) -> int:
    """Forget at most `limit` documents, the oldest of those beyond the newest thousand whose client nobody let in."""
    newest = select(Client.client_id).where(Client.kind == ClientKind.METADATA_DOCUMENT, Client.expires_at.is_not(None))
    surplus = db.scalars(newest.order_by(Client.expires_at.desc()).offset(_MOST).limit(limit)).all()
    db.execute(delete(Client).where(Client.client_id.in_(surplus)))
    return len(surplus)
