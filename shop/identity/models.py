"""Tables of organizations, connections and people. Authority itself (roles, liveness) is in `shop.credentials`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shop.database import Base


class Organization(Base):
    """A customer company: the tenant."""

    __tablename__ = "organizations"

    id: Mapped[str] = mapped_column(ForeignKey("authorities.id"), primary_key=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    order_limits: Mapped[dict[str, Any]]
    """Role → highest total of one order, in minor currency units."""


class Connection(Base):
    """How an organization signs in: one OpenID provider, chosen by the domain of the e-mail address."""

    __tablename__ = "connections"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    issuer: Mapped[str] = mapped_column(String(300))
    client_id: Mapped[str] = mapped_column(String(200))
    client_secret_ref: Mapped[str] = mapped_column(String(300))
    """Where the secret is (`file:NAME` in the data folder, or `env:NAME`): never the secret itself. Empty when there is none."""
    client_auth: Mapped[str | None] = mapped_column(String(40))
    """How the shop authenticates itself at the token endpoint; None: as the provider's metadata says."""
    domains: Mapped[list[str]]
    group_roles: Mapped[dict[str, Any]]
    """Group of the identity provider → role of the shop."""
    scope: Mapped[str] = mapped_column(String(200))
    """What to ask for; some providers give groups for a scope of their own, others refuse one that they do not know."""
    algorithms: Mapped[list[str]]
    """The signing algorithms that its ID tokens may have: pinned here, never read from the provider."""
    claims: Mapped[dict[str, list[str]]] = mapped_column(default=dict)
    """`groups` and `email` → where its tokens hold them: names from the outside in. What is not there has its standard name."""
    offline_prompt: Mapped[str | None] = mapped_column(String(20))
    """What was learned of its refresh tokens (`offline_access.py`); None as long as nothing was."""
    is_demo: Mapped[bool] = mapped_column(default=False)


class Person(Base):
    """A human. The id is the subject of every decision; e-mail and name are personal values."""

    __tablename__ = "people"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), index=True)
    name: Mapped[str] = mapped_column(String(120))
    given_name: Mapped[str] = mapped_column(String(80))


class Membership(Base):
    """A person's belonging to an organization. Roles and liveness are the ledger's, under the same id."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("organization_id", "person_id"),)

    id: Mapped[str] = mapped_column(ForeignKey("authorities.id"), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)


class ExternalIdentity(Base):
    """Who somebody is at an identity provider: (organization, issuer, `sub`) → person. E-mail never identifies.

    The issuer is part of it, so that the people of one are still known when a connection moved away and comes back. The
    organization is, so that no company can claim another's people by naming its issuer.
    """

    __tablename__ = "external_identities"

    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(300), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)


class SignInAttempt(Base):
    """One run of the authorization code flow, kept on the server until its callback: bound to a browser, short-lived."""

    __tablename__ = "sign_in_attempts"

    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_hash: Mapped[str] = mapped_column(String(64))
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    nonce: Mapped[str] = mapped_column(String(80))
    code_verifier: Mapped[str] = mapped_column(Text)
    next_path: Mapped[str] = mapped_column(Text)
    used_at: Mapped[datetime | None]
    """When its callback came. Of a used one only where it led is kept, for who opens the callback again."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
