"""Consent: what a person is asked, once, and what their answer becomes.

A question is kept on the server, bound to the session it was asked in, and used up by its answer (MCP security: confused
deputy). It offers what the client asked for, within the organization's ceiling, and says what is new since the last time: a
workflow, or a tool in an old one that cannot be undone. The answer gives the client its grant, and the browser its code.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import String, Text, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.grants import Consent, Grant, agent_of, consent_anew, living_grant, note_agent, start_grant
from shop.credentials.ledger import Authority, live, lock
from shop.credentials.tokens import secret_digest
from shop.database import Base, moment
from shop.oauth.clients import Client, find_client, keep
from shop.oauth.grants.authorization_code import AuthorizationCode, forget_codes
from shop.oauth.issuer import Issuer, SignedIn, issuer
from shop.oauth.protocol import redirect_answer
from shop.oauth.redirects import destination
from shop.principal import FIRST_SCOPES, Principal

endpoint = Blueprint("oauth_consent", __name__)

WORDS = {
    "browse": ("Look around", "Search the goods, and see products, prices and what is in stock."),
    "read": ("See your orders", "Your cart, your orders and where they are, and what you may do here."),
    "transact": ("Buy for you", "Fill your cart, and prepare orders. Each one waits for you."),
}
"""What each scope means, for a person."""


class ConsentQuestion(Base):
    """A question that waits for its answer. The browser has the handle, the database its SHA-256."""

    __tablename__ = "consent_questions"

    handle_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[str] = mapped_column(String(40))
    client_id: Mapped[str] = mapped_column(String(300))
    redirect_uri: Mapped[str] = mapped_column(String(1000))
    state: Mapped[str | None] = mapped_column(Text)
    scopes: Mapped[list[str]]
    resource: Mapped[str] = mapped_column(String(300))
    code_challenge: Mapped[str] = mapped_column(String(43))
    expires_at: Mapped[datetime]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A verified authorization request."""

    client: Client
    redirect_uri: str
    state: str | None
    scopes: frozenset[str]
    resource: str
    code_challenge: str
    always_ask: bool = False


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One workflow on the page."""

    scope: str
    title: str
    text: str
    risky: list[tuple[str, bool]]
    """Title of each tool that cannot be undone, and whether the person was never told of it."""
    is_new: bool
    ticked: bool


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a person would be asked."""

    asked: Asked
    offers: list[Offer]
    forbidden: list[str]
    """Titles of what the organization allows to no one for this client."""
    held: frozenset[str]
    """What this client has already, as far as the person knew everything in it."""
    grant_id: str | None
    until: datetime
    has_to_be_asked: bool


