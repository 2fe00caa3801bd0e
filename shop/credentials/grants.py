"""Grants of external assistants, and the organization's inventory of the clients that hold them.

A grant is the stored authority of one client for one membership: what a person consented to, until when. It is
`authenticated_by` a session but does not hang below it (design §9). The client's entry in the inventory (`agt_…`) stands
beside it: through that, an administrator blocks the client for everybody or sets a ceiling. Scopes, ends and blocks are the
ledger's, under the same ids; the tokens below a grant are in `tokens.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, ForeignKey, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.credentials.ledger import Authority, Kind, changed
from shop.database import Base, moment, new_id, word
from shop.principal import EVERY_SCOPE, Actor, Principal


class ClientKind(StrEnum):
    """How a client came to be known here, and so who vouches for what it says of itself."""

    PREREGISTERED = "preregistered"
    """The operator of this shop registered it."""
    METADATA_DOCUMENT = "metadata_document"
    """Its `client_id` is the address of a document; that host vouches for it."""
    DYNAMIC = "dynamic"
    """It registered itself: nobody vouches for it."""
    IN_APP = "in_app"
    """It is this shop's own assistant: it holds delegations, not grants."""
    EXTERNAL = "external"
    """Another authorization server knows it, the one that issues this shop's tokens."""


class Agent(Base):
    """A client's entry in one organization's inventory. Suspended in the ledger: blocked; scopes in the ledger: the ceiling."""

    __tablename__ = "agents"
    __table_args__ = (UniqueConstraint("organization_id", "client_id"),)

    id: Mapped[str] = mapped_column(ForeignKey("authorities.id"), primary_key=True)
    organization_id: Mapped[str] = mapped_column(String(40), index=True)
    client_id: Mapped[str] = mapped_column(String(300), index=True)
    kind: Mapped[ClientKind] = mapped_column(word(ClientKind))
    name: Mapped[str] = mapped_column(String(80))
    """What the client calls itself, as of its latest consent."""
    publisher: Mapped[str | None] = mapped_column(String(253))
    """The host whose document says so; None for a client of another kind."""
    owner_id: Mapped[str | None] = mapped_column(String(40))
    """Who answers for it here: the administrator who registered it, else the person who was the first to let it in."""
    for_everyone: Mapped[list[str] | None]
    """The workflows that an administrator allowed it for everybody in the organization, who are then not asked each (enterprise-
    managed authorization); None: each person decides. The ceiling bounds it like anything else."""
    for_everyone_tools: Mapped[dict[str, list[str]] | None]
    """Workflow → the tools in it that cannot be undone, as they were when the administrator allowed it: one more waits for them."""
    first_seen_at: Mapped[datetime]

    @property
    def is_vouched_for(self) -> bool:
        """Whether somebody vouches for who this client is. Only then may an administrator decide about it in others' place: that
        nobody is asked, or that it acts for nobody. The shop's own assistant needs neither.
        """
        return self.kind in {ClientKind.METADATA_DOCUMENT, ClientKind.PREREGISTERED}


class NotVouchedFor(Exception):
    """Nobody vouches for who a client is, so it cannot be allowed this. The message says so, for an administrator."""


class Grant(Base):
    """What one client may do for one person in one organization."""

    __tablename__ = "grants"

    id: Mapped[str] = mapped_column(ForeignKey("authorities.id"), primary_key=True)
    organization_id: Mapped[str] = mapped_column(String(40), index=True)
    membership_id: Mapped[str] = mapped_column(String(40), index=True)
    person_id: Mapped[str] = mapped_column(String(40))
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id"), index=True)
    client_id: Mapped[str] = mapped_column(String(300))
    authenticated_by: Mapped[str] = mapped_column(String(40))
    """The session of the latest consent, which the grant outlives. Where nobody was asked here: the identity assertion (`jag_…`),
    or the connection (`con_…`) whose issuer gave the client its token."""
    redirect_host: Mapped[str] = mapped_column(String(253))
    """Where the latest answer went, as the person was shown it."""
    risky_tools: Mapped[dict[str, list[str]]]
    """Workflow → the tools in it that cannot be undone, as they were when it was consented to: one more is a new question."""
    by_organization: Mapped[bool] = mapped_column(default=False)
    """Whether it came of an administrator's allowing the client for everybody: its person was not asked."""
    offered: Mapped[list[str] | None]
    """Of a grant that nobody was asked for here, the workflows that it was last renewed with: those allowed for everybody, or
    those that the external issuer let the client have. What is in here and not in its scopes, the person took back."""
    started_at: Mapped[datetime]
    consented_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]

    def principal(self, token: str | None = None) -> Principal:
        """The client acting for its person. Roles and scopes are filled in by `ledger.live`."""
        return Principal(
            subject=self.person_id,
            organization=self.organization_id,
            membership=self.membership_id,
            actor=Actor(client_id=self.client_id, agent=self.agent_id),
            grant=self.id,
            token=token,
        )


