"""From `seed_data/` to the database: organizations and connections at every start, goods and orders on the first one.

Organizations and connections are configuration: a person edits the file, restarts, and it is in force. Goods are state
once the shop has run: only `reset` brings them back, in one transaction, so it also works while the server runs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from shop.audit.chain import AuditEvent
from shop.audit.events import EventName
from shop.audit.writer import SYSTEM_CHAIN, record
from shop.authorization.policy import Policy
from shop.credentials.agents import ClientKind, note_agent
from shop.credentials.ledger import Authority, Kind
from shop.database import Base, Database, moment, new_id
from shop.demo.connections import connections_that_stay, read_connection, require_secret, set_connection
from shop.identity.members import Profile, provision
from shop.identity.models import Connection, ExternalIdentity, Organization
from shop.principal import IN_APP_ASSISTANT
from shop.settings import Settings
from shop.store import listing
from shop.store.models import Address, Order, OrderLine, OrderStatus, Product, Variant
from shop.store.vocabulary import publish
from shop.upgrades.upgrade import bring_up_to_date

_GARMENT_STOCK = 12


class Seed:
    """The files of one seed folder, and where the embedded identity providers answer."""

    def __init__(self, folder: Path, issuer_of: Callable[[int], str]) -> None:
        self._folder, self._issuer_of = folder, issuer_of

    @property
    def organizations(self) -> list[dict[str, Any]]:
        """The organizations, as written."""
        found: list[dict[str, Any]] = self._read("organizations.toml")["organization"]
        return found

    def directories(self) -> list[tuple[dict[str, Any], Path]]:
        """The organizations that an embedded identity provider signs in, with its directory file."""
        return [
            (organization, self._folder / organization["connection"]["directory"])
            for organization in self.organizations
            if organization["connection"]["issuer"] == "companion"
        ]

    def people(self) -> list[dict[str, str]]:
        """The people of the embedded identity providers, for the sign-in page: a newcomer has to know whom to be."""
        return [
            {
                "name": person["name"],
                "email": person["email"],
                "line": person["story"],
                "try": person.get("try", ""),
                "organization": organization["name"],
            }
            for organization, path in self.directories()
            for person in tomllib.loads(path.read_text(encoding="utf-8"))["people"]
        ]

    def require_secrets(self, find_secret: Callable[[str], str]) -> None:
        """Raise `ValueError`, with a sentence, when a provider's client secret is not there, or a connection makes no sense."""
        for organization in self.organizations:
            require_secret(read_connection(organization), find_secret)

    def apply(self, database: Database, policy: Policy) -> None:
        """Bring configuration in force, and seed the goods if there are none. Asks issuers that are new, before anything."""
        bring_up_to_date(database)
        configured = [read_connection(entry) for entry in self.organizations]
        staying = connections_that_stay(database, configured)
        for entry in self.organizations:
            with database.write() as db:  # one each: what a moved connection ends is locked for its organization alone
                self._organization(db, entry, staying)
        with database.write() as db:
            if db.scalar(select(func.count()).select_from(Product)) == 0:
                self._goods(db)
                self._orders(db)
            note_policy(db, policy)

    def reset(self, database: Database, policy: Policy) -> None:
        """Delete everything and seed anew, in one transaction. Whoever was signed in has to sign in again."""
        bring_up_to_date(database)
        with database.write() as db:
            for table in reversed(Base.metadata.sorted_tables):
                db.execute(delete(table))
            for entry in self.organizations:
                self._organization(db, entry)
            self._goods(db)
            self._orders(db)
            note_policy(db, policy)

    def _organization(self, db: Session, entry: dict[str, Any], staying: frozenset[str] = frozenset()) -> None:
        organization = db.scalars(select(Organization).where(Organization.slug == entry["slug"])).one_or_none()
        if organization is None:
            identifier = new_id("org")
            db.add(Authority(id=identifier, kind=Kind.ORGANIZATION))
            db.flush()
            organization = Organization(id=identifier, slug=entry["slug"], name=entry["name"], order_limits={})
            db.add(organization)
            db.flush()
        organization.name, organization.order_limits = entry["name"], dict(entry["order_limits"])
        note_agent(
            db,
            organization_id=organization.id,
            client_id=IN_APP_ASSISTANT,
            kind=ClientKind.IN_APP,
            name="The shop's own assistant",
            publisher=None,
        )
        configured = read_connection(entry)
        stays = organization.slug in staying
        set_connection(db, organization, entry, None if stays else configured, self._issuer(entry))
        self._addresses(db, organization, entry["addresses"])

    def _issuer(self, entry: dict[str, Any]) -> str:
        """The issuer of an organization's connection: its own, or that of the next embedded provider."""
        embedded = [one["slug"] for one in self.organizations if read_connection(one).is_companion]
        if entry["slug"] in embedded:
            return self._issuer_of(embedded.index(entry["slug"]))
        return read_connection(entry).issuer

    def _addresses(self, db: Session, organization: Organization, entries: list[dict[str, Any]]) -> None:
        """The organization's addresses; those that people keep beside them stay."""
        db.execute(delete(Address).where(Address.organization == organization.id, Address.owner == ""))
        for position, entry in enumerate(entries, start=1):
            db.add(
                Address(
                    id=new_id("adr"),
                    organization=organization.id,
                    position=position,
                    name=entry["name"],
                    text=entry["text"],
                )
            )
        db.flush()

    def _goods(self, db: Session) -> None:
        for position, given in enumerate(self._read("products.toml")["product"], start=1):
            product = Product(
                slug=given["slug"],
                position=position,
                name=given["name"],
                category=given["category"],
                tagline=given["tagline"],
                description=given["description"],
                variants=_variants(given),
            )
            for column, value in listing.entry(product, product.variants).items():
                setattr(product, column, value)
            db.add(product)
        publish(db)

    def _orders(self, db: Session) -> None:
        """Orders of before: their owners are provisioned from the demo directories, with today's groups."""
        people = {
            (organization["slug"], person["sub"]): person
            for organization, path in self.directories()
            for person in tomllib.loads(path.read_text(encoding="utf-8"))["people"]
        }
        for entry in self._read("orders.toml").get("order", []):
            person = people.get((entry["organization"], entry["sub"]))
            organization = db.scalars(select(Organization).where(Organization.slug == entry["organization"])).one()
            if person is None:
                continue  # this organization signs in elsewhere now
            owner = _owner(db, organization, person)
            address = db.scalars(
                select(Address).where(Address.organization == organization.id, Address.name == entry["address"])
            ).one()
            lines = [_order_line(db, line_number, line) for line_number, line in enumerate(entry["lines"], start=1)]
            db.add(
                Order(
                    number=entry["number"],
                    organization=organization.id,
                    owner=owner,
                    placed_through=None,
                    status=OrderStatus(entry["status"]),
                    placed_at=moment(db) - timedelta(days=entry["days_ago"]),
                    shipped_at=_ago(db, entry.get("shipped_days_ago")),
                    delivered_at=_ago(db, entry.get("delivered_days_ago")),
                    address_name=address.name,
                    address_text=address.text,
                    delivery=0,
                    total=sum(line.unit_price * line.quantity for line in lines),
                    cart_id=f"seed-{entry['number']}",
                    cart_version=1,
                    lines=lines,
                )
            )
        db.flush()

    def _read(self, name: str) -> dict[str, Any]:
        return tomllib.loads((self._folder / name).read_text(encoding="utf-8"))


