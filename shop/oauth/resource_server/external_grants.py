"""Whose authority an external issuer's token is here: a grant below a membership, and the token below the grant.

The person is who signed in to the shop through a connection of the very same issuer, with the very same `sub`. An e-mail
address in a token never says who somebody is, and a token introduces nobody: whoever never signed in here has no membership
that it could stand for. Of one issuer with several organizations here, the person must be a member of exactly one.

The first token of a client for a person makes a grant, as a consent here would, so that people see it, revoke it, and
administrators block it or set a ceiling, all acting at the next call. What ended stays ended, whatever token the issuer gives
out meanwhile, until the person signs in there anew (`auth_time`); an administrator's block ends when it is lifted.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.audit.denials import record_denial
from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials import fair_locks
from shop.credentials.agents import Agent, ClientKind, agent_of, entry_lock, note_agent
from shop.credentials.grants import Consent, Grant, living_grant, open_grant, taken_back_at
from shop.credentials.ledger import Authority, lock
from shop.credentials.tokens import new_token
from shop.database import Database, moment
from shop.identity.models import Connection, ExternalIdentity, Membership
from shop.oauth.access_token import BadToken, NotLetIn
from shop.oauth.resource_server.external_issuer import ExternalToken
from shop.principal import CONSENTABLE, IN_APP_ASSISTANT, Principal


class _Refused(Exception):
    """The token stands for nobody here. The message is for the record, and for the client's developer.

    `lasting`: another token of the issuer would not change that.
    """

    def __init__(self, message: str, organization: str | None = None, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.organization, self.lasting = organization, lasting


def principal_of(database: Database, issuer: str, token: ExternalToken, *, lifetime: timedelta) -> Principal:
    """The principal that a verified token stands for. Raises `BadToken` and `NotLetIn`, and records that.

    A token that came before is one query. Whether its grant and all above is alive is asked at each call, as ever.
    """
    with database.read() as db:
        known = _known(db, token)
        if known and known.scopes <= token.scopes:
            return known
    try:
        with database.write() as db:
            return _recognize(db, issuer, token, lifetime)
    except _Refused as refused:
        record_denial(
            database,
            EventName.TOKEN_REFUSED,
            "invalid_token",
            organization=refused.organization,
            party=f"{issuer} {token.subject} {token.client_id}",
            outcome="denied",
            facts={"client": token.client_id, "issuer": issuer, "error": "invalid_token", "why": str(refused)},
        )
        if refused.lasting:
            raise NotLetIn(str(refused), signs_in=refused.organization is None) from refused
        raise BadToken(str(refused), is_recorded=True) from refused


def _known(db: Session, token: ExternalToken) -> Principal | None:
    """The principal of a token that came before, with the scopes that it has here."""
    row = db.get(Authority, token.id)
    grant = db.get(Grant, row.parent_id) if row else None
    return _principal(grant, token, frozenset(row.scopes or ())) if row and grant else None


def _principal(grant: Grant, token: ExternalToken, scopes: frozenset[str]) -> Principal:
    """Whom a token stands for, with the scopes that it names: a client is told by them what it lacks."""
    return replace(grant.principal(token.id), scopes=scopes)


def _recognize(db: Session, issuer: str, token: ExternalToken, lifetime: timedelta) -> Principal:
    """Make the rows of a token that was never seen: grant if there is none, token; recorded. Raises `_Refused`."""
    connection, membership = _member(db, issuer, token.subject)
    organization = membership.organization_id
    agent = agent_of(db, organization, token.client_id)
    above = [organization, membership.id, *([agent.id] if agent else [])]
    fair_locks.take(db, shared=above, exclusive=[entry_lock(organization, token.client_id)])  # as for a consent
    if known := _known(db, token):  # another request with it was quicker, or the issuer says less of it than before
        return _narrowed(db, known, issuer, token)
    _require_not_suspended(db, membership)
    agent = _agent(db, membership, token)
    grant = _grant(db, agent, membership, connection, token, lifetime)
    scopes = token.scopes & CONSENTABLE
    new_token(db, grant.id, scopes, until=token.expires_at, identifier=token.id)
    grant.last_used_at = moment(db)
    principal = _principal(grant, token, scopes)
    record(
        db,
        EventName.TOKEN_RECOGNIZED,
        principal=principal,
        resource=("token", token.id),
        outcome="succeeded",
        facts={"client": token.client_id, "issuer": issuer, "scopes": sorted(scopes)},
    )
    return principal


def _require_not_suspended(db: Session, membership: Membership) -> None:
    """Nothing begins for somebody who is suspended: it would be there when they are restored. Raises `_Refused`."""
    for identifier in (membership.organization_id, membership.id):
        if db.get_one(Authority, identifier).is_suspended_or_ended:
            raise _Refused("The person is suspended here.", membership.organization_id, lasting=True)


def _narrowed(db: Session, known: Principal, issuer: str, token: ExternalToken) -> Principal:
    """Take from a token what its issuer says no more of it (RFC 7662); that it says more again gives nothing back."""
    scopes = known.scopes & token.scopes
    if scopes == known.scopes:
        return known
    row = lock(db, token.id)
    row.scopes = sorted(scopes)
    record(
        db,
        EventName.TOKEN_NARROWED,
        principal=known,
        resource=("token", token.id),
        facts={"client": token.client_id, "issuer": issuer, "before": sorted(known.scopes), "scopes": sorted(scopes)},
    )
    return replace(known, scopes=scopes)


def _member(db: Session, issuer: str, subject: str) -> tuple[Connection, Membership]:
    query = (
        select(Connection, Membership)
        .join(
            ExternalIdentity,
            (ExternalIdentity.organization_id == Connection.organization_id)
            & (ExternalIdentity.issuer == Connection.issuer),
        )
        .join(
            Membership,
            (Membership.person_id == ExternalIdentity.person_id)
            & (Membership.organization_id == Connection.organization_id),
        )
        .where(Connection.issuer == issuer, ExternalIdentity.subject == subject)
    )
    found = db.execute(query).all()
    if len(found) != 1:
        raise _Refused("The person has never signed in to the shop through this issuer.", lasting=True)
    return found[0][0], found[0][1]


def _agent(db: Session, membership: Membership, token: ExternalToken) -> Agent:
    """The client's entry in the inventory; a blocked one gets no new grant, and none is the shop's own assistant."""
    if token.client_id == IN_APP_ASSISTANT:
        raise _Refused("No client outside of the shop has this identifier.", membership.organization_id)
    agent = agent_of(db, membership.organization_id, token.client_id)
    if agent is None:
        agent, _ = note_agent(
            db,
            organization_id=membership.organization_id,
            client_id=token.client_id,
            kind=ClientKind.EXTERNAL,
            name=token.client_id[:80],
            publisher=None,
            owner_id=membership.person_id,
        )
    if db.get_one(Authority, agent.id).is_suspended_or_ended:
        raise _Refused("The organization has blocked this client.", membership.organization_id, lasting=True)
    return agent


def _grant(
    db: Session, agent: Agent, membership: Membership, connection: Connection, token: ExternalToken, lifetime: timedelta
) -> Grant:
    """The client's grant for this person: renewed by a new token, and wider if the issuer let it have more."""
    scopes = token.scopes & CONSENTABLE
    found = living_grant(db, membership.id, agent.client_id)
    before: list[str] | None = None
    if found is None:
        ended = taken_back_at(db, membership.id, agent.client_id)
        if ended is not None and (token.signed_in_at is None or token.signed_in_at <= ended):
            raise _Refused(
                "What this client was allowed for the person has ended. The person signs in at the issuer anew first.",
                membership.organization_id,
            )
        grant, authority = open_grant(
            db,
            agent,
            Consent(scopes=scopes, risky_tools={}, redirect_host=""),
            membership_id=membership.id,
            person_id=membership.person_id,
            authenticated_by=connection.id,
            lifetime=lifetime,
        )
    else:
        grant, authority = found[0], lock(db, found[0].id)
        before = authority.scopes or []
        offered = set(grant.offered or ())
        authority.scopes = sorted(set(before) | (scopes - offered))
        authority.expires_at = moment(db) + lifetime
    grant.offered = sorted(scopes | set(grant.offered or ()))
    if before != authority.scopes:
        record(
            db,
            EventName.GRANT_RECOGNIZED,
            principal=grant.principal(),
            resource=("grant", grant.id),
            facts={
                "client": agent.client_id,
                "issuer": connection.issuer,
                "before": before,
                "scopes": authority.scopes,
            },
        )
    return grant
