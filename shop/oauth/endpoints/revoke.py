"""Token revocation (RFC 7009): a client gives back what it holds.

An access token ends with those that it was exchanged for; a refresh token ends with all that grew from the same authorization
(§2.1). What the person allowed stays: ending that is theirs (`shop.revocation`).

Authlib's `RevocationEndpoint` is not used. It authenticates the client, finds the token and ends it in one call, so that a client's
keys would be fetched inside the transaction; it refuses a `token_type_hint` that it does not know, where §2.1 lets a server ignore
the hint; and it has no place to record that somebody presented another client's token.
"""

from __future__ import annotations

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from shop.audit.denials import note_denial
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import wait_in_line
from shop.credentials.tokens import end_access_token, end_family
from shop.guards.rate_limits import Limit, limited_by_address
from shop.oauth.clients.client import Client
from shop.oauth.endpoints.calling_client import known_client
from shop.oauth.endpoints.presented_token import (
    PresentedAccessToken,
    PresentedRefreshToken,
    PresentedToken,
    find_token,
    read_access_token,
)
from shop.oauth.issuer import issuer
from shop.oauth.parameters import EndpointRequest
from shop.oauth.responses import json_answer, json_error, speak_json

endpoint = Blueprint("oauth_revoke", __name__)
speak_json(endpoint)
limited_by_address(endpoint, Limit.TOKEN_REQUESTS_PER_ADDRESS)

_BECAUSE = EndReason.REVOKED_BY_CLIENT


@endpoint.post("/oauth/revoke")
def revoke() -> Response:
    """§2.2: 200 for every token of this client, unknown and ended ones included. Another client's is refused."""
    server = issuer()
    endpoint_request = EndpointRequest(server, request.form)
    client = known_client(endpoint_request)
    encoded = endpoint_request.parameters.require("token")
    access = read_access_token(server, encoded)
    with server.database.write() as db:
        presented_token = find_token(db, encoded, access)
        if presented_token is None:
            return json_answer({})
        if not presented_token.is_of(client):
            return _refused(db, presented_token, client)
        wait_in_line(
            db,
            presented_token.holder,
            changing=[presented_token.holder.grant or presented_token.holder.authorities[-1]],
        )
        match presented_token:
            case PresentedAccessToken():
                ended = end_access_token(db, presented_token.claims.token, _BECAUSE)
            case PresentedRefreshToken():
                ended = end_family(db, presented_token.family.id, _BECAUSE)
        facts = {"client": client.client_id, "because": _BECAUSE, "tokens": ended}
        record(
            db,
            EventName.TOKEN_REVOKED,
            principal=presented_token.holder,
            resource=presented_token.resource,
            facts=facts,
        )
    return json_answer({})


def _refused(db: Session, presented_token: PresentedToken, client: Client) -> Response:
    """Another client's token: it lives on, and those whose it is can read that somebody else has it."""
    note_denial(
        db,
        EventName.TOKEN_REVOCATION_REFUSED,
        "another_client",
        principal=presented_token.holder,
        resource=presented_token.resource,
        outcome="denied",
        facts={"client": client.client_id},
    )
    return json_error(OAuth2Error(error="invalid_grant", description="This token was issued to another client."))
