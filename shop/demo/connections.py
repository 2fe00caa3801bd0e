"""`[organization.connection]` of `organizations.toml`, read and checked: what makes no sense is said in a sentence at the start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shop.identity.client_authentication import METHODS, WITHOUT_SECRET
from shop.settings import SIGNATURES

COMPANION = "companion"
"""What stands for the issuer of an embedded identity provider."""
_DEFAULT_SCOPE = "openid email profile"
_DEFAULT_ALGORITHMS = ("RS256", "ES256")
_KNOWN = frozenset(
    {"issuer", "directory", "client_id", "client_secret", "client_auth", "scope", "algorithms", "claims"}
)


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