def check_configuration(settings: Settings) -> None:
    """Raise `ValueError`, with a sentence for the operator, on what would stop the start: called before anything is started."""
    Seed(settings.seed_dir, settings.issuer_of_companion).require_secrets(settings.find_secret)
    if settings.oauth_introspection_client_secret:
        settings.find_secret(settings.oauth_introspection_client_secret)


def note_policy(db: Session, policy: Policy) -> None:
    """Record which policy is in force, with its text, when it is not the one that was (for the auditor)."""
    activated = select(AuditEvent).where(
        AuditEvent.chain == SYSTEM_CHAIN, AuditEvent.name == EventName.POLICY_ACTIVATED
    )
    latest = db.scalars(activated.order_by(AuditEvent.sequence.desc()).limit(1)).one_or_none()
    if latest is None or latest.content()["facts"]["version"] != policy.version:
        record(db, EventName.POLICY_ACTIVATED, facts={"version": policy.version, "text": policy.text})


def _owner(db: Session, organization: Organization, person: dict[str, Any]) -> str:
    connection = db.scalars(select(Connection).where(Connection.organization_id == organization.id)).one()
    known = db.get(ExternalIdentity, (organization.id, connection.issuer, person["sub"]))
    if known:
        return known.person_id
    profile = Profile(
        subject=person["sub"],
        email=person["email"],
        name=person["name"],
        given_name=person["given_name"],
        groups=tuple(person["groups"]),
    )
    return provision(db, connection, profile)[0].id


def _ago(db: Session, days: float | None) -> datetime | None:
    return moment(db) - timedelta(days=days) if days is not None else None


def _variants(entry: dict[str, Any]) -> list[Variant]:
    sizes = entry.get("sizes") or ["one size"]
    overrides = {(o.get("colour"), o.get("size")): o for o in entry.get("variants", [])}
    variants: list[Variant] = []
    for colour in entry["colours"]:
        for size in sizes:
            special = overrides.get((colour, size), {})
            parts = [entry["slug"], colour] + ([size] if size != "one size" else [])
            variants.append(
                Variant(
                    sku="-".join(parts).lower().replace(" ", "-"),
                    position=len(variants) + 1,
                    colour=colour,
                    size=size,
                    price=special.get("price", entry["price"]),
                    stock=special.get("stock", entry.get("stock", _GARMENT_STOCK)),
                )
            )
    return variants


def _order_line(db: Session, position: int, line: dict[str, Any]) -> OrderLine:
    variant = db.get_one(Variant, line["sku"])
    return OrderLine(
        position=position,
        sku=variant.sku,
        product_slug=variant.product_slug,
        name=variant.product.name,
        colour=variant.colour,
        size=variant.size,
        picture=variant.picture,
        quantity=line["quantity"],
        unit_price=variant.price,
    )
