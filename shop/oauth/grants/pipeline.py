"""The steps of the token endpoint (RFC 6749 §3.2), written once. A grant type fills in steps 3, 4, 5 and 7 (`token_grant.py`).

    1 authenticate   the client
    2 registered     the client may use this grant type
    3 read           what it presents; keys and identity providers are asked over HTTP, so this is outside of any transaction
    4 lock           what may change, from the top down (`shop.credentials.fair_locks`); what can be used once is used up
    5 decide         is it for our resource? The grant type says whose authority it is, and which scopes are asked for
    6 narrow         to what is alive, registered and known to the person: scopes only get fewer
    7 issue          the token's row, and its signature
    8 record         the event

Steps 4 to 8 are one transaction. A refusal keeps what step 4 did (a code that came with the wrong verifier is spent, the family
of a replayed token is dead) and undoes what came after it. Each refusal is on record, and answered in the form of RFC 6749 §5.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import UnauthorizedClientError
from sqlalchemy.orm import Session

from shop.audit.denials import note_denial, record_denial
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.database import moment
from shop.oauth.access_token import mint
from shop.oauth.client_authentication import authenticate_client
from shop.oauth.clients.metadata import CONFIDENTIAL, EVERY_METHOD
from shop.oauth.grant_types import WITH_BROWSER, GrantType
from shop.oauth.grants.refusal_record import KnownParty, refusal_record
from shop.oauth.grants.token_grant import GrantDecision, IssuedToken, TokenGrant, TokenRequest
from shop.oauth.parameters import EndpointRequest, Parameters
from shop.oauth.responses import refuse
from shop.oauth.signing_keys import Signer

GrantClasses = Mapping[GrantType, type[TokenGrant]]
TokenResponse = dict[str, str | int]
"""The members of a token response (RFC 6749 §5.1)."""


def token_response(endpoint_request: EndpointRequest, grant_classes: GrantClasses) -> TokenResponse:
    """The response to a token request (RFC 6749 §5.1). Raises `OAuth2Error`, which is on record."""
    issuer, parameters = endpoint_request.issuer, endpoint_request.parameters
    client, grant = None, None
    try:
        grant_class = _grant_class(parameters, grant_classes)
        # 1 Authenticate the client.
        client = authenticate_client(endpoint_request, _authentication_methods(grant_class.grant_type))
        # 2 Is it registered for this grant type?
        if not client.check_grant_type(grant_class.grant_type):
            raise UnauthorizedClientError("This client is not registered for this grant_type.")
        request = TokenRequest(issuer=issuer, parameters=parameters, client=client)
        grant = grant_class(request)
        # 3 Read what it presents. Others may be asked for it.
        grant.read()
    except OAuth2Error as error:
        party = grant.party if grant else KnownParty()
        record_denial(issuer.database, EventName.TOKEN_REFUSED, **refusal_record(parameters, client, party, error))
        raise
    signer = issuer.keys.signer()  # before the transaction: opening a key takes its time
    with issuer.database.write() as db:
        try:
            # 4 Lock what may change, and use up what can be used once.
            grant.lock(db)
            with db.begin_nested():
                # 5 Is it for our resource (RFC 8707 §2.2)? The grant type says whose authority, and which scopes are asked for.
                parameters.check_resource(issuer)
                decision = grant.decide(db)
                # 6 Scopes only get fewer.
                granted = narrowed(request, decision)
                # 7 Issue.
                issued = grant.issue(db, decision, granted)
                response = _signed(db, request, signer, issued, granted)
                # 8 Record.
                _record_issued(db, request, issued, granted)
                return response
        except OAuth2Error as error:
            note_denial(db, EventName.TOKEN_REFUSED, **refusal_record(parameters, client, grant.party, error))
            refusal = error
    raise refusal  # after the transaction, which commits what step 4 did and the record


def narrowed(request: TokenRequest, decision: GrantDecision) -> frozenset[str]:
    """Those of the wanted scopes that are alive, that the client is registered for, and whose tools the person was told of.

    A workflow that got a further irreversible tool after the person consented waits for a new consent. Raises `OAuth2Error` when
    no scope is left.
    """
    granted = decision.wanted & decision.principal.scopes & frozenset(request.client.scopes)
    if decision.grant is not None:
        granted = request.issuer.scopes_without_new_tools(granted, decision.grant.risky_tools)
    if not granted:
        raise decision.no_scope_error
    return granted


def _grant_class(parameters: Parameters, grant_classes: GrantClasses) -> type[TokenGrant]:
    named = parameters.require("grant_type")
    if named not in grant_classes:
        refuse("unsupported_grant_type", f"There are these grant types: {', '.join(grant_classes)}.")
    return grant_classes[GrantType(named)]


def _authentication_methods(grant_type: GrantType) -> Sequence[str]:
    """A public client proves nothing: it may use what a person lets happen in their browser, and nothing else."""
    return EVERY_METHOD if grant_type in WITH_BROWSER else CONFIDENTIAL


def _signed(
    db: Session, request: TokenRequest, signer: Signer, issued: IssuedToken, granted: frozenset[str]
) -> TokenResponse:
    """The response with the signed token. Raises `ValueError` for a grant type that stored what step 6 did not grant."""
    now, row = moment(db), issued.row
    if frozenset(row.scopes or ()) != granted:
        raise ValueError("the token's scopes are not those that were granted")
    lifetime = (row.expires_at or now) - now
    return {
        "access_token": mint(request.issuer, signer, issued.holder, row, at=now, also=issued.claims),
        "token_type": "Bearer",
        "expires_in": int(lifetime.total_seconds()),
        "scope": " ".join(row.scopes or ()),
        **issued.members,
    }


def _record_issued(db: Session, request: TokenRequest, issued: IssuedToken, granted: frozenset[str]) -> None:
    common = {"client": request.client.client_id, "scopes": sorted(granted), "audience": request.issuer.resource}
    token, facts = ("token", issued.row.id), {**common, **issued.facts}
    record(db, issued.event, principal=issued.holder, resource=token, outcome="succeeded", facts=facts)
