"""Token introspection (RFC 7662): a client asks about its own tokens, a registered resource server about any.

The answer is of now: what the ledger says, not what the token says. Whoever may not ask gets the answer that is given to
nonsense: not active.

Authlib's `IntrospectionEndpoint` is not used, for the reasons that `revoke.py` gives. It also asks the stored token whether it is
expired or revoked, where here the ledger is asked about all that the token hangs on.
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
from shop.oauth.clients.client import Client
from shop.oauth.clients.metadata import CONFIDENTIAL
from shop.oauth.endpoints.calling_client import known_client
from shop.oauth.endpoints.presented_token import (
    PresentedAccessToken,
    PresentedToken,
    find_token,
    read_access_token,
)
from shop.oauth.issuer import Issuer, issuer
from shop.oauth.parameters import EndpointRequest
from shop.oauth.responses import json_answer, speak_json

endpoint = Blueprint("oauth_introspect", __name__)
speak_json(endpoint)
limited_by_address(endpoint, Limit.TOKEN_REQUESTS_PER_ADDRESS)


@endpoint.post("/oauth/introspect")
def introspect() -> Response:
    """§2: only for clients that prove who they are, so that nobody can try tokens out here."""
    server = issuer()
    endpoint_request = EndpointRequest(server, request.form)
    client = known_client(endpoint_request, CONFIDENTIAL)
    encoded = endpoint_request.parameters.require("token")
    access = read_access_token(server, encoded)
    with server.database.read() as db:
        presented_token = find_token(db, encoded, access)
        answer = (
            _token_information(db, server, presented_token)
            if presented_token and _may_ask(client, presented_token)
            else None
        )
    if presented_token and not _may_ask(client, presented_token):
        _record_refusal(server, client, presented_token)
    return json_answer(answer or {"active": False})


def _may_ask(client: Client, presented_token: PresentedToken) -> bool:
    return client.introspects or presented_token.is_of(client)


def _record_refusal(server: Issuer, client: Client, presented_token: PresentedToken) -> None:
    """Another client's token, as at revocation: those whose it is can read that somebody else has it."""
    record_denial(
        server.database,
        EventName.ACCESS_DENIED,
        "introspection another_client",
        principal=presented_token.holder,
        resource=presented_token.resource,
        outcome="denied",
        facts={"page": "/oauth/introspect", "handle": Handle.ACCESS_TOKEN, "client": client.client_id},
    )


def _token_information(db: Session, server: Issuer, presented_token: PresentedToken) -> dict[str, Any] | None:
    """§2.2, or None for a token that is not active."""
    try:
        principal = live(db, presented_token.holder)
    except NotAlive:
        return None
    common = {
        "active": True,
        "iss": server.url,
        "aud": server.resource,
        "sub": principal.subject,
        "client_id": principal.actor.client_id if principal.actor else None,
    }
    if isinstance(presented_token, PresentedAccessToken):
        claims = presented_token.claims
        of_token = {"token_type": "Bearer", "exp": claims.expires_at, "iat": claims.issued_at, "jti": claims.token}
        return common | of_token | {"scope": " ".join(sorted(principal.scopes))}
    if (
        presented_token.token.used_at is not None
        or presented_token.family.ended_at is not None
        or presented_token.token.expires_at <= moment(db)
    ):
        return None
    return common | {
        "exp": int(presented_token.token.expires_at.timestamp()),
        "scope": " ".join(sorted(principal.scopes)),
    }
