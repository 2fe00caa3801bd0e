"""The rows of an organization's inventory of AI clients. Who decides about them, and how, is `shop.agents`.

A client's entry (`agt_…`) is an authority of the ledger beside the people's: through it an administrator blocks the client for
everybody, or sets a ceiling. What single people gave it are grants (`grants.py`).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.credentials.ledger import Authority, Kind
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

    def principal(self, token: str) -> Principal:
        """The client acting for nobody: it is its own subject, below its own entry. `ledger.live` fills roles and scopes in."""
        return Principal(
            subject=self.id,
            organization=self.organization_id,
            membership=self.id,
            actor=Actor(client_id=self.client_id, agent=self.id),
            token=token,
        )


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

    The caller holds `entry_lock` exclusively, so that two people who are the first make one entry.
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


def entry_lock(organization_id: str, client_id: str) -> str:
    """The name of the fair lock on a client's entry in an organization's inventory, also before there is one.

    Held exclusively by whoever gives the client something there (a first entry, a grant), and by whoever takes something from
    it: so no grant begins behind the back of a block. Calls hold the entry's own id instead, and never wait for consents.
    """
    return f"agt:{organization_id}:{client_id}"


def agent_of(db: Session, organization_id: str, client_id: str) -> Agent | None:
    """A client's entry in an organization's inventory; None when it was never used there."""
    query = select(Agent).where(Agent.organization_id == organization_id, Agent.client_id == client_id)
    return db.scalars(query).one_or_none()


def ceiling_of(db: Session, organization_id: str, client_id: str) -> frozenset[str]:
    """What an organization lets a client do at most: nothing when it is blocked, all when nobody said anything."""
    agent = agent_of(db, organization_id, client_id)
    authority = db.get_one(Authority, agent.id) if agent else None
    if authority and authority.is_suspended_or_ended:
        return frozenset()
    return EVERY_SCOPE if authority is None or authority.scopes is None else frozenset(authority.scopes)


def agents_that_act_alone(db: Session, client_id: str) -> list[Agent]:
    """A client's entries in the organizations that let it act with no human present."""
    query = select(Agent).join(Authority, Authority.id == Agent.id)
    entries = db.execute(query.add_columns(Authority.roles).where(Agent.client_id == client_id).order_by(Agent.id))
    return [agent for agent, roles in entries if roles is not None]
