"""The authorization code grant (RFC 6749 §4.1) with PKCE (RFC 7636) and resource indicators (RFC 8707).

A code is claimed before anything is issued, by one statement, and a second use kills what the first one led to. PKCE by S256 is for
every client: the authorization endpoint lets no request begin without it (`endpoints/authorization_request.py`).
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from sqlalchemy import ForeignKey, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.end_reasons import EndReason
from shop.credentials.grants import Grant
from shop.credentials.ledger import wait_in_line
from shop.credentials.tokens import end_family, secret_digest, start_family
from shop.database import Base, moment
from shop.oauth.grant_types import GrantType
from shop.oauth.grants.person_grants import add_refresh_token, living_principal, token_of_family
from shop.oauth.grants.refusal_record import KnownParty
from shop.oauth.grants.token_grant import GrantDecision, IssuedToken, TokenGrant

_REFUSED = "The code is unknown, older than a minute, or was used before. Begin again at the authorization endpoint."
_CODE_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1


class AuthorizationCode(Base):
    """A code on its way through the browser; its SHA-256, and all that the token request has to agree with."""

    __tablename__ = "authorization_codes"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id"), index=True)
    client_id: Mapped[str] = mapped_column(String(300))
    redirect_uri: Mapped[str] = mapped_column(String(1000))
    scopes: Mapped[list[str]]
    resource: Mapped[str] = mapped_column(String(300))
    code_challenge: Mapped[str] = mapped_column(String(43))
    expires_at: Mapped[datetime] = mapped_column(index=True)
    forget_at: Mapped[datetime] = mapped_column(index=True)
    """Once used, it is kept as long as what it led to may live, so that a replay shows."""
    used_at: Mapped[datetime | None]
    family_id: Mapped[str | None] = mapped_column(ForeignKey("token_families.id"))
    """What it led to."""


class AuthorizationCodeGrant(TokenGrant):
    """A code becomes tokens, once."""

    grant_type = GrantType.AUTHORIZATION_CODE
    _code: AuthorizationCode
    _grant: Grant

    def read(self) -> None:
        """Nothing is asked of others: the code is a row of ours."""
        self._code_hash = secret_digest(self.request.parameters.require("code"))

    def lock(self, db: Session) -> None:
        """The code is claimed: of several requests that bring it at once, one gets it (RFC 6749 §4.1.2)."""
        code = db.get(AuthorizationCode, self._code_hash)
        if code is None or code.client_id != self.request.client.client_id:
            raise InvalidGrantError(description=_REFUSED)  # nothing is spent, so that a stranger cannot burn it
        grant = db.get_one(Grant, code.grant_id)
        self.party = KnownParty(principal=grant.principal())
        if not _claim(db, code):
            _end_what_it_led_to(db, code.code_hash)
            raise InvalidGrantError(description=_REFUSED)
        if code.expires_at <= moment(db):
            raise InvalidGrantError(description=_REFUSED)
        wait_in_line(db, grant.principal())
        self._code, self._grant = code, grant

    def decide(self, db: Session) -> GrantDecision:
        """The request agrees with the one that began at the authorization endpoint."""
        parameters, code = self.request.parameters, self._code
        _check_code_verifier(parameters.require("code_verifier"), code.code_challenge)
        # RFC 8707 §2.2: one that is left out is what the code is bound to.
        if parameters.get("resource") and code.resource != self.request.issuer.resource:
            raise InvalidGrantError(description="The code was issued for another resource.")
        # The redirect URI is compared when it is sent, and need not be: PKCE binds the code to whoever began (OAuth 2.1 §10.2,
        # draft 15: MUST be allowed, and enforced then; RFC 6749 §4.1.3 asked for it always).
        if (parameters.get("redirect_uri") or code.redirect_uri) != code.redirect_uri:
            raise InvalidGrantError(description="The code was issued for another redirect_uri.")
        principal = living_principal(db, self._grant)
        return GrantDecision(principal=principal, wanted=frozenset(code.scopes), grant=self._grant)

    def issue(self, db: Session, decision: GrantDecision, granted: frozenset[str]) -> IssuedToken:
        """A family begins, with all that the person allowed; the first access token has what of it is granted now."""
        request, code = self.request, self._code
        family = start_family(db, code.grant_id, decision.wanted, code.resource)
        code.family_id = family.id
        is_renewed = request.client.check_grant_type(GrantType.REFRESH_TOKEN)
        refresh_token = add_refresh_token(db, request.issuer, family) if is_renewed else None
        event = EventName.TOKEN_ISSUED
        return token_of_family(db, request, self._grant, family, granted, event, refresh_token=refresh_token)


def _claim(db: Session, code: AuthorizationCode) -> bool:
    """Use a code up. Whether this was the first time: one statement, so that of two at once one loses."""
    claimed = db.execute(
        update(AuthorizationCode)
        .where(AuthorizationCode.code_hash == code.code_hash, AuthorizationCode.used_at.is_(None))
        .values(used_at=moment(db))
        .returning(AuthorizationCode.code_hash)
    )
    return claimed.one_or_none() is not None


def _check_code_verifier(verifier: str, challenge: str) -> None:
    """RFC 7636 §4.6, as Authlib's `CodeChallenge` does it; that one is an extension of Authlib's grant type. Raises `OAuth2Error`."""
    if not _CODE_VERIFIER.fullmatch(verifier):
        raise InvalidRequestError("Invalid 'code_verifier'")
    expected: str = create_s256_code_challenge(verifier)  # type: ignore[no-untyped-call] # untyped in the stubs
    if not hmac.compare_digest(expected, challenge):
        raise InvalidGrantError(description="Code challenge failed.")


def _end_what_it_led_to(db: Session, code_hash: str) -> None:
    """RFC 6749 §4.1.2, RFC 9700 §4.13: somebody has a copy of a code, so nothing that it led to can be trusted."""
    again = select(AuthorizationCode).where(AuthorizationCode.code_hash == code_hash)
    code = db.scalars(again, execution_options={"populate_existing": True}).one()
    grant = db.get_one(Grant, code.grant_id)
    wait_in_line(db, grant.principal(), changing=[grant.id])
    ended = end_family(db, code.family_id, EndReason.CODE_REPLAYED) if code.family_id else []
    record(
        db,
        EventName.AUTHORIZATION_CODE_REPLAYED,
        principal=grant.principal(),
        resource=("token_family", code.family_id) if code.family_id else None,
        facts={"client": code.client_id, "tokens": ended},
    )
