"""Signing in through the organization's identity provider, step by step.

    1 begin     e-mail → connection → an attempt is stored → the browser goes to the provider
    2 claim     the callback's state claims the attempt: once, in time, by the browser that began it
    3 verify    code → tokens → claims (HTTP, outside any transaction)
    4 admit     profile → person and membership → a session below it; recorded in the same transaction (`admission.py`)

An attempt is claimed before the provider is asked, so a replayed callback is refused whatever else happens.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.exc import IntegrityError

from shop.database import Database, moment
from shop.identity import attempts, offline_access, oidc
from shop.identity.admission import Admission, Admitted
from shop.identity.attempts import ClaimedAttempt
from shop.identity.check import Finding, check, provider_named
from shop.identity.claims import profile_of
from shop.identity.credentials import Credentials
from shop.identity.failures import provider_said, record_failure
from shop.identity.members import (
    connection_for_email,
    connections_at,
)
from shop.identity.models import Connection, Organization, SignInAttempt
from shop.identity.providers import (
    Metadata,
    Provider,
    ProviderUnavailable,
    SignInError,
    provider_of,
    require_safe,
)
from shop.identity.sign_in_codes import SignInCode
from shop.own_address import safe_path
from shop.untrusted import printable_line

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")


@dataclass(frozen=True)
class ProviderRedirect:
    """A sign-in has begun: where the browser goes now, and the secret that binds the attempt to it."""

    url: str
    browser: str
    organization_name: str


class SignIn:
    """The sign-in flow of one shop."""

    def __init__(
        self,
        database: Database,
        *,
        redirect_uri: str,
        read_secret: Callable[[str], str],
        secret_key: str,
        lifetime: timedelta,
        idle: timedelta,
        absolute: timedelta,
        metadata: Metadata | None = None,
    ) -> None:
        self._database, self._redirect_uri = database, redirect_uri
        self._credentials = Credentials(database, read_secret, secret_key)
        self._admission = Admission(database, secret_key=secret_key, idle=idle, absolute=absolute)
        self._lifetime, self._metadata = lifetime, metadata or Metadata()

    def begin(self, email: str, next_path: str, *, browser: str | None = None) -> ProviderRedirect:
        """Step 1. Raises `SignInError` for an address without connection, or a provider that is down.

        `browser` is the secret of an earlier attempt of the same browser: each of its tabs has an attempt, and all share it.
        """
        email = email.strip()
        with self._database.read() as db:
            connection = connection_for_email(db, email) if _EMAIL.fullmatch(email) else None
            provider = (
                provider_of(connection, db.get_one(Organization, connection.organization_id)) if connection else None
            )
        if provider is None:
            error = SignInError(
                SignInCode.NO_CONNECTION,
                "We don't know that address's company",
                "Use the work e-mail address of a company that has connected its sign-in with us.",
            )
            record_failure(self._database, error, None, by_browser=True)
            raise error
        return self._begin(provider, email, next_path, browser)

    def begin_at(self, issuer: str, login_hint: str, next_path: str, *, browser: str | None = None) -> ProviderRedirect:
        """Step 1, for a sign-in that somebody else initiates, such as a company's tile (OpenID Connect Core §4).

        The issuer must be that of a connection. Where several organizations have it, the hint's domain tells them apart.
        """
        with self._database.read() as db:
            found = connections_at(db, issuer, login_hint)
        if len(found) != 1:
            error = SignInError(
                SignInCode.NO_CONNECTION,
                "We don't know that sign-in",
                "No company has connected the identity provider that sent you here, or several have. Use your work e-mail address.",
                detail=f"initiated by {printable_line(issuer)[:100]}, which {len(found)} organizations have",
                can_retry=False,
            )
            record_failure(self._database, error, None)
            raise error
        return self._begin(found[0], login_hint, next_path, browser)

    def _begin(self, provider: Provider, login_hint: str, next_path: str, browser: str | None) -> ProviderRedirect:
        state, nonce, verifier, fresh = (secrets.token_urlsafe(32) for _ in range(4))
        browser = browser if browser and len(browser) == len(fresh) else fresh
        try:
            metadata = self._metadata.document(provider, self._database.clock())
        except SignInError as error:
            record_failure(self._database, error, provider, by_browser=False)
            raise
        url = oidc.authorization_url(
            metadata,
            provider,
            redirect_uri=self._redirect_uri,
            state=state,
            nonce=nonce,
            code_verifier=verifier,
            login_hint=login_hint,
            prompt=offline_access.prompt_for(provider),
        )
        with self._database.write() as db:
            db.add(
                SignInAttempt(
                    state_hash=attempts.digest(state),
                    browser_hash=attempts.digest(browser),
                    connection_id=provider.connection_id,
                    nonce=nonce,
                    code_verifier=verifier,
                    next_path=safe_path(next_path),
                    expires_at=moment(db) + self._lifetime,
                )
            )
        return ProviderRedirect(url, browser, provider.organization_name)

    def is_at(self, connection_id: str, issuer: str) -> bool:
        """Whether a connection signs people in at this issuer."""
        with self._database.read() as db:
            return db.get_one(Connection, connection_id).issuer == issuer

    def reopened(self, state: str, browser: str | None) -> str | None:
        """Where a callback led that this browser used already; None when it did not, or too long ago."""
        with self._database.read() as db:
            return attempts.led_to(db, state, browser)

    def complete(
        self, parameters: Mapping[str, str], browser: str | None, user_agent: str
    ) -> Admitted | ProviderRedirect:
        """Steps 2-4, for the provider's callback. Raises `SignInError`; each failure is recorded.

        Returns a new beginning when the person has to be asked for consent first, so that the provider gives a refresh token.
        """
        claimed: ClaimedAttempt | None = None
        try:
            claimed = self._claim(parameters.get("state", ""), browser or "")
            token, claims = self._verify(claimed, parameters)
            profile = profile_of(claimed.provider, claims)
            asking = self._for_consent(claimed.provider, profile.subject, token)
            if asking is None:
                try:
                    return self._admission.admit(claimed, token, claims, profile, user_agent)
                except IntegrityError:  # another tab made the same new person at this moment: now they are known
                    return self._admission.admit(claimed, token, claims, profile, user_agent)
        except SignInError as error:
            is_providers = isinstance(error, ProviderUnavailable) or not error.can_retry  # down, or set up wrongly
            by_browser = not claimed or (claimed.is_with_browser and not is_providers)
            record_failure(self._database, error, claimed.provider if claimed else None, by_browser=by_browser)
            raise
        return self._begin(asking, profile.email, claimed.next_path, browser)

    def check(self, slug: str) -> tuple[str, list[Finding]]:
        """The issuer of an organization, and what works of its sign-in. Raises `UnknownOrganization`."""
        provider = provider_named(self._database, slug)
        return provider.issuer, list(check(self._database, self._credentials, provider, self._redirect_uri))

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The public keys of this shop as a client, to be registered at a provider that takes `private_key_jwt`."""
        return self._credentials.jwks()

    def provider_sign_out_url(self, connection_id: str, return_to: str) -> str | None:
        """Where a person can end their session at the identity provider too (RP-Initiated Logout 1.0 §2).

        None when the provider offers no such place, or does not answer.
        """
        with self._database.read() as db:
            connection = db.get_one(Connection, connection_id)
            provider = provider_of(connection, db.get_one(Organization, connection.organization_id))
        try:
            endpoint = self._metadata.document(provider, self._database.clock()).get("end_session_endpoint")
            require_safe(provider, str(endpoint or ""))
        except SignInError:
            return None
        query = urlencode({"client_id": provider.client_id, "post_logout_redirect_uri": return_to})
        return f"{endpoint}{'&' if '?' in str(endpoint) else '?'}{query}"

    def _for_consent(self, provider: Provider, subject: str, token: Mapping[str, Any]) -> Provider | None:
        """The provider, to be asked once more with `prompt=consent`, when that may bring the refresh token that is missing."""
        if not offline_access.may_need_consent(provider, token):
            return None
        with self._database.write() as db:
            if offline_access.is_kept(db, provider, subject):
                return None
            offline_access.learn(db, provider, offline_access.CONSENT)
        return replace(provider, offline_prompt=offline_access.CONSENT)

    def _claim(self, state: str, browser: str) -> ClaimedAttempt:
        """Step 2: exactly one callback gets the attempt."""
        with self._database.write() as db:
            row = attempts.claim(db, state, browser)
            if row is None:
                raise SignInError(
                    SignInCode.STATE_REFUSED,
                    "That sign-in is no longer open",
                    "It was used already, took too long, or began in another browser. Please start again.",
                )
            connection = db.get_one(Connection, row.connection_id)
            organization = db.get_one(Organization, connection.organization_id)
            return ClaimedAttempt(
                provider=provider_of(connection, organization),
                nonce=row.nonce,
                code_verifier=row.code_verifier,
                next_path=row.next_path,
            )

    def _verify(
        self, claimed: ClaimedAttempt, parameters: Mapping[str, str]
    ) -> tuple[Mapping[str, Any], dict[str, Any]]:
        """Step 3: nothing the browser carried is believed until the provider's signature says so."""
        provider, now = claimed.provider, self._database.clock()
        metadata = self._metadata.document(provider, now)
        claimed.is_with_browser = True
        oidc.check_response_issuer(metadata, provider, parameters.get("iss"))
        if "error" in parameters:
            raise provider_said(provider, parameters["error"], parameters.get("error_description"))
        token = oidc.redeem(
            metadata,
            self._credentials.of(provider),
            redirect_uri=self._redirect_uri,
            code=parameters.get("code", ""),
            code_verifier=claimed.code_verifier,
            now=now,
        )
        claimed.is_with_browser = False
        claims = oidc.verified_claims(self._metadata, provider, token, nonce=claimed.nonce, now=now)
        return token, oidc.userinfo(self._metadata, metadata, provider, token, claims)
