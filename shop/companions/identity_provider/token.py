"""The token endpoint (RFC 6749 §4.1.3, RFC 7636 §4.6, OpenID Core §3.1.3): a code becomes an ID token, once.

An ID token becomes an identity assertion in `token_exchange.py`.
"""

from __future__ import annotations

import re
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from urllib.parse import unquote_plus

from flask import Blueprint, Response, jsonify, request

from shop.companions.identity_provider import token_exchange
from shop.companions.identity_provider.claims import claims_of
from shop.companions.identity_provider.config import Client
from shop.companions.identity_provider.directory import Person
from shop.companions.identity_provider.protocol import OAuthError, parameter, required
from shop.companions.identity_provider.provider import Provider, current_provider
from shop.companions.identity_provider.storage import Code

blueprint = Blueprint("token", __name__)

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1
_BAD_CODE = "The code is unknown, expired, already used, or was issued for something else."
_AMR = ["user"]
"""RFC 8176 §2: somebody was present and clicked. No password, so nothing stronger may be claimed."""
_ACR = "0"
"""OpenID Core §2: not even level 1 of ISO/IEC 29115. True of a provider that lets anyone in as anyone."""


@blueprint.post("/token")
def token() -> Response:
    """Redeem a code, or hand an ID token to token exchange. Every problem with it gets one and the same answer, which helps no guesser."""
    provider = current_provider()
    client = authenticated_client(provider)
    grant_type = required(request.form, "grant_type")
    if grant_type == token_exchange.GRANT_TYPE:
        return token_exchange.exchange(provider, client)
    if grant_type != "authorization_code":
        raise OAuthError("unsupported_grant_type", "Only authorization_code and token exchange are supported.")
    secret = required(request.form, "code")
    redirect_uri = required(request.form, "redirect_uri")
    verifier = required(request.form, "code_verifier")

    code = provider.store.claim_code(secret, client.client_id, now=provider.now())
    person = provider.directory.person(code.sub) if code else None
    if (
        code is None
        or person is None
        or code.expires_at <= provider.now()
        or code.redirect_uri != redirect_uri
        or not _matches(verifier, code.code_challenge)
    ):
        raise OAuthError("invalid_grant", _BAD_CODE)

    access_token = provider.new_secret()
    lifetime = provider.config.access_token_lifetime
    provider.store.add_access_token(access_token, code_secret=secret, code=code, expires_at=provider.after(lifetime))
    return jsonify(
        access_token=access_token,
        token_type="Bearer",
        expires_in=int(lifetime.total_seconds()),
        scope=code.scope,
        id_token=provider.key.sign(id_token_claims(provider, client, code, person)),
    )


@blueprint.errorhandler(OAuthError)
def refused(error: OAuthError) -> tuple[Response, int]:
    """The error in OAuth's form (RFC 6749 §5.2)."""
    response = jsonify(error=error.code, error_description=error.description)
    if error.code != "invalid_client":
        return response, 400
    response.headers["WWW-Authenticate"] = 'Basic realm="token", charset="UTF-8"'
    return response, 401


def id_token_claims(provider: Provider, client: Client, code: Code, person: Person) -> dict[str, Any]:
    """The claims of the ID token (OpenID Core §2)."""
    protocol = {
        "iss": provider.config.issuer,
        "aud": client.client_id,
        "iat": provider.now(),
        "exp": provider.after(provider.config.id_token_lifetime),
        "auth_time": code.auth_time,
        "sid": code.sid,
        "amr": _AMR,
        "acr": _ACR,
    }
    nonce = {"nonce": code.nonce} if code.nonce is not None else {}
    return {**claims_of(person, code.scope), **protocol, **nonce}


def authenticated_client(provider: Provider) -> Client:
    """The client that sent the request, by `client_secret_basic` or `client_secret_post`, never by both at once."""
    posted_id, posted_secret = parameter(request.form, "client_id"), parameter(request.form, "client_secret")
    basic = _basic_credentials()
    if basic and posted_secret is not None:
        raise OAuthError("invalid_request", "The client authenticated in two ways at once.")
    client_id, secret = basic or (posted_id or "", posted_secret or "")
    if basic and posted_id not in {None, client_id}:
        raise OAuthError("invalid_request", "The client gave two different identifiers.")
    client = provider.config.client(client_id)
    expected = client.client_secret if client else provider.new_secret()  # an unknown client costs the same time
    if not compare_digest(secret.encode(), expected.encode()) or client is None:
        raise OAuthError("invalid_client", "The client is unknown, or its secret is wrong.")
    return client


def _basic_credentials() -> tuple[str, str] | None:
    """Identifier and secret of `client_secret_basic`: each form-encoded before they were joined (RFC 6749 §2.3.1)."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = b64decode(encoded, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError) as error:
        raise OAuthError("invalid_client", "The Authorization header is malformed.") from error
    return unquote_plus(client_id), unquote_plus(secret)


def _matches(verifier: str, challenge: str) -> bool:
    """Whether the verifier belongs to the challenge, by S256 (RFC 7636 §4.6)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    computed = urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=")
    return compare_digest(computed, challenge.encode("ascii"))
