"""Token revocation (RFC 7009): a client gives back what it holds.

An access token ends with those that it was exchanged for; a refresh token ends with all that grew from the same authorization (§2.1). What the person
allowed stays: ending that is theirs (`shop.revocation`).
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.grants import Grant
from shop.credentials.ledger import hold
from shop.credentials.tokens import RefreshToken, TokenFamily, end_access_token, end_family, find_refresh_token
from shop.oauth.access_tokens import BadToken, Claims, verify
from shop.oauth.client_authentication import authenticate_client
from shop.oauth.clients import Client
from shop.oauth.issuer import Issuer, issuer
from shop.oauth.protocol import Server, ShopRequest, json_answer, refuse, speak_json
from shop.principal import Principal

endpoint = Blueprint("oauth_revoke", __name__)
speak_json(endpoint)


@dataclass(frozen=True, kw_only=True)
class Held:
    """A token that somebody presented, and whose it is."""

    holder: Principal
    refresh: tuple[RefreshToken, TokenFamily] | None = None
    access: Claims | None = None

    def is_of(self, client: Client) -> bool:
        """Whether it was issued to this client."""
        return self.holder.actor is not None and self.holder.actor.client_id == client.client_id


@endpoint.post("/oauth/revoke")
def revoke() -> Response:
    """§2.2: 200 for every token of this client, unknown and ended ones included. Another client's is refused."""
    server = issuer()
    asked = ShopRequest(server, request.form)
    client = authenticate_client(Server(server), asked)
    token = asked.require("token")
    access = read_access_token(server, token)
    with server.database.write() as db:
        held = held_by(db, token, access)
        if held is None:
            return json_answer({})
        if not held.is_of(client):
            refuse("invalid_grant", "This token was issued to another client.")
        hold(db, held.holder.organization)
        if held.refresh:
            ended = end_family(db, held.refresh[1].id, "revoked_by_client")
        else:
            ended = end_access_token(db, held.access.token, "revoked_by_client") if held.access else []
        record(
            db,
            EventName.TOKEN_REVOKED,
            principal=held.holder,
            resource=("token_family", held.refresh[1].id)
            if held.refresh
            else ("token", held.access.token if held.access else ""),
            facts={"client": client.client_id, "because": "revoked_by_client", "tokens": ended},
        )
    return json_answer({})


def read_access_token(server: Issuer, token: str) -> Claims | None:
    """What an access token of ours says; None for anything else. Not in a transaction: keys may have to be read."""
    try:
        return verify(server, token, at=server.database.clock())
    except BadToken:
        return None


def held_by(db: Session, token: str, access: Claims | None) -> Held | None:
    """Whose token this is; None when it is none of ours. The hint of its kind is not needed (§2.1)."""
    if access is not None:
        return Held(holder=access.principal(), access=access)
    found = find_refresh_token(db, token)
    return Held(holder=db.get_one(Grant, found[1].grant_id).principal(), refresh=found) if found else None