class Refused(Exception):
    """The organization lets this client do nothing of what it asks for. `because` is `blocked` or `ceiling`."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because


def question_of(db: Session, server: Issuer, person: SignedIn, asked: Asked) -> Question:
    """What has to be asked of this person now, if anything. Raises `Refused`."""
    ceiling = _ceiling(db, person.principal, asked.client)
    offered = asked.scopes & ceiling
    if not offered:
        raise Refused("ceiling")
    found = living_grant(db, person.principal.membership, asked.client.client_id)
    told = found[0].risky_tools if found else {}
    scopes = frozenset(found[1].scopes or ()) if found else frozenset()
    held = frozenset(scope for scope in scopes if set(server.risky_tools.get(scope, ())) <= set(told.get(scope, ())))
    offers = [
        Offer(
            scope=scope,
            title=title,
            text=text,
            risky=[
                (words, scope in scopes and name not in told.get(scope, ()))
                for name, words in server.risky_tools.get(scope, {}).items()
            ],
            is_new=bool(found) and scope not in scopes,
            # A first time offers to look and read; to buy is the person's own tick. Later they came for what is asked.
            ticked=bool(found) or scope in FIRST_SCOPES,
        )
        for scope, (title, text) in WORDS.items()
        if scope in offered
    ]
    is_known = found is not None and offered <= held and asked.client.is_assured(asked.redirect_uri)
    return Question(
        asked=replace(asked, scopes=offered),
        offers=offers,
        forbidden=[WORDS[scope][0] for scope in WORDS if scope in asked.scopes - ceiling],
        held=held,
        grant_id=found[0].id if found else None,
        until=moment(db) + server.settings.grant_lifetime,
        has_to_be_asked=asked.always_ask or not is_known,
    )


def _ceiling(db: Session, person: Principal, client: Client) -> frozenset[str]:
    """What the organization lets this client do at most. Raises `Refused` for a blocked one."""
    agent = agent_of(db, person.organization, client.client_id)
    if agent is None:
        return frozenset(client.scopes)
    authority = db.get_one(Authority, agent.id)
    if authority.suspended_at is not None or authority.ended_at is not None:
        raise Refused("blocked")
    return frozenset(client.scopes if authority.scopes is None else authority.scopes)


def ask(db: Session, server: Issuer, person: SignedIn, question: Question) -> str:
    """Keep the question until it is answered. Returns its handle, which is no authority: the session has to be the same."""
    asked, handle = question.asked, secrets.token_urlsafe(32)
    db.execute(delete(ConsentQuestion).where(ConsentQuestion.expires_at < moment(db)))
    db.add(
        ConsentQuestion(
            handle_hash=secret_digest(handle),
            session_id=person.principal.own_session,
            client_id=asked.client.client_id,
            redirect_uri=asked.redirect_uri,
            state=asked.state,
            scopes=sorted(asked.scopes),
            resource=asked.resource,
            code_challenge=asked.code_challenge,
            expires_at=moment(db) + server.settings.consent_lifetime,
        )
    )
    db.flush()
    return handle


def show(person: SignedIn, question: Question, handle: str) -> ResponseReturnValue:
    """The page that asks. On it alone, the form's answer may lead to the client (CSP `form-action`)."""
    leads_to = destination(question.asked.redirect_uri)
    g.form_action = leads_to.origin
    return render_template(
        "oauth/consent.html",
        question=question,
        client=question.asked.client,
        leads_to=leads_to,
        who=person,
        handle=handle,
    )


@endpoint.post("/oauth/consent")
def answer() -> ResponseReturnValue:
    """The person's answer, once: a grant and a code, or a refusal that the client is told of."""
    server = issuer()
    person = server.person()
    ticked = frozenset(request.form.getlist("scope")) if request.form.get("answer") == "allow" else frozenset()
    with server.database.write() as db:
        principal = live(db, person.principal, for_change=True)
        asked = _claim(db, principal, request.form.get("question", ""))
        if asked is None:
            return _no_question()
        try:
            question = question_of(db, server, person, asked)
        except Refused as refused:
            return refused_page(db, server, person, asked, refused)
        allowed = ticked & question.asked.scopes
        if not allowed:
            _record_denied(db, person, asked, "person")
            return redirect_answer(
                server, asked.redirect_uri, asked.state, error="access_denied", error_description="The person said no."
            )
        grant_id = _consent(db, server, principal, question, allowed)
        return answer_with_code(db, server, asked, grant_id, allowed)


def _claim(db: Session, person: Principal, handle: str) -> Asked | None:
    """The question of this handle, asked in this very session; used up, whatever the answer is."""
    row = db.execute(
        delete(ConsentQuestion)
        .where(
            ConsentQuestion.handle_hash == secret_digest(handle),
            ConsentQuestion.session_id == person.own_session,
            ConsentQuestion.expires_at > moment(db),
        )
        .returning(
            ConsentQuestion.client_id,
            ConsentQuestion.redirect_uri,
            ConsentQuestion.state,
            ConsentQuestion.scopes,
            ConsentQuestion.resource,
            ConsentQuestion.code_challenge,
        )
    ).one_or_none()
    client = find_client(db, row.client_id) if row else None
    if row is None or client is None or not client.check_redirect_uri(row.redirect_uri):
        return None
    return Asked(
        client=client,
        redirect_uri=row.redirect_uri,
        state=row.state,
        scopes=frozenset(row.scopes),
        resource=row.resource,
        code_challenge=row.code_challenge,
    )


