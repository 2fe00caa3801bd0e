"""Dynamic client registration (RFC 7591): any client may register itself, and is told to everybody as one that did.

Bounded, since anybody can do it: by address and for everybody together; and a client that nobody lets in within a day is
forgotten. Of what it says of itself, its name alone is shown, under a warning; its keys alone are fetched, when it signs.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.agents import ClientKind
from shop.oauth.client_metadata import BadMetadata, read_metadata
from shop.oauth.clients import forget_unused, register
from shop.oauth.issuer import Issuer, issuer
from shop.oauth.limits import is_over
from shop.oauth.protocol import described, json_answer, speak_json
from shop.oauth.redirects import destination
from shop.untrusted import read_json

endpoint = Blueprint("oauth_registration", __name__)
speak_json(endpoint)

_HOUR = timedelta(hours=1)
_LARGEST = 16 * 1024
"""Bytes of a client's metadata, with ten keys in it: what anybody can make this shop keep for a day."""


@endpoint.post("/oauth/register")
def registration() -> Response:
    """§3: 201 with everything that was registered and the identifier; the secret, if there is one, is shown here only."""
    server = issuer()
    document = _document(request.get_data())  # before the transaction: a body may come slowly
    with server.database.write() as db:
        if _is_too_often(db, server):
            return _refused(db, "too_many_requests", "Too many clients registered lately. Try again in an hour.", 429)
        if not isinstance(document, dict):
            wanted = f"Send the client's metadata as a JSON object of at most {_LARGEST} bytes."
            return _refused(db, "invalid_client_metadata", wanted)
        try:
            metadata = read_metadata(document)
        except BadMetadata as bad:
            return _refused(db, bad.error, str(bad))
        forget_unused(db)
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


def _is_too_often(db: Session, server: Issuer) -> bool:
    """Whoever is over the limit of their address is not counted for all together, so that one cannot keep everybody out."""
    settings = server.settings
    if is_over(db, f"register:{_address(server)}", settings.registrations_per_address, _HOUR):
        return True
    return is_over(db, "register", settings.registrations_per_hour, _HOUR)


def _address(server: Issuer) -> str:
    """Whoever asks, as far as they can be told apart: an IPv6 network counts as one. A keyed hash, not the address itself."""
    text = request.remote_addr or ""
    try:
        if isinstance(ip_address(text), IPv6Address):
            text = str(ip_network(f"{text}/64", strict=False))
    except ValueError:
        text = ""
    return hmac.new(server.settings.secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _refused(db: Session, error: str, description: str, status: int = 400) -> Response:
    facts = {"error": error, "why": described(description)[:300]}
    record(db, EventName.CLIENT_REGISTRATION_REFUSED, outcome="denied", facts=facts)
    return json_answer({"error": error, "error_description": described(description)}, status)
