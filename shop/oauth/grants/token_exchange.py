"""Token exchange (RFC 8693): a client exchanges an access token that it holds for a narrower one, of the same subject and grant.

It may then hand a part of itself less than it was given. Scopes only narrow, the resource stays, the new token ends with the
old one and not after it; `act` names the client that exchanged it. Only an access token that this very client holds is taken:
a token for a connected system, with one actor nested in the other (§4.1), is of another audience, and is not made here.

Authlib has no class for it: its `rfc8693` is empty.
"""

from __future__ import annotations

from authlib.oauth2.rfc6749 import InvalidScopeError
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.credentials.grants import Grant
from shop.credentials.ledger import NotAlive, live, wait_in_line
from shop.credentials.tokens import AccessToken, lock_family, new_exchanged_token
from shop.database import moment
from shop.oauth.access_token import BadToken, Claims, verify
from shop.oauth.grant_types import GrantType
from shop.oauth.grants.person_grants import session_claim
from shop.oauth.grants.refusal_record import KnownParty
from shop.oauth.grants.token_grant import GrantDecision, IssuedToken, TokenGrant
from shop.oauth.parameters import Parameters
from shop.oauth.responses import refuse

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a type (§3)
_TYPES_OF_ACCESS_TOKENS = (ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt")


class TokenExchangeGrant(TokenGrant):
    """An access token becomes a narrower one."""

    grant_type = GrantType.TOKEN_EXCHANGE
    _subject_token: Claims
    _row: AccessToken | None
    """Of the subject token; None when it was forgotten."""

    def read(self) -> None:
        """The subject token is one of ours, and this client's; what is asked for is not more than what is in it (§2.1)."""
        parameters, issuer = self.request.parameters, self.request.issuer
        encoded = parameters.require("subject_token")
        _check_types(parameters)
        parameters.check_resource(issuer, "audience")  # the other name of the resource (§2.1)
        try:
            claims = verify(issuer, encoded, at=issuer.database.clock())
        except BadToken as bad:
            refuse("invalid_request", f"The subject_token is not taken. {bad}")  # §2.2.2: never invalid_grant
        if claims.client_id != self.request.client.client_id:
            refuse("invalid_request", "The subject_token was issued to another client.")
        if claims.grant is None:
            refuse("invalid_request", "A client that acts for nobody asks for a narrower token by client_credentials.")
        self._subject_token, self.party = claims, KnownParty(principal=claims.principal())
        if not parameters.scopes() <= claims.scopes:
            raise InvalidScopeError("The scope can only be narrower than that of the subject_token.")

    def lock(self, db: Session) -> None:
        """The family is locked, so that it cannot end while it grows."""
        wait_in_line(db, self._subject_token.principal())
        self._row = db.get(AccessToken, self._subject_token.token)
        if self._row is not None:
            lock_family(db, self._row.family_id)

    def decide(self, db: Session) -> GrantDecision:
        """The subject token is alive."""
        claims = self._subject_token
        try:
            principal = live(db, claims.principal())
        except NotAlive as lapsed:
            refuse("invalid_request", f"The subject_token is not in force any more: {lapsed}.")
        return GrantDecision(
            principal=principal,
            wanted=self.request.parameters.scopes(otherwise=claims.scopes),
            grant=db.get_one(Grant, claims.grant),
            no_scope_error=InvalidScopeError(
                "Nothing of what was asked for is allowed any more. Ask the person again."
            ),
        )

    def issue(self, db: Session, decision: GrantDecision, granted: frozenset[str]) -> IssuedToken:
        """§2.2.1: the new token and its type; recorded with the token that it came from."""
        claims, grant = self._subject_token, decision.grant
        if grant is None or self._row is None:
            raise LookupError("a living access token hangs below a grant, and is of a family")
        now, lifetime = moment(db), self.request.issuer.settings.access_token_lifetime
        until = min(now + lifetime, now.fromtimestamp(claims.expires_at, now.tzinfo))
        row = new_exchanged_token(db, self._row, grant.id, granted, until=until)
        return IssuedToken(
            row=row,
            holder=grant.principal(row.id),
            event=EventName.TOKEN_EXCHANGED,
            facts={"from": claims.token, "before": sorted(claims.scopes)},
            claims=session_claim(grant) | {"act": {"sub": claims.client_id}},
            members={"issued_token_type": ACCESS_TOKEN},
        )


def _check_types(parameters: Parameters) -> None:
    """An access token is presented, by the client that holds it, and another one is wanted. Raises `OAuth2Error`."""
    if parameters.require("subject_token_type") not in _TYPES_OF_ACCESS_TOKENS:
        refuse("invalid_request", f"The subject_token_type must be {ACCESS_TOKEN}")
    if parameters.get("actor_token"):
        refuse("invalid_request", "The actor is the client that authenticated itself: send no actor_token.")
    if parameters.get("requested_token_type") not in (None, *_TYPES_OF_ACCESS_TOKENS):
        refuse("invalid_request", f"The requested_token_type must be {ACCESS_TOKEN}")
