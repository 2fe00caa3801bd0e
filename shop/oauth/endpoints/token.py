"""The token endpoint (RFC 6749 §3.2): client authenticated first, then one transaction that spends, issues and records.

A refusal commits too: a code that came with the wrong verifier is spent, a family that was caught is dead, and the refusal is on
record. What a refusal had not done by then, it does not do: nothing is issued before everything was checked.
"""

from __future__ import annotations

from collections.abc import Callable

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, request

from shop.audit.denials import Refusal, note_denial, record_denial
from shop.audit.events import EventName
from shop.guards.rate_limits import Limit, limited_by_address
from shop.oauth.authlib_server import Server, ShopRequest, refuse, speak_json
from shop.oauth.client_authentication import CONFIDENTIAL, EVERY_METHOD, authenticate_client
from shop.oauth.grants.assertion_checks import read_assertion
from shop.oauth.grants.authorization_code import S256, AuthorizationCodeGrant, Resource
from shop.oauth.grants.client_credentials import ClientCredentialsGrant
from shop.oauth.grants.identity_assertion import IdentityAssertionGrant
from shop.oauth.grants.refresh_token import RefreshTokenGrant, recheck_person
from shop.oauth.grants.token_exchange import TokenExchangeGrant, read_subject_token
from shop.oauth.issuer import issuer

endpoint = Blueprint("oauth_token", __name__)
speak_json(endpoint)
limited_by_address(endpoint, Limit.TOKEN_REQUESTS_PER_ADDRESS)

_OF_EVERY_CLIENT = (AuthorizationCodeGrant.GRANT_TYPE, RefreshTokenGrant.GRANT_TYPE)
_WITHOUT_BROWSER = (ClientCredentialsGrant, TokenExchangeGrant, IdentityAssertionGrant)
GRANTS = (*_OF_EVERY_CLIENT, *(grant.GRANT_TYPE for grant in _WITHOUT_BROWSER))
_READ_FIRST: dict[str, Callable[[ShopRequest], None]] = {
    RefreshTokenGrant.GRANT_TYPE: recheck_person,
    TokenExchangeGrant.GRANT_TYPE: read_subject_token,
    IdentityAssertionGrant.GRANT_TYPE: read_assertion,
}
"""What a grant type verifies before the transaction begins, since others may have to be asked for it."""


def server_of(asked: ShopRequest) -> Server:
    """Authlib's server with the grants that there are."""
    server = Server(asked.issuer)
    server.register_grant(AuthorizationCodeGrant, [S256(), Resource()])
    server.register_grant(RefreshTokenGrant)
    for grant in _WITHOUT_BROWSER:
        server.register_grant(grant)
    return server


@endpoint.post("/oauth/token")
def token() -> Response:
    """Tokens for what the grant type wants to see, or the protocol's error."""
    asked = ShopRequest(issuer(), request.form)
    server, database = server_of(asked), asked.issuer.database
    try:
        grant_type = asked.require("grant_type")
        if grant_type not in GRANTS:
            refuse("unsupported_grant_type", f"There are these grant types: {', '.join(GRANTS)}.")
        authenticate_client(server, asked, EVERY_METHOD if grant_type in _OF_EVERY_CLIENT else CONFIDENTIAL)
        if read_first := _READ_FIRST.get(grant_type):
            read_first(asked)
    except OAuth2Error as error:
        record_denial(database, EventName.TOKEN_REFUSED, **_refusal(asked, error))
        raise
    signer = asked.issuer.keys.signer()
    with database.write() as db:
        asked.begin(db, signer)
        response: Response = server.create_token_response(asked)  # type: ignore[assignment] # by `handle_response`
        if asked.refused is not None:
            note_denial(db, EventName.TOKEN_REFUSED, **_refusal(asked, asked.refused))
    return response


def _refusal(asked: ShopRequest, error: OAuth2Error) -> Refusal:
    """That a client got no token, and why: in the organization's trail when it is known whose, else in the system's."""
    return {
        "kind": str(error.error),
        "principal": asked.on_behalf_of,
        "organization": asked.concerns,
        "party": asked.known_party,
        "outcome": "denied",
        "facts": {
            "client": getattr(asked.client, "client_id", None),
            "grant_type": (asked.parameter("grant_type") or "")[:60],
            "error": str(error.error),
            "why": (error.get_error_description() or "")[:300],
            **asked.about,
        },
    }
