"""Authenticating this shop at a provider's token endpoint, in a way that the provider takes (OpenID Connect Core §9).

The way is the connection's `client_auth` where the operator wrote one. Else it follows the provider's metadata
(`token_endpoint_auth_methods_supported`, without which it is `client_secret_basic`, Discovery 1.0 §3) and what there is: a secret
goes by Basic where that is taken, else in the form; without a secret the shop signs with its own key.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey

from shop.identity.providers import Provider, set_up_wrong

BASIC, POST, KEY, NONE = "client_secret_basic", "client_secret_post", "private_key_jwt", "none"
METHODS = (BASIC, POST, KEY, NONE)
"""What `client_auth` of a connection may say. `none` is for a public client, whose code PKCE protects."""
WITHOUT_SECRET = (KEY, NONE)
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS = ("RS256", "PS256", "RS384", "PS384", "RS512", "PS512")
"""What the shop's key can sign with, the most usual first."""
_LIFE = 60
"""Seconds that an assertion is good for."""

Authenticate = Callable[[object, str, str, MutableMapping[str, str], str], tuple[str, MutableMapping[str, str], str]]
"""An authentication method as Authlib calls it: client, method, address, headers and body; returns the last three."""


def method_for(metadata: Mapping[str, Any], provider: Provider) -> str:
    """The way in which the shop authenticates itself there. Raises `SignInError` when the provider takes none that there is."""
    if provider.client_auth:
        return provider.client_auth
    listed = metadata.get("token_endpoint_auth_methods_supported")
    taken = listed if isinstance(listed, list) else [BASIC]
    possible = (BASIC, POST, KEY) if provider.client_secret else (KEY,)
    for method in possible:
        if method in taken or not provider.client_secret:
            return method
    raise set_up_wrong(provider, f"it takes none of {', '.join(possible)} at its token endpoint")


def authentication(metadata: Mapping[str, Any], provider: Provider, now: datetime) -> Authenticate:
    """What authenticates a token request, for Authlib. Not inside a transaction: a key may have to be made."""
    method = method_for(metadata, provider)
    if method == BASIC:
        return _basic(provider)
    if method == POST:
        return _in_form({"client_id": provider.client_id, "client_secret": provider.client_secret})
    if method == NONE:
        return _in_form({"client_id": provider.client_id})
    if provider.client_key is None:
        raise LookupError("a provider that only verifies what others signed is asked for nothing")
    assertion = _assertion(metadata, provider, provider.client_key(), now)
    return _in_form(
        {"client_id": provider.client_id, "client_assertion_type": _ASSERTION_TYPE, "client_assertion": assertion}
    )


def basic_credentials(client_id: str, secret: str) -> str:
    """The value of `Authorization` (RFC 6749 §2.3.1): both parts are form-encoded first, so that any character may be in them.

    A space becomes %20, which is read alike by those that decode a form and by those that decode a URL.
    """
    pair = ":".join(quote(part, safe="") for part in (client_id, secret))
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _basic(provider: Provider) -> Authenticate:
    value = basic_credentials(provider.client_id, provider.client_secret)

    def authenticate(_client: object, _method: str, uri: str, headers: Any, body: str) -> Any:
        headers["Authorization"] = value
        return uri, headers, body

    return authenticate


def _in_form(credentials: Mapping[str, str]) -> Authenticate:
    def authenticate(_client: object, _method: str, uri: str, headers: Any, body: str) -> Any:
        whole = f"{body}&{urlencode(credentials)}"
        headers["Content-Length"] = str(len(whole))
        return uri, headers, whole

    return authenticate


def _assertion(metadata: Mapping[str, Any], provider: Provider, key: RSAKey, now: datetime) -> str:
    """RFC 7523 §3, OpenID Connect Core §9: good for a minute, for this token endpoint, once."""
    listed = metadata.get("token_endpoint_auth_signing_alg_values_supported")
    taken = listed if isinstance(listed, list) else list(_ALGORITHMS)
    algorithm = next((name for name in _ALGORITHMS if name in taken), None)
    if algorithm is None:
        raise set_up_wrong(provider, f"it takes no client assertion signed with one of {', '.join(_ALGORITHMS)}")
    seconds = int(now.timestamp())
    claims = {
        "iss": provider.client_id,
        "sub": provider.client_id,
        "aud": metadata["token_endpoint"],
        "iat": seconds,
        "exp": seconds + _LIFE,
        "jti": secrets.token_urlsafe(16),
    }
    return jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, [algorithm])
