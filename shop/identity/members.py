"""People as members of an organization: provisioning, roles from groups, looking people up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.audit.writer import record
from shop.credentials import fair_locks
from shop.credentials.ledger import Authority, Kind, hold, lock
from shop.database import new_id
from shop.identity.models import Connection, ExternalIdentity, Membership, Organization, Person
from shop.identity.providers import Provider, SignInError, provider_of
from shop.identity.sign_in_codes import SignInCode

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
    has_groups: bool = True
    """Whether the provider said any groups, even an empty list."""
    email_is_unverified: bool = False
    """Whether the provider says that it did not check that the address is theirs (`email_verified` is false)."""


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

    The person is found by (organization, issuer, `sub`), never by e-mail: a provider can only speak for its own people.
    An address can only be a reason to refuse: raises `SignInError` then.
    """
    identity = db.get(ExternalIdentity, (connection.organization_id, connection.issuer, profile.subject))
    if profile.email_is_unverified:
        _require_free_address(db, connection, profile, identity)
    if identity is None:
        _require_not_suspended_elsewhere(db, connection, profile)
        person = Person(id=new_id("usr"), email=profile.email, name=profile.name, given_name=profile.given_name)
        db.add(person)
        db.flush()
        db.add(
            ExternalIdentity(
                organization_id=connection.organization_id,
                issuer=connection.issuer,
                subject=profile.subject,
                person_id=person.id,
            )
        )
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


def identity_lock(organization_id: str, issuer: str, subject: str) -> str:
    """The name of the fair lock on who somebody is, also before they are known: two who introduce the same person at once make
    one. It stands right above memberships, one of which may come of it.
    """
    return f"mem:{organization_id}:{issuer}:{subject}"


def connection_of(db: Session, provider: Provider, subject: str) -> Connection:
    """The connection of a provider that was asked about somebody, kept as it is until the transaction ends, as is who that is.

    Raises `SignInError` when it was moved to another issuer meanwhile: what the old one says counts no more.
    """
    hold(db, provider.organization_id)  # before the row: whoever waits in line for an organization holds nothing else
    fair_locks.take(db, exclusive=[identity_lock(provider.organization_id, provider.issuer, subject)])
    query = select(Connection).where(Connection.id == provider.connection_id).with_for_update(read=True)
    connection = db.scalars(query).one()
    if connection.issuer != provider.issuer:
        raise SignInError(
            SignInCode.CONNECTION_MOVED,
            "Your company signs in somewhere else now",
            f"{provider.organization_name}'s sign-in was moved to another identity provider. Please start again.",
            detail=f"{provider.issuer} answered, and {connection.issuer} counts now",
        )
    return connection


def remark(connection: Connection, profile: Profile) -> dict[str, str]:
    """A fact for the record where somebody got no role by their groups, so that nobody is a guest unnoticed."""
    if any(group in connection.group_roles for group in profile.groups):
        return {}
    if not profile.has_groups:
        return {"groups": f"none said in {' → '.join(connection.claims.get('groups', ['groups']))}"}
    return {"groups": f"none of {len(profile.groups)} has a role here"}


def suspended(organization_name: str) -> SignInError:
    """The error for a member whom an administrator has suspended."""
    return SignInError(
        SignInCode.SUSPENDED,
        "Your account is suspended",
        f"An administrator at {organization_name} has suspended it. They can restore it.",
        can_retry=False,
    )


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


def _members_at(connection: Connection, email: str) -> Select[str]:
    """The people of an organization who have an address."""
    return (
        select(Membership.person_id)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.organization_id == connection.organization_id, func.lower(Person.email) == email.lower())
    )


def _known_at_its_issuer(connection: Connection) -> Select[str]:
    """The people who signed in through the issuer that a connection has now."""
    return select(ExternalIdentity.person_id).where(
        ExternalIdentity.organization_id == connection.organization_id, ExternalIdentity.issuer == connection.issuer
    )


def _require_free_address(
    db: Session, connection: Connection, profile: Profile, identity: ExternalIdentity | None
) -> None:
    """An address that its provider did not check is nobody else's of that provider (OpenID Connect Core §5.7)."""
    others = _members_at(connection, profile.email).where(
        Membership.person_id.in_(_known_at_its_issuer(connection)),
        Membership.person_id != (identity.person_id if identity else ""),
    )
    if db.scalars(others.limit(1)).first():
        raise SignInError(
            SignInCode.EMAIL_UNVERIFIED,
            "Your e-mail address is not confirmed",
            "Your company's sign-in says that your e-mail address was not confirmed, and somebody else has it here. Confirm it "
            "there, or ask your administrator, and sign in again.",
            detail="email_verified is false, and another member has the address",
        )


def _require_not_suspended_elsewhere(db: Session, connection: Connection, profile: Profile) -> None:
    """Moving to another issuer lifts no suspension: a new `sub` with the address of somebody suspended at the old one waits."""
    query = (
        _members_at(connection, profile.email)
        .join(Authority, Authority.id == Membership.id)
        .where(Authority.suspended_at.is_not(None), Membership.person_id.not_in(_known_at_its_issuer(connection)))
    )
    if db.scalars(query.limit(1)).first():
        raise suspended(db.get_one(Organization, connection.organization_id).name)


def connections_at(db: Session, issuer: str, login_hint: str) -> list[Provider]:
    """The organizations that sign in at an issuer; of several, those that have the domain of the hint."""
    if "\x00" in issuer:
        return []
    query = (
        select(Connection, Organization).join(Organization).where(Connection.issuer == issuer).order_by(Connection.id)
    )
    found = [provider_of(connection, organization) for connection, organization in db.execute(query)]
    domain = login_hint.rpartition("@")[2].strip().lower()
    return found if len(found) < 2 else [provider for provider in found if domain in provider.domains]


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
