"""The refresh token grant (RFC 6749 §6), with rotation for every client and detection of a second use (RFC 9700 §4.14.2).

A refresh token is claimed before a new one is issued, and a second use ends its family. A host that runs several processes may use
one twice within moments. So for `Settings.refresh_grace`, and only until the next refresh token is used, both requests get the same
next one. It is derived from the presented token, and only its hash is stored (`successor_of`). There is never a second branch: a
thief within the grace holds the same next token as the client, and the second use of that one ends the family. RFC 9700 §4.14.2
asks that a replay is detected, and sets no time.

Without `scope`, a refresh gives what the grant allows now: less where something was taken back, more where its person widened
it, so that a client that never asks for more gets it too. Each time the person's identity provider is asked whether it stands by
them (`read`, before the transaction), and the ledger whether they, their organization, their client and the grant are alive. A
request that is refused for anything else leaves the token unused.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.end_reasons import EndReason
from shop.credentials.grants import Grant
from shop.credentials.ledger import Authority, NotAlive, live, wait_in_line
from shop.credentials.tokens import (
    RefreshToken,
    TokenFamily,
    claim_refresh_token,
    end_family,
    find_refresh_token,
    is_repeated,
    lock_family,
    successor_of,
)
from shop.database import moment
from shop.identity.oidc import Withdrawn
from shop.identity.providers import SignInError
from shop.oauth.grant_types import GrantType
from shop.oauth.grants.person_grants import add_refresh_token, living_principal, token_of_family
from shop.oauth.grants.refusal_record import KnownParty
from shop.oauth.grants.token_grant import GrantDecision, IssuedToken, TokenGrant
from shop.oauth.responses import refuse

_log = logging.getLogger(__name__)
_WITHDRAWN = "The identity provider of the person does not stand by them any more. Ask the person to sign in again."
_REFUSED = "The refresh token is unknown, expired, revoked, or was used before. Ask the person again."


@dataclass(frozen=True)
class _StoredToken:
    """The row of a refresh token, with what it belongs to."""

    row: RefreshToken
    family: TokenFamily
    grant: Grant

    def has_ended(self, now: datetime) -> bool:
        """Whether its family has ended, or its own time has run out."""
        return self.family.ended_at is not None or self.row.expires_at <= now

    def is_usable(self, now: datetime) -> bool:
        """Whether it was never used, and has not ended."""
        return self.row.used_at is None and not self.has_ended(now)


class RefreshTokenGrant(TokenGrant):
    """A refresh token becomes an access token and the next refresh token."""

    grant_type = GrantType.REFRESH_TOKEN
    _stored: _StoredToken
    _is_repeated: bool
    """Whether the same request came a moment ago, and nobody has used what it got."""

    def read(self) -> None:
        """Ask the person's identity provider about them, where their connection allows it.

        Only for a token that is usable, so that no other makes the provider work. What is wrong with it is found in the transaction.
        """
        issuer = self.request.issuer
        with issuer.database.read() as db:
            stored = self._find(db)
            if stored is None or not stored.is_usable(moment(db)):
                return
            principal = stored.grant.principal()
            try:
                live(db, principal)
            except NotAlive:
                return
        self.party = KnownParty(principal=principal)
        try:
            issuer.recheck.person(principal)
        except Withdrawn:
            raise InvalidGrantError(description=_WITHDRAWN) from None
        except SignInError as error:
            _log.warning("a person cannot be asked about: %s", error.detail or error.code)
            unavailable = "The organization's identity provider does not answer. Try again soon."
            refuse("temporarily_unavailable", unavailable, 503)

    def lock(self, db: Session) -> None:
        """The family is locked, so that it cannot end while it grows. A token that was used before ends it."""
        stored = self._find(db)
        if stored is None:
            raise InvalidGrantError(description=_REFUSED)
        self.party = KnownParty(principal=stored.grant.principal())
        wait_in_line(db, stored.grant.principal(), changing=[stored.grant.id])
        lock_family(db, stored.family.id)
        db.refresh(stored.row, with_for_update=True)  # who came first may have used it while this request waited
        grace = self.request.issuer.settings.refresh_grace
        self._stored, self._is_repeated = stored, is_repeated(db, stored.row, self._successor(), grace)
        if stored.row.used_at is not None and not self._is_repeated:
            _end_replayed(db, stored)
            raise InvalidGrantError(description=_REFUSED)
        if stored.has_ended(moment(db)):
            raise InvalidGrantError(description=_REFUSED)

    def decide(self, db: Session) -> GrantDecision:
        """Scopes that the person allowed, then or since, may be asked for (RFC 6749 §6)."""
        parameters, stored = self.request.parameters, self._stored
        allowed = db.get_one(Authority, stored.grant.id).scopes or []
        if not parameters.scopes() <= {*allowed, *stored.family.scopes}:
            raise InvalidScopeError
        principal = living_principal(db, stored.grant)
        wanted = parameters.scopes(otherwise=principal.scopes)
        return GrantDecision(principal=principal, wanted=wanted, grant=stored.grant)

    def issue(self, db: Session, decision: GrantDecision, granted: frozenset[str]) -> IssuedToken:
        """The token is claimed and its successor stored, unless an equal request did so a moment ago."""
        stored, request, successor = self._stored, self.request, self._successor()
        if not self._is_repeated:
            if not claim_refresh_token(db, stored.row):
                raise LookupError("the row of an unused refresh token was locked, and yet somebody used it")
            add_refresh_token(db, request.issuer, stored.family, successor)
        return token_of_family(
            db,
            request,
            stored.grant,
            stored.family,
            granted,
            EventName.TOKEN_REFRESHED,
            refresh_token=successor,
            facts={"repeated": True} if self._is_repeated else {},
        )

    def _find(self, db: Session) -> _StoredToken | None:
        """The refresh token, if it was issued to this client, whatever state it is in."""
        found = find_refresh_token(db, self.request.parameters.require("refresh_token"))
        if found is None:
            return None
        row, family = found
        grant = db.get_one(Grant, family.grant_id)
        return _StoredToken(row, family, grant) if grant.client_id == self.request.client.client_id else None

    def _successor(self) -> str:
        return successor_of(self.request.parameters.require("refresh_token"), self.request.issuer.successor_key)


def _end_replayed(db: Session, stored: _StoredToken) -> None:
    """Somebody has a copy of this token: its whole family ends, the newest access token included."""
    ended = end_family(db, stored.family.id, EndReason.REFRESH_TOKEN_REUSED)
    record(
        db,
        EventName.REFRESH_TOKEN_REUSED,
        principal=stored.grant.principal(),
        resource=("token_family", stored.family.id),
        facts={"client": stored.grant.client_id, "tokens": ended},
    )
