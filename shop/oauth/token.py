"""The token endpoint (RFC 6749 §3.2): client authenticated first, then one transaction that spends, issues and records.

A refusal commits too: a code that came with the wrong verifier is spent, a family that was caught is dead, and the refusal is on
record. What a refusal had not done by then, it does not do: nothing is issued before everything was checked.
"""

from __future__ import annotations

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.oauth.client_authentication import authenticate_client
from shop.oauth.grants.authorization_code import S256, AuthorizationCodeGrant, Resource
from shop.oauth.grants.refresh_token import RefreshTokenGrant
from shop.oauth.issuer import issuer
from shop.oauth.protocol import Server, ShopRequest, refuse, speak_json

endpoint = Blueprint("oauth_token", __name__)
speak_json(endpoint)

GRANTS = (AuthorizationCodeGrant.GRANT_TYPE, RefreshTokenGrant.GRANT_TYPE)


def server_of(asked: ShopRequest) -> Server:
    """Authlib's server with the grants that there are."""
    server = Server(asked.issuer)
    server.register_grant(AuthorizationCodeGrant, [S256(), Resource()])
    server.register_grant(RefreshTokenGrant)
    return server


@endpoint.post("/oauth/token")
def token() -> Response:
    """Tokens for a code or a refresh token, or the protocol's error."""
    asked = ShopRequest(issuer(), request.form)
    server, database = server_of(asked), asked.issuer.database
    try:
        if asked.require("grant_type") not in GRANTS:
            refuse("unsupported_grant_type", f"There are these grant types: {', '.join(GRANTS)}.")
        authenticate_client(server, asked)
    except OAuth2Error as error:
        with database.write() as db:
            record_refusal(db, asked, error)
        raise
    signer = asked.issuer.keys.signer()
    with database.write() as db:
        asked.begin(db, signer)
        response: Response = server.create_token_response(asked)  # type: ignore[assignment] # by `handle_response`
        if asked.refused is not None:
            record_refusal(db, asked, asked.refused)
    return response


def record_refusal(db: Session, asked: ShopRequest, error: OAuth2Error) -> None:
    """Note that a client got no token, and why: in the organization's trail when it is known whose, else in the system's."""
    record(
        db,
        EventName.TOKEN_REFUSED,
        principal=asked.on_behalf_of,
        outcome="denied",
        facts={
            "client": getattr(asked.client, "client_id", None),
            "grant_type": (asked.parameter("grant_type") or "")[:60],
            "error": str(error.error),
            "why": (error.get_error_description() or "")[:300],
        },
    )
