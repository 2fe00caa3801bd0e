"""What the endpoints share: configuration, key, store, clock; and the two cookies.

The *browser* cookie binds a pending request to the browser that began it (the picker's protection against
cross-site request forgery). The *session* cookie says who is signed in at the provider.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from flask import current_app, request
from werkzeug.wrappers import Response

from shop.companions.identity_provider.config import ProviderConfig
from shop.companions.identity_provider.directory import Directory, Person
from shop.companions.identity_provider.keys import SigningKey
from shop.companions.identity_provider.storage import AuthorizationRequest, Code, Session, Store, digest

Clock = Callable[[], datetime]
"""Returns the present, timezone-aware, in UTC."""

TokenFactory = Callable[[], str]
"""Returns a new secret, unguessable and URL-safe."""

_EXTENSION = "identity_provider"


def utc_now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


def new_secret() -> str:
    """The token factory of production: 256 bits."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One running provider."""

    config: ProviderConfig
    key: SigningKey
    store: Store
    clock: Clock
    new_secret: TokenFactory

    @property
    def directory(self) -> Directory:
        return self.config.directory

    def now(self) -> int:
        """The present, in whole seconds since 1970, UTC."""
        return int(self.clock().timestamp())

    def after(self, lifetime: timedelta) -> int:
        """The moment when something that begins now ends."""
        return self.now() + int(lifetime.total_seconds())

    def url(self, path: str) -> str:
        """A published address. Never built from the request's `Host` header, which the sender chooses."""
        return self.config.issuer + path

    def current_session(self) -> Session | None:
        """The session of this browser, of somebody who still works here."""
        token = request.cookies.get(self.config.cookie_name("session"))
        session = self.store.session(token, now=self.now()) if token else None
        return session if session and self.directory.person(session.sub) else None

    def start_session(self, person: Person) -> tuple[Session, str]:
        """Sign a person in, and out whoever was in this browser before: new identifier, new cookie (ASVS 7.2.4).

        Returns the session and the value for its cookie.
        """
        token = self.new_secret()
        session = Session(
            sid=self.new_secret(),
            sub=person.sub,
            auth_time=self.now(),
            expires_at=self.after(self.config.session_lifetime),
        )
        previous = request.cookies.get(self.config.cookie_name("session"))
        self.store.start_session(token, session, replacing=previous)
        return session, token

    def issue_code(self, pending: AuthorizationRequest, session: Session) -> str:
        """A code for the client of `pending`, standing for whoever is signed in by `session`."""
        secret = self.new_secret()
        self.store.add_code(
            Code(
                code_hash=digest(secret),
                client_id=pending.client_id,
                redirect_uri=pending.redirect_uri,
                scope=pending.scope,
                nonce=pending.nonce,
                code_challenge=pending.code_challenge,
                sub=session.sub,
                sid=session.sid,
                auth_time=session.auth_time,
                expires_at=self.after(self.config.code_lifetime),
            ),
        )
        return secret

    def set_cookie(self, response: Response, kind: str, value: str) -> None:
        """Set one of the two cookies, for as long as the browser runs; the store knows when it really ends."""
        response.set_cookie(
            self.config.cookie_name(kind), value, httponly=True, samesite="Lax", secure=self.config.is_secure
        )

    def drop_cookie(self, response: Response, kind: str) -> None:
        """Remove a cookie."""
        response.delete_cookie(
            self.config.cookie_name(kind), httponly=True, samesite="Lax", secure=self.config.is_secure
        )


def current_provider() -> Provider:
    """The provider that serves this request."""
    return cast(Provider, current_app.extensions[_EXTENSION])


def install(extensions: dict[str, object], provider: Provider) -> None:
    """Put the provider where `current_provider` finds it."""
    extensions[_EXTENSION] = provider
