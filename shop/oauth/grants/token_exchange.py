"""Token exchange (RFC 8693): a client exchanges an access token that it holds for a narrower one, of the same subject and grant.

It may then hand a part of itself less than it was given. Scopes only narrow, the resource stays, the new token ends with the
old one and not after it; `act` names the client that exchanged it. Only an access token that this very client holds is taken:
a token for a connected system, with one actor nested in the other (§4.1), is of another audience, and is not made here.
"""

from __future__ import annotations

from authlib.oauth2.rfc6749 import BaseGrant, InvalidScopeError, TokenEndpointMixin, UnauthorizedClientError

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.grants import Grant
from shop.credentials.ledger import NotAlive, live, wait_in_line
from shop.credentials.tokens import AccessToken, lock_family, new_exchanged_token
from shop.database import moment
from shop.oauth.access_token import BadToken, Claims, verify
from shop.oauth.authlib_server import OfOurRequest, ShopRequest, refuse
from shop.oauth.grants.issuing import TokenResponse, session_of, still_covered, told

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a type (§3)
_LOOKS_LIKE_ONE = (ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt")


def read_subject_token(asked: ShopRequest) -> None:
    """Read and verify the token that is to be exchanged (§2.1). Not in a transaction: keys may have to be read."""
    subject_token = asked.require("subject_token")
    if asked.require("subject_token_type") not in _LOOKS_LIKE_ONE:
        refuse("invalid_request", f"The subject_token_type must be {ACCESS_TOKEN}")
    if asked.parameter("actor_token"):
        refuse("invalid_request", "The actor is the client that authenticated itself: send no actor_token.")
    if asked.parameter("requested_token_type") not in (None, *_LOOKS_LIKE_ONE):
        refuse("invalid_request", f"The requested_token_type must be {ACCESS_TOKEN}")
    for name in ("resource", "audience"):
        if (named := asked.parameter(name)) is not None and not asked.issuer.is_resource(named):
            refuse("invalid_target", f"The parameter {name} must be {asked.issuer.resource}")
    try:
        asked.presented = verify(asked.issuer, subject_token, at=asked.issuer.database.clock())
    except BadToken as bad:
        refuse("invalid_request", f"The subject_token is not taken. {bad}")  # §2.2.2: never invalid_grant


class TokenExchangeGrant(OfOurRequest, BaseGrant, TokenEndpointMixin):
    """An access token becomes a narrower one."""

    GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"

    @property
    def presented(self) -> Claims:
        if not isinstance(self.asked.presented, Claims):
            raise LookupError("the subject token was not read")
        return self.asked.presented

    def validate_token_request(self) -> None:
        """The token is this client's, and what is asked for is not more than what is in it."""
        client, presented = self.asked.authenticated, self.presented
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("This client is not registered for token exchange.")
        if presented.client_id != client.client_id:
            refuse("invalid_request", "The subject_token was issued to another client.")
        if presented.grant is None:
            refuse("invalid_request", "A client that acts for nobody asks for a narrower token by client_credentials.")
        self.asked.on_behalf_of = presented.principal()
        scope = self.asked.parameter("scope")
        if scope is not None and not set(scope.split()) <= presented.scopes:
            raise InvalidScopeError("The scope can only be narrower than that of the subject_token.")

    def create_token_response(self) -> TokenResponse:  # type: ignore[override] # the stub has a str for the body
        """§2.2.1: the new token, its type, and whom it is for; recorded with the token that it came from."""
        asked, presented, db = self.asked, self.presented, self.asked.db
        grant, row = db.get(Grant, presented.grant), db.get(AccessToken, presented.token)
        wait_in_line(db, presented.principal())
        if row is not None:
            lock_family(db, row.family_id)  # it cannot end while it grows
        try:
            alive = live(db, presented.principal())
        except NotAlive as lapsed:
            refuse("invalid_request", f"The subject_token is not in force any more: {lapsed}.")
        if grant is None or row is None:
            raise LookupError("a living access token hangs below a grant, and is of a family")
        scope = asked.parameter("scope")
        wanted = frozenset(scope.split()) if scope else presented.scopes
        granted = wanted & alive.scopes & still_covered(asked, grant)
        if not granted:
            raise InvalidScopeError("Nothing of what was asked for is allowed any more. Ask the person again.")
        now, ends = moment(db), presented.expires_at
        until = min(now + asked.issuer.settings.access_token_lifetime, now.fromtimestamp(ends, now.tzinfo))
        token = new_exchanged_token(db, row, grant.id, granted, until=until)
        record(
            db,
            EventName.TOKEN_EXCHANGED,
            principal=grant.principal(token.id),
            resource=("token", token.id),
            outcome="succeeded",
            facts={
                "client": presented.client_id,
                "from": presented.token,
                "scopes": sorted(granted),
                "before": sorted(presented.scopes),
                "audience": asked.issuer.resource,
            },
        )
        act = {"act": {"sub": presented.client_id}}
        answer = told(asked, grant.principal(token.id), token, also=session_of(grant) | act)
        return 200, answer | {"issued_token_type": ACCESS_TOKEN}, self.TOKEN_RESPONSE_HEADER
