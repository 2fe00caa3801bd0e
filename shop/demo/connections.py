"""`[organization.connection]` of `organizations.toml`: read, checked, and brought in force at each start.

What makes no sense is said in a sentence, and stops the start. An issuer that is not the one in force is asked first whether it
is there: one that was mistyped must end nothing. Neither may it stop the shop, which serves other organizations too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shop.credentials.ledger import lock
from shop.database import Database, new_id
from shop.identity.client_authentication import METHODS, WITHOUT_SECRET
from shop.identity.models import Connection, ExternalIdentity, Organization
from shop.identity.offline_access import NONE_COMES
from shop.identity.providers import Metadata, SignInError, provider_of
from shop.revocation.providers import connection_moved
from shop.settings import SIGNATURES

COMPANION = "companion"
"""What stands for the issuer of an embedded identity provider."""
_DEFAULT_SCOPE = "openid email profile"
_DEFAULT_ALGORITHMS = ("RS256", "ES256")
_KNOWN = frozenset(
    {"issuer", "directory", "client_id", "client_secret", "client_auth", "scope", "algorithms", "claims"}
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ConnectionSettings:
    """How one organization signs in, as an operator configured it."""

    slug: str
    issuer: str
    client_id: str
    client_secret: str
    """Where the secret is; empty when there is none."""
    client_auth: str | None
    scope: str
    algorithms: tuple[str, ...]
    claims: dict[str, list[str]]
    """`groups` and `email` → where the provider's tokens hold them: names from the outside in."""

    @property
    def is_companion(self) -> bool:
        """Whether an embedded identity provider signs these people in."""
        return self.issuer == COMPANION


def read_connection(entry: Mapping[str, Any]) -> ConnectionSettings:
    """The connection of one `[[organization]]`. Raises `ValueError`, with a sentence for the operator."""
    slug, written = entry["slug"], entry["connection"]
    if unknown := sorted(written.keys() - _KNOWN):
        raise ValueError(f"The connection of {slug} says {unknown[0]!r}. What it can say: {', '.join(sorted(_KNOWN))}.")
    algorithms = tuple(written.get("algorithms", _DEFAULT_ALGORITHMS))
    if not algorithms or not set(algorithms) <= set(SIGNATURES):
        raise ValueError(f"The algorithms of {slug} must be some of {', '.join(SIGNATURES)}.")
    method, secret = written.get("client_auth"), written.get("client_secret", "")
    if method is not None and method not in METHODS:
        raise ValueError(f"The client_auth of {slug} must be one of {', '.join(METHODS)}, not {method!r}.")
    if bool(secret) == (method in WITHOUT_SECRET) and method is not None:
        needs = "takes no client_secret" if secret else "needs a client_secret"
        raise ValueError(f"The client_auth of {slug} is {method}, which {needs}.")
    scope = written.get("scope", _DEFAULT_SCOPE)
    if "openid" not in scope.split():
        raise ValueError(f"The scope of {slug} must contain openid, or its provider says nothing of who signed in.")
    return ConnectionSettings(
        slug=slug,
        issuer=written["issuer"],
        client_id=written["client_id"],
        client_secret=secret,
        client_auth=method,
        scope=scope,
        algorithms=algorithms,
        claims={name: _path(slug, name, where) for name, where in written.get("claims", {}).items()},
    )


def require_secret(connection: ConnectionSettings, find_secret: Callable[[str], str]) -> None:
    """Raise `ValueError` when the secret of a provider that is not ours is not where the connection says."""
    if connection.is_companion or not connection.client_secret:
        return
    try:
        find_secret(connection.client_secret)
    except ValueError as error:
        raise ValueError(
            f"The client secret of {connection.slug} at its identity provider is not there. {error}"
        ) from None


def connections_that_stay(database: Database, configured: Iterable[ConnectionSettings]) -> frozenset[str]:
    """The organizations whose sign-in stays where it is, because the issuer configured now does not answer as itself.

    Asked before any transaction that writes; each is logged for the operator. An embedded provider is our own, and not asked;
    and nobody has anything to lose who was signed in by one.
    """
    with database.read() as db:
        rows = db.execute(select(Connection, Organization).join(Organization)).all()
    in_force = {company.slug: provider_of(found, company) for found, company in rows if not found.is_demo}
    providers, staying = Metadata(), set()
    for connection in configured:
        before = in_force.get(connection.slug)
        if before is None or connection.is_companion or before.issuer == connection.issuer:
            continue
        try:
            providers.keys(replace(before, issuer=connection.issuer), database.clock())
        except SignInError as error:
            staying.add(connection.slug)
            _log.error(
                "the sign-in of %s stays at %s: %s, which is configured now, does not answer as an identity provider (%s)",
                connection.slug,
                before.issuer,
                connection.issuer,
                error.detail or error.code,
            )
    return frozenset(staying)


def set_connection(
    db: Session,
    organization: Organization,
    entry: Mapping[str, Any],
    configured: ConnectionSettings | None,
    issuer: str,
) -> None:
    """Bring a connection in force. With None it stays where it is, and only what is the shop's own to decide changes."""
    lock(db, organization.id)  # a move ends sessions and grants of many people: nobody is at theirs meanwhile
    query = select(Connection).where(Connection.organization_id == organization.id).with_for_update()
    connection = db.scalars(query).one_or_none() or Connection(id=new_id("con"), organization_id=organization.id)
    connection.domains = [domain.lower() for domain in entry["domains"]]
    connection.group_roles = dict(entry["group_roles"])
    if connection.offline_prompt == NONE_COMES:
        connection.offline_prompt = None  # perhaps it was changed there meanwhile
    if configured:
        if connection.issuer not in {None, issuer}:
            connection.offline_prompt = None
            _move(db, connection, issuer, is_same_provider=connection.is_demo and configured.is_companion)
        connection.issuer, connection.client_id = issuer, configured.client_id
        connection.client_secret_ref, connection.client_auth = configured.client_secret, configured.client_auth
        connection.scope, connection.algorithms = configured.scope, list(configured.algorithms)
        connection.claims, connection.is_demo = configured.claims, configured.is_companion
    db.add(connection)
    db.flush()


def _move(db: Session, connection: Connection, issuer: str, *, is_same_provider: bool) -> None:
    """The connection gets another issuer. An embedded provider whose port changed is the same one, and so are its people."""
    if not is_same_provider:
        moved = {"before": connection.issuer, "after": issuer}
        connection_moved(db, connection.organization_id, connection.id, moved)
        return
    here = ExternalIdentity.organization_id == connection.organization_id
    db.execute(update(ExternalIdentity).where(here, ExternalIdentity.issuer == connection.issuer).values(issuer=issuer))


def _path(slug: str, name: str, where: object) -> list[str]:
    if name not in {"groups", "email"}:
        raise ValueError(f"The claims of {slug} say where groups and email are; {name!r} is neither.")
    path = [where] if isinstance(where, str) else where
    if not (isinstance(path, list) and path and all(isinstance(part, str) and part for part in path)):
        raise ValueError(
            f"The claims of {slug}: {name} is the name of a claim, or a list of names from the outside in, such as "
            '["realm_access", "roles"].'
        )
    return path
