"""How a client proves that it is itself, at every endpoint that only clients speak to.

A public client names itself, and PKCE or the token it holds does the rest; a confidential one has a secret, or signs a JWT with
its own key (RFC 7523 §2.2), which this shop cannot do in its name (RFC 9700 §2.5). One way at a time, and the registered one.

Authlib's `ClientAuthentication` reads names and secrets. Its `JWTBearerClientAssertion` (RFC 7523) is not used: it lets the
assertion's header choose among the library's algorithms, tells time itself, bounds no life time, and takes an assertion that names
another audience beside this issuer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from authlib.oauth2.rfc6749 import ClientAuthentication, InvalidClientError
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import String, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from shop.credentials.tokens import secret_digest
from shop.database import Base, Database, moment
from shop.guards.counters import ExactCounters
from shop.guards.rate_limits import Limit, rate_limits
from shop.guards.safe_fetch import FetchRefused
from shop.guards.unverified_claims import is_moment, unverified_claims
from shop.identity.key_sets import read_key_set
from shop.oauth.clients import metadata_document
from shop.oauth.clients.client import Client, find_client
from shop.oauth.clients.metadata import ASSERTION_ALGORITHMS, EVERY_METHOD
from shop.oauth.issuer import Issuer
from shop.oauth.parameters import EndpointRequest
from shop.oauth.responses import refuse

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_LIFE = timedelta(minutes=10)
_LEEWAY = 30
"""Seconds that a client's clock may be ahead."""
_LARGEST_KEY_SET = 16 * 1024
_LOOKS_PER_MINUTE = RateLimitItemPerMinute(1, namespace="keys")
"""At the keys of one client that are fresh, because an assertion names another one."""
_NOT_AUTHENTICATED = (
    "The client is not known, its secret or key is not the one that is registered, or it is registered for another way "
    "than the one it came by: {}."
)


class UsedAssertion(Base):
    """An assertion that was presented: never again (RFC 7523 §3, `jti`). Kept until it would have expired."""

    __tablename__ = "used_assertions"

    client_id: Mapped[str] = mapped_column(String(300), primary_key=True)
    jti_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


def authenticate_client(request: EndpointRequest, methods: Sequence[str] = EVERY_METHOD) -> Client:
    """The client that sent the request. Raises `OAuth2Error`, `TooManyRequests`. Not inside a transaction: keys may have to be fetched."""
    credentials = {
        "client_secret_basic": (request.headers or {}).get("Authorization"),
        "client_secret_post": request.form.get("client_secret"),
        "private_key_jwt": request.form.get("client_assertion"),
    }
    ways = [method for method, credential in credentials.items() if credential] or ["none"]
    if len(ways) > 1:
        refuse("invalid_request", "A client authenticates in one way at a time (RFC 6749 section 2.3).")
    if ways[0] not in methods:
        raise InvalidClientError(description="The client must prove here that it is itself.")
    authentication = ClientAuthentication(partial(_find, request.issuer))  # type: ignore[arg-type] # may find nobody
    authentication.register("private_key_jwt", _by_private_key)  # type: ignore[arg-type] # the request is our own
    try:
        client = authentication(request, ways)
    except ValueError as error:  # of whatever Authlib finds in the header that it does not expect
        raise InvalidClientError(description="The Authorization header is malformed.") from error
    except InvalidClientError as error:
        if ways == ["private_key_jwt"]:
            raise  # what is wrong with an assertion was said already
        raise InvalidClientError(description=_NOT_AUTHENTICATED.format(*ways)) from error
    if not isinstance(client, Client):
        raise LookupError("clients here are rows of ours")
    named = request.form.get("client_id")
    if named and named != client.client_id:
        raise InvalidClientError(description="The client gave two different identifiers.")
    if ways != ["none"]:  # a public client's name proves nothing: a stranger who says it uses nothing up
        rate_limits().check(Limit.TOKEN_REQUESTS_PER_CLIENT, secret_digest(client.client_id))
    return client


def _find(issuer: Issuer, client_id: str) -> Client | None:
    with issuer.database.read() as db:
        return find_client(db, client_id)


