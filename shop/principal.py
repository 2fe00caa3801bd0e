"""The principal: the authenticated party that a decision is about.

Owns the one frozen `Principal` that travels through the whole program, and nothing that can create authority:
a principal is *resolved* from live rows (`shop.credentials.ledger`), never assembled from a request. Read next:
`shop/credentials/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

IN_APP_ASSISTANT = "client:shop-assistant"
"""`client_id` of the shop's own assistant. Namespaced, so that no client can equal a subject (RFC 9700 §4.15)."""


class Workflow(StrEnum):
    """A named group of permissions as a conversation sees it. A scope is the name of a workflow."""

    BROWSE = "browse"
    READ = "read"
    TRANSACT = "transact"
    SUPPORT = "support"
    ADMINISTER = "administer"


EVERY_SCOPE = frozenset(Workflow)
"""The person's own clicks are not narrowed: there is no actor whose authority a scope could bound."""

FIRST_SCOPES = frozenset({Workflow.BROWSE, Workflow.READ})
"""What an assistant may do before its person allows more (NHI5, MCP security: least scope)."""

CONSENTABLE = frozenset({Workflow.BROWSE, Workflow.READ, Workflow.TRANSACT})
"""What a person may allow to the in-app assistant. Nothing else can be switched on, by anyone."""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts for the subject: an AI client (`act`, RFC 8693 §4.1). Absent when the person clicks."""

    client_id: str
    build: str = ""
    """Digest of the assistant's build: model, provider, instructions, tool catalogue, policy (design §8)."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Subject + actor + where they came from. The subject is always the human, also when an assistant acts."""

    subject: str
    """The human (`sub`): a person's id, `usr_…`."""
    organization: str
    membership: str
    """The person's belonging to the organization: the root of all their authority there."""
    session: str
    actor: Actor | None = None
    delegation: str | None = None
    """The actor's credential, below the session. Present exactly when `actor` is."""
    conversation: str | None = None
    roles: frozenset[str] = frozenset()
    """Roles of the membership, as of when the principal was last resolved."""
    scopes: frozenset[str] = frozenset()
    """Workflows that may be used: all of them for the person's own click, the consented ones for an actor."""
    order_limit: int | None = None
    """Highest total of one order, in minor currency units; None when the roles give no right to order."""

    def __post_init__(self) -> None:
        if (self.actor is None) != (self.delegation is None):
            raise ValueError("an actor needs a delegation, and a delegation needs an actor")

    @property
    def authorities(self) -> tuple[str, ...]:
        """Ids of all the rows that must be alive for this principal to be anyone (invariant I8)."""
        chain = (self.organization, self.membership, self.session)
        return (*chain, self.delegation) if self.delegation else chain
