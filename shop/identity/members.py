"""People as members of an organization: provisioning, roles from groups, looking people up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials.ledger import Authority, Kind, changed, hold, lock
from shop.database import new_id
from shop.identity.models import Connection, ExternalIdentity, Membership, Organization, Person

DEFAULT_ROLE = "guest"
"""What somebody gets whose groups map to nothing: they may look."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What an identity provider says of a person, after its token was verified."""

    subject: str
    email: str
    name: str
    given_name: str
    groups: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Member:
    """A member with their authority, for pages."""

    person: Person
    membership: Membership
    authority: Authority


def provision(
    db: Session, connection: Connection, profile: Profile, *, because: str = "groups at sign-in"
) -> tuple[Person, Membership]:
    """Find or make the person behind a verified profile, and give them the roles that their groups map to today.

    The person is found by (connection, `sub`), never by e-mail: a provider can only speak for its own people.
    """
    identity = db.get(ExternalIdentity, (connection.id, profile.subject))
    if identity is None:
        person = Person(id=new_id("usr"), email=profile.email, name=profile.name, given_name=profile.given_name)
        db.add(person)
        db.flush()
        db.add(ExternalIdentity(connection_id=connection.id, subject=profile.subject, person_id=person.id))
    else:
        person = db.get_one(Person, identity.person_id)
        person.email, person.name, person.given_name = profile.email, profile.name, profile.given_name
    organization = db.get_one(Organization, connection.organization_id)
    roles = roles_of_groups(connection, profile.groups)
    membership = db.scalars(
        select(Membership).where(Membership.organization_id == organization.id, Membership.person_id == person.id)
    ).one_or_none()
    if membership is None:
        membership = _new_membership(db, organization, person, roles)
    else:
        set_roles(db, membership, roles, because=because)
    return person, membership


def roles_of_groups(connection: Connection, groups: Iterable[str]) -> list[str]:
    """The roles that a person's groups map to, by the connection's configuration."""
    mapped = {str(connection.group_roles[group]) for group in groups if group in connection.group_roles}
    return sorted(mapped) or [DEFAULT_ROLE]


def set_roles(db: Session, membership: Membership, roles: list[str], *, because: str) -> None:
    """Change a member's roles; acts at the next call, because every call reads them again."""
    hold(db, membership.organization_id)
    authority = lock(db, membership.id)
    before = sorted(authority.roles or [])
    if before == sorted(roles):
        return
    organization = db.get_one(Organization, membership.organization_id)
    authority.roles, authority.order_limit = sorted(roles), order_limit(organization, roles)
    changed(authority)
    record(
        db,
        EventName.MEMBERSHIP_ROLES_CHANGED,
        organization=membership.organization_id,
        resource=("membership", membership.id),
        facts={"before": before, "after": sorted(roles), "because": because},
    )


def order_limit(organization: Organization, roles: Iterable[str]) -> int | None:
    """The highest limit among roles; None when none of them may order."""
    limits = [int(organization.order_limits[role]) for role in roles if role in organization.order_limits]
    return max(limits, default=None)


def members(db: Session, organization_id: str) -> list[Member]:
    """All members of an organization, by name."""
    rows = db.execute(
        select(Person, Membership, Authority)
        .join(Membership, Membership.person_id == Person.id)
        .join(Authority, Authority.id == Membership.id)
        .where(Membership.organization_id == organization_id)
        .order_by(Person.name)
    )
    return [Member(person=person, membership=membership, authority=authority) for person, membership, authority in rows]


def connection_for_email(db: Session, email: str) -> Connection | None:
    """The connection that signs in an e-mail address, by its domain."""
    domain = email.rpartition("@")[2].strip().lower()
    connections = db.scalars(select(Connection).order_by(Connection.id))
    return next((c for c in connections if domain and domain in c.domains), None)


def _new_membership(db: Session, organization: Organization, person: Person, roles: list[str]) -> Membership:
    identifier = new_id("mem")
    db.add(
        Authority(
            id=identifier,
            kind=Kind.MEMBERSHIP,
            parent_id=organization.id,
            roles=sorted(roles),
            order_limit=order_limit(organization, roles),
        )
    )
    db.flush()
    membership = Membership(id=identifier, organization_id=organization.id, person_id=person.id)
    db.add(membership)
    db.flush()
    record(
        db,
        EventName.MEMBERSHIP_PROVISIONED,
        organization=organization.id,
        resource=("membership", identifier),
        facts={"person": person.id, "roles": sorted(roles)},
        personal={"name": person.name, "email": person.email},
    )
    return membership
