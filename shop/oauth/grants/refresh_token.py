"""The refresh token grant (RFC 6749 §6), with rotation for every client and detection of a second use (RFC 9700 §4.14.2).

Closed here, since Authlib leaves it open: a refresh token is claimed before a new one is issued; one that is used again kills
its family. Whether the person, their organization, their client and the grant are alive is asked each time.
"""

from __future__ import annotations

from authlib.oauth2.rfc6749 import InvalidGrantError, TokenMixin
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant as AuthlibRefreshTokenGrant

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.grants import Grant
from shop.credentials.ledger import hold
from shop.credentials.tokens import (
    RefreshToken,
    TokenFamily,
    claim_refresh_token,
    end_family,
    find_refresh_token,
)
from shop.database import moment
from shop.oauth.clients import Client
from shop.oauth.grants.authorization_code import named_resource
from shop.oauth.grants.issuing import Authorized, authorized, issue
from shop.oauth.protocol import OfOurRequest

_REFUSED = "The refresh token is unknown, expired, revoked, or was used before. Ask the person again."


class Presented(TokenMixin):
    """A refresh token that was presented, with what it belongs to, as Authlib wants to ask it."""

    def __init__(self, token: RefreshToken, family: TokenFamily, grant: Grant) -> None:
        self.token, self.family, self.grant = token, family, grant

    def check_client(self, client: Client) -> bool:
        return self.grant.client_id == client.client_id

    def get_scope(self) -> str:
        return " ".join(self.family.scopes)


class RefreshTokenGrant(OfOurRequest, AuthlibRefreshTokenGrant):
    """A refresh token becomes an access token and the next refresh token."""

    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_token_endpoint_client(self) -> Client:
        return self.asked.authenticated

    def authenticate_refresh_token(self, refresh_token: str) -> Presented | None:  # type: ignore[override]
        """The token, if this client may still use it. Nothing is spent yet: a wrong scope costs nobody their token."""
        db = self.asked.db
        found = find_refresh_token(db, refresh_token)
        if found is None:
            return None
        presented = Presented(*found, db.get_one(Grant, found[1].grant_id))
        if not presented.check_client(self.asked.authenticated):
            return None
        self.asked.on_behalf_of = presented.grant.principal()
        if presented.token.used_at is not None:
            self._kill(presented)
        if presented.family.ended_at is not None or presented.token.expires_at <= moment(db):
            raise InvalidGrantError(description=_REFUSED)
        if self.asked.parameter("resource"):
            named_resource(self.asked)
        return presented

    def authenticate_user(self, refresh_token: Presented) -> Authorized:
        """Alive still, and the token claimed: of several requests that bring it at once, one gets it, and the rest show."""
        user = authorized(self.asked, refresh_token.grant.id)
        if not claim_refresh_token(self.asked.db, refresh_token.token):
            self._kill(refresh_token)
        return user

    def issue_token(self, user: Authorized, refresh_token: Presented) -> dict[str, str | int]:  # type: ignore[override]
        scope = self.asked.parameter("scope") or refresh_token.get_scope()
        return issue(self.asked, user, refresh_token.family, frozenset(scope.split()), EventName.TOKEN_REFRESHED)

    def revoke_old_credential(self, refresh_token: TokenMixin) -> None:
        """Nothing to do: it was claimed before anything was issued."""

    def _kill(self, presented: Presented) -> None:
        """Somebody has a copy of this token: its whole family dies, the newest access token included."""
        db, family = self.asked.db, presented.family
        hold(db, presented.grant.organization_id)
        ended = end_family(db, family.id, "refresh_token_reused")
        record(
            db,
            EventName.REFRESH_TOKEN_REUSED,
            principal=presented.grant.principal(),
            resource=("token_family", family.id),
            facts={"client": presented.grant.client_id, "tokens": ended},
        )
        raise InvalidGrantError(description=_REFUSED)
