"""The refresh token grant (RFC 6749 §6), with rotation for every client and detection of a second use (RFC 9700 §4.14.2).

Authlib leaves this open, so it is done here: a refresh token is claimed before a new one is issued, and a second use ends its
family. A host that runs several processes may use one twice within moments. So for `Settings.refresh_grace`, and only until the
next refresh token is used, both requests get the same next one. It is derived from the presented token, and only its hash is
stored (`successor_of`). There is never a second branch: a thief within the grace holds the same next token as the client, and
the second use of that one ends the family. RFC 9700 §4.14.2 asks that a replay is detected, and sets no time.

Without `scope`, a refresh gives what the grant allows now: less where something was taken back, more where its person widened
it, so that a client that never asks for more gets it too. Each time the person's identity provider is asked whether it stands by
them (`recheck_person`, before the transaction), and the ledger whether they, their organization, their client and the grant are
alive. A request that is refused for anything else leaves the token unused.
"""

from __future__ import annotations

import logging
from datetime import datetime

from authlib.oauth2.rfc6749 import InvalidGrantError, TokenMixin
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant as AuthlibRefreshTokenGrant
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
from shop.oauth.authlib_server import OfOurRequest, ShopRequest, refuse
from shop.oauth.clients.client import Client
from shop.oauth.grants.authorization_code import named_resource
from shop.oauth.grants.issuing import Authorized, authorized, issue, next_refresh_token, still_allowed

_log = logging.getLogger(__name__)
_WITHDRAWN = "The identity provider of the person does not stand by them any more. Ask the person to sign in again."
_REFUSED = "The refresh token is unknown, expired, revoked, or was used before. Ask the person again."


class Presented(TokenMixin):
    """A refresh token that was presented, with what it belongs to, as Authlib wants to ask it."""

    def __init__(self, token: RefreshToken, family: TokenFamily, grant: Grant, allowed: frozenset[str]) -> None:
        self.token, self.family, self.grant, self.allowed = token, family, grant, allowed
        self.is_repeated = False
        """Whether the same request came a moment ago, and nobody has used what it got."""

    def check_client(self, client: Client) -> bool:
        return self.grant.client_id == client.client_id

    def get_scope(self) -> str:
        """What may be asked for: what the person allowed to this client, then or since (RFC 6749 §6). What of it is still allowed
        is asked when something is issued.
        """
        return " ".join(sorted(self.allowed.union(self.family.scopes)))

    def is_good(self, now: datetime) -> bool:
        """Whether it was never used, and neither it nor its family has ended."""
        return self.token.used_at is None and self.family.ended_at is None and self.token.expires_at > now


def recheck_person(asked: ShopRequest) -> None:
    """Before the transaction: ask the person's identity provider about them, where their connection allows it.

    Only for a token that is good for something: nobody else makes us ask, and what is wrong is said in the transaction. Raises
    `OAuth2Error`.
    """
    with asked.issuer.database.read() as db:
        presented = _presented(db, asked.require("refresh_token"), asked.authenticated)
        if presented is None or not presented.is_good(moment(db)):
            return
        try:
            live(db, presented.grant.principal())
        except NotAlive:
            return
    asked.on_behalf_of = presented.grant.principal()
    try:
        asked.issuer.recheck.person(asked.on_behalf_of)
    except Withdrawn:
        raise InvalidGrantError(description=_WITHDRAWN) from None
    except SignInError as error:
        _log.warning("a person cannot be asked about: %s", error.detail or error.code)
        refuse("temporarily_unavailable", "The organization's identity provider does not answer. Try again soon.", 503)


class RefreshTokenGrant(OfOurRequest, AuthlibRefreshTokenGrant):
    """A refresh token becomes an access token and the next refresh token."""

    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_token_endpoint_client(self) -> Client:
        return self.asked.authenticated

    def authenticate_refresh_token(self, refresh_token: str) -> Presented:
        """The token, if this client may still use it. Its family is locked, so that it cannot end while it grows."""
        db = self.asked.db
        presented = _presented(db, refresh_token, self.asked.authenticated)
        if presented is None:
            raise InvalidGrantError(description=_REFUSED)
        self.asked.on_behalf_of = presented.grant.principal()
        wait_in_line(db, presented.grant.principal(), changing=[presented.grant.id])
        lock_family(db, presented.family.id)
        db.refresh(presented.token)  # who came first may have used it while this request waited
        grace = self.asked.issuer.settings.refresh_grace
        presented.is_repeated = is_repeated(db, presented.token, self._successor(refresh_token), grace)
        if presented.token.used_at is not None and not presented.is_repeated:
            self._kill(presented)
        if presented.family.ended_at is not None or presented.token.expires_at <= moment(db):
            raise InvalidGrantError(description=_REFUSED)
        if self.asked.parameter("resource"):
            named_resource(self.asked)
        return presented

    def authenticate_user(self, refresh_token: Presented) -> Authorized:
        return authorized(self.asked, refresh_token.grant.id)

    def issue_token(self, user: Authorized, refresh_token: Presented) -> dict[str, str | int]:  # type: ignore[override]
        """There is something to issue, and the token is claimed: of several requests that bring it at once, one gets it, and
        the rest show.
        """
        asked, presented, scope = self.asked, refresh_token, self.asked.parameter("scope")
        granted = still_allowed(asked, user, frozenset(scope.split()) if scope else user.principal.scopes)
        successor = self._successor(asked.require("refresh_token"))
        if not presented.is_repeated:
            if not claim_refresh_token(asked.db, presented.token):
                self._kill(presented)
            next_refresh_token(asked, presented.grant, presented.family, successor)
        return issue(
            asked,
            user,
            presented.family,
            granted,
            EventName.TOKEN_REFRESHED,
            refresh_token=successor,
            repeated=presented.is_repeated,
        )

    def revoke_old_credential(self, refresh_token: TokenMixin) -> None:
        """Nothing to do: it was claimed before anything was issued."""

    def _successor(self, token: str) -> str:
        return successor_of(token, self.asked.issuer.successor_key)

    def _kill(self, presented: Presented) -> None:
        """Somebody has a copy of this token: its whole family dies, the newest access token included."""
        db, family = self.asked.db, presented.family
        ended = end_family(db, family.id, EndReason.REFRESH_TOKEN_REUSED)
        record(
            db,
            EventName.REFRESH_TOKEN_REUSED,
            principal=presented.grant.principal(),
            resource=("token_family", family.id),
            facts={"client": presented.grant.client_id, "tokens": ended},
        )
        raise InvalidGrantError(description=_REFUSED)


def _presented(db: Session, token: str, client: Client) -> Presented | None:
    """A refresh token that this client was given, whatever state it is in."""
    found = find_refresh_token(db, token)
    if found is None:
        return None
    stored, family = found
    allowed = frozenset(db.get_one(Authority, family.grant_id).scopes or ())
    presented = Presented(stored, family, db.get_one(Grant, family.grant_id), allowed)
    return presented if presented.check_client(client) else None
