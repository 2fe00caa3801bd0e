"""Dynamic client registration (RFC 7591): any client may register itself, and is shown to everybody as one that did.

Bounded, since anybody can do it: by address and for everybody together; and a client that nobody lets in within a day is
forgotten. Of what it says of itself, its name alone is shown, under a warning; its keys alone are fetched, when it signs.
"""

from __future__ import annotations

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from shop.audit.denials import note_denial
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.agents import ClientKind
from shop.guards.rate_limits import Limit, limited_by_address, rate_limits
from shop.oauth.clients.client import register
from shop.oauth.clients.metadata import BadMetadata, read_metadata
from shop.oauth.clients.redirect_uris import destination
from shop.oauth.issuer import issuer
from shop.oauth.responses import described, json_answer, speak_json
from shop.untrusted import read_json

endpoint = Blueprint("oauth_registration", __name__)
speak_json(endpoint)
limited_by_address(endpoint, Limit.REGISTRATIONS_PER_ADDRESS)

_LARGEST = 16 * 1024
"""Bytes of a client's metadata, with ten keys in it: what anybody can make this shop keep for a day."""


@endpoint.post("/oauth/register")
def registration() -> Response:
    """§3: 201 with everything that was registered and the identifier; the secret, if there is one, is shown here only."""
    server = issuer()
    # After the address's own limit: whoever is over that takes nothing from all together.
    rate_limits().check(Limit.REGISTRATIONS_PER_HOUR)
    document = _document(request.get_data())  # before the transaction: a body may come slowly
    with server.database.write() as db:
        if not isinstance(document, dict):
            wanted = f"Send the client's metadata as a JSON object of at most {_LARGEST} bytes."
            return _refused(db, "invalid_client_metadata", wanted)
        try:
            metadata = read_metadata(document)
        except BadMetadata as bad:
            return _refused(db, bad.error, str(bad))
        client, secret = register(db, metadata, ClientKind.DYNAMIC)
        hosts = sorted({destination(uri).host for uri in client.redirect_uris})
        record(
            db,
            EventName.CLIENT_REGISTERED,
            outcome="succeeded",
            facts={"client": client.client_id, "kind": client.kind, "name": client.name, "redirect_hosts": hosts},
        )
        answer = metadata.registered() | {
            "client_id": client.client_id,
            "client_id_issued_at": int(client.registered_at.timestamp()),
        }
        return json_answer(answer | ({"client_secret": secret, "client_secret_expires_at": 0} if secret else {}), 201)


def _document(body: bytes) -> object:
    try:
        return read_json(body) if len(body) <= _LARGEST else None
    except ValueError:
        return None


def _refused(db: Session, error: str, description: str) -> Response:
    facts = {"error": error, "why": described(description)[:300]}
    note_denial(db, EventName.CLIENT_REGISTRATION_REFUSED, error, outcome="denied", facts=facts)
    return json_answer({"error": error, "error_description": described(description)}, 400)
