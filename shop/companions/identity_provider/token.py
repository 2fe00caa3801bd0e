"""The token endpoint (RFC 6749 §4.1.3 and §6, RFC 7636 §4.6, OpenID Core §3.1.3 and §12): a code becomes tokens, once.

With offline access, they are had again by a refresh token. An ID token becomes an identity assertion in `token_exchange.py`.
"""

from __future__ import annotations

import re
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import replace
from hashlib import sha256
from hmac import compare_digest
from urllib.parse import unquote_plus

from flask import Blueprint, Response, jsonify, request

from shop.companions.identity_provider import token_exchange
from shop.companions.identity_provider.claims import OFFLINE_ACCESS, id_token_claims
from shop.companions.identity_provider.config import Client
from shop.companions.identity_provider.directory import Person
from shop.companions.identity_provider.protocol import OAuthError, parameter, required
from shop.companions.identity_provider.provider import Provider, current_provider
from shop.companions.identity_provider.storage import Code

blueprint = Blueprint("token", __name__)

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1
GRANT_TYPES = ("authorization_code", "refresh_token", token_exchange.GRANT_TYPE)
_BAD_CODE = "The code is unknown, expired, already used, or was issued for something else."
_BAD_REFRESH_TOKEN = "The refresh token is unknown, expired or revoked, or its person does not work here any more."


@blueprint.post("/token")
def token() -> Response:
    """Tokens for what the grant type wants to see."""
    provider = current_provider()
    client = authenticated_client(provider)
    match required(request.form, "grant_type"):
        case "authorization_code":
            return _redeem_code(provider, client)
        case "refresh_token":
            return _refresh(provider, client)
        case token_exchange.GRANT_TYPE:
            return token_exchange.exchange(provider, client)
    raise OAuthError("unsupported_grant_type", f"There are these grant types: {', '.join(GRANT_TYPES)}.")


def _redeem_code(provider: Provider, client: Client) -> Response:
    """Every problem with a code gets one and the same answer, which helps no guesser."""
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
    refresh_token = None
    if OFFLINE_ACCESS in code.scope.split():
        refresh_token = provider.new_secret()
        expires_at = provider.after(provider.config.refresh_token_lifetime)
        provider.store.add_refresh_token(refresh_token, code, expires_at=expires_at)
    return _issued(provider, client, code, person, refresh_token)


def _refresh(provider: Provider, client: Client) -> Response:
    """New tokens for a person who is not there, if they still work here, with what the directory says today.

    The same refresh token serves until it expires: clients here are confidential, so that it is worth nothing without their
    secret (RFC 9700 §2.2.2, §4.14.2).
    """
    secret = required(request.form, "refresh_token")
    code = provider.store.refresh_token(secret, client.client_id, now=provider.now())
    person = provider.directory.person(code.sub) if code else None
    if code is None or person is None:
        raise OAuthError("invalid_grant", _BAD_REFRESH_TOKEN)
    narrowed = (parameter(request.form, "scope") or code.scope).split()
    if "openid" not in narrowed or not set(narrowed) <= set(code.scope.split()):
        raise OAuthError("invalid_scope", "The scope must contain openid, and nothing that was not granted.")
    # OpenID Core §12.2: the nonce is one sign-in's, which this is not.
    return _issued(provider, client, replace(code, scope=" ".join(narrowed), nonce=None), person)


def _issued(
    provider: Provider, client: Client, code: Code, person: Person, refresh_token: str | None = None
) -> Response:
    """A token response (OpenID Core §3.1.3.3, RFC 6749 §5.1)."""
    access_token = provider.new_secret()
    lifetime = provider.config.access_token_lifetime
    provider.store.add_access_token(access_token, code, expires_at=provider.after(lifetime))
    return jsonify(
        access_token=access_token,
        token_type="Bearer",
        expires_in=int(lifetime.total_seconds()),
        scope=code.scope,
        id_token=provider.key.sign(id_token_claims(provider, client, code, person)),
        **({"refresh_token": refresh_token} if refresh_token else {}),
    )


@blueprint.errorhandler(OAuthError)
def refused(error: OAuthError) -> tuple[Response, int]:
    """The error in OAuth's form (RFC 6749 §5.2)."""
    response = jsonify(error=error.code, error_description=error.description)
    if error.code != "invalid_client":
        return response, 400
    response.headers["WWW-Authenticate"] = 'Basic realm="token", charset="UTF-8"'
    return response, 401


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
