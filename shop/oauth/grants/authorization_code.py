"""The authorization code grant (RFC 6749 §4.1) with PKCE (RFC 7636) and resource indicators (RFC 8707).

Closed here, since Authlib leaves it open: PKCE by S256 is for every client and refused without already at the authorization
endpoint; a code is claimed before anything is issued, by one statement; a second use kills what the first one led to.
"""

from __future__ import annotations

import re
from datetime import datetime

from authlib.oauth2.rfc6749 import (
    BaseGrant,
    ClientMixin,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant as AuthlibAuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from sqlalchemy import ForeignKey, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.end_reasons import EndReason
from shop.credentials.grants import Grant
from shop.credentials.ledger import wait_in_line
from shop.credentials.tokens import end_family, secret_digest, start_family
from shop.database import Base, moment
from shop.oauth.authlib_server import OfOurRequest, ShopRequest, refuse
from shop.oauth.clients.client import Client
from shop.oauth.grants.issuing import Authorized, authorized, issue, still_allowed

_REFUSED = "The code is unknown, older than a minute, or was used before. Begin again at the authorization endpoint."
_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # RFC 7636 §4.2: base64url of 32 octets, without padding


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

    def get_redirect_uri(self) -> str:
        return ""  # compared by `AuthorizationCodeGrant.validate_token_request`, which knows whether it was sent

    def get_scope(self) -> str:
        return " ".join(self.scopes)


class S256(CodeChallenge):
    """PKCE as OAuth 2.1 has it: mandatory for everyone, S256 only (RFC 9700 §2.1.1, §4.8)."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: AuthorizationCodeGrant, redirect_uri: str) -> None:
        data = grant.request.payload.data if grant.request.payload else {}
        if data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("The code_challenge_method must be S256.")
        if not _S256_CHALLENGE.fullmatch(data.get("code_challenge") or ""):
            raise InvalidRequestError("The code_challenge must be the base64url form of a SHA-256 hash.")

    def validate_code_verifier(self, grant: AuthorizationCodeGrant, result: None) -> None:
        if not grant.request.form.get("code_verifier"):
            raise InvalidRequestError("The parameter code_verifier is missing.")
        super().validate_code_verifier(grant, result)

    def get_authorization_code_challenge_method(self, authorization_code: AuthorizationCode) -> str:
        return "S256"


class Resource:
    """RFC 8707, which Authlib has not: whatever resource a request names is the one there is, in both requests the same one.

    One that is left out is the default at the authorization endpoint (§2.1), and what the code is bound to at the token endpoint
    (§2.2): general OAuth clients do not know the parameter.
    """

    def __call__(self, grant: BaseGrant) -> None:
        grant.register_hook("after_validate_authorization_request_payload", self.at_authorization)
        grant.register_hook("after_validate_token_request", self.at_token)

    def at_authorization(self, grant: AuthorizationCodeGrant, redirect_uri: str) -> None:
        named_resource(grant.asked)

    def at_token(self, grant: AuthorizationCodeGrant, result: None) -> None:
        if grant.asked.parameter("resource") and named_resource(grant.asked) != grant.code.resource:
            raise InvalidGrantError(description="The code was issued for another resource.")


class AuthorizationCodeGrant(OfOurRequest, AuthlibAuthorizationCodeGrant):
    """At the authorization endpoint: is the request good? At the token endpoint: a code becomes tokens, once."""

    @property
    def code(self) -> AuthorizationCode:
        found = self.request.authorization_code
        if not isinstance(found, AuthorizationCode):
            raise LookupError("no code was presented")
        return found

    @staticmethod
    def validate_authorization_redirect_uri(request: OAuth2Request, client: ClientMixin) -> str:
        """Required, and compared exactly: nothing of the request is repeated in the error, which would not survive it."""
        redirect_uri = request.payload.redirect_uri if request.payload else None
        if not redirect_uri:
            raise InvalidRequestError("The parameter redirect_uri is missing.")
        if not client.check_redirect_uri(redirect_uri):
            raise InvalidRequestError("The redirect_uri is not one that is registered for this client.")
        return redirect_uri

    def validate_token_request(self) -> None:
        """The redirect URI is compared when it is sent, and need not be: PKCE binds the code to whoever began (OAuth 2.1 §10.2,
        draft 15: MUST be allowed, and enforced then; RFC 6749 §4.1.3 asked for it always).
        """
        sent = self.asked.parameter("redirect_uri")
        super().validate_token_request()
        if sent is not None and sent != self.code.redirect_uri:
            raise InvalidGrantError(description="The code was issued for another redirect_uri.")

    def validate_requested_scope(self) -> None:
        """An unknown scope is refused, never dropped silently (RFC 6749 §3.3)."""
        client, scope = self.request.client, self.asked.parameter("scope") or ""
        if not isinstance(client, Client) or not set(scope.split()) <= set(client.scopes):
            known = ", ".join(client.scopes) if isinstance(client, Client) else ""
            raise InvalidScopeError(f"This client may ask for these scopes: {known}.")

    def authenticate_token_endpoint_client(self) -> Client:
        return self.asked.authenticated  # before the transaction began, since keys may have to be fetched

    def query_authorization_code(self, code: str, client: ClientMixin) -> AuthorizationCode:
        """The code, claimed: of several requests that bring it at once, one gets it (RFC 6749 §4.1.2)."""
        db = self.asked.db
        found = db.get(AuthorizationCode, secret_digest(code))
        if found is None or found.client_id != client.get_client_id():
            raise InvalidGrantError(description=_REFUSED)  # nothing is spent, so that a stranger cannot burn it
        self.asked.on_behalf_of = db.get_one(Grant, found.grant_id).principal()
        claimed = db.execute(
            update(AuthorizationCode)
            .where(AuthorizationCode.code_hash == found.code_hash, AuthorizationCode.used_at.is_(None))
            .values(used_at=moment(db))
            .returning(AuthorizationCode.code_hash)
        ).one_or_none()
        if claimed is None:
            _kill_what_it_led_to(db, found.code_hash)
        if claimed is None or found.expires_at <= moment(db):
            raise InvalidGrantError(description=_REFUSED)
        return found

    def authenticate_user(self, authorization_code: AuthorizationCode) -> Authorized:
        return authorized(self.asked, authorization_code.grant_id)

    def generate_token(
        self,
        user: Authorized | None = None,
        scope: str | None = None,
        grant_type: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = True,
    ) -> dict[str, str | int]:
        if user is None:
            raise LookupError("a code stands for somebody")
        consented = frozenset(self.code.scopes)
        granted = still_allowed(self.asked, user, consented)
        family = start_family(self.asked.db, user.grant.id, consented, self.code.resource)
        self.code.family_id = family.id
        return issue(self.asked, user, family, granted, EventName.TOKEN_ISSUED)

    def delete_authorization_code(self, authorization_code: AuthorizationCode) -> None:
        """Nothing to do: it was claimed before anything was issued, and is kept so that a replay shows."""


def named_resource(request: ShopRequest) -> str:
    """The resource that a request is for, which is the one there is; by either of its addresses, or by none (RFC 8707 §2).

    Raises `OAuth2Error` for any other.
    """
    resource = request.parameter("resource")
    if resource is not None and not request.issuer.is_resource(resource):
        refuse("invalid_target", f"The parameter resource must be {request.issuer.resource}")
    return request.issuer.resource


def _kill_what_it_led_to(db: Session, code_hash: str) -> None:
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
