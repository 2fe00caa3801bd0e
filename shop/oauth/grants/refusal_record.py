"""The record of a refused token request: in the trail of whom it concerns, as far as they are known, else in the system's."""

from __future__ import annotations

from dataclasses import dataclass

from authlib.oauth2 import OAuth2Error

from shop.audit.denials import Refusal
from shop.credentials.agents import ClientKind
from shop.oauth.clients.client import Client
from shop.oauth.parameters import Parameters
from shop.principal import Principal


@dataclass(frozen=True, kw_only=True)
class KnownParty:
    """Whom a token request concerns, as far as something proved it: a token of ours, or an identity provider's assertion."""

    principal: Principal | None = None
    """Whose grant it is about."""
    organization: str | None = None
    """The organization that it is about, where there is no grant yet."""
    connection: str | None = None
    """The connection whose identity provider asserted who it is about."""
    person: str | None = None
    """Whom the identity provider asserted."""


def refusal_record(parameters: Parameters, client: Client | None, party: KnownParty, error: OAuth2Error) -> Refusal:
    """That a client got no token, and why, as `record_denial` and `note_denial` take it."""
    asserted = {"connection": party.connection, "person": party.person}
    return {
        "kind": str(error.error),
        "principal": party.principal,
        "organization": party.organization,
        "party": _counted_as(client, party),
        "outcome": "denied",
        "facts": {
            "client": client.client_id if client else None,
            "grant_type": (parameters.get("grant_type") or "")[:60],
            "error": str(error.error),
            "why": (error.get_error_description() or "")[:300],
            **{name: value for name, value in asserted.items() if value is not None},
        },
    }


def _counted_as(client: Client | None, party: KnownParty) -> str:
    """The known party whose refusals are counted together (`shop.audit.denials`): what an organization's identity provider
    vouched for, or a client that the operator registered and that authenticated itself. Empty for a stranger, who may register
    as many clients as they like.
    """
    if party.organization:
        return f"{party.organization} {party.connection or ''} {party.person or ''}"
    is_known = (
        client is not None
        and client.kind is ClientKind.PREREGISTERED
        and not client.check_endpoint_auth_method("none", "token")
    )
    return f"client {client.client_id}" if client and is_known else ""
