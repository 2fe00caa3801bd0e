"""Cross-App Access: a client that signed somebody in asks for an assertion that it may use at another application.

RFC 8693 §2, draft-ietf-oauth-identity-assertion-authz-grant §4.3: an ID token of ours becomes an identity assertion (ID-JAG)
for the authorization server of that application, if the company's configuration lets this client go there.
"""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request

from shop.companions.identity_provider.config import Client, CrossAppAccess
from shop.companions.identity_provider.directory import Person
from shop.companions.identity_provider.protocol import OAuthError, parameter, required
from shop.companions.identity_provider.provider import Provider

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
ASSERTION_TYPE = "oauth-id-jag+jwt"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"


def exchange(provider: Provider, client: Client) -> Response:
    """An ID token becomes an identity assertion. Raises `OAuthError`."""
    if required(request.form, "requested_token_type") != ID_JAG:
        raise OAuthError("invalid_request", f"The requested_token_type must be {ID_JAG}.")
    if required(request.form, "subject_token_type") != _ID_TOKEN:
        raise OAuthError("invalid_request", f"The subject_token_type must be {_ID_TOKEN}.")
    access = _access(client)
    person, claims = _signed_in(provider, client, required(request.form, "subject_token"))
    scope = _scope(access)
    lifetime = provider.config.assertion_lifetime
    assertion = {
        "iss": provider.config.issuer,
        "sub": person.sub,
        "aud": access.audience,
        "resource": access.resource,
        "client_id": access.client_id,
        "jti": provider.new_secret(),
        "iat": provider.now(),
        "exp": provider.after(lifetime),
        "scope": scope,
        # What the application needs to know whom it has in front of it, and what they are worth there today.
        "email": person.email,
        "groups": list(person.groups),
        **{name: claims[name] for name in ("auth_time", "amr", "acr")},
    }
    return jsonify(
        issued_token_type=ID_JAG,
        access_token=provider.key.sign(assertion, typ=ASSERTION_TYPE),  # RFC 8693 §2.2.1 calls it so, whatever it is
        token_type="N_A",
        scope=scope,
        expires_in=int(lifetime.total_seconds()),
    )


def _access(client: Client) -> CrossAppAccess:
    """Where the client wants to go: audience and resource are a pair, and one that is configured for it."""
    audience, resource = required(request.form, "audience"), parameter(request.form, "resource")
    for access in client.access:
        if access.audience == audience and resource in {None, access.resource}:
            return access
    raise OAuthError("invalid_target", "The company does not let this client use that application for its people.")


def _signed_in(provider: Provider, client: Client, id_token: str) -> tuple[Person, dict[str, Any]]:
    """Whom the ID token is about: issued by us to this very client, not expired, of a sign-in that is not over."""
    claims = provider.key.read_own(id_token, issuer=provider.config.issuer) or {}
    person = provider.directory.person(str(claims.get("sub")))
    if claims.get("aud") != client.client_id or person is None or claims["exp"] <= provider.now():
        raise OAuthError("invalid_grant", "The subject_token is no valid ID token of this client.")
    if not provider.store.is_signed_in(str(claims["sid"]), now=provider.now()):
        raise OAuthError("invalid_grant", "The person has signed out since.")
    return person, claims


def _scope(access: CrossAppAccess) -> str:
    """What is asked for of that which the company allows; all of it, when nothing is said."""
    asked = parameter(request.form, "scope")
    granted = [scope for scope in access.scopes if asked is None or scope in asked.split()]
    if not granted:
        raise OAuthError("invalid_scope", "The company allows this client nothing of that there.")
    return " ".join(granted)
