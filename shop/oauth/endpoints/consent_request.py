"""The question that a person is asked: what is in it, and how it waits for its answer.

It offers what the client asked for, within the organization's ceiling, and says what is new since the last time: a workflow, or a
tool in an old one that cannot be undone. It is kept on the server, bound to the session it was asked in, and used up by its
answer (MCP security: confused deputy).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import String, Text, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.credentials.agents import agent_of
from shop.credentials.grants import living_grant
from shop.credentials.ledger import Authority
from shop.credentials.tokens import secret_digest
from shop.database import Base, moment
from shop.oauth.clients.client import Client, find_client
from shop.oauth.clients.redirect_uris import destination
from shop.oauth.endpoints.authorization_request import AuthorizationRequest
from shop.oauth.issuer import Issuer, SignedIn
from shop.principal import FIRST_SCOPES, Principal, Workflow
from shop.workflow_words import WORDS


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
    expires_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One workflow on the page."""

    scope: str
    title: str
    text: str
    risky: list[tuple[str, bool]]
    """Title of each tool that cannot be undone, and whether the person was never told of it."""
    tools: list[str]
    """The names of those."""
    is_new: bool
    ticked: bool


@dataclass(frozen=True, kw_only=True)
class ConsentRequest:
    """What a person would be asked."""

    request: AuthorizationRequest
    """The client's request, with those of its scopes that the organization allows."""
    offers: list[Offer]
    forbidden: list[str]
    """Titles of what the organization allows to no one for this client."""
    consented: frozenset[str]
    """What this client has already, as far as the person knew everything in it."""
    grant_id: str | None
    until: datetime
    is_needed: bool
    handle: str = ""
    """Of the question, once it is kept. It is no authority: the session has to be the same."""

    def show(self, person: SignedIn) -> ResponseReturnValue:
        """The page that asks."""
        leads_to = destination(self.request.redirect_uri)
        return render_template(
            "oauth/consent.html", consent_request=self, client=self.request.client, leads_to=leads_to, who=person
        )


class ConsentDenial(StrEnum):
    """Why a client that asked for consent got nothing. The spellings stand in audit events."""

    PERSON = "person"
    BLOCKED = "blocked"
    CEILING = "ceiling"


class NotAllowed(Exception):
    """The organization lets this client do nothing of what it asks for: it is blocked, or above its ceiling."""

    def __init__(self, because: ConsentDenial) -> None:
        super().__init__(because)
        self.because = because


def consent_request_for(
    db: Session, server: Issuer, person: Principal, request: AuthorizationRequest
) -> ConsentRequest:
    """What has to be asked of this person now, if anything. Raises `NotAllowed`."""
    ceiling = _ceiling(db, person, request.client)
    offered = request.scopes & ceiling
    if not offered:
        raise NotAllowed(ConsentDenial.CEILING)
    found = living_grant(db, person.membership, request.client.client_id)
    known_tools = found[0].risky_tools if found else {}
    scopes = frozenset(found[1].scopes or ()) if found else frozenset()
    consented = server.scopes_without_new_tools(scopes, known_tools)
    offers = [
        offer_of(
            server,
            scope,
            allowed=scopes,
            known_tools=known_tools,
            is_known=bool(found),
            ticked=scope in scopes | FIRST_SCOPES,
        )
        for scope in WORDS
        if scope in offered
    ]
    is_known = found is not None and offered <= consented and request.client.is_assured(request.redirect_uri)
    return ConsentRequest(
        request=replace(request, scopes=offered),
        offers=offers,
        forbidden=[words.title for scope, words in WORDS.items() if scope in request.scopes - ceiling],
        consented=consented,
        grant_id=found[0].id if found else None,
        until=moment(db) + server.settings.grant_lifetime,
        is_needed=request.always_ask or not is_known,
    )


def offer_of(
    server: Issuer,
    scope: str,
    *,
    allowed: frozenset[str],
    known_tools: Mapping[str, list[str]],
    is_known: bool,
    ticked: bool = False,
) -> Offer:
    """One workflow as a person is shown it, who has allowed what is `allowed`, and was told of the tools in `known_tools`.

    Only looking and reading are ticked for them, and what they allowed before. To buy is their own tick, each time that they are
    asked: clients ask for everything at once, since many never ask again.
    """
    words = WORDS[Workflow(scope)]
    tools = server.risky_tools.get(scope, {})
    return Offer(
        scope=scope,
        title=words.title,
        text=words.covers,
        risky=[(risk, scope in allowed and name not in known_tools.get(scope, ())) for name, risk in tools.items()],
        tools=sorted(tools),
        is_new=is_known and scope not in allowed,
        ticked=ticked,
    )


def _ceiling(db: Session, person: Principal, client: Client) -> frozenset[str]:
    """What the organization lets this client do at most. Raises `NotAllowed` for a blocked one."""
    agent = agent_of(db, person.organization, client.client_id)
    if agent is None:
        return frozenset(client.scopes)
    authority = db.get_one(Authority, agent.id)
    if authority.is_suspended_or_ended:
        raise NotAllowed(ConsentDenial.BLOCKED)
    return frozenset(client.scopes if authority.scopes is None else authority.scopes)


def store(db: Session, server: Issuer, person: Principal, consent_request: ConsentRequest) -> ConsentRequest:
    """Keep the request for consent until it is answered, in this session."""
    request, handle = consent_request.request, secrets.token_urlsafe(32)
    db.add(
        ConsentQuestion(
            handle_hash=secret_digest(handle),
            session_id=person.own_session,
            client_id=request.client.client_id,
            redirect_uri=request.redirect_uri,
            state=request.state,
            scopes=sorted(request.scopes),
            resource=request.resource,
            code_challenge=request.code_challenge,
            expires_at=moment(db) + server.settings.consent_lifetime,
        )
    )
    db.flush()
    return replace(consent_request, handle=handle)


def client_of(db: Session, handle: str) -> str | None:
    """The `client_id` of the client that a question is about, so that what the answer changes can be locked first."""
    client_id = select(ConsentQuestion.client_id).where(ConsentQuestion.handle_hash == secret_digest(handle))
    return db.scalar(client_id)


def claim(db: Session, person: Principal, handle: str) -> AuthorizationRequest | None:
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
    return AuthorizationRequest(
        client=client,
        redirect_uri=row.redirect_uri,
        state=row.state,
        scopes=frozenset(row.scopes),
        resource=row.resource,
        code_challenge=row.code_challenge,
    )
