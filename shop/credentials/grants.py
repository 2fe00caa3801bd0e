"""Grants of external assistants: the stored authority of one client for one membership: what a person consented to, until when.

A grant is `authenticated_by` a session but does not hang below it (design §9). Scopes and ends are the ledger's, under the same
ids; the clients that hold grants are in `agents.py`, and the tokens below a grant in `tokens.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.credentials.agents import Agent
from shop.credentials.end_reasons import EndReason
from shop.credentials.ledger import Authority, Kind
from shop.database import Base, moment, new_id
from shop.principal import Actor, Principal


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

    @property
    def is_consented(self) -> bool:
        """Whether its person was asked here, so that it is theirs to widen too."""
        return self.offered is None

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
    grant.risky_tools, grant.redirect_host = consent.risky_tools, consent.redirect_host
    grant.authenticated_by, grant.consented_at = person.own_session, moment(db)
    grant.offered = None
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


def is_in_force(db: Session, authority: Authority) -> bool:
    """Whether a grant has neither ended nor run out."""
    return authority.ended_at is None and (authority.expires_at is None or authority.expires_at > moment(db))


def taken_back_at(db: Session, membership_id: str, client_id: str) -> datetime | None:
    """When the last grant of a client for a membership ended by anything but what an administrator's word alone lifts.

    Where nobody is asked here, a client could undo that by coming again with what it has. So what proves its person must be
    of a sign-in after this moment: whatever ended stays ended until they came back themselves.
    """
    query = select(func.max(Authority.ended_at)).join(Grant, Grant.id == Authority.id)
    return db.scalar(
        query.where(
            Grant.membership_id == membership_id,
            Grant.client_id == client_id,
            Authority.ended_because.not_in([reason.value for reason in EndReason if reason.lifted_by_administrator]),
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