def _by_private_key(query_client: object, request: EndpointRequest) -> Client:
    """RFC 7523 §3: signed by the client's own key, for us, for minutes, once."""
    issuer, assertion = request.issuer, request.form["client_assertion"]
    if request.form.get("client_assertion_type") != _ASSERTION_TYPE:
        raise InvalidClientError(description=f"The client_assertion_type must be {_ASSERTION_TYPE}")
    claimed = _claimed_client(assertion)
    try:
        client = metadata_document.resolve(issuer, claimed, only_known=True)
        keys = _keys_of(request, client, jws.extract_compact(assertion.encode()).headers().get("kid"))
        claims: dict[str, Any] = jwt.decode(assertion, keys, list(ASSERTION_ALGORITHMS)).claims
    except (metadata_document.UnknownClient, FetchRefused, JoseError, ValueError, KeyError, TypeError) as error:
        raise InvalidClientError(description="The client or the key of the assertion is not known.") from error
    if (claims.get("iss"), claims.get("sub")) != (client.client_id, client.client_id):
        raise InvalidClientError(description="The assertion must have the client as iss and as sub.")
    audience = claims.get("aud")
    only = audience[0] if isinstance(audience, list) and len(audience) == 1 else audience  # RFC 7519 §4.1.3: the same
    if only not in (*issuer.urls, *(f"{url}/oauth/token" for url in issuer.urls)):
        raise InvalidClientError(description="The assertion must have this issuer as its only aud.")
    _use_up(request, client, claims)
    return client


def _claimed_client(assertion: str) -> str:
    """Whose assertion it says it is: only to know whose keys to try."""
    try:
        subject = unverified_claims(assertion).get("sub")
    except ValueError as error:
        raise InvalidClientError(description="The client_assertion is not a JWT.") from error
    return subject if isinstance(subject, str) else ""


def _keys_of(request: EndpointRequest, client: Client, kid: object) -> KeySet:
    """Its keys, fetched anew when they are not fresh, or when `kid` is none of them: clients change their keys without notice
    (RFC 7517 §5 leaves it to them). The second reason counts once a minute at most. Raises what reading them raises.
    """
    database, document = request.issuer.database, client.public_keys()
    if client.jwks_uri:
        is_fresh = client.jwks_fresh_until is not None and client.jwks_fresh_until > database.clock()
        # A key that is published without a kid has its thumbprint for one (RFC 7638), which is what the assertion may name.
        known = {key.kid for key in read_key_set(document or {"keys": []}, whose=client.client_id).keys}
        is_known = kid is None or kid in known
        if not is_fresh or (not is_known and _may_look_again(database, client)):
            document = _fetched_keys(request, client, client.jwks_uri)
    return read_key_set(document, whose=client.client_id).key_set()


def _may_look_again(database: Database, client: Client) -> bool:
    with database.write() as db:
        return FixedWindowRateLimiter(ExactCounters(db)).hit(_LOOKS_PER_MINUTE, secret_digest(client.client_id))


def _fetched_keys(request: EndpointRequest, client: Client, address: str) -> dict[str, Any]:
    database = request.issuer.database
    fetched = metadata_document.fetch_from_client(database, request.issuer.fetcher, address, limit=_LARGEST_KEY_SET)
    document = {"keys": list(read_key_set(fetched.document, whose=client.client_id).entries)}
    with database.write() as db:  # one that was forgotten meanwhile stays so
        kept = {"jwks": json.dumps(document), "jwks_fresh_until": moment(db) + fetched.fresh_for}
        db.execute(update(Client).where(Client.client_id == client.client_id).values(kept))
    return document


def _use_up(request: EndpointRequest, client: Client, claims: dict[str, Any]) -> None:
    database, jti, expires = request.issuer.database, claims.get("jti"), claims.get("exp")
    now = database.clock()
    if not is_moment(expires) or not 0 < expires - now.timestamp() <= _LONGEST_LIFE.total_seconds() + _LEEWAY:
        raise InvalidClientError(description="The assertion has expired, or is good for more than ten minutes.")
    begins = [claims[name] for name in ("nbf", "iat") if name in claims]
    if not all(is_moment(at) and at <= now.timestamp() + _LEEWAY for at in begins):
        raise InvalidClientError(description="The assertion is not valid yet.")
    if not isinstance(jti, str) or not jti:
        raise InvalidClientError(description="The assertion must have a jti.")
    until = datetime.fromtimestamp(expires, now.tzinfo)
    try:
        with database.write() as db:
            db.add(UsedAssertion(client_id=client.client_id, jti_hash=secret_digest(jti), expires_at=until))
            db.flush()
    except IntegrityError as error:
        raise InvalidClientError(description="The assertion was used before.") from error