def _consent(db: Session, server: Issuer, person: Principal, question: Question, allowed: frozenset[str]) -> str:
    """Give the client what was ticked. What it had and was not asked about stays; what was unticked is taken back."""
    asked, settings = question.asked, server.settings
    client = asked.client
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
    told = {scope: sorted(server.risky_tools.get(scope, ())) for scope in sorted(allowed)}
    consent = Consent(scopes=allowed, risky_tools=told, redirect_host=destination(asked.redirect_uri).host)
    found = living_grant(db, person.membership, client.client_id)
    before: frozenset[str] = frozenset()
    if found is None:
        grant, _ = start_grant(db, person, agent, consent, lifetime=settings.grant_lifetime)
    else:
        grant, authority = found[0], lock(db, found[0].id)
        before = frozenset(authority.scopes or ())
        kept = before - asked.scopes
        consent = replace(
            consent,
            scopes=allowed | kept,
            risky_tools=told | {scope: grant.risky_tools.get(scope, []) for scope in sorted(kept)},
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
            "until": question.until.isoformat(timespec="seconds"),
        },
    )
    return grant.id


def answer_with_code(
    db: Session, server: Issuer, asked: Asked, grant_id: str | None, scopes: frozenset[str]
) -> ResponseReturnValue:
    """A code for what the person allowed, on its way to the client through the browser."""
    grant = db.get_one(Grant, grant_id)
    until = db.get_one(Authority, grant.id).expires_at
    code = secrets.token_urlsafe(32)
    forget_codes(db)
    db.add(
        AuthorizationCode(
            code_hash=secret_digest(code),
            grant_id=grant.id,
            client_id=asked.client.client_id,
            redirect_uri=asked.redirect_uri,
            scopes=sorted(scopes),
            resource=asked.resource,
            code_challenge=asked.code_challenge,
            expires_at=moment(db) + server.settings.authorization_code_lifetime,
            forget_at=until or moment(db) + server.settings.grant_lifetime,
        )
    )
    db.flush()
    return redirect_answer(server, asked.redirect_uri, asked.state, code=code)


def refused_page(db: Session, server: Issuer, person: SignedIn, asked: Asked, refused: Refused) -> ResponseReturnValue:
    """Tell the person that their organization does not allow this, and let them take that answer back to the client."""
    _record_denied(db, person, asked, refused.because)
    back = redirect_answer(
        server,
        asked.redirect_uri,
        asked.state,
        error="access_denied",
        error_description="The organization does not allow this client.",
    )
    blocked = refused.because == "blocked"
    page = render_template(
        "oauth/refused.html",
        title=f"{asked.client.name} is not allowed at {person.organization_name}",
        text="An administrator has blocked it."
        if blocked
        else "An administrator allows it less than all of what it asks for.",
        why=None,
        next_step="Nothing was allowed. An administrator of your organization can change that.",
        back={"href": back.headers["Location"], "label": f"Back to {asked.client.name}"},
    )
    return page, 403


def _record_denied(db: Session, person: SignedIn, asked: Asked, because: str) -> None:
    record(
        db,
        EventName.GRANT_DENIED,
        principal=person.principal,
        outcome="denied",
        facts={
            "client": asked.client.client_id,
            "name": asked.client.name,
            "redirect_host": destination(asked.redirect_uri).host,
            "scopes": sorted(asked.scopes),
            "because": because,
        },
    )


def _no_question() -> ResponseReturnValue:
    page = render_template(
        "oauth/refused.html",
        title="This question is no longer open",
        text="It was answered already, it waited too long, or it was asked in another sign-in. Nothing was allowed.",
        why=None,
        next_step="Start again from the assistant; it will bring you back here.",
        back=None,
    )
    return page, 400
