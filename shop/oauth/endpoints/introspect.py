"""Token introspection (RFC 7662): a client asks about its own tokens, a registered resource server about any.

The answer is of now: what the ledger says, not what the token says. Whoever may not ask is told what it would be told of
nonsense: not active.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from shop.audit.denials import Handle, record_denial
from shop.audit.events import EventName
from shop.credentials.ledger import NotAlive, live
from shop.database import moment
from shop.guards.rate_limits import Limit, limited_by_address
from shop.oauth.authlib_server import ShopRequest, json_answer, speak_json
from shop.oauth.client_authentication import CONFIDENTIAL
from shop.oauth.clients.client import Client
from shop.oauth.endpoints.calling_client import known_client
from shop.oauth.endpoints.presented_token import HeldAccess, HeldRefresh, held_by, read_access_token
from shop.oauth.issuer import Issuer, issuer

endpoint = Blueprint("oauth_introspect", __name__)
speak_json(endpoint)
limited_by_address(endpoint, Limit.TOKEN_REQUESTS_PER_ADDRESS)


@endpoint.post("/oauth/introspect")
def introspect() -> Response:
    """§2: only for clients that prove who they are, so that nobody can try tokens out here."""
    server = issuer()
    asked = ShopRequest(server, request.form)
    client = known_client(asked, CONFIDENTIAL)
    token = asked.require("token")
    access = read_access_token(server, token)
    with server.database.read() as db:
        held = held_by(db, token, access)
        told = _told(db, server, held) if held and _may_ask(client, held) else None
    if held and not _may_ask(client, held):
        _record_refusal(server, client, held)
    return json_answer(told or {"active": False})


def _may_ask(client: Client, held: HeldAccess | HeldRefresh) -> bool:
    return client.introspects or held.is_of(client)


def _record_refusal(server: Issuer, client: Client, held: HeldAccess | HeldRefresh) -> None:
    """Another client's token, as at revocation: those whose it is can read that somebody else has it."""
    record_denial(
        server.database,
        EventName.ACCESS_DENIED,
        "introspection another_client",
        principal=held.holder,
        resource=held.resource,
        outcome="denied",
        facts={"page": "/oauth/introspect", "handle": Handle.ACCESS_TOKEN, "client": client.client_id},
    )


def _told(db: Session, server: Issuer, held: HeldAccess | HeldRefresh) -> dict[str, Any] | None:
    """§2.2, or None when there is nothing to tell."""
    try:
        principal = live(db, held.holder)
    except NotAlive:
        return None
    common = {
        "active": True,
        "iss": server.url,
        "aud": server.resource,
        "sub": principal.subject,
        "client_id": principal.actor.client_id if principal.actor else None,
    }
    if isinstance(held, HeldAccess):
        said = held.claims
        of_token = {"token_type": "Bearer", "exp": said.expires_at, "iat": said.issued_at, "jti": said.token}
        return common | of_token | {"scope": " ".join(sorted(principal.scopes))}
    if held.token.used_at is not None or held.family.ended_at is not None or held.token.expires_at <= moment(db):
        return None
    return common | {"exp": int(held.token.expires_at.timestamp()), "scope": " ".join(sorted(principal.scopes))}
