"""The authorization endpoint (RFC 6749 §4.1.1): is the request valid, and does the person have to be asked?

Nobody comes here without having signed in through their organization (the blueprint's access rule), so no stranger can make
this shop fetch or store anything. Nothing is redirected before client and redirect URI are known to belong together; until then
an error is a page, after that it goes to the client, with `iss`, if anybody here knows that client.
"""

from __future__ import annotations

from dataclasses import replace

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from shop.audit.denials import note_denial
from shop.audit.events import EventName
from shop.credentials.agents import ClientKind, agent_of
from shop.credentials.ledger import live
from shop.guards.rate_limits import Limit, rate_limits
from shop.oauth.clients import metadata_document
from shop.oauth.clients.client import find_client
from shop.oauth.clients.redirect_uris import destination
from shop.oauth.endpoints.authorization_request import AuthorizationRequest, validate
from shop.oauth.endpoints.consent import answer_with_code, refuse_for_organization
from shop.oauth.endpoints.consent_request import ConsentRequest, NotAllowed, consent_request_for, store
from shop.oauth.endpoints.refused_page import RefusedPage
from shop.oauth.issuer import Issuer, SignedIn, issuer
from shop.oauth.parameters import EndpointRequest, Parameters
from shop.oauth.responses import answer_address, described, redirect_answer, refuse

endpoint = Blueprint("oauth_authorize", __name__)


@endpoint.get("/oauth/authorize")
def authorize() -> ResponseReturnValue:
    """The consent page; a code at once, when everything was consented to before; or an error, where it belongs."""
    server = issuer()
    person = server.person()
    rate_limits().check_principal(
        person.principal, Limit.AUTHORIZATIONS_PER_PERSON, Limit.AUTHORIZATIONS_PER_ORGANIZATION
    )
    request_of_client: EndpointRequest | None = None
    try:
        request_of_client = EndpointRequest(server, request.args)
        authorization_request = _validated(request_of_client, person)
    except OAuth2Error as error:
        return _refused(server, person, request_of_client.parameters if request_of_client else None, error)
    with server.database.write() as db:
        live(db, person.principal)
        outcome = _decided(db, server, person, authorization_request)
    if isinstance(outcome, ConsentRequest):
        return outcome.show(person)
    return outcome.render() if isinstance(outcome, RefusedPage) else outcome


def _decided(
    db: Session, server: Issuer, person: SignedIn, authorization_request: AuthorizationRequest
) -> ConsentRequest | RefusedPage | Response:
    """Whether the person has to be asked, need not be, or cannot be."""
    try:
        consent_request = consent_request_for(db, server, person.principal, authorization_request)
    except NotAllowed as refused:
        return refuse_for_organization(db, server, person, authorization_request, refused)
    if consent_request.is_needed:
        return store(db, server, person.principal, consent_request)
    scopes = authorization_request.scopes & consent_request.consented
    return redirect_answer(answer_with_code(db, server, authorization_request, consent_request.grant_id, scopes))


def _validated(request_of_client: EndpointRequest, person: SignedIn) -> AuthorizationRequest:
    """The request, with its client's metadata document fetched if it is not fresh. Raises `OAuth2Error`."""
    parameters = request_of_client.parameters
    try:
        metadata_document.resolve(
            request_of_client.issuer,
            parameters.require("client_id"),
            for_organization=person.principal.organization,
            redirect_uri=parameters.get("redirect_uri"),
        )
    except metadata_document.UnknownClient as unknown:
        refuse("invalid_client", str(unknown))
    return validate(request_of_client)


def _refused(server: Issuer, person: SignedIn, sent: Parameters | None, error: OAuth2Error) -> ResponseReturnValue:
    """An error at the client's verified redirect URI, else on a page of ours; on record either way.

    Anybody can register a client, so a browser is taken nowhere by one that nobody here knows: its person takes the answer
    there themselves, if they want (RFC 9700 §4.11.2).
    """
    why = described(error.get_error_description() or "")
    with server.database.write() as db:
        is_sent_back = bool(error.redirect_uri) and _is_known_here(db, person, sent)
        facts = {
            "client": (sent.get("client_id") or "")[:300] if sent else "",
            "error": str(error.error),
            "why": why[:300],
            "told_client": is_sent_back,
        }
        note_denial(
            db,
            EventName.AUTHORIZATION_REFUSED,
            str(error.error),
            principal=person.principal,
            outcome="denied",
            facts=facts,
        )
    page = RefusedPage(
        status=400,
        title="That assistant cannot be let in",
        text="It sent you here with a request that this shop cannot accept, so nothing was allowed and nothing was sent back.",
        next_step="Start again from the assistant. If it happens again, its maker can read the reason below.",
        why=why,
    )
    if not error.redirect_uri or not sent:
        return page.render()
    uri, state = str(error.redirect_uri), sent.get("state")
    answer = answer_address(server, uri, state, error=str(error.error), error_description=why)
    if is_sent_back:
        return redirect_answer(answer)
    back = {"href": answer, "label": f"Take that answer to {destination(uri).host}"}
    return replace(
        page,
        next_step="Nobody at your company has let it in before. If you did not come here from it, go no further.",
        back=back,
        unknown=True,
    ).render()


def _is_known_here(db: Session, person: SignedIn, sent: Parameters | None) -> bool:
    """Whether the operator registered the client, or somebody of the person's organization has let it in."""
    client = find_client(db, sent.get("client_id") or "") if sent else None
    if client is None or client.kind is ClientKind.PREREGISTERED:
        return client is not None
    return agent_of(db, person.principal.organization, client.client_id) is not None
