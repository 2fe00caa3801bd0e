"""Widening: a person allows an assistant more than it has, on their own page, without its asking.

Many assistants never ask for more, whatever they are answered: they refresh. So what a person adds here changes the grant and all
its living families, and is in the next access token. The care is that of consent: the person is signed in and alive, nothing is
ticked for them, it stays within the client's registration and the organization's ceiling, and what cannot be undone is pinned as
it was shown. The grant's end stays where it was. Where nobody was asked here, nobody is asked here either: `Decider`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.agents import Agent, ceiling_of
from shop.credentials.grants import Grant, is_in_force
from shop.credentials.ledger import Authority, live, lock
from shop.credentials.tokens import widen_families
from shop.database import moment
from shop.oauth.clients.client import find_client
from shop.oauth.clients.redirect_uris import Destination, destination_of_host
from shop.oauth.endpoints.consent_request import Offer, offer_of
from shop.oauth.grant_types import GrantType
from shop.oauth.issuer import Issuer
from shop.principal import Principal, in_order


class Decider(StrEnum):
    """Who decides what a grant allows."""

    PERSON = "person"
    """Its person, who was asked."""
    ORGANIZATION = "organization"
    """Their administrator, who allowed the client for everybody."""
    ISSUER = "issuer"
    """The external authorization server that the operator brought, or that this grant came of."""


class NotWidened(Exception):
    """Nothing was changed. The message says why, for the person."""


class NoSuchGrant(Exception):
    """There is no such living grant of this person."""


@dataclass(frozen=True, kw_only=True)
class Widening:
    """What a person may add to one grant."""

    grant: Grant
    agent: Agent
    offers: list[Offer]
    leads_to: Destination
    is_renewed: bool
    """Whether the client gets refresh tokens. One that does not has to connect again, and gets it then."""

    @property
    def pins(self) -> dict[str, str]:
        """Of each workflow, the tools that are shown as such that cannot be undone: they come back with the answer."""
        return {offer.scope: pin(offer.tools) for offer in self.offers}


def pin(tools: Iterable[str]) -> str:
    """The names of tools as a form carries them."""
    return " ".join(sorted(tools))


def decider_of(server: Issuer, grant: Grant) -> Decider:
    """Who decides what a grant allows."""
    if grant.by_organization:
        return Decider.ORGANIZATION
    return Decider.PERSON if grant.is_consented and not server.external_url else Decider.ISSUER


def can_be_added(db: Session, server: Issuer, grant: Grant) -> frozenset[str]:
    """The workflows that its person could add to a grant: registered, under the ceiling, and not all known and allowed already."""
    client = find_client(db, grant.client_id)
    if client is None or decider_of(server, grant) is not Decider.PERSON:
        return frozenset()
    most = frozenset(client.scopes) & ceiling_of(db, grant.organization_id, grant.client_id)
    return most - _consented(server, grant, db.get_one(Authority, grant.id))


def widening_of(db: Session, server: Issuer, person: Principal, grant_id: str) -> Widening:
    """What could be added to a grant, to be shown. Raises `NoSuchGrant`, `NotWidened`."""
    grant = _own(db, person, grant_id)
    authority, addable = db.get_one(Authority, grant.id), can_be_added(db, server, grant)
    client = find_client(db, grant.client_id)
    if client is None or not addable:
        raise NotWidened(_NOTHING_TO_ADD)
    return Widening(
        grant=grant,
        agent=db.get_one(Agent, grant.agent_id),
        offers=[
            offer_of(
                server, scope, allowed=frozenset(authority.scopes or ()), known_tools=grant.risky_tools, is_known=True
            )
            for scope in in_order(addable)
        ],
        leads_to=destination_of_host(grant.redirect_host),
        is_renewed=client.check_grant_type(GrantType.REFRESH_TOKEN),
    )


def widen_grant(
    db: Session, server: Issuer, person: Principal, grant_id: str, ticked: frozenset[str], shown: Mapping[str, str]
) -> None:
    """Add what was ticked; `shown` are the pins of the page. Raises `NoSuchGrant`, `NotWidened`."""
    row = db.execute(select(Grant.membership_id, Grant.agent_id).where(Grant.id == grant_id)).one_or_none()
    if row is None or row.membership_id != person.membership:
        raise NoSuchGrant
    person = live(db, person, changing=[grant_id], beside=[row.agent_id])  # the ceiling stays as it is meanwhile
    grant = _own(db, person, grant_id)
    if not ticked:
        raise NotWidened("Tick what it may do besides.")
    if not ticked <= can_be_added(db, server, grant):
        raise NotWidened(_NOTHING_TO_ADD)
    if any(shown.get(scope) != pin(server.risky_tools.get(scope, ())) for scope in ticked):
        raise NotWidened("What it could do by that has changed since you opened the page. Look at it again.")
    # The families first and then the grant, as a refresh takes them: neither waits for the other in a circle.
    families = widen_families(db, grant.id, ticked)
    authority = lock(db, grant.id)
    if not is_in_force(db, authority):
        raise NoSuchGrant
    before = sorted(authority.scopes or ())
    authority.scopes = sorted(ticked.union(before))
    grant.risky_tools = {**grant.risky_tools, **server.risky_tool_names(ticked)}
    grant.authenticated_by, grant.consented_at = person.own_session, moment(db)
    record(
        db,
        EventName.GRANT_WIDENED,
        principal=person,
        resource=("grant", grant.id),
        outcome="succeeded",
        facts={
            "client": grant.client_id,
            "before": before,
            "after": authority.scopes,
            "risky_tools": {scope: grant.risky_tools[scope] for scope in sorted(ticked)},
            "families": families,
        },
    )


_NOTHING_TO_ADD = "It cannot be allowed that here. Who decides it stands beside each assistant."


def _own(db: Session, person: Principal, grant_id: str) -> Grant:
    """The grant, if it is this person's and in force. Raises `NoSuchGrant`: not yours and not there are one answer."""
    grant = db.get(Grant, grant_id)
    if grant is None or grant.membership_id != person.membership:
        raise NoSuchGrant
    if not is_in_force(db, db.get_one(Authority, grant.id)):
        raise NoSuchGrant
    return grant


def _consented(server: Issuer, grant: Grant, authority: Authority) -> frozenset[str]:
    """What the grant has, as far as its person knew everything in it."""
    return server.scopes_without_new_tools(authority.scopes or (), grant.risky_tools)
