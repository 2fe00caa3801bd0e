"""The token endpoint (RFC 6749 §3.2). Its steps are in `shop/oauth/grants/pipeline.py`."""

from __future__ import annotations

from flask import Blueprint, Response, request

from shop.guards.rate_limits import Limit, limited_by_address
from shop.oauth.grants.authorization_code import AuthorizationCodeGrant
from shop.oauth.grants.client_credentials import ClientCredentialsGrant
from shop.oauth.grants.identity_assertion import IdentityAssertionGrant
from shop.oauth.grants.pipeline import token_response
from shop.oauth.grants.refresh_token import RefreshTokenGrant
from shop.oauth.grants.token_exchange import TokenExchangeGrant
from shop.oauth.grants.token_grant import TokenGrant
from shop.oauth.issuer import issuer
from shop.oauth.parameters import EndpointRequest
from shop.oauth.responses import json_answer, speak_json

endpoint = Blueprint("oauth_token", __name__)
speak_json(endpoint)
limited_by_address(endpoint, Limit.TOKEN_REQUESTS_PER_ADDRESS)

_CLASSES: tuple[type[TokenGrant], ...] = (
    AuthorizationCodeGrant,
    RefreshTokenGrant,
    ClientCredentialsGrant,
    TokenExchangeGrant,
    IdentityAssertionGrant,
)
GRANT_CLASSES = {grant_class.grant_type: grant_class for grant_class in _CLASSES}
"""Grant type → the class that answers it. A test holds that each `GrantType` has one."""


@endpoint.post("/oauth/token")
def token() -> Response:
    """The tokens, or the protocol's error (§5)."""
    return json_answer(token_response(EndpointRequest(issuer(), request.form), GRANT_CLASSES))
