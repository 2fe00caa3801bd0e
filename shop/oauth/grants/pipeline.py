"""The steps of the token endpoint (RFC 6749 §3.2), written once. A grant type only fills in `read`, `lock`, `decide` and `issue`.

    1 authenticate   the client
    2 registered     the client may use this grant type
    3 read           what it presents; keys and identity providers are asked over HTTP, so this is outside of any transaction
    4 lock           what may change, from the top down (`shop.credentials.fair_locks`); what can be used once is used up
    5 decide         the grant type: whose authority it is, and which scopes are asked for
    6 narrow         to what is alive, registered and known to the person: scopes only get fewer
    7 issue          the token's row, and its signature
    8 record         the event

Steps 4 to 8 are one transaction. A refusal keeps what step 4 did (a code that came with the wrong verifier is spent, the family
of a replayed token is dead) and undoes what came after it. Authlib's classes for grant types are not used at this endpoint: they
authenticate, query, issue and save in two calls, without a place for steps 3 and 4, and leave 6 and 8 to each grant type. What
Authlib does here: it reads the client's credentials, derives the code challenge, and names the protocol's errors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError, UnauthorizedClientError
from sqlalchemy.orm import Session

from shop.audit.denials import note_denial, record_denial
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.grants import Grant
from shop.credentials.ledger import Authority
from shop.database import moment
from shop.oauth.access_token import mint
from shop.oauth.client_authentication import CONFIDENTIAL, EVERY_METHOD, authenticate_client
from shop.oauth.clients.client import Client
from shop.oauth.grant_types import WITH_BROWSER, GrantType
from shop.oauth.grants.refusal_record import KnownParty, refusal_record
from shop.oauth.issuer import Issuer
from shop.oauth.parameters import EndpointRequest, Parameters
from shop.oauth.responses import refuse
from shop.oauth.signing_keys import Signer
from shop.principal import Principal


@dataclass(frozen=True, kw_only=True)
class TokenRequest:
    """A token request of a client that authenticated itself and is registered for the grant type."""

    issuer: Issuer
    parameters: Parameters
    client: Client


@dataclass(frozen=True, kw_only=True)
class GrantDecision:
    """Whose authority the token will carry, and which scopes are asked for."""

    principal: Principal
    """As the ledger has it in this transaction: alive, with the scopes that are left (invariants I8, I9)."""
    wanted: frozenset[str]
    grant: Grant | None
    """What the token will hang below; None for an agent that acts for nobody."""
    nothing_left: OAuth2Error = field(
        default_factory=lambda: InvalidGrantError(
            description="Nothing of what was asked for is allowed any more. Ask the person again."
        )
    )
    """The error when step 6 leaves no scope."""


@dataclass(frozen=True, kw_only=True)
class IssuedToken:
    """The row of a new access token, and what is said of it."""

    row: Authority
    holder: Principal
    event: EventName
    facts: Mapping[str, object]
    """Of the event, besides client, scopes and audience."""
    claims: Mapping[str, Any] = field(default_factory=dict)
    """Of the signed token, besides those that each token has."""
    members: Mapping[str, str] = field(default_factory=dict)
    """Of the response, besides those that each response has (RFC 6749 §5.1)."""


class TokenGrant(ABC):
    """One token request, as its grant type answers it. The pipeline calls the methods in their order, each once."""

    grant_type: ClassVar[GrantType]

    def __init__(self, request: TokenRequest) -> None:
        self.request = request
        self.party = KnownParty()
        """Whom the request concerns, as far as this grant type has found out by now: where a refusal is recorded."""

    @abstractmethod
    def read(self) -> None:
        """Step 3: read and verify what the client presents. Not in a transaction. Raises `OAuth2Error`."""

    @abstractmethod
    def lock(self, db: Session) -> None:
        """Step 4: take the locks, and use up what can be used once. A refusal keeps this. Raises `OAuth2Error`."""

    @abstractmethod
    def decide(self, db: Session) -> GrantDecision:
        """Step 5: ask the ledger, in this transaction. Raises `OAuth2Error`."""

    @abstractmethod
    def issue(self, db: Session, decision: GrantDecision, granted: frozenset[str]) -> IssuedToken:
        """Step 7: store a token with the scopes that step 6 granted."""


def token_response(
    endpoint_request: EndpointRequest, grant_classes: Mapping[GrantType, type[TokenGrant]]
) -> dict[str, str | int]:
    """The response to a token request (RFC 6749 §5.1). Raises `OAuth2Error`, which is on record."""
    issuer, parameters = endpoint_request.issuer, endpoint_request.parameters
    client, grant, nobody = None, None, KnownParty()
    try:
        grant_class = _grant_class(parameters, grant_classes)
        # 1 Authenticate the client.
        methods = EVERY_METHOD if grant_class.grant_type in WITH_BROWSER else CONFIDENTIAL
        client = authenticate_client(endpoint_request, methods)
        # 2 Is it registered for this grant type?
        if not client.check_grant_type(grant_class.grant_type):
            raise UnauthorizedClientError("This client is not registered for this grant_type.")
        grant = grant_class(TokenRequest(issuer=issuer, parameters=parameters, client=client))
        # 3 Read what it presents. Others may be asked for it.
        grant.read()
    except OAuth2Error as error:
        party = grant.party if grant else nobody
        record_denial(issuer.database, EventName.TOKEN_REFUSED, **refusal_record(parameters, client, party, error))
        raise
    signer = issuer.keys.signer()
    with issuer.database.write() as db:
        try:
            # 4 Lock what may change, and use up what can be used once.
            grant.lock(db)
            with db.begin_nested():
                return _issued(db, signer, grant)
        except OAuth2Error as error:
            note_denial(db, EventName.TOKEN_REFUSED, **refusal_record(parameters, client, grant.party, error))
            refusal = error
    raise refusal  # after the transaction, which commits


def _issued(db: Session, signer: Signer, grant: TokenGrant) -> dict[str, str | int]:
    """Steps 5 to 8. Raises `OAuth2Error`."""
    issuer, client = grant.request.issuer, grant.request.client
    # 5 The grant type decides.
    decision = grant.decide(db)
    # 6 Scopes only get fewer.
    granted = narrowed(grant.request, decision)
    # 7 Issue.
    issued = grant.issue(db, decision, granted)
    response = _signed(db, issuer, signer, issued)
    # 8 Record.
    facts = {"client": client.client_id, "scopes": sorted(granted), "audience": issuer.resource, **issued.facts}
    token = ("token", issued.row.id)
    record(db, issued.event, principal=issued.holder, resource=token, outcome="succeeded", facts=facts)
    return response


def narrowed(request: TokenRequest, decision: GrantDecision) -> frozenset[str]:
    """Those of the wanted scopes that are alive, that the client is registered for, and whose tools the person was told of.

    A workflow that got a further irreversible tool after the person consented waits for a new consent. Raises `OAuth2Error` when
    no scope is left.
    """
    granted = decision.wanted & decision.principal.scopes & frozenset(request.client.scopes)
    if decision.grant is not None:
        consented, today = decision.grant.risky_tools, request.issuer.risky_tools
        granted = frozenset(scope for scope in granted if set(today.get(scope, ())) <= set(consented.get(scope, ())))
    if not granted:
        raise decision.nothing_left
    return granted


def _grant_class(parameters: Parameters, grant_classes: Mapping[GrantType, type[TokenGrant]]) -> type[TokenGrant]:
    named = parameters.require("grant_type")
    if named not in grant_classes:
        refuse("unsupported_grant_type", f"There are these grant types: {', '.join(grant_classes)}.")
    return grant_classes[GrantType(named)]


def _signed(db: Session, issuer: Issuer, signer: Signer, issued: IssuedToken) -> dict[str, str | int]:
    """The response with the signed token."""
    now, row = moment(db), issued.row
    lifetime = (row.expires_at or now) - now
    return {
        "access_token": mint(issuer, signer, issued.holder, row, at=now, also=issued.claims),
        "token_type": "Bearer",
        "expires_in": int(lifetime.total_seconds()),
        "scope": " ".join(row.scopes or ()),
        **issued.members,
    }
