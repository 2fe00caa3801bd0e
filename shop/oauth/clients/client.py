"""Clients: the applications that may ask a person for authority, in three kinds (`ClientKind`), in one table.

A client that registered itself, or is known by its metadata document, is forgotten after a day in which nobody let it in; one of
the latter sooner, when many newer ones came.
"""

from __future__ import annotations

import hmac
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import ClientMixin
from sqlalchemy import ColumnElement, String, Text, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from shop.credentials.agents import Agent, ClientKind
from shop.credentials.tokens import secret_digest
from shop.database import Base, moment, new_id, word
from shop.oauth.clients.metadata import SCOPES, ClientMetadata
from shop.oauth.clients.redirect_uris import destination, matches
from shop.principal import FIRST_SCOPES
from shop.untrusted import is_identifier

UNUSED_FOR = timedelta(days=1)
"""How long a client that registered itself is kept without anybody having let it in."""


class Client(Base, ClientMixin):
    """One client. The methods are those that Authlib asks of one (RFC 6749 §2)."""

    __tablename__ = "oauth_clients"

    client_id: Mapped[str] = mapped_column(String(300), primary_key=True)
    kind: Mapped[ClientKind] = mapped_column(word(ClientKind))
    organization_id: Mapped[str | None] = mapped_column(String(40))
    """The organization whose administrator registered it: it is there for no one else. None: it is there for everybody."""
    name: Mapped[str] = mapped_column(String(80))
    publisher: Mapped[str | None] = mapped_column(String(253))
    redirect_uris: Mapped[list[str]]
    grant_types: Mapped[list[str]]
    scopes: Mapped[list[str]]
    """What it may ask for at most."""
    token_endpoint_auth_method: Mapped[str] = mapped_column(String(40))
    secret_hash: Mapped[str | None] = mapped_column(String(64))
    jwks: Mapped[str | None] = mapped_column(Text)
    """Its public keys, as JSON: those of its metadata, or as they were fetched last."""
    jwks_uri: Mapped[str | None] = mapped_column(String(1000))
    jwks_fresh_until: Mapped[datetime | None]
    introspects: Mapped[bool] = mapped_column(default=False)
    """A resource server, which may ask about any token (RFC 7662 §2)."""
    registered_at: Mapped[datetime]
    fresh_until: Mapped[datetime | None]
    """Of a metadata document: until when it need not be fetched again. None: it never is, for it came another way."""
    fetched_at: Mapped[datetime | None]
    """Of a metadata document: when its host was asked last."""
    expires_at: Mapped[datetime | None] = mapped_column(index=True)
    """When it is forgotten, unless somebody lets it in before."""

    def is_assured(self, redirect_uri: str) -> bool:
        """Whether an answer to this address can reach nobody but this client, so that the person need not be asked again for
        what they allowed (RFC 8252 §8.6, ASVS 10.7.1): an https address that somebody vouches for.
        """
        return self.kind is not ClientKind.DYNAMIC and not destination(redirect_uri).is_on_this_computer

    def public_keys(self) -> dict[str, Any] | None:
        """Its keys, as far as they are known here."""
        keys: dict[str, Any] | None = json.loads(self.jwks) if self.jwks else None
        return keys

    # What Authlib asks.
    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return ""  # OAuth 2.1: the request says where the answer goes

    def get_allowed_scope(self, scope: str | None) -> str:  # type: ignore[override] # a parameter of a request
        """Never narrowed silently: an unknown scope is refused, and the rest is the person's to decide."""
        return scope or " ".join(sorted(FIRST_SCOPES & set(self.scopes)))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return any(matches(registered, redirect_uri) for registered in self.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(self.secret_hash or "", secret_digest(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == self.token_endpoint_auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types


def find_client(db: Session, client_id: str) -> Client | None:
    """A client that is known and not forgotten."""
    client = db.get(Client, client_id) if is_identifier(client_id, 300) else None
    return client if client and (client.expires_at is None or client.expires_at > moment(db)) else None


def register(
    db: Session,
    metadata: ClientMetadata,
    kind: ClientKind,
    *,
    scopes: list[str] | None = None,
    introspects: bool = False,
    organization_id: str | None = None,
) -> tuple[Client, str | None]:
    """Register a client under an identifier of ours. Returns it and its secret, which is kept nowhere else.

    The identifier has a prefix of its own, so that no client can be taken for a person (RFC 9700 §4.15).
    """
    has_secret = metadata.token_endpoint_auth_method.startswith("client_secret")
    secret = secrets.token_urlsafe(32) if has_secret else None
    client = Client(
        client_id=new_id("cli"),
        kind=kind,
        organization_id=organization_id,
        publisher=None,
        secret_hash=secret_digest(secret) if secret else None,
        scopes=scopes or SCOPES,
        introspects=introspects,
        registered_at=moment(db),
        expires_at=moment(db) + UNUSED_FOR if kind is ClientKind.DYNAMIC else None,
    )
    take_over(client, metadata)
    db.add(client)
    db.flush()
    return client, secret


def take_over(client: Client, metadata: ClientMetadata) -> None:
    """Make a client what its metadata says."""
    registered = metadata.registered()
    client.name, client.redirect_uris, client.grant_types = (
        metadata.name,
        registered["redirect_uris"],
        registered["grant_types"],
    )
    client.token_endpoint_auth_method = metadata.token_endpoint_auth_method
    if not metadata.jwks_uri or metadata.jwks_uri != client.jwks_uri:
        client.jwks, client.jwks_fresh_until = json.dumps(metadata.jwks) if metadata.jwks else None, None
    client.jwks_uri = metadata.jwks_uri


def keep(db: Session, client_id: str) -> None:
    """Somebody let the client in: it is not forgotten any more."""
    db.execute(update(Client).where(Client.client_id == client_id).values(expires_at=None))


def is_in_no_inventory() -> ColumnElement[bool]:
    """Of a client: no organization has it in its inventory, so that it may be forgotten when its time ran out."""
    return Client.client_id.not_in(select(Agent.client_id))
