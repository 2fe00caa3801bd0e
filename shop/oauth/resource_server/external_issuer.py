"""Bring your own authorization server: the shop as pure resource server of an external issuer (`SHOP_OAUTH_ISSUER`).

A token is checked by the issuer's published keys (RFC 9068, or the plain JWT that many issue), or by asking the issuer (RFC
7662) where the operator registered the shop there. Which of these, and the algorithms, are settings: nothing in a token says
how it is verified. Keys are kept for as long as the issuer says, within bounds, and fetched again for one that is unknown,
at most once a minute. Whose authority a good token then is, is in `external_grants.py`.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key

from shop.guards.safe_fetch import Fetched, Fetcher, FetchRefused, UnexpectedStatus
from shop.guards.unverified_claims import is_moment
from shop.identity.client_authentication import basic_credentials
from shop.identity.key_sets import read_key_set
from shop.oauth.access_token import BadToken
from shop.settings import Settings
from shop.untrusted import is_identifier

_AGAIN = timedelta(minutes=1)
"""How often a key that is unknown may make us fetch the keys, whoever presents it."""
_PAUSE = timedelta(seconds=5)
_LARGEST = 64 * 1024
_LONGEST_TOKEN = 16 * 1024
_LEEWAY = 60
"""Seconds that the issuer's clock may be ahead."""
_OF_ID_TOKENS = ("nonce", "at_hash", "c_hash")
_log = logging.getLogger(__name__)


class IssuerUnavailable(Exception):
    """The external issuer does not answer, so that nobody can be told from anybody. Try again soon."""


@dataclass(frozen=True, kw_only=True)
class ExternalToken:
    """What an external issuer says, once it was verified. None of it is authority here: `ledger.live` is asked."""

    id: str
    """What the ledger calls it: `tok_…`, from a digest of the token itself."""
    subject: str
    client_id: str
    scopes: frozenset[str]
    expires_at: datetime
    signed_in_at: datetime | None
    """When the person signed in at the issuer, as far as it says (`auth_time`)."""


@dataclass(frozen=True)
class _CachedDocument:
    document: Mapping[str, Any]
    fresh_until: datetime


@dataclass(frozen=True)
class _CachedKeys:
    keys: tuple[Key, ...]
    fresh_until: datetime