@dataclass(frozen=True, kw_only=True)
class Consent:
    """What a person allowed to a client."""

    scopes: frozenset[str]
    risky_tools: dict[str, list[str]]
    """Of each workflow in `scopes`, what the person was told cannot be undone."""
    redirect_host: str


def note_agent(
    db: Session,
    *,
    organization_id: str,
    client_id: str,
    kind: ClientKind,
    name: str,
    publisher: str | None,
    owner_id: str | None = None,
) -> tuple[Agent, bool]:
    """The client's entry in the inventory, made when this is the first time it is used there. Returns it and whether it is new.

    The organization's authority is locked by the caller, so that two people who are the first make one entry.
    """
    agent = agent_of(db, organization_id, client_id)
    if agent is not None:
        agent.name, agent.publisher = name, publisher
        return agent, False
    identifier = new_id("agt")
    db.add(Authority(id=identifier, kind=Kind.AGENT, parent_id=organization_id))
    db.flush()
    agent = Agent(
        id=identifier,
        organization_id=organization_id,
        client_id=client_id,
        kind=kind,
        name=name,
        publisher=publisher,
        owner_id=owner_id,
        first_seen_at=moment(db),
    )
    db.add(agent)
    db.flush()
    return agent, True


def agent_of(db: Session, organization_id: str, client_id: str) -> Agent | None:
    """A client's entry in an organization's inventory; None when it was never used there."""
    query = select(Agent).where(Agent.organization_id == organization_id, Agent.client_id == client_id)
    return db.scalars(query).one_or_none()


def ceiling_of(db: Session, organization_id: str, client_id: str) -> frozenset[str]:
    """What an organization lets a client do at most: nothing when it is blocked, all when nobody said anything."""
    agent = agent_of(db, organization_id, client_id)
    authority = db.get_one(Authority, agent.id) if agent else None
    if authority and (authority.suspended_at or authority.ended_at):
        return frozenset()
    return EVERY_SCOPE if authority is None or authority.scopes is None else frozenset(authority.scopes)


def inventory(db: Session, organization_id: str) -> list[tuple[Agent, Authority]]:
    """All clients that an organization knows, by name: the shop's own assistant first."""
    query = select(Agent, Authority).join(Authority, Authority.id == Agent.id)
    rows = db.execute(query.where(Agent.organization_id == organization_id).order_by(Agent.name, Agent.id))
    return sorted(
        ((agent, authority) for agent, authority in rows), key=lambda row: row[0].kind is not ClientKind.IN_APP
    )


def names_of_clients(db: Session, organization_id: str) -> dict[str, str]:
    """What the clients in an organization's inventory call themselves, by `client_id`."""
    query = select(Agent.client_id, Agent.name).where(Agent.organization_id == organization_id)
    return {client_id: name for client_id, name in db.execute(query)}


def start_grant(
    db: Session, person: Principal, agent: Agent, consent: Consent, *, lifetime: timedelta
) -> tuple[Grant, Authority]:
    """Give a client what its person consented to, until `lifetime` from now."""
    return open_grant(
        db,
        agent,
        consent,
        membership_id=person.membership,
        person_id=person.subject,
        authenticated_by=person.own_session,
        lifetime=lifetime,
    )


