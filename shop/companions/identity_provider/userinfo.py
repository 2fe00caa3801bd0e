"""The userinfo endpoint (OpenID Core §5.3): who an access token is about, as the directory says today."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from shop.companions.identity_provider.claims import claims_of
from shop.companions.identity_provider.provider import current_provider

blueprint = Blueprint("userinfo", __name__)


@blueprint.route("/userinfo", methods=["GET", "POST"])
def userinfo() -> tuple[Response, int]:
    """The claims that the token's scopes open. The token comes in the header only (RFC 9700 §4.3.2)."""
    provider = current_provider()
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        return _challenge("Bearer")
    token = provider.store.access_token(secret.strip(), now=provider.now())
    person = provider.directory.person(token.sub) if token else None
    if token is None or person is None:
        return _challenge('Bearer error="invalid_token", error_description="The token is unknown or has ended."')
    return jsonify(claims_of(person, token.scope)), 200


def _challenge(value: str) -> tuple[Response, int]:
    """401 with the challenge of RFC 6750 §3."""
    response = jsonify(error="invalid_token" if "error=" in value else "token_required")
    response.headers["WWW-Authenticate"] = value
    return response, 401
