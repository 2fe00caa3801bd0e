"""The metadata documents: authorization server (RFC 8414) and protected resource (RFC 9728), and the public keys (RFC 7517).

They list only what is supported. The path of OpenID Connect's discovery serves the same document, since clients look there
too (RFC 8414 §5: nothing about that suffix is specific to OpenID); no ID tokens are issued, and none are promised.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from shop.oauth.clients.metadata import ASSERTION_ALGORITHMS, CONFIDENTIAL, EVERY_METHOD, SCOPES
from shop.oauth.grant_types import GrantType
from shop.oauth.grants.assertion_checks import PROFILE
from shop.oauth.issuer import issuer
from shop.oauth.responses import speak_json

endpoint = Blueprint("oauth_metadata", __name__)
resource = Blueprint("oauth_resource", __name__)
speak_json(endpoint)
speak_json(resource)

_FRESH = "public, max-age=300"


@endpoint.get("/.well-known/oauth-authorization-server")
@endpoint.get("/.well-known/openid-configuration")
def authorization_server() -> Response:
    """RFC 8414 §2."""
    server, assertions = issuer(), list(ASSERTION_ALGORITHMS)
    return _published(
        {
            "issuer": server.url,
            "authorization_endpoint": server.endpoint("authorize"),
            "token_endpoint": server.endpoint("token"),
            "registration_endpoint": server.endpoint("register"),
            "revocation_endpoint": server.endpoint("revoke"),
            "introspection_endpoint": server.endpoint("introspect"),
            "jwks_uri": server.endpoint("jwks"),
            "scopes_supported": SCOPES,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": list(GrantType),
            "authorization_grant_profiles_supported": [PROFILE],
            "token_endpoint_auth_methods_supported": list(EVERY_METHOD),
            "token_endpoint_auth_signing_alg_values_supported": assertions,
            "revocation_endpoint_auth_methods_supported": list(EVERY_METHOD),
            "revocation_endpoint_auth_signing_alg_values_supported": assertions,
            "introspection_endpoint_auth_methods_supported": list(CONFIDENTIAL),
            "introspection_endpoint_auth_signing_alg_values_supported": assertions,
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "client_id_metadata_document_supported": server.settings.client_documents,
            "protected_resources": [server.resource],
        }
    )


@resource.get("/.well-known/oauth-protected-resource")
@resource.get("/.well-known/oauth-protected-resource/mcp")
@resource.get("/.well-known/oauth-protected-resource/mcp/")
def protected_resource() -> Response:
    """RFC 9728 §2, at the URL that the resource's path makes (§3.1), and at the root, where clients look next.

    Programs that were given the address with a slash at its end find it named so: it is compared as it is written (§3.3).
    It names who issues the tokens: this shop, or the authorization server that its operator brought.
    """
    server = issuer()
    return _published(
        {
            "resource": f"{server.url_as_asked()}/mcp{'/' if request.path.endswith('/') else ''}",
            "resource_name": "Context & Co.",
            "authorization_servers": [server.external_url or server.url],
            "scopes_supported": SCOPES,
            "bearer_methods_supported": ["header"],
        }
    )


@endpoint.get("/oauth/jwks")
def jwks() -> Response:
    """RFC 7517 §5: the public keys, current and previous."""
    return _published(issuer().keys.jwks())


def _published(document: dict[str, Any]) -> Response:
    response = jsonify(document)
    response.headers["Cache-Control"] = _FRESH
    return response
