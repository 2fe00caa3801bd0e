"""Discovery and keys: what a client reads before anything else (OpenID Discovery 1.0 §4, RFC 8414, RFC 7517)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from shop.companions.identity_provider.claims import CLAIMS, SCOPES
from shop.companions.identity_provider.keys import ALGORITHM
from shop.companions.identity_provider.provider import Provider, current_provider
from shop.companions.identity_provider.token import GRANT_TYPES
from shop.companions.identity_provider.token_exchange import ID_JAG

blueprint = Blueprint("metadata", __name__)


@blueprint.get("/.well-known/openid-configuration")
def discovery() -> Response:
    """Says exactly what is there: an option that is not listed is refused."""
    return _cacheable(jsonify(provider_metadata(current_provider())))


@blueprint.get("/jwks")
def jwks() -> Response:
    """The public key of the ID tokens."""
    return _cacheable(jsonify(current_provider().key.public_jwks()))


def provider_metadata(provider: Provider) -> dict[str, Any]:
    """The provider's metadata document."""
    return {
        "issuer": provider.config.issuer,
        "authorization_endpoint": provider.url("/authorize"),
        "token_endpoint": provider.url("/token"),
        "userinfo_endpoint": provider.url("/userinfo"),
        "jwks_uri": provider.url("/jwks"),
        "end_session_endpoint": provider.url("/end-session"),
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GRANT_TYPES,
        "identity_chaining_requested_token_types_supported": [ID_JAG],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": ["iss", "aud", "exp", "iat", "auth_time", "nonce", "sid", "amr", "acr", *CLAIMS],
        "acr_values_supported": ["0"],
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def _cacheable(response: Response) -> Response:
    response.cache_control.public = True
    response.cache_control.max_age = 300
    return response
