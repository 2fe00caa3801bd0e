"""The authorization request (RFC 6749 §4.1.1) and its validation by Authlib, with what Authlib leaves open closed.

PKCE by S256 is for every client, the redirect URI is required and compared exactly, an unknown scope is refused and never dropped,
and the resource (RFC 8707, which Authlib has not) is the one there is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    BaseGrant,
    ClientMixin,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge

from shop.oauth.clients.client import Client, find_client
from shop.oauth.issuer import Issuer
from shop.oauth.parameters import EndpointRequest

_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # RFC 7636 §4.2: base64url of 32 octets, without padding


@dataclass(frozen=True, kw_only=True)
class AuthorizationRequest:
    """A validated authorization request."""

    client: Client
    redirect_uri: str
    state: str | None
    scopes: frozenset[str]
    resource: str
    code_challenge: str
    always_ask: bool = False
    """Whether the client wants its person to be asked anew (`prompt=consent`)."""


def validate(request: EndpointRequest) -> AuthorizationRequest:
    """What does not depend on the person's answer: client, redirect URI, response type, PKCE, resource, scope.

    Raises `OAuth2Error`, which names the redirect URI from the moment that it is verified.
    """
    server = _Server(request.issuer)
    server.register_grant(_ValidatedGrant, [_S256(), _Resource(request)])
    grant = server.get_consent_grant(request)  # type: ignore[no-untyped-call] # untyped in the stubs
    parameters, redirect_uri, client = request.parameters, str(grant.redirect_uri), request.client
    if parameters.get("response_mode") not in {None, "query"}:
        unsupported = "Only response_mode=query is supported."
        raise OAuth2Error(error="invalid_request", description=unsupported, redirect_uri=redirect_uri)
    if not isinstance(client, Client):
        raise LookupError("a client of a validated request is a row of ours")
    return AuthorizationRequest(
        client=client,
        redirect_uri=redirect_uri,
        state=parameters.get("state"),
        scopes=frozenset(request.scope.split()),
        resource=request.issuer.resource,
        code_challenge=parameters.require("code_challenge"),
        always_ask="consent" in (parameters.get("prompt") or "").split(),
    )


class _ValidatedGrant(AuthorizationCodeGrant):
    """Authlib's authorization code grant, of which the half that validates authorization requests is used."""

    @staticmethod
    def validate_authorization_redirect_uri(request: OAuth2Request, client: ClientMixin) -> str:
        """Required, and compared exactly: nothing of the request is repeated in the error, which would not survive it."""
        redirect_uri = request.payload.redirect_uri if request.payload else None
        if not redirect_uri:
            raise InvalidRequestError("The parameter redirect_uri is missing.")
        if not client.check_redirect_uri(redirect_uri):
            raise InvalidRequestError("The redirect_uri is not one that is registered for this client.")
        return redirect_uri

    def validate_requested_scope(self) -> None:
        """An unknown scope is refused, never dropped silently (RFC 6749 §3.3)."""
        request, client = self.request, self.request.client
        if not isinstance(request, EndpointRequest) or not isinstance(client, Client):
            raise LookupError("requests and clients here are our own")
        if not request.parameters.scopes() <= set(client.scopes):
            raise InvalidScopeError(f"This client may ask for these scopes: {', '.join(client.scopes)}.")


class _S256(CodeChallenge):
    """PKCE as OAuth 2.1 has it: mandatory for everyone, S256 only (RFC 9700 §2.1.1, §4.8)."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: AuthorizationCodeGrant, redirect_uri: str) -> None:
        sent = grant.request.payload.data if grant.request.payload else {}
        if sent.get("code_challenge_method") != "S256":
            raise InvalidRequestError("The code_challenge_method must be S256.")
        if not _S256_CHALLENGE.fullmatch(sent.get("code_challenge") or ""):
            raise InvalidRequestError("The code_challenge must be the base64url form of a SHA-256 hash.")


@dataclass(frozen=True)
class _Resource:
    """RFC 8707 §2.1: a resource that is left out is the default, since general OAuth clients do not know the parameter."""

    request: EndpointRequest

    def __call__(self, grant: BaseGrant) -> None:
        grant.register_hook("after_validate_authorization_request_payload", self._check)

    def _check(self, _grant: BaseGrant, _redirect_uri: str) -> None:
        self.request.parameters.check_resource(self.request.issuer)


class _Server(AuthorizationServer):
    """Authlib's authorization server, as far as it validates authorization requests."""

    def __init__(self, issuer: Issuer) -> None:
        super().__init__(scopes_supported=None)
        self._issuer = issuer

    def query_client(self, client_id: str) -> Client | None:  # type: ignore[override] # None is what Authlib expects
        with self._issuer.database.read() as db:
            return find_client(db, client_id)

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request
