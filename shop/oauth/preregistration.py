"""Registering a client by hand: the operator by `flask oauth register`, or with a document that they bring by
`flask oauth register-document`. What an administrator registers for their organization is in `shop.agents.entries`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.agents import ClientKind
from shop.database import moment
from shop.oauth.clients.client import Client, register, take_over
from shop.oauth.clients.metadata import SCOPES, BadMetadata, ClientMetadata, read_metadata
from shop.oauth.clients.metadata_document import is_document_address, read_document
from shop.oauth.issuer import Issuer


def read_by_hand(
    name: str, redirect_uris: list[str], auth_method: str, jwks_uri: str | None, grant_types: list[str]
) -> ClientMetadata:
    """The metadata of a client that somebody describes in a form or a command. Raises `BadMetadata`."""
    if not name.strip():
        raise BadMetadata("invalid_client_metadata", "client_name: give it a name that people will recognise.")
    said: dict[str, Any] = {
        "client_name": name,
        "redirect_uris": redirect_uris,
        "token_endpoint_auth_method": auth_method,
        "grant_types": grant_types,
    }
    return read_metadata(said | ({"jwks_uri": jwks_uri} if jwks_uri else {}))


def register_by_hand(
    db: Session,
    server: Issuer,
    metadata: ClientMetadata,
    *,
    scopes: list[str] | None,
    introspects: bool = False,
) -> dict[str, Any]:
    """Register a client for every organization. Returns its metadata, with the secret, which is shown here and nowhere else."""
    client, secret = register(db, metadata, ClientKind.PREREGISTERED, scopes=scopes, introspects=introspects)
    record(db, EventName.CLIENT_REGISTERED, outcome="succeeded", facts=facts_of(client))
    return shown_once(server, metadata, client, secret)


def register_document(db: Session, server: Issuer, address: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Make a client known by the document at its address, which the operator brought: nobody fetches it, now or later.

    Once more replaces what was known of it. Raises `BadMetadata`.
    """
    if not is_document_address(address):
        raise BadMetadata("invalid_client_metadata", "The address of a metadata document is https, with a path.")
    metadata = read_document(address, document)
    client = db.get(Client, address) or Client(client_id=address, registered_at=moment(db))
    client.kind, client.publisher, client.scopes, client.introspects = ClientKind.PREREGISTERED, None, SCOPES, False
    client.fresh_until = client.expires_at = client.fetched_at = None
    take_over(client, metadata)
    db.add(client)
    db.flush()
    record(db, EventName.CLIENT_REGISTERED, outcome="succeeded", facts=facts_of(client))
    return shown_once(server, metadata, client, None)


def facts_of(client: Client) -> dict[str, Any]:
    """What the record of a registration says of the client."""
    return {"client": client.client_id, "kind": client.kind, "name": client.name}


def shown_once(server: Issuer, metadata: ClientMetadata, client: Client, secret: str | None) -> dict[str, Any]:
    """What whoever sets the client up has to know; its secret is shown here and nowhere else."""
    told = metadata.registered() | {
        "client_id": client.client_id,
        "scope": " ".join(client.scopes),
        "issuer": server.url,
        "resource": server.resource,
    }
    return told | ({"client_secret": secret} if secret else {})
