"""The principal: the authenticated party that a decision is about.

Owns the one frozen `Principal` that travels through the whole program, and nothing that can create authority:
a principal is *resolved* from live rows (`shop.credentials.ledger`), never assembled from a request. Read next:
`shop/credentials/`.
"""

from __future__ import annotations

from collections.abc import Collection
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


def in_order(scopes: Collection[str]) -> tuple[str, ...]:
    """Scopes from the least to the most, as people are shown them."""
    return tuple(str(workflow) for workflow in Workflow if workflow in scopes)


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
    agent: str | None = None
    """The client's entry in the organization's inventory, through which an administrator blocks it or bounds its scopes.
    Every client has one as soon as somebody of the organization let it in; the shop's own assistant from the start."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Subject + actor + where they came from. The subject is always the human, also when an assistant acts.

    A person clicks below their session. The shop's own assistant acts by a delegation below that session, an external one by
    a grant below the membership and an access token below the grant.
    """

    subject: str
    """The human (`sub`): a person's id, `usr_…`. Without a human: the agent itself (`agt_…`), or `guest`."""
    organization: str
    membership: str
    """The person's belonging to the organization: the root of all their authority there. An agent that acts for nobody
    has its entry in the inventory here."""
    session: str | None = None
    """The signed-in browser. None for an external assistant: its grant does not hang on a session."""
    actor: Actor | None = None
    delegation: str | None = None
    """The credential of the shop's own assistant, below the session."""
    grant: str | None = None
    """The credential of an external assistant, below the membership."""
    token: str | None = None
    """The access token that a call came with, below the grant. None when a call runs later, by an approved receipt."""
    conversation: str | None = None
    roles: frozenset[str] = frozenset()
    """Roles of the membership, as of when the principal was last resolved."""
    scopes: frozenset[str] = frozenset()
    """Workflows that may be used: all of them for the person's own click, the consented ones for an actor."""
    ceiling: frozenset[str] = EVERY_SCOPE
    """Workflows that the organization lets this actor use at most. `scopes` are within it; consent cannot reach above it."""
    order_limit: int | None = None
    """Highest total of one order, in minor currency units; None when the roles give no right to order."""

    def __post_init__(self) -> None:
        is_credentialed = bool(self.delegation or self.grant or self.token)
        if (self.actor is not None) != is_credentialed:
            raise ValueError("an actor needs a delegation, a grant or a token, and each of these needs an actor")
        if (self.session is None) == (self.actor is None or self.delegation is not None):
            raise ValueError("a person and the shop's own assistant act below a session, and nobody else does")

    @property
    def own_session(self) -> str:
        """The browser's session of a person, or of whom the shop's own assistant acts for. Raises `LookupError` without one."""
        if self.session is None:
            raise LookupError("an external assistant acts below a grant, not below a session")
        return self.session

    @property
    def authorities(self) -> tuple[str, ...]:
        """Ids of the rows that must be alive for this principal to be anyone, each below the one before it (invariant I8)."""
        below = (self.session, self.delegation, self.grant, self.token)
        return (self.organization, self.membership, *filter(None, below))
