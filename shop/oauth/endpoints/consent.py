"""Consent: what a person's answer becomes. It gives the client its grant, and the browser its code; or both nothing."""

from __future__ import annotations

import secrets
from dataclasses import replace

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from shop.audit.denials import Handle, note_denial, note_refused_handle
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.agents import entry_lock, note_agent
from shop.credentials.grants import Consent, Grant, consent_anew, living_grant, start_grant
from shop.credentials.ledger import Authority, live, lock
from shop.credentials.tokens import secret_digest
from shop.database import moment
from shop.guards.rate_limits import Limit, rate_limits
from shop.oauth.clients.client import keep
from shop.oauth.clients.redirect_uris import destination
from shop.oauth.endpoints.authorization_request import AuthorizationRequest
from shop.oauth.endpoints.consent_request import (
    ConsentDenial,
    ConsentRequest,
    NotAllowed,
    claim,
    client_of,
    consent_request_for,
)
from shop.oauth.endpoints.refused_page import GoOnPage, RefusedPage
from shop.oauth.grants.authorization_code import AuthorizationCode
from shop.oauth.issuer import Issuer, SignedIn, issuer
from shop.oauth.responses import answer_address
from shop.principal import Principal

endpoint = Blueprint("oauth_consent", __name__)


@endpoint.post("/oauth/consent")
def answer() -> ResponseReturnValue:
    """The person's answer, once: a grant and a code, or a refusal that goes back to the client."""
    server = issuer()
    person = server.person()
    rate_limits().check_principal(
        person.principal, Limit.AUTHORIZATIONS_PER_PERSON, Limit.AUTHORIZATIONS_PER_ORGANIZATION
    )
    ticked = frozenset(request.form.getlist("scope")) if request.form.get("answer") == "allow" else frozenset()
    with server.database.write() as db:
        outcome = _answered(db, server, person, request.form.get("question", ""), ticked)
    return outcome.render()


def _answered(
    db: Session, server: Issuer, person: SignedIn, handle: str, ticked: frozenset[str]
) -> RefusedPage | GoOnPage:
    client_id = client_of(db, handle)
    changing = [entry_lock(person.principal.organization, client_id)] if client_id else []
    principal = live(db, person.principal, changing=changing)
    authorization_request = claim(db, principal, handle)
    if authorization_request is None:
        note_refused_handle(db, Handle.CONSENT_QUESTION, where=request.path, principal=person.principal)
        return _NO_LONGER_OPEN
    try:
        consent_request = consent_request_for(db, server, principal, authorization_request)
    except NotAllowed as refused:
        return refuse_for_organization(db, server, person, authorization_request, refused)
    allowed = ticked & consent_request.request.scopes
    if not allowed:
        _record_denied(db, person, authorization_request, ConsentDenial.PERSON)
        refusal = {"error": "access_denied", "error_description": "The person said no."}
        address = answer_address(server, authorization_request.redirect_uri, authorization_request.state, **refusal)
        return _back_to_client(authorization_request, address, "Nothing was allowed.")
    grant_id = _consent(db, server, principal, consent_request, allowed)
    address = answer_with_code(db, server, authorization_request, grant_id, allowed)
    return _back_to_client(
        authorization_request, address, "It may do what you ticked, and you can change that under Connected assistants."
    )


def _back_to_client(authorization_request: AuthorizationRequest, address: str, result: str) -> GoOnPage:
    """The browser takes the answer to the client."""
    leads_to = destination(authorization_request.redirect_uri)
    wait = "Go back to it if this page stays." if leads_to.is_on_this_computer else "This page goes on by itself."
    return GoOnPage(address=address, title=f"Back to {authorization_request.client.name} …", text=f"{result} {wait}")


_NO_LONGER_OPEN = RefusedPage(
    status=400,
    title="This question is no longer open",
    text="It was answered already, it waited too long, or it was asked in another sign-in. This click allowed nothing.",
    next_step="Start again from the assistant; it will bring you back here. What it may do already stands under Connected assistants.",
)