def open_grant(
    db: Session,
    agent: Agent,
    consent: Consent,
    *,
    membership_id: str,
    person_id: str,
    authenticated_by: str,
    lifetime: timedelta,
    by_organization: bool = False,
) -> tuple[Grant, Authority]:
    """The rows of a grant: what a client may do for one person, on the strength of `authenticated_by`."""
    now, identifier = moment(db), new_id("gnt")
    authority = Authority(
        id=identifier,
        kind=Kind.GRANT,
        parent_id=membership_id,
        expires_at=now + lifetime,
        scopes=sorted(consent.scopes),
    )
    db.add(authority)
    db.flush()
    grant = Grant(
        id=identifier,
        organization_id=agent.organization_id,
        membership_id=membership_id,
        person_id=person_id,
        agent_id=agent.id,
        client_id=agent.client_id,
        authenticated_by=authenticated_by,
        redirect_host=consent.redirect_host,
        risky_tools=consent.risky_tools,
        by_organization=by_organization,
        offered=sorted(consent.scopes) if by_organization else None,
        started_at=now,
        consented_at=now,
    )
    db.add(grant)
    db.flush()
    return grant, authority


def consent_anew(
    db: Session, person: Principal, grant: Grant, authority: Authority, consent: Consent, *, lifetime: timedelta
) -> None:
    """Replace what a living grant allows by a newer consent, which starts its time anew."""
    authority.scopes, authority.expires_at = sorted(consent.scopes), moment(db) + lifetime
    changed(authority)
    grant.risky_tools, grant.redirect_host = consent.risky_tools, consent.redirect_host
    grant.authenticated_by, grant.consented_at = person.own_session, moment(db)
    db.flush()


def living_grant(
    db: Session, membership_id: str, client_id: str, *, by_organization: bool = False
) -> tuple[Grant, Authority] | None:
    """The grant of a client for a membership, if it is alive: there is one at most that the person gave, and one at most of
    the organization's.
    """
    row = db.execute(
        select(Grant, Authority)
        .join(Authority, Authority.id == Grant.id)
        .where(
            Grant.membership_id == membership_id,
            Grant.client_id == client_id,
            Grant.by_organization == by_organization,
            Authority.ended_at.is_(None),
            Authority.expires_at > moment(db),
        )
    ).one_or_none()
    return (row[0], row[1]) if row else None


def taken_back_at(db: Session, membership_id: str, client_id: str) -> datetime | None:
    """When the last grant of a client for a membership ended by anything but an administrator's word about the client.

    Where nobody is asked here, a client could undo that by coming again with what it has. So what proves its person must be
    of a sign-in after this moment: whatever ended stays ended until they came back themselves.
    """
    query = select(func.max(Authority.ended_at)).join(Grant, Grant.id == Authority.id)
    return db.scalar(
        query.where(
            Grant.membership_id == membership_id,
            Grant.client_id == client_id,
            Authority.ended_because.not_in(["blocked", "not_for_everyone"]),
        )
    )


def grants_of_agent(db: Session, agent_id: str, *, by_organization: bool = False) -> list[str]:
    """Ids of the grants, of whomever, that a client holds in an organization and that have not ended.

    With `by_organization`, only those that came of its being allowed for everybody.
    """
    query = select(Grant.id).join(Authority, Authority.id == Grant.id)
    query = query.where(Grant.agent_id == agent_id, Authority.ended_at.is_(None))
    return list(db.scalars((query.where(Grant.by_organization) if by_organization else query).order_by(Grant.id)))


def living_grants_of_agent(db: Session, agent_id: str) -> list[tuple[Grant, Authority]]:
    """The grants that a client holds in an organization and that are alive, latest first."""
    return _with_authority(
        db, Grant.agent_id == agent_id, Authority.ended_at.is_(None), Authority.expires_at > moment(db)
    )


def grants_of_person(db: Session, membership_id: str) -> list[tuple[Grant, Authority]]:
    """Every grant that a person ever gave in one organization, alive or not, latest first."""
    return _with_authority(db, Grant.membership_id == membership_id)


def _with_authority(db: Session, *which: ColumnElement[bool]) -> list[tuple[Grant, Authority]]:
    query = select(Grant, Authority).join(Authority, Authority.id == Grant.id).where(*which)
    rows = db.execute(query.order_by(Grant.consented_at.desc(), Grant.id.desc()))
    return [(grant, authority) for grant, authority in rows]
