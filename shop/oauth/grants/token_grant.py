"""What a grant type fills in: `TokenGrant`. When each of its methods is called stands in `pipeline.py`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError
from sqlalchemy.orm import Session

from shop.audit.events import EventName
from shop.credentials.grants import Grant
from shop.credentials.ledger import Authority
from shop.oauth.clients.client import Client
from shop.oauth.grant_types import GrantType
from shop.oauth.grants.refusal_record import KnownParty
from shop.oauth.issuer import Issuer
from shop.oauth.parameters import Parameters
from shop.principal import Principal


@dataclass(frozen=True, kw_only=True)
class TokenRequest:
    """A token request of a client that authenticated itself and is registered for the grant type."""

    issuer: Issuer
    parameters: Parameters
    client: Client


@dataclass(frozen=True, kw_only=True)
class GrantDecision:
    """Whose authority the token will carry, and which scopes are asked for."""

    principal: Principal
    """As the ledger has it in this transaction: alive, with the scopes that are left (invariants I8, I9)."""
    wanted: frozenset[str]
    grant: Grant | None
    """What the token will hang below; None for an agent that acts for nobody."""
    no_scope_error: OAuth2Error = field(
        default_factory=lambda: InvalidGrantError(
            description="Nothing of what was asked for is allowed any more. Ask the person again."
        )
    )
    """The error when step 6 leaves no scope."""


@dataclass(frozen=True, kw_only=True)
class IssuedToken:
    """The row of a new access token, and what is said of it."""

    row: Authority
    holder: Principal
    event: EventName
    facts: Mapping[str, object]
    """Of the event, besides client, scopes and audience."""
    claims: Mapping[str, Any] = field(default_factory=dict)
    """Of the signed token, besides those that each token has."""
    members: Mapping[str, str] = field(default_factory=dict)
    """Of the response, besides those that each response has (RFC 6749 §5.1)."""


class TokenGrant(ABC):
    """One token request, as its grant type answers it. The pipeline calls the methods in their order, each once."""

    grant_type: ClassVar[GrantType]

    def __init__(self, request: TokenRequest) -> None:
        self.request = request
        self.party = KnownParty()
        """Whom the request concerns, as far as this grant type has found out by now: where a refusal is recorded."""

    @abstractmethod
    def read(self) -> None:
        """Step 3: read and verify what the client presents. Not in a transaction. Raises `OAuth2Error`."""

    @abstractmethod
    def lock(self, db: Session) -> None:
        """Step 4: take the locks, and use up what can be used once. A refusal keeps this. Raises `OAuth2Error`."""

    @abstractmethod
    def decide(self, db: Session) -> GrantDecision:
        """Step 5: ask the ledger, in this transaction. Raises `OAuth2Error`."""

    @abstractmethod
    def issue(self, db: Session, decision: GrantDecision, granted: frozenset[str]) -> IssuedToken:
        """Step 7: store a token with exactly the scopes that step 6 granted."""