class ExternalIssuer:
    """One external issuer, and what is known of it. Thread-safe."""

    def __init__(self, settings: Settings, fetcher: Fetcher, introspection_secret: str = "") -> None:
        self._settings, self._fetcher = settings, fetcher
        self._introspection_secret = introspection_secret
        self._metadata: _CachedDocument | None = None
        self._keys: _CachedKeys | None = None
        self._tried_at = self._failed_at = datetime.min.replace(tzinfo=UTC)
        self._guard = threading.Lock()

    @property
    def url(self) -> str:
        """Its issuer identifier (RFC 8414 §2)."""
        return self._settings.oauth_issuer

    def verify(self, encoded: str, now: datetime) -> ExternalToken:
        """What a token says, if it is this issuer's, for this shop, and in time. Raises `BadToken`, `IssuerUnavailable`."""
        if len(encoded) > _LONGEST_TOKEN:
            raise BadToken("The access token is not one of this shop's issuer.")
        asks = bool(self._settings.oauth_introspection_client_id)
        claims = self._introspected(encoded, now) if asks else self._decoded(encoded, now)
        return self._checked(encoded, claims, now)

    def _decoded(self, encoded: str, now: datetime) -> Mapping[str, Any]:
        """RFC 9068 §4: key, algorithm, type. An ID token is none, however good it is (ASVS 9.2.2)."""
        try:
            kid = jws.extract_compact(encoded.encode()).headers().get("kid")
            token = jwt.decode(encoded, self._key(kid, now), list(self._settings.oauth_algorithms))
        except (JoseError, ValueError, LookupError, TypeError) as error:
            raise BadToken("The access token is not one of this shop's issuer.") from error
        typ = str(token.header.get("typ", "")).lower().removeprefix("application/")
        is_plain = self._settings.oauth_profile == "jwt"
        if typ not in ({"", "jwt", "at+jwt"} if is_plain else {"at+jwt"}):
            raise BadToken("This is not an access token.")
        if token.claims.get("iss") != self.url:
            raise BadToken("The access token is from another issuer.")
        if any(name in token.claims for name in _OF_ID_TOKENS):
            raise BadToken("This is an ID token, not an access token.")
        return token.claims

    def _introspected(self, encoded: str, now: datetime) -> Mapping[str, Any]:
        """RFC 7662 §2: the issuer says what it knows of the token, each time it is asked."""
        endpoint = self._document(now).get("introspection_endpoint")
        if not isinstance(endpoint, str):
            raise IssuerUnavailable(f"{self.url} names no introspection_endpoint")
        form = {"token": encoded, "token_type_hint": "access_token"}
        basic = basic_credentials(self._settings.oauth_introspection_client_id, self._introspection_secret)
        answer = self._answer_of(lambda: self._introspection_response(endpoint, form, basic)).document
        if answer.get("active") is not True:
            raise BadToken("The issuer says that the access token is not active.")
        if answer.get("iss", self.url) != self.url:
            raise BadToken("The access token is from another issuer.")
        return answer

    def _introspection_response(self, endpoint: str, form: Mapping[str, str], basic: str) -> Fetched:
        """The issuer's answer. Some say of what they cannot read that the request is bad (400), where §2.2 has *not active*."""
        try:
            return self._fetcher.post_form(endpoint, form, authorization=basic, limit=_LARGEST)
        except UnexpectedStatus as answered:
            if answered.status == HTTPStatus.BAD_REQUEST:
                raise BadToken("The issuer does not take the access token for one of its own.") from answered
            raise

    def _checked(self, encoded: str, claims: Mapping[str, Any], now: datetime) -> ExternalToken:
        seconds, expires, signed_in = now.timestamp(), claims.get("exp"), claims.get("auth_time")
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        ours = {f"{resource}{slash}" for resource in self._settings.resources for slash in ("", "/")}
        if not ours.intersection(filter(_is_text, audiences)):
            raise BadToken("The access token is for another resource.")
        if not is_moment(expires) or expires <= seconds:
            raise BadToken("The access token has expired.")
        if any(is_moment(claims.get(name)) and claims[name] > seconds + _LEEWAY for name in ("nbf", "iat")):
            raise BadToken("The access token is not valid yet.")
        subject, client_id = claims.get("sub"), claims.get("client_id", claims.get("azp"))
        if not (is_identifier(subject, 255) and is_identifier(client_id, 300)):
            raise BadToken("The access token must say sub, and client_id or azp.")
        return ExternalToken(
            id=f"tok_{hashlib.sha256(encoded.encode()).hexdigest()[:32]}",
            subject=subject,
            client_id=client_id,
            scopes=_scopes(claims),
            expires_at=datetime.fromtimestamp(expires, now.tzinfo),
            signed_in_at=datetime.fromtimestamp(signed_in, now.tzinfo) if is_moment(signed_in) else None,
        )

    def _key(self, kid: object, now: datetime) -> Key:
        """The key of this name, fetched anew when it is not known; or the only one, for a token that names none."""
        with self._guard:
            cached = self._keys
            if cached is None or cached.fresh_until <= now:
                cached = self._keys = self._fetched_keys(now)
            found = _find(cached.keys, kid)
            if found is None and now - self._tried_at >= _AGAIN:
                self._keys = self._fetched_keys(now)
                found = _find(self._keys.keys, kid)
        if found is None:
            raise LookupError("the issuer publishes no such key")
        return found

    def _fetched_keys(self, now: datetime) -> _CachedKeys:
        """The keys, from the issuer. Whoever waits behind a fetch that failed is not made to wait for the next one."""
        if now - self._failed_at < _PAUSE:
            raise IssuerUnavailable(f"{self.url} did not answer a moment ago")
        self._tried_at = now
        try:
            uri = self._document_unguarded(now).get("jwks_uri")
            if not isinstance(uri, str):
                raise IssuerUnavailable(f"{self.url} names no jwks_uri")
            return _read_keys(self._answer_of(lambda: self._fetcher.get_json(uri, limit=_LARGEST)), now)
        except IssuerUnavailable:
            self._failed_at = now
            raise

    def _document(self, now: datetime) -> Mapping[str, Any]:
        with self._guard:
            return self._document_unguarded(now)

    def _document_unguarded(self, now: datetime) -> Mapping[str, Any]:
        """The issuer's metadata, from where RFC 8414 §3.1 has it, else from where OpenID Connect does; of exactly this issuer."""
        if self._metadata is None or self._metadata.fresh_until <= now:
            self._metadata = _cached(self._answer_of(self._discover), now)
        return self._metadata.document

    def _discover(self) -> Fetched:
        parts = urlsplit(self.url)
        origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
        places = [
            f"{origin}/.well-known/oauth-authorization-server{path}",
            f"{origin}{path}/.well-known/openid-configuration",
        ]
        for place in places:
            try:
                found = self._fetcher.get_json(place, limit=_LARGEST)
            except FetchRefused as refused:
                reason = refused
            else:
                if found.document.get("issuer") == self.url:
                    return found
                reason = FetchRefused("Its metadata says that it is somebody else.")
        raise reason

    def _answer_of(self, ask: Callable[[], Fetched]) -> Fetched:
        try:
            return ask()
        except FetchRefused as refused:
            _log.warning("the issuer %s cannot be asked: %s", self.url, refused)
            raise IssuerUnavailable(str(refused)) from refused


def external_issuer() -> ExternalIssuer:
    """The external issuer of the application that serves the present request, where the operator brought one."""
    found: ExternalIssuer = current_app.extensions["external_issuer"]
    return found


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _cached(fetched: Fetched, now: datetime) -> _CachedDocument:
    return _CachedDocument(fetched.document, now + fetched.fresh_for)


def _read_keys(fetched: Fetched, now: datetime) -> _CachedKeys:
    try:
        keys = read_key_set(fetched.document, whose="the external issuer").keys
    except ValueError:
        keys = ()
    return _CachedKeys(keys, now + fetched.fresh_for)


def _find(keys: tuple[Key, ...], kid: object) -> Key | None:
    if kid is None:
        return keys[0] if len(keys) == 1 else None
    return next((key for key in keys if key.kid == kid), None)


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """The scopes by their names, wherever the issuer puts them (`scope` by RFC 8693 §4.2; `scp` with some)."""
    scopes = claims.get("scope", claims.get("scp", ""))
    names = scopes.split() if isinstance(scopes, str) else scopes if isinstance(scopes, list) else []
    return frozenset(name for name in names if isinstance(name, str))