def _consent(
    db: Session, server: Issuer, person: Principal, consent_request: ConsentRequest, allowed: frozenset[str]
) -> str:
    """Give the client what was ticked. What it had and was not asked about stays; what was unticked is taken back."""
    authorization_request, settings = consent_request.request, server.settings
    client = authorization_request.client
    keep(db, client.client_id)
    agent, is_new = note_agent(
        db,
        organization_id=person.organization,
        client_id=client.client_id,
        kind=client.kind,
        name=client.name,
        publisher=client.publisher,
        owner_id=person.subject,
    )
    if is_new:
        facts = {"client": client.client_id, "kind": client.kind, "name": client.name, "publisher": client.publisher}
        record(db, EventName.AGENT_FIRST_SEEN, principal=person, resource=("agent", agent.id), facts=facts)
    risky_tools = server.risky_tool_names(allowed)
    consent = Consent(
        scopes=allowed, risky_tools=risky_tools, redirect_host=destination(authorization_request.redirect_uri).host
    )
    found = living_grant(db, person.membership, client.client_id)
    before: frozenset[str] = frozenset()
    if found is None:
        grant, _ = start_grant(db, person, agent, consent, lifetime=settings.grant_lifetime)
    else:
        grant, authority = found[0], lock(db, found[0].id)
        before = frozenset(authority.scopes or ())
        kept = before - authorization_request.scopes
        consent = replace(
            consent,
            scopes=allowed | kept,
            risky_tools=risky_tools | {scope: grant.risky_tools.get(scope, []) for scope in sorted(kept)},
        )
        consent_anew(db, person, grant, authority, consent, lifetime=settings.grant_lifetime)
    record(
        db,
        EventName.GRANT_CONSENTED,
        principal=person,
        resource=("grant", grant.id),
        outcome="succeeded",
        facts={
            "client": client.client_id,
            "name": client.name,
            "kind": client.kind,
            "publisher": client.publisher,
            "redirect_host": consent.redirect_host,
            "scopes": sorted(consent.scopes),
            "before": sorted(before),
            "until": consent_request.until.isoformat(timespec="seconds"),
        },
    )
    return grant.id


def answer_with_code(
    db: Session,
    server: Issuer,
    authorization_request: AuthorizationRequest,
    grant_id: str | None,
    scopes: frozenset[str],
) -> str:
    """A code for what the person allowed: the address that the browser brings it to."""
    grant = db.get_one(Grant, grant_id)
    until = db.get_one(Authority, grant.id).expires_at
    code = secrets.token_urlsafe(32)
    db.add(
        AuthorizationCode(
            code_hash=secret_digest(code),
            grant_id=grant.id,
            client_id=authorization_request.client.client_id,
            redirect_uri=authorization_request.redirect_uri,
            scopes=sorted(scopes),
            resource=authorization_request.resource,
            code_challenge=authorization_request.code_challenge,
            expires_at=moment(db) + server.settings.authorization_code_lifetime,
            forget_at=until or moment(db) + server.settings.grant_lifetime,
        )
    )
    db.flush()
    return answer_address(server, authorization_request.redirect_uri, authorization_request.state, code=code)


def refuse_for_organization(
    db: Session, server: Issuer, person: SignedIn, authorization_request: AuthorizationRequest, refused: NotAllowed
) -> RefusedPage:
    """Note that the organization does not allow this; the person is told, and can take that answer back to the client."""
    _record_denied(db, person, authorization_request, refused.because)
    back = answer_address(
        server,
        authorization_request.redirect_uri,
        authorization_request.state,
        error="access_denied",
        error_description="The organization does not allow this client.",
    )
    return RefusedPage(
        status=403,
        title=f"{authorization_request.client.name} is not allowed at {person.organization_name}",
        text="An administrator has blocked it."
        if refused.because is ConsentDenial.BLOCKED
        else "An administrator allows it less than all of what it asks for.",
        next_step="Nothing was allowed. An administrator of your organization can change that.",
        back={"href": back, "label": f"Back to {authorization_request.client.name}"},
    )


def _record_denied(
    db: Session, person: SignedIn, authorization_request: AuthorizationRequest, because: ConsentDenial
) -> None:
    note_denial(
        db,
        EventName.GRANT_DENIED,
        because,
        principal=person.principal,
        outcome="denied",
        facts={
            "client": authorization_request.client.client_id,
            "name": authorization_request.client.name,
            "redirect_host": destination(authorization_request.redirect_uri).host,
            "scopes": sorted(authorization_request.scopes),
            "because": because,
        },
    )
