"""Token revocation (RFC 7009): a client gives back what it holds.

An access token ends with those that it was exchanged for; a refresh token ends with all that grew from the same authorization
(§2.1). What the person allowed stays: ending that is theirs (`shop.revocation`).
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
from shop.oauth.authlib_server import ShopRequest, json_answer, json_error, speak_json
from shop.oauth.clients.client import Client
from shop.oauth.endpoints.calling_client import known_client
from shop.oauth.endpoints.presented_token import HeldAccess, HeldRefresh, held_by, read_access_token
from shop.oauth.issuer import issuer

endpoint = Blueprint("oauth_revoke", __name__)
speak_json(endpoint)
limited_by_address(endpoint, Limit.TOKEN_REQUESTS_PER_ADDRESS)

_BECAUSE = EndReason.REVOKED_BY_CLIENT


@endpoint.post("/oauth/revoke")
def revoke() -> Response:
    """§2.2: 200 for every token of this client, unknown and ended ones included. Another client's is refused."""
    server = issuer()
    asked = ShopRequest(server, request.form)
    client = known_client(asked)
    token = asked.require("token")
    access = read_access_token(server, token)
    with server.database.write() as db:
        held = held_by(db, token, access)
        if held is None:
            return json_answer({})
        if not held.is_of(client):
            return _refused(db, held, client)
        wait_in_line(db, held.holder, changing=[held.holder.grant or held.holder.authorities[-1]])
        match held:
            case HeldAccess():
                ended = end_access_token(db, held.claims.token, _BECAUSE)
            case HeldRefresh():
                ended = end_family(db, held.family.id, _BECAUSE)
        facts = {"client": client.client_id, "because": _BECAUSE, "tokens": ended}
        record(db, EventName.TOKEN_REVOKED, principal=held.holder, resource=held.resource, facts=facts)
    return json_answer({})


def _refused(db: Session, held: HeldAccess | HeldRefresh, client: Client) -> Response:
    """Another client's token: it lives on, and those whose it is can read that somebody else has it."""
    note_denial(
        db,
        EventName.TOKEN_REVOCATION_REFUSED,
        "another_client",
        principal=held.holder,
        resource=held.resource,
        outcome="denied",
        facts={"client": client.client_id},
    )
    return json_error(OAuth2Error(error="invalid_grant", description="This token was issued to another client."))
